#include "ca/ct/embedded.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "ca/log/ct/ctlog.h"
#include "ca/log/engine/reader.h"
#include "common/clock.h"
#include "common/promtext.h"
#include "common/transparency/sct.h"

/* Entries wait this long for a checkpoint only when something is wrong: the longest interval that
 * may be configured, and time for the witnesses. */
#define CHECKPOINT_LATE_MS 180000

struct ca_ct_embedded {
    size_t quorum; /* of witnesses; 0: none is asked for */
    struct ca_issue_log as_log;
    struct tm_key *key;
    struct ca_ctlog *log;
    struct ca_witness_client *witnesses; /* NULL: none are configured */
    atomic_size_t cosignatures;          /* of the newest checkpoint */
    const char *directory;               /* the options' */
};

static enum ca_issue_log_status submit(void *ctx, const struct ca_issue_log_entry *entry,
                                       const struct oidc_waiter *waiter, void **ticket,
                                       struct tm_buf *sct_list, struct tm_err *e)
{
    (void)sct_list; /* never at once: it is an fsync away */
    const struct ca_ct_embedded *x = ctx;
    bool detached = entry->certificate != NULL;
    const struct tm_buf *cert = detached ? entry->certificate : entry->tbs;
    const struct ca_log_entry le = {
        .signed_entry = {.type = detached ? SCT_X509 : SCT_PRECERT,
                         .cert = cert->data,
                         .cert_len = cert->len,
                         .issuer_key_hash = entry->issuer_key_hash},
        .precert = entry->precert != NULL ? entry->precert->data : NULL,
        .precert_len = entry->precert != NULL ? entry->precert->len : 0,
        .issuer = entry->chain->der,
        .issuer_len = entry->chain->der_len,
        .issuer_count = entry->chain->count,
    };
    struct ca_log_ticket *t = NULL;
    if (ca_ctlog_add(x->log, &le, waiter->wake, waiter->arg, &t, e) != 0)
        return ISSUE_LOG_FAILED;
    *ticket = t;
    return ISSUE_LOG_WAIT;
}

static enum ca_issue_log_status collect(void *ctx, void *ticket, const struct oidc_waiter *waiter,
                                        struct tm_buf *sct_list, struct tm_err *e)
{
    const struct ca_ct_embedded *x = ctx;
    (void)waiter; /* the wake has come, so the outcome is there */
    struct tm_buf sct = {0};
    uint64_t index = 0;
    enum ca_log_outcome outcome = ca_ctlog_collect(x->log, ticket, &sct, &index, e);
    if (outcome == LOG_WAIT)
        tm_err_set(e, "the log called before it was done");
    bool ok = outcome == LOG_DONE && tm_sct_list_put(&sct, 1, sct_list, e) == 0;
    ca_log_ticket_free(ticket);
    tm_buf_free(&sct);
    return ok ? ISSUE_LOG_DONE : ISSUE_LOG_FAILED;
}

static void cancel(void *ctx, void *ticket)
{
    (void)ctx;
    ca_log_ticket_free(ticket);
}

static void histogram(struct tm_buf *out, const char *name, const char *help, const double *bounds,
                      const struct ca_log_histogram *h)
{
    uint64_t total = 0;
    tm_promtext_head(out, name, "histogram", help);
    for (size_t i = 0; i < LOG_BUCKETS; i++) {
        char bound[24] = "+Inf";
        total += h->bucket[i];
        if (i < LOG_BUCKETS - 1)
            snprintf(bound, sizeof(bound), "%g", bounds[i]);
        tm_buf_printf(out, "%s_bucket{le=\"%s\"} %llu\n", name, bound, (unsigned long long)total);
    }
    tm_buf_printf(out, "%s_sum %g\n%s_count %llu\n", name, h->sum, name,
                  (unsigned long long)h->count);
}

