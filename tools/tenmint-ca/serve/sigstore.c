#include "tools/tenmint-ca/serve/sigstore.h"

#include <inttypes.h>
#include <stdlib.h>

#include "ca/log/kept/kept.h"
#include "ca/log/signatures/format.h"
#include "ca/log/signatures/admit.h"
#include "ca/log/signatures/serve.h"
#include "ca/tsa/serve.h"
#include "common/checked_clock.h"
#include "common/clock.h"
#include "common/fetch/far.h"
#include "common/file.h"
#include "common/promtext.h"
#include "tools/tenmint-ca/serve/server.h"

#define CHAIN_MAX ((size_t)64 * 1024)
#define TSA_SLACK_MS \
    500 /* tokens say that the time is right to a second, and are in whole ones \
         */

struct sigstore {
    const struct ca_config *config;
    struct tm_key *tsa_key;
    struct tm_fetch_hub *hub; /* asks witnesses for us */
    struct ca_kept_options kept_options;
    struct ca_kept *kept;
    struct ca_siglog *log; /* NULL: none */
    struct tm_file_stamp admitted_seen, chain_seen,
        tsa_key_seen; /* when they were last looked at */
    struct ca_sig_server *log_server;
    struct ca_log_retired *retired[CA_CONFIG_RETIRED_MAX];
    struct ca_sig_server *retired_server[CA_CONFIG_RETIRED_MAX];
    struct ca_tsa_server tsa; /* .tsa NULL: none */
    struct tm_checked_clock clock;
};

static int tsa_now(void *ctx, int64_t *seconds, struct tm_err *e)
{
    int64_t ms = 0;
    if (tm_checked_clock_now(ctx, &ms, e) != 0)
        return -1;
    *seconds = ms / 1000;
    return 0;
}

struct ca_tsa *sigstore_tsa_new(const struct ca_config *c, struct tm_checked_clock *clock,
                                const struct tm_key_far *far, struct tm_key **key, struct tm_err *e)
{
    struct tm_buf chain = {0};
    struct ca_tsa *tsa = NULL;
    struct tm_key_source source = ca_config_key_source(&c->tsa.key);
    source.far = far;
    if (tm_file_read_text(c->tsa.chain, CHAIN_MAX, &chain, e) == 0)
        *key = tm_key_open(&source, "timestamp key", e);
    if (*key != NULL) {
        const struct ca_tsa_options o = {.chain_pem = (const char *)chain.data,
                                         .chain_len = chain.len,
                                         .key = tm_key_pkey(*key),
                                         .policy = c->tsa.policy,
                                         .clock = clock != NULL ? tsa_now : NULL,
                                         .clock_ctx = clock};
        tsa = ca_tsa_new(&o, tm_clock_wall_ms() / 1000, e);
    }
    tm_buf_free(&chain);
    if (tsa == NULL)
        tm_err_wrap(e, "timestamp-authority");
    return tsa;
}

static int read_admitted(const struct sigstore *s, struct tm_err *e)
{
    const char *path = s->config->signatures.only_from;
    if (path == NULL)
        return 0;
    X509_STORE *cas = ca_sig_admit_read(path, e);
    if (cas == NULL)
        return tm_err_wrap(e, "only-from '%s'", path);
    ca_siglog_admit_only(s->log, cas);
    return 0;
}

static int open_log(struct sigstore *s, struct server *server, struct tm_err *e)
{
    struct ca_log_options lo;
    struct roles *r = server->roles;
    s->hub = tm_fetch_hub_new(tm_process_take(r->group, r->signatures_to_fetch), e);
    if (s->hub == NULL)
        return -1;
    ca_config_siglog(s->config, &s->kept_options);
    s->kept_options.format = &ca_log_format_signatures;
    s->kept_options.jlog = server->log;
    s->kept_options.key.far = server_far(server);
    s->kept_options.fetch_hub = s->hub;
    s->kept = ca_kept_open(&s->kept_options, &lo, e);
    s->log = s->kept != NULL ? ca_siglog_open(&lo, e) : NULL;
    s->admitted_seen = tm_file_stamp(s->config->signatures.only_from);
    if (s->log == NULL || read_admitted(s, e) != 0)
        return -1;
    const struct ca_sig_serve_options so = {
        .log = s->log, .prefix = ca_config_siglog_prefix(s->config), .jlog = server->log};
    s->log_server = ca_sig_server_new(&so, e);
    return s->log_server != NULL ? 0 : -1;
}

