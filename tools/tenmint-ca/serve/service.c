#include "tools/tenmint-ca/serve/service.h"

#include <inttypes.h>
#include <limits.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ca/api/freeze.h"
#include "common/clock.h"
#include "common/hex.h"
#include "common/promtext.h"
#include "tools/shared/cli.h"
#include "tools/tenmint-ca/serve/roles.h"
#include "tools/tenmint-ca/serve/service_trust.h"
#include "tools/tenmint-ca/serve/trust_news.h"

static int64_t now_s(void)
{
    return tm_clock_wall_ms() / 1000;
}

/* A rotation that was cut off between its two moves leaves a key without its chain. */
static int explain_pair(const struct ca_config *c, struct tm_err *e)
{
    char path[PATH_MAX];
    const char *slash = c->ca.chain != NULL ? strrchr(c->ca.chain, '/') : NULL;
    int len = slash != NULL ? (int)(slash - c->ca.chain) : 1;
    const char *dir = slash != NULL ? c->ca.chain : ".";
    if (c->ca.chain == NULL || snprintf(path, sizeof(path), "%.*s/next/chain.pem", len, dir) < 0 ||
        access(path, F_OK) != 0)
        return -1;
    return tm_err_wrap(e,
                       "'%s' waits: if a rotation was cut off, `tenmint-ca rotate %.*s --activate` "
                       "ends it",
                       path, len, dir);
}

/* The parts that need no socket, in the order in which their faults are best reported. */
static int start_core(struct service *s, const char *issuers, struct tm_err *e)
{
    const struct ca_config *c = s->config;
    struct ca_signer_options so;
    struct oidc_options oo;
    struct oidc_trust *trust = NULL;
    if (!ca_config_has_ca(c))
        return 0;
    s->policy =
        ca_proof_policy_new((const char *const *)c->ca.algorithms.item, c->ca.algorithms.count, e);
    if (s->policy == NULL)
        return tm_err_wrap(e, "client-signing-algorithms");
    if (service_trust_first(s, issuers, &trust, e) != 0)
        return -1;
    ca_config_signer(c, &so);
    so.key.far = s->keys != NULL ? &s->key_far : NULL;
    s->holder = ca_signer_holder_new(&so, now_s(), e);
    if (s->holder == NULL) {
        oidc_trust_unref(trust);
        return explain_pair(c, e);
    }
    ca_config_oidc(c, &oo);
    oo.fetch_hub = s->hub;
    s->verifier = oidc_verifier_new(trust, &oo, s->log, e);
    oidc_trust_unref(trust);
    if (s->verifier == NULL)
        return -1;
    oidc_verifier_set_end(s->verifier, s->first.expires_s);
    return 0;
}

static int start_ct(struct service *s, struct tm_err *e)
{
    struct ca_ct_member members[CT_LOGS_MAX];
    struct ca_ct_options o;
    ca_config_ct(s->config, members, &o);
    o.jlog = s->log;
    o.fetch_hub = s->hub;
    if (s->embedded != NULL) {
        o.embedded = ca_ct_far_issue_log(s->embedded);
        o.embedded_id = ca_ct_far_id(s->embedded);
    }
    if (!ca_config_has_ca(s->config))
        return 0;
    if (o.count == 0 && s->embedded == NULL) {
        jlog(s->log, JLOG_WARN, "no transparency log: certificates carry no SCT", JLOG_END);
        return 0;
    }
    s->ct = ca_ct_new(&o, e);
    return s->ct != NULL ? 0 : tm_err_wrap(e, "ct");
}

static void more_metrics(void *ctx, struct tm_buf *out)
{
    struct service *s = ctx;
    if (s->verifier != NULL) {
        struct oidc_trust *trust = oidc_verifier_trust(s->verifier);
        trust_news_metrics(trust, now_s(), out);
        approved_metrics(s->approved, out);
        oidc_trust_unref(trust);
    }
    if (s->keys != NULL)
        tm_kms_asker_metrics(s->keys, "ca", out);
    if (s->once_far != NULL)
        ca_once_far_metrics(s->once_far, out);
    if (s->freeze != NULL)
        ca_freeze_metrics(s->freeze, out);
    rehearse_watch_metrics(&s->rehearsed, now_s(), out);
    if (s->config->tls.certificate == NULL)
        return;
    tm_promtext_head(out, "tenmint_tls_certificate_expiry_seconds", "gauge",
                     "End of the certificate that the API's TLS shows, Unix time.");
    tm_buf_printf(out, "tenmint_tls_certificate_expiry_seconds %" PRId64 "\n",
                  ca_metrics_tls_end(s->metrics));
}