static void metrics(void *ctx, struct tm_buf *out)
{
    const struct ca_ct_embedded *x = ctx;
    struct ca_log_stats s;
    ca_log_stats_get(ca_ctlog_log(x->log), &s);
    const struct {
        const char *name, *type, *help;
        unsigned long long value;
    } rows[] = {
        {"tenmint_log_entries_total", "counter", "Entries logged since the start.", s.entries},
        {"tenmint_log_failures_total", "counter", "Entries refused or failed since the start.",
         s.failures},
        {"tenmint_log_size", "gauge", "Durable entries of the embedded log.", s.size},
        {"tenmint_log_checkpoint_size", "gauge", "Tree size of the published checkpoint.",
         s.checkpoint_size},
        {"tenmint_log_checkpoint_failures_total", "counter",
         "Checkpoints that could not be published.", s.checkpoint_failures},
        {"tenmint_log_cosignatures", "gauge", "Witnesses that cosigned the newest checkpoint.",
         atomic_load(&x->cosignatures)},
        {"tenmint_log_cosignature_quorum", "gauge",
         "Fewer cosignatures than this need a person (witness-quorum).", x->quorum},
        {"tenmint_log_contradicted", "gauge",
         "1: a witness has proven that the log was rolled back or has forked. It takes no entries.",
         s.contradicted},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tm_promtext_head(out, rows[i].name, rows[i].type, rows[i].help);
        tm_buf_printf(out, "%s %llu\n", rows[i].name, rows[i].value);
    }
    tm_promtext_head(out, "tenmint_log_checkpoint_age_seconds", "gauge",
                     "Since the published checkpoint was signed.");
    tm_buf_printf(out, "tenmint_log_checkpoint_age_seconds %g\n",
                  (double)s.checkpoint_age_ms / 1000);
    histogram(out, "tenmint_log_group_entries", "Entries made durable by one fsync.",
              ca_log_group_bounds, &s.group);
    histogram(out, "tenmint_log_fsync_seconds", "Time of a group's fsync.", ca_log_fsync_bounds,
              &s.fsync);
}

/* Room that a log needs beside its next entries: a full tile of each level, its journal, and what
 * an operator needs to move about in. */
#define DISK_RESERVE_MB 64

static int check_disk(const char *directory, struct tm_err *e)
{
    struct statvfs st;
    if (statvfs(directory, &st) != 0)
        return tm_err_errno(e, "the log's directory '%s'", directory);
    if ((st.f_flag & ST_RDONLY) != 0 || access(directory, W_OK) != 0)
        return tm_err_set(e, "the log's directory '%s' cannot be written to", directory);
    unsigned long long free_mb = (unsigned long long)st.f_bavail * st.f_frsize >> 20;
    if (free_mb < DISK_RESERVE_MB)
        return tm_err_set(e, "the log's disk has %llu MiB left, and %d must be free: '%s'", free_mb,
                          DISK_RESERVE_MB, directory);
    return 0;
}

static int ready(void *ctx, struct tm_err *e)
{
    const struct ca_ct_embedded *x = ctx;
    struct ca_log_stats s;
    if (ca_log_check(ca_ctlog_log(x->log), e) != 0)
        return -1;
    if (tm_key_is_away(x->key, e))
        return tm_err_wrap(e, "log key");
    ca_log_stats_get(ca_ctlog_log(x->log), &s);
    if (s.size > s.checkpoint_size && s.checkpoint_age_ms > CHECKPOINT_LATE_MS)
        return tm_err_set(e, "the log has published no checkpoint for %lld s",
                          (long long)s.checkpoint_age_ms / 1000);
    return check_disk(x->directory, e);
}

static void to_log_options(const struct ca_ct_embedded_options *o, EVP_PKEY *key,
                           struct ca_log_options *out)
{
    ca_log_options_default(out);
    out->directory = o->directory;
    out->origin = o->origin;
    out->key = key;
    out->anchor = o->anchor;
    out->jlog = o->jlog;
    if (o->checkpoint_interval_ms > 0)
        out->checkpoint_interval_ms = o->checkpoint_interval_ms;
}

/* Out of the tiles, which are on disk before the checkpoint is signed. */
static int prove(void *ctx, uint64_t old_size, uint64_t new_size, struct tm_merkle_hash *proof,
                 size_t *count, struct tm_err *e)
{
    struct ca_ct_embedded *x = ctx;
    struct ca_log_dir dir = {.path = x->directory, .size = new_size};
    struct ca_log_tiles tiles = ca_log_dir_tiles(&dir);
    struct ca_log_proof p;
    if (ca_log_tree_consistency(&tiles, old_size, new_size, &p, e) != 0)
        return -1;
    memcpy(proof, p.hash, p.count * sizeof(*proof));
    *count = p.count;
    return 0;
}

