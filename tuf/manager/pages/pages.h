/*
 * The report for people: a folder of static pages about a repository, to be published beside its
 * metadata. No script, nothing from elsewhere (common/html).
 *
 *   index.html   whether all is well, and how long each role lasts
 *   roles.html   roles, keys and holders
 *   events.html  what waits for signatures or for publication; what changed before in targets that
 *                `explain` knows, as far as kept versions of the top-level targets tell it
 *   roots.html   the history of the roots in words, with the ceremonies that made them
 *   trust.html   the CAs, logs and timestamp authorities that clients trust
 */
#pragma once

#include "tuf/manager/report/open.h"
#include "tuf/manager/report/status.h"
#include "tuf/manager/review/content.h"

struct tuf_pages {       /* borrowed */
    const char *site;    /* what the repository is called: its address, or its folder's name */
    const char *made_by; /* "tenmint-tuf 1.0.0" */
    const struct tuf_published *live;   /* at least one root */
    const struct tuf_status *status;    /* of `live` at `now` */
    const struct tuf_open_events *open; /* NULL: not a workspace's, nothing is known of them */
    const char *transcript;             /* its path; NULL likewise */
    tuf_explain_fn explain;             /* of targets, in words, as a review does; or NULL */
    int64_t now;                        /* Unix seconds */
};

/* Writes the pages into `dir`, which is made. Each page is put in place whole, index.html last. */
int tuf_pages_write(const struct tuf_pages *p, const char *dir, struct tm_err *e);

/* The pages' file names, in the order of their navigation; NULL past the end. */
const char *tuf_pages_name(size_t i);