static int open_output(struct service *s, int output, struct tm_err *e)
{
    const struct ca_config *c = s->config;
    s->output = tm_sink_new(&(struct tm_sink_options){.fd = output, .gather = true}, e);
    if (s->output == NULL)
        return tm_err_wrap(e, "standard output");
    s->log = tm_jlog_to(s->output, ca_config_log_level(c));
    if (s->log == NULL)
        return tm_err_set(e, "out of memory");
    s->audit = s->output;
    if (c->audit_file != NULL)
        s->audit = tm_sink_new(&(struct tm_sink_options){.path = c->audit_file, .gather = true}, e);
    return s->audit != NULL ? 0 : tm_err_wrap(e, "audit-file");
}

/* A log without a CA: nobody enters anything, but its checkpoint is renewed. */
static int look_at_log(void *ctx, struct tm_err *e)
{
    const struct ca_issue_log *log = ca_ct_far_issue_log(ctx);
    return log->ready(log->ctx, e);
}

/* Nobody gets a certificate; of one issuer only is no fault of this server. */
static int look_at_freeze(void *ctx, struct tm_err *e)
{
    return ca_freeze_check(ctx, NULL, NULL, e);
}

static size_t list_checks(const struct service *s, struct ca_ready_check out[CA_API_CHECKS_MAX])
{
    size_t count = 0;
    if (s->embedded != NULL && !ca_config_has_ca(s->config))
        out[count++] = (struct ca_ready_check){"log", look_at_log, 0, s->embedded};
    if (s->freeze != NULL)
        out[count++] = (struct ca_ready_check){"stopped", look_at_freeze, 0, s->freeze};
    if (s->once_far != NULL && !ca_config_once_optional(s->config))
        out[count++] = (struct ca_ready_check){"token-store", ca_once_far_look, 0, s->once_far};
    if (s->signatures != NULL)
        out[count++] =
            (struct ca_ready_check){"signature-log", ca_ready_asker_look, 0, s->signatures};
    if (s->timestamps != NULL)
        out[count++] = (struct ca_ready_check){"timestamps", ca_ready_asker_look, 0, s->timestamps};
    return count;
}

/* Where used tokens are remembered. Takes both. */
static int start_once(struct service *s, int tokens, int store, struct tm_err *e)
{
    if (tokens >= 0 && (s->once = ca_once_memory_new(tokens, ONCE_SETS, now_s(), e)) == NULL)
        return -1;
    if (store >= 0)
        s->once_far =
            ca_once_far_new(store, s->once, ca_config_once_optional(s->config), s->log, e);
    return store < 0 || s->once_far != NULL ? 0 : -1;
}

static int start_api(struct service *s, struct tm_err *e)
{
    struct ca_ready_check checks[CA_API_CHECKS_MAX];
    if (s->config->freeze_file != NULL && ca_config_has_ca(s->config) &&
        (s->freeze = ca_freeze_new(s->config->freeze_file, s->log, e)) == NULL)
        return -1;
    struct ca_api_options o = {.absent = roles_absent(s->config),
                               .verifier = s->verifier,
                               .policy = s->policy,
                               .log = s->ct != NULL ? ca_ct_issue_log(s->ct) : NULL,
                               .jlog = s->log,
                               .output = s->output,
                               .audit = s->audit,
                               .trail = s->trail,
                               .audit_best_effort = ca_config_audit_best_effort(s->config),
                               .metrics = s->metrics,
                               .packed = true,
                               .lifetime_s = s->config->ca.lifetime / 1000,
                               .subject_key_id = s->config->ca.subject_key_id,
                               .once =
                                   s->once_far != NULL ? ca_once_far_store(s->once_far) : s->once,
                               .once_optional = ca_config_once_optional(s->config),
                               .version = cli_version,
                               .freeze = s->freeze,
                               .more_metrics = more_metrics,
                               .more_metrics_ctx = s,
                               .checks = checks,
                               .check_count = list_checks(s, checks)};
    ca_config_limits(s->config, &o.limits);
    struct ca_signer *ca = s->holder != NULL ? ca_signer_holder_get(s->holder) : NULL;
    bool slow = ca != NULL && ca_signer_is_slow(ca);
    o.signing = s->signing = slow ? tm_offload_new(KMS_PARALLEL, e) : NULL;
    if (!slow || s->signing != NULL)
        s->api = ca_api_new(&o, ca, e);
    if (s->api != NULL && ca != NULL && ca_signer_chain(ca)->ephemeral)
        jlog(s->log, JLOG_WARN,
             "EPHEMERAL CA: the key is in memory only and its certificates end with this process",
             JLOG_END);
    ca_signer_unref(ca);
    return s->api != NULL ? ca_api_ready_start(s->api, e) : -1;
}