/* `lines` begins with the checkpoint that the log has signed. */
static int cosign(void *ctx, const char *text, size_t len, struct tm_buf *lines, struct tm_err *e)
{
    (void)text;
    (void)len;
    struct ca_ct_embedded *x = ctx;
    size_t got = 0;
    int rc = ca_witness_client_cosign(x->witnesses, lines, tm_clock_wall_ms(), &got, e);
    atomic_store(&x->cosignatures, got);
    return rc;
}

static int open_witnesses(struct ca_ct_embedded *x, const struct ca_ct_embedded_options *o,
                          struct tm_err *e)
{
    struct ca_witness_client_options w = {.peer = o->witness,
                                          .count = o->witness_count,
                                          .origin = o->origin,
                                          .log_key = tm_key_pkey(x->key),
                                          .quorum = o->witness_quorum,
                                          .timeout_ms = o->witness_timeout_ms,
                                          .rest_ms = o->witness_rest_ms,
                                          .allow_http = o->witness_allow_http,
                                          .jlog = o->jlog,
                                          .fetch_hub = o->fetch_hub,
                                          .proof = prove,
                                          .ctx = x};
    if (o->witness_count == 0)
        return 0;
    x->witnesses = ca_witness_client_new(&w, e);
    return x->witnesses != NULL ? 0 : -1;
}

const char *ca_ct_embedded_undetected(const struct ca_ct_embedded_options *o)
{
    if (o->directory == NULL || o->anchor != NULL || o->witness_count > 0)
        return NULL;
    return "the log has neither an anchor nor a witness: were it restored from an old backup, "
           "nothing "
           "would notice, and it would fork";
}

struct ca_ct_embedded *ca_ct_embedded_open(const struct ca_ct_embedded_options *o, struct tm_err *e)
{
    struct ca_log_options lo;
    struct ca_ct_embedded *x = calloc(1, sizeof(*x));
    if (x == NULL) {
        tm_err_set(e, "out of memory");
        return NULL;
    }
    x->as_log = (struct ca_issue_log){.ctx = x,
                                      .needs_precert = true, /* PrecertExtraData, static-ct-api */
                                      .submit = submit,
                                      .collect = collect,
                                      .cancel = cancel,
                                      .ready = ready,
                                      .metrics = metrics};
    x->quorum = o->witness_quorum;
    x->directory = o->directory;
    x->key = tm_key_open(&o->key, "log key", e);
    if (x->key != NULL && open_witnesses(x, o, e) == 0) {
        to_log_options(o, tm_key_pkey(x->key), &lo);
        lo.key_remedy = tm_key_is_device(x->key)
                            ? "is its token there? It is used again by itself when it is back"
                            : NULL;
        lo.cosign = x->witnesses != NULL ? cosign : NULL;
        lo.cosign_ctx = x;
        x->log = ca_ctlog_open(&lo, e);
    }
    if (x->log == NULL) {
        ca_ct_embedded_close(x);
        return NULL;
    }
    if (ca_ct_embedded_undetected(o) != NULL)
        jlog(o->jlog, JLOG_WARN, ca_ct_embedded_undetected(o), JLOG_STR("log", o->origin),
             JLOG_END);
    return x;
}

void ca_ct_embedded_close(struct ca_ct_embedded *x)
{
    if (x == NULL)
        return;
    ca_ctlog_close(x->log);
    ca_witness_client_free(x->witnesses);
    tm_key_free(x->key);
    free(x);
}

const struct ca_issue_log *ca_ct_embedded_issue_log(const struct ca_ct_embedded *x)
{
    return &x->as_log;
}

struct ca_log *ca_ct_embedded_log(const struct ca_ct_embedded *x)
{
    return ca_ctlog_log(x->log);
}

struct ca_ctlog *ca_ct_embedded_ctlog(const struct ca_ct_embedded *x)
{
    return x->log;
}
