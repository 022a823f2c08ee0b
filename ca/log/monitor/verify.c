#include <inttypes.h>

#include "ca/log/monitor/scan.h"
#include "ca/log/monitor/verify_internal.h"

/* Two heads of equal size, whatever the tree: what a recomputation cannot tell apart. */
static void check_older(struct ca_verifier *v)
{
    const struct tm_checkpoint *now = &v->o->head->tree;
    for (size_t i = 0; i < v->o->older_count; i++) {
        const struct tm_checkpoint *old = &v->o->older[i].tree;
        if (old->size > now->size)
            ca_verify_fault(v,
                            "ROLLBACK: the checkpoint shows a tree of %" PRIu64
                            ", and an older one of %" PRIu64,
                            now->size, old->size);
    }
}

static int rfc6962_entry(void *ctx, uint64_t index, const struct tm_entry *n, struct tm_err *e)
{
    (void)e;
    struct ca_verifier *v = ctx;
    v->report->entries++;
    ca_verify_entry(v, index, n, "get-entries");
    return 0;
}

static int rfc6962_advance(void *ctx, const struct tm_frontier *f, struct tm_err *e)
{
    (void)e;
    struct ca_verifier *v = ctx;
    if (v->o->progress != NULL)
        v->o->progress(v->o->ctx, f->size);
    return 0;
}

/* Up to each older checkpoint's size, then to the end. */
static int verify_rfc6962(struct ca_verifier *v, struct tm_err *e)
{
    const struct tm_checkpoint *now = &v->o->head->tree;
    struct ca_scan_sink sink = {v, rfc6962_entry, rfc6962_advance};
    struct tm_frontier at = {0};
    if (ca_scan_run(v->o->source, now, &at, now->size, &sink, e) != 0)
        return -1;
    for (size_t i = 0; i < v->o->older_count; i++) {
        const struct tm_checkpoint *old = &v->o->older[i].tree;
        struct tm_merkle_hash proof[MERKLE_PROOF_MAX];
        struct tm_err why;
        size_t count = 0;
        if (old->size > now->size)
            continue;
        if (ca_log_source_consistency(v->o->source, old->size, now->size, proof, &count, e) != 0)
            return -1;
        if (tm_merkle_check_consistency(old->size, &old->root, now->size, &now->root, proof, count,
                                        &why) != 0)
            ca_verify_fault(v, "FORK: %s", why.text);
    }
    return 0;
}

int ca_log_verify(const struct ca_verify_options *o, struct ca_verify_report *report,
                  struct tm_err *e)
{
    struct ca_verifier v = {.o = o, .report = report};
    *report = (struct ca_verify_report){0};
    v.issuers = ca_issuer_cache_new(e);
    if (v.issuers == NULL)
        return -1;
    check_older(&v);
    int rc = ca_log_source_api(o->source) == SOURCE_TILES ? ca_verify_tiles(&v, e)
                                                          : verify_rfc6962(&v, e);
    ca_issuer_cache_free(v.issuers);
    return rc;
}