/* Who reads the log is told under which root it issues. */
static void tell_root(const struct service *s)
{
    if (s->embedded == NULL || s->holder == NULL)
        return; /* what a log without a CA holds is older than this server */
    struct ca_signer *ca = ca_signer_holder_get(s->holder);
    const struct ca_signer_chain *chain = ca_signer_chain(ca);
    ca_ct_far_set_root(s->embedded, chain->der[chain->count - 1], chain->der_len[chain->count - 1]);
    ca_signer_unref(ca);
}

/* What the requests of a round have for the log, the trail and the sink, all at once. */
static void send_round(void *ctx)
{
    const struct service *s = ctx;
    if (s->embedded != NULL)
        ca_ct_far_round(s->embedded);
    ca_audit_round(s->trail);
    tm_sink_flush(s->audit);
}

/* The API's routes, for requests that the front relays. */
static int start_far(struct service *s, const int *fronts, size_t count, struct tm_err *e)
{
    struct tm_http_options o;
    ca_config_http(s->config, &o);
    ca_api_serve_all(s->api, &o);
    if (s->embedded != NULL)
        ca_ct_far_batch(s->embedded);
    if (s->trail != NULL)
        ca_audit_batch(s->trail);
    o.round = send_round;
    o.round_ctx = s;
    s->far = tm_http_far_server_new(fronts, count, &o, e);
    return s->far != NULL ? 0 : -1;
}

struct issuers_to { /* of oidc's figures, row by row */
    ca_issuers_row *row;
    void *arg;
};

static void tell_issuer(void *arg, const struct oidc_issuer_stats *stats)
{
    const struct issuers_to *to = arg;
    struct ca_page_issuer i = {
        .keys = stats->keys, .failures = stats->failures, .age_s = stats->jwks_age_s};
    snprintf(i.url, sizeof(i.url), "%s", stats->issuer);
    to->row(to->arg, &i);
}

static void tell_issuers(void *ctx, ca_issuers_row *row, void *arg)
{
    struct service *s = ctx;
    struct issuers_to to = {row, arg};
    if (s->verifier != NULL)
        oidc_verifier_stats(s->verifier, tell_issuer, &to);
}

static int start_pages(struct service *s, int fd, struct tm_err *e)
{
    if (fd < 0)
        return 0;
    s->pages = ca_issuers_teller_new(fd, tell_issuers, s, e);
    return s->pages != NULL ? 0 : -1;
}

/* Which CA certificates are issued with from now on. */
static void say_signer(const struct service *s, bool loaded, const struct tm_err *why)
{
    struct ca_signer *ca = ca_signer_holder_get(s->holder);
    const struct ca_signer_chain *chain = ca_signer_chain(ca);
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char text[2 * sizeof(digest) + 1];
    SHA256(chain->der[0], chain->der_len[0], digest);
    tm_hex_encode(digest, sizeof(digest), text);
    (void)ca_audit_event(
        s->trail, &(struct ca_audit_event){.kind = AUDIT_RELOAD,
                                           .reason = loaded ? "CA key and chain" : "CA key refused",
                                           .detail = loaded ? NULL : why->text,
                                           .after = text});
    ca_signer_unref(ca);
}

