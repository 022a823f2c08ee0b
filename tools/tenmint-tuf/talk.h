/*
 * What a command of `trust` says: line by line as it happens, or with --json collected into one
 * object: {"asked": [{"request", "status", "found"}], "changes": [{"text", "danger"}],
 * "notes": ["…"], "wrote": ["…"]}.
 */
#pragma once

#include <stdbool.h>

#include "common/buf.h"

struct talk {
    bool json;
    bool danger; /* of a change that was told */
    struct talk_list {
        struct tm_buf text; /* its items in JSON, a comma between two */
    } asked, changes, notes, wrote;
};

/* A request such as "GET https://…" and what came back. `status`: of HTTP, 0: none. */
void talk_asked(struct talk *t, const char *request, long status, const char *found);

/* `talk` is a struct talk; these fit tuf_trusted_root_diff, tuf_trusted_root_lint and
 * tuf_legacy_sync. */
void talk_change(void *talk, const char *text, bool danger);
void talk_note(void *talk, const char *text);
void talk_step(void *talk, const char *text); /* a change that is none of the trusted root */

void talk_wrote(struct talk *t, const char *path);

/* Prints the object, with --json, when it is to be printed: a failure is another. Frees. */
void talk_end(struct talk *t, bool print);
