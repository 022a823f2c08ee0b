/*
 * Counters of the CA, and their Prometheus text (exposition format 0.0.4).
 */
#ifndef TENMINT_CA_API_METRICS_H
#define TENMINT_CA_API_METRICS_H

#include "ca/api/fault.h"
#include "ca/api/issue_log.h"
#include "common/http/http.h"
#include "common/buf.h"
#include "oidc/verifier.h"

struct metrics; /* updated by any thread without locks */

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);

void metrics_issued(struct metrics *m);
void metrics_refused(struct metrics *m, unsigned reason_index);
void metrics_http(struct metrics *m, const struct http_event *ev);
void metrics_reload(struct metrics *m, bool ok);

struct metrics_scene {              /* what is read at the time of the scrape */
    struct oidc_verifier *verifier; /* or NULL */
    const struct issue_log *log;    /* or NULL */
    int64_t ca_not_after;           /* Unix seconds */
    unsigned inflight;
    const char *version;
};
void metrics_render(const struct metrics *m, const struct metrics_scene *scene, struct buf *out);

#endif