/* What it starts with: a list may have changed while no server ran. */
static void tell_trust(const struct service *s)
{
    if (s->verifier == NULL)
        return;
    struct oidc_trust *trust = oidc_verifier_trust(s->verifier);
    service_trust_say(s, NULL, trust, s->first.text.len > 0 ? &s->first : NULL);
    say_signer(s, true, NULL);
    oidc_trust_unref(trust);
}

int service_start(struct service *s, const struct service_options *o, struct tm_err *e)
{
    *s = (struct service){.config = o->config,
                          .hub = o->hub,
                          .trail = o->trail,
                          .keys = o->keys,
                          .key_far = o->key_far,
                          .embedded = o->embedded,
                          .signatures = o->signatures,
                          .timestamps = o->timestamps,
                          .metrics = o->metrics};
    pthread_mutex_init(&s->trust_lock, NULL);
    rehearse_watch_init(&s->rehearsed, &o->config->rehearsals);
    if (open_output(s, o->output, e) != 0)
        return CLI_FAILED;
    if (start_core(s, o->issuers, e) != 0 || start_ct(s, e) != 0 ||
        start_once(s, o->tokens, o->store, e) != 0 || start_api(s, e) != 0)
        return CLI_CONFIG;
    tell_root(s);
    tell_trust(s);
    return start_pages(s, o->pages, e) == 0 && start_far(s, o->front, o->front_count, e) == 0
               ? CLI_OK
               : CLI_FAILED;
}

int service_serve(struct service *s, struct tm_err *e)
{
    if (s->pages != NULL && ca_issuers_teller_start(s->pages, e) != 0)
        return -1;
    return service_trust_keep(s, e) != 0 ? -1 : tm_http_far_server_start(s->far, e);
}

static void reload_signer(struct service *s, bool force)
{
    struct tm_err e = {0};
    int rc = force ? ca_signer_holder_reload(s->holder, now_s(), &e)
                   : ca_signer_holder_poll(s->holder, now_s(), &e);
    if (rc == 0)
        return;
    if (rc > 0) {
        struct ca_signer *ca = ca_signer_holder_get(s->holder);
        rc = ca_api_refresh(s->api, ca, &e) == 0 ? 1 : -1;
        ca_signer_unref(ca);
        tell_root(s);
    }
    ca_metrics_reload(s->metrics, rc > 0);
    say_signer(s, rc > 0, &e);
    if (rc > 0)
        jlog(s->log, JLOG_INFO, "CA key and chain reloaded", JLOG_END);
    else
        jlog(s->log, JLOG_ERROR, "CA key not reloaded, the old one stays",
             JLOG_STR("detail", e.text), JLOG_END);
}

void service_reload(struct service *s, bool force)
{
    if (!ca_config_has_ca(s->config))
        return;
    service_trust_reload(s, force);
    /* An ephemeral CA opened anew would be another CA. */
    reload_signer(s, force && strcmp(s->config->ca.backend, "ephemeral") != 0);
}

void service_stop(struct service *s)
{
    tm_http_far_server_stop(s->far);
    approved_keeper_stop(s->approved);
    approved_free(&s->first);
    pthread_mutex_destroy(&s->trust_lock);
    tm_offload_free(s->signing); /* wakes whoever waits for a signature */
    ca_issuers_teller_free(s->pages);
    ca_api_ready_stop(s->api);
    ca_once_far_stop(s->once_far);   /* wakes whoever waits for the store */
    ca_audit_break(s->trail);        /* wakes whoever waits for a record, as the next does */
    tm_sink_break(s->audit);         /* wakes whoever still waits for a record */
    oidc_verifier_free(s->verifier); /* wakes whoever still waits for keys */
    ca_ct_free(s->ct);
    ca_ct_far_free(s->embedded);
    ca_ready_asker_free(s->signatures);
    ca_ready_asker_free(s->timestamps);
    tm_http_far_server_free(s->far);
    ca_api_free(s->api);
    ca_freeze_free(s->freeze);
    rehearse_watch_end(&s->rehearsed);
    ca_once_far_free(s->once_far);
    ca_once_memory_free(s->once);
    ca_signer_holder_free(s->holder);
    ca_proof_policy_free(s->policy);
    tm_fetch_hub_free(s->hub);
    tm_jlog_free(s->log);
    if (s->audit != s->output)
        tm_sink_free(s->audit);
    tm_sink_free(s->output);
}