static int open_shard(struct sigstore *s, size_t i, struct tm_jlog *jlog, struct tm_err *e)
{
    const struct ca_config_retired *r = ca_config_retired_at(&s->config->signatures.retired, i);
    s->retired[i] = ca_log_retired_open(&ca_log_format_signatures, r->directory, r->public_key, e);
    if (s->retired[i] == NULL)
        return -1;
    const struct ca_sig_serve_options so = {
        .retired = s->retired[i], .prefix = r->prefix, .jlog = jlog};
    s->retired_server[i] = ca_sig_server_new(&so, e);
    return s->retired_server[i] != NULL ? 0 : -1;
}

static int open_shards(struct sigstore *s, struct tm_jlog *jlog, struct tm_err *e)
{
    for (size_t i = 0; i < s->config->signatures.retired.count; i++) {
        if (open_shard(s, i, jlog, e) != 0)
            return -1;
    }
    return 0;
}

static struct sigstore *begin_open(struct server *server, struct tm_err *e)
{
    struct sigstore *s = calloc(1, sizeof(*s));
    server->own = s;
    if (s == NULL)
        return tm_err_null(e, "out of memory");
    s->config = server->config;
    pthread_rwlock_init(&s->tsa.lock, NULL);
    tm_checked_clock_init(&s->clock, NULL, server->log);
    s->clock.slack_ms = TSA_SLACK_MS;
    return s;
}

static int open_signatures(struct server *server, struct tm_err *e)
{
    struct sigstore *s = begin_open(server, e);
    if (s == NULL)
        return -1;
    if ((s->config->signatures.directory != NULL && open_log(s, server, e) != 0) ||
        open_shards(s, server->log, e) != 0)
        return tm_err_wrap(e, "signature-log");
    if (s->log_server != NULL)
        server->mounts[server->mount_count++] = ca_sig_server_mount(s->log_server);
    for (size_t i = 0; i < s->config->signatures.retired.count; i++)
        server->mounts[server->mount_count++] = ca_sig_server_mount(s->retired_server[i]);
    return 0;
}

/* What changes when the key does. */
static const char *key_file(const struct ca_config_key *k)
{
    return k->uri_file != NULL ? k->uri_file : k->file;
}

static int open_timestamps(struct server *server, struct tm_err *e)
{
    struct sigstore *s = begin_open(server, e);
    if (s == NULL)
        return -1;
    s->tsa.jlog = server->log;
    s->chain_seen = tm_file_stamp(s->config->tsa.chain);
    s->tsa_key_seen = tm_file_stamp(key_file(&s->config->tsa.key));
    struct ca_tsa *tsa = sigstore_tsa_new(s->config, &s->clock, server_far(server), &s->tsa_key, e);
    if (tsa == NULL)
        return -1;
    if (tm_key_is_slow(s->tsa_key) && (s->tsa.threads = tm_offload_new(KMS_PARALLEL, e)) == NULL) {
        ca_tsa_free(tsa);
        return -1;
    }
    (void)ca_tsa_server_replace(&s->tsa, tsa);
    server->mounts[server->mount_count++] = ca_tsa_mount(&s->tsa);
    return 0;
}

static void close_sigstore(struct server *server)
{
    struct sigstore *s = server->own;
    ca_sig_server_free(s->log_server);
    ca_siglog_close(s->log);
    for (size_t i = 0; i < s->config->signatures.retired.count; i++) {
        ca_sig_server_free(s->retired_server[i]);
        ca_log_retired_close(s->retired[i]);
    }
    tm_offload_free(s->tsa.threads);
    ca_tsa_free(ca_tsa_server_replace(&s->tsa, NULL));
    pthread_rwlock_destroy(&s->tsa.lock);
    ca_kept_close(s->kept);
    tm_fetch_hub_free(s->hub);
    tm_key_free(s->tsa_key);
    tm_checked_clock_free(&s->clock);
    free(s);
}

