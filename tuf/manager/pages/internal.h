/* Shared by the pages. Each page_…() writes what stands below the heading. */
#pragma once

#include "common/html/timeline.h"
#include "tuf/manager/evidence/ceremonies.h"
#include "tuf/manager/pages/pages.h"

struct tuf_pages_facts { /* what several pages need, read once */
    const struct tuf_pages *in;
    struct tuf_ceremonies ceremonies; /* of the transcript */
    struct tuf_evidence evidence;
    struct tm_err evidence_fault; /* why the transcript cannot be relied on; "": it can */
};

int tuf_pages_index(const struct tuf_pages_facts *f, struct tm_html *h, struct tm_err *e);
int tuf_pages_roles(const struct tuf_pages_facts *f, struct tm_html *h, struct tm_err *e);
int tuf_pages_events(const struct tuf_pages_facts *f, struct tm_html *h, struct tm_err *e);
/* At the end of the events: those before, as far as targets can be explained. */
int tuf_pages_past(const struct tuf_pages_facts *f, struct tm_html *h, struct tm_err *e);
int tuf_pages_roots(const struct tuf_pages_facts *f, struct tm_html *h, struct tm_err *e);
int tuf_pages_trust(const struct tuf_pages_facts *f, struct tm_html *h, struct tm_err *e);

/* ---- parts ---- */

/* A target's content as its file lies there, checked against what the metadata pins. */
int tuf_pages_content(const struct tuf_published *live, const char *path,
                      const struct tuf_file_info *info, size_t max, struct tm_buf *out,
                      struct tm_err *e);
/* Of one role, with how it stands. */
void tuf_pages_section(struct tm_html *h, const struct tuf_status_role *r);
enum tm_html_tone tuf_pages_tone(enum tuf_status_level level);
/* "in 3 days (2027-01-02)" */
void tuf_pages_when(int64_t when, int64_t now, char out[64]);
/* A list item for each line, without its indent; how many. */
size_t tuf_pages_lines(struct tm_html *h, const struct tm_buf *lines);
/* "2 of 3 keys must sign" */
void tuf_pages_threshold(int64_t threshold, size_t keys, char out[64]);
/* The keys of a role, and whose signature `m` carries. */
void tuf_pages_keys(struct tm_html *h, const struct tuf_metadata *m, const struct tuf_signers *by,
                    const char *caption);
