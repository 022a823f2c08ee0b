/*
 * How a repository stands: each role's version, signatures, expiry and signing date.
 */
#pragma once

#include <jansson.h>

#include "tuf/manager/report/open.h"
#include "tuf/manager/state/published.h"

enum tuf_status_level {
    STATUS_FINE,
    STATUS_DUE,
    STATUS_EXPIRED
}; /* each worse than the one before */

struct tuf_status_role {
    char name[TUF_ROLE_NAME_MAX + 1];
    int64_t version;
    int64_t expires; /* Unix seconds */
    int64_t signing; /* from when on the next version is signed */
    int64_t signatures, threshold;
    size_t keys;
    struct tm_buf owners; /* "alice, bob" */
    enum tuf_status_level level;
};

struct tuf_status {
    struct tuf_status_role *role;
    size_t count;
    enum tuf_status_level level; /* the worst */
};

/* The four roles and every delegated one that the snapshot lists; of more than 32 delegated roles
 * only the one that expires first. */
int tuf_status_read(const struct tuf_published *p, int64_t now, struct tuf_status *out,
                    struct tm_err *e);
void tuf_status_free(struct tuf_status *s);

/* `open` may be NULL: events that wait are told too. A table, coloured for a terminal when asked.
 */
void tuf_status_table(const struct tuf_status *s, const struct tuf_open_events *open, int64_t now,
                      bool colour, struct tm_buf *out);

/* {"now", "status": "ok" | "due" | "expired", "roles": [...], "events": [...]}. A new reference. */
json_t *tuf_status_json(const struct tuf_status *s, const struct tuf_open_events *open,
                        int64_t now);

/* Prometheus text format 0.0.4: tenmint_tuf_role_... gauges. */
void tuf_status_prometheus(const struct tuf_status *s, const struct tuf_open_events *open,
                           struct tm_buf *out);