static struct tm_http_mount log_prefix(const char *prefix, size_t max_body)
{
    return (struct tm_http_mount){.prefix = prefix,
                                  .body_name = "log/entries",
                                  .max_body = max_body,
                                  .short_end = SIG_SHORT_END,
                                  .short_names = ca_sig_short_names};
}

size_t sigstore_log_prefixes(const struct ca_config *c, struct tm_http_mount *out)
{
    size_t count = 0;
    if (c->signatures.directory != NULL)
        out[count++] = log_prefix(ca_config_siglog_prefix(c), SIG_REQUEST_MAX);
    for (size_t i = 0; i < c->signatures.retired.count; i++)
        out[count++] = log_prefix(ca_config_retired_at(&c->signatures.retired, i)->prefix, 0);
    return count;
}

size_t sigstore_tsa_prefixes(const struct ca_config *c, struct tm_http_mount *out)
{
    if (c->tsa.chain == NULL)
        return 0;
    out[0].body_name = "timestamp";
    out[0].prefix = "/api/v1";
    return 1;
}

/* ---- figures ---- */

static void counter(struct tm_buf *out, const char *name, const char *help, const char *label,
                    const char *const *values, const uint64_t *figures, size_t count)
{
    tm_promtext_head(out, name, "counter", help);
    for (size_t i = 0; i < count; i++)
        tm_buf_printf(out, "%s{%s=\"%s\"} %" PRIu64 "\n", name, label, values[i], figures[i]);
}

static void log_metrics(void *own, struct tm_buf *out)
{
    const struct sigstore *own_log = own;
    struct ca_siglog *log = own_log->log;
    if (log == NULL)
        return;
    static const char *const results[] = {"logged", "bad", "duplicate", "failed"};
    struct ca_siglog_stats s;
    struct ca_log_stats l;
    ca_siglog_stats_get(log, &s);
    ca_log_stats_get(ca_siglog_log(log), &l);
    const uint64_t figures[] = {s.logged, s.bad, s.duplicates, s.failed};
    const struct {
        const char *name, *help;
        double value;
    } gauges[] = {
        {"tenmint_siglog_size", "Durable entries of the signature log.", (double)l.size},
        {"tenmint_siglog_checkpoint_size", "Tree size of its published checkpoint.",
         (double)l.checkpoint_size},
        {"tenmint_siglog_checkpoint_age_seconds", "Since its published checkpoint was signed.",
         (double)l.checkpoint_age_ms / 1000},
        {"tenmint_siglog_checkpoint_failures", "Checkpoints that could not be published.",
         (double)l.checkpoint_failures},
        {"tenmint_siglog_cosignatures", "Witnesses that cosigned the newest checkpoint.",
         (double)ca_kept_cosignatures(own_log->kept)},
        {"tenmint_siglog_cosignature_quorum",
         "Fewer cosignatures than this need a person (witness-quorum).",
         (double)ca_kept_quorum(own_log->kept)},
        {"tenmint_siglog_disk_free_bytes", "Free on the disk of the signature log.",
         (double)ca_kept_disk_free(own_log->kept)},
        {"tenmint_siglog_contradicted",
         "1: it was rolled back or has forked, and takes no entries.", l.contradicted},
    };
    counter(out, "tenmint_siglog_submissions_total", "Submissions to the signature log by result.",
            "result", results, figures, 4);
    for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++) {
        tm_promtext_head(out, gauges[i].name, "gauge", gauges[i].help);
        tm_buf_printf(out, "%s %.15g\n", gauges[i].name, gauges[i].value);
    }
}

