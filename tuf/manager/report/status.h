/*
 * How a repository stands: each role's version, signatures, expiry and signing date.
 */
#ifndef TENMINT_TUF_STATUS_H
#define TENMINT_TUF_STATUS_H

#include <jansson.h>

#include "tuf/manager/state/published.h"

enum status_level { STATUS_FINE, STATUS_DUE, STATUS_EXPIRED }; /* each worse than the one before */

struct status_role {
    char name[TUF_ROLE_NAME_MAX + 1];
    int64_t version;
    int64_t expires; /* Unix seconds */
    int64_t signing; /* from when on the next version is signed */
    int64_t signatures, threshold;
    size_t keys;
    struct buf owners; /* "alice, bob" */
    enum status_level level;
};

struct status {
    struct status_role *role;
    size_t count;
    enum status_level level; /* the worst */
};

/* The four roles and every delegated one that the snapshot lists; of more than 32 delegated roles
 * only the one that expires first. */
int status_read(const struct published *p, int64_t now, struct status *out, struct err *e);
void status_free(struct status *s);

/* A table, coloured for a terminal when asked. */
void status_table(const struct status *s, int64_t now, bool colour, struct buf *out);

/* {"now", "status": "ok" | "due" | "expired", "roles": [...]}. A new reference. */
json_t *status_json(const struct status *s, int64_t now);

/* Prometheus text format 0.0.4: tenmint_tuf_role_... gauges. */
void status_prometheus(const struct status *s, struct buf *out);

#endif