static void tsa_metrics(void *own, struct tm_buf *out)
{
    struct sigstore *s = own;
    static const char *const results[] = {"granted", "refused", "not_now"};
    const uint64_t figures[] = {atomic_load(&s->tsa.granted), atomic_load(&s->tsa.refused),
                                atomic_load(&s->tsa.not_now)};
    counter(out, "tenmint_tsa_requests_total", "Timestamps asked for, by result.", "result",
            results, figures, 3);
    tm_promtext_head(out, "tenmint_tsa_certificate_expiry_seconds", "gauge",
                     "When the first certificate of the timestamp chain ends, Unix time.");
    tm_buf_printf(out, "tenmint_tsa_certificate_expiry_seconds %" PRId64 "\n",
                  ca_tsa_not_after(ca_tsa_server_hold(&s->tsa)));
    ca_tsa_server_release(&s->tsa);
    tm_promtext_head(out, "tenmint_tsa_clock_trusted", "gauge",
                     "0: the clock was set, and no timestamps are made until it is right.");
    tm_buf_printf(out, "tenmint_tsa_clock_trusted %d\n",
                  tm_checked_clock_facts(&s->clock).trusted ? 1 : 0);
}

/* ---- reload ---- */

static void say_reload(const struct server *server, const char *what, int rc,
                       const struct tm_err *e)
{
    ca_metrics_reload(server->roles->metrics, rc == 0);
    roles_say_reload(server->trail, what, rc == 0 ? NULL : e);
    if (rc == 0)
        jlog(server->log, JLOG_INFO, "reloaded", JLOG_STR("what", what), JLOG_END);
    else
        jlog(server->log, JLOG_ERROR, "not reloaded, the old stays", JLOG_STR("what", what),
             JLOG_STR("detail", e->text), JLOG_END);
}

static void reload_signatures(struct server *server, bool force)
{
    struct sigstore *s = server->own;
    const char *path = s->config->signatures.only_from;
    struct tm_err e = {0};
    if (s->log == NULL || path == NULL || (!tm_file_stamp_renew(path, &s->admitted_seen) && !force))
        return;
    say_reload(server, "signature-log: only-from", read_admitted(s, &e), &e);
}

/* A good new pair replaces the old one. */
static void reload_timestamps(struct server *server, bool force)
{
    struct sigstore *s = server->own;
    struct tm_key *key = NULL;
    struct tm_err e = {0};
    bool chain = tm_file_stamp_renew(s->config->tsa.chain, &s->chain_seen);
    bool changed = tm_file_stamp_renew(key_file(&s->config->tsa.key), &s->tsa_key_seen) || chain;
    if (!changed && !force)
        return;
    struct ca_tsa *next = sigstore_tsa_new(s->config, &s->clock, server_far(server), &key, &e);
    if (next == NULL) {
        tm_key_free(key);
        say_reload(server, "timestamp-authority", -1, &e);
        return;
    }
    ca_tsa_free(ca_tsa_server_replace(&s->tsa, next));
    pthread_rwlock_wrlock(&s->tsa.lock);
    struct tm_key *before = s->tsa_key;
    s->tsa_key = key;
    pthread_rwlock_unlock(&s->tsa.lock);
    tm_key_free(before);
    say_reload(server, "timestamp-authority", 0, &e);
}

/* A server of shards that have ended has nothing that could fail. */
static int look_at_log(void *own, struct tm_err *e)
{
    const struct sigstore *s = own;
    return s->log != NULL ? ca_kept_ready(s->kept, ca_siglog_log(s->log), e) : 0;
}

static int look_at_tsa(void *own, struct tm_err *e)
{
    struct sigstore *s = own;
    int rc = ca_tsa_ready(ca_tsa_server_hold(&s->tsa), e);
    if (rc == 0 && tm_key_look(s->tsa_key, e) != 0)
        rc = tm_err_wrap(e, "timestamp key");
    ca_tsa_server_release(&s->tsa);
    return rc;
}

const struct server_kind server_signatures = {.open = open_signatures,
                                              .reload = reload_signatures,
                                              .ready = look_at_log,
                                              .metrics = log_metrics,
                                              .key_name = "signature_log",
                                              .close = close_sigstore,
                                              .rights =
                                                  SANDBOX_READ | SANDBOX_WRITE | SANDBOX_CLOCK};
const struct server_kind server_timestamps = {.open = open_timestamps,
                                              .reload = reload_timestamps,
                                              .ready = look_at_tsa,
                                              .metrics = tsa_metrics,
                                              .key_name = "timestamp",
                                              .close = close_sigstore,
                                              .rights = SANDBOX_READ | SANDBOX_CLOCK};
