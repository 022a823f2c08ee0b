/* External logs over real HTTP: good answers, every bad one, policies, retries, the breaker. */
#include "tests/support/cmocka_all.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ca/ct/answer.h"
#include "ca/ct/ct.h"
#include "ca/ct/retry.h"
#include "common/b64.h"
#include "common/clock.h"
#include "common/json/strictjson.h"
#include "common/transparency/sct.h"
#include "tests/support/ctpeer.h"
#include "tests/support/fakelog.h"
#include "tests/support/pki.h"
#include "tests/support/rawhttp.h"
#include "tests/support/world.h"

#define LOGS 3

struct scene {
    struct fakelog log[LOGS];
    struct ca_ct_member member[LOGS];
    struct ca_ct *ct;
    struct world w;
};

/* `count` good logs, the policy, and a CA that uses them. */
static void scene_up(struct scene *s, size_t count, const struct ca_ct_options *with)
{
    struct tm_err e = {0};
    struct ca_ct_options o = *with;
    static const char *const names[LOGS] = {"one", "two", "three"};
    for (size_t i = 0; i < count; i++) {
        fakelog_start(&s->log[i], 0);
        s->member[i].log.name = names[i];
        s->member[i].log.url = s->log[i].url;
        s->member[i].log.public_key_file = s->log[i].key_file;
    }
    o.members = s->member;
    o.count = count;
    s->ct = ca_ct_new(&o, &e);
    if (s->ct == NULL)
        fail_msg("ct_new: %s", e.text);
    world_build(&s->w, ca_ct_issue_log(s->ct), 20000);
}

static void scene_down(struct scene *s, size_t count)
{
    ca_ct_free(s->ct);
    world_free(&s->w);
    for (size_t i = 0; i < count; i++)
        fakelog_stop(&s->log[i]);
}

static int ask(const struct scene *s, const char *path, struct tm_buf *reply)
{
    struct tm_buf token = {0}, body = {0}, sig = {0}, headers = {0};
    const struct world *w = &s->w;
    world_token(&w->issuer, 600, &token);
    world_sign(w->client, "dev@example.com", 15, false, &sig);
    if (strstr(path, "v2") != NULL) {
        tm_buf_printf(&body,
                      "{\"credentials\":{\"oidcIdentityToken\":\"%s\"},\"publicKeyRequest\":{"
                      "\"publicKey\":{\"content\":\"%s\"},\"proofOfPossession\":\"",
                      tm_buf_str(&token), tm_buf_str((struct tm_buf *)&w->client_pem));
        tm_b64_encode(B64_STD, sig.data, sig.len, &body);
        tm_buf_puts(&body, "\"}}");
    } else {
        unsigned char *spki = NULL;
        int len = i2d_PUBKEY(w->client, &spki);
        tm_buf_puts(&body, "{\"publicKey\":{\"content\":\"");
        tm_b64_encode(B64_STD, spki, (size_t)len, &body);
        tm_buf_puts(&body, "\"},\"signedEmailAddress\":\"");
        tm_b64_encode(B64_STD, sig.data, sig.len, &body);
        tm_buf_puts(&body, "\"}");
        OPENSSL_free(spki);
        tm_buf_printf(&headers, "Authorization: Bearer %s\r\n", tm_buf_str(&token));
    }
    int status = raw_post(w->address, path, headers.len > 0 ? tm_buf_str(&headers) : "",
                          tm_buf_str(&body), reply);
    tm_buf_free(&token);
    tm_buf_free(&body);
    tm_buf_free(&sig);
    tm_buf_free(&headers);
    return status;
}

static X509 *pem_to_cert(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_non_null(cert);
    return cert;
}

static X509 *leaf_of(struct tm_buf *reply, const char *branch, char **sct)
{
    json_t *j = json_loads(raw_body(reply), 0, NULL);
    json_t *b = json_object_get(j, branch);
    json_t *certs = json_object_get(json_object_get(b, "chain"), "certificates");
    const char *pem = json_string_value(json_array_get(certs, 0));
    assert_non_null(pem);
    X509 *cert = pem_to_cert(pem);
    const char *text = json_string_value(json_object_get(b, "signedCertificateTimestamp"));
    if (sct != NULL)
        *sct = strdup(text != NULL ? text : "none");
    json_decref(j);
    return cert;
}

static int count_scts(X509 *cert)
{
    STACK_OF(SCT) *list = X509_get_ext_d2i(cert, NID_ct_precert_scts, NULL, NULL);
    int n = list != NULL ? sk_SCT_num(list) : 0;
    SCT_LIST_free(list);
    return n;
}

static void embedded_sct_satisfies_openssl(void **state)
{
    (void)state;
    static struct scene s;
    struct tm_buf reply = {0};
    s = (struct scene){0};
    scene_up(
        &s, 1,
        &(struct ca_ct_options){.scts_required = 1, .operators_required = 1, .deadline_ms = 5000});
    for (int i = 0; i < 2; i++) {
        atomic_store(&s.log[0].mode, i == 0 ? FAKELOG_GOOD : FAKELOG_GOOD_INDEXED);
        assert_int_equal(ask(&s, "/api/v2/signingCert", &reply), 200);
        X509 *leaf = leaf_of(&reply, "signedCertificateEmbeddedSct", NULL);
        X509 *ca = ca_signer_chain(s.w.ca)->cert[0];
        assert_int_equal(count_scts(leaf), 1);
        assert_int_equal(X509_verify(leaf, X509_get0_pubkey(ca)), 1);
        assert_int_equal(
            ctpeer_embedded(leaf, ca, s.log[0].key, (uint64_t)tm_clock_wall_ms() + 1000),
            SCT_VALIDATION_STATUS_VALID);
        X509_free(leaf);
    }
    assert_string_equal(s.log[0].path, "/ct/v1/add-pre-chain");
    assert_int_equal(ask(&s, "/api/v1/signingCert", &reply), 201);
    assert_null(strcasestr(tm_buf_str(&reply), "\r\nSCT:"));
    X509 *leaf = pem_to_cert(raw_body(&reply));
    assert_int_equal(count_scts(leaf), 1);
    X509_free(leaf);
    tm_buf_free(&reply);
    scene_down(&s, 1);
}

/* base64 of Fulcio's JSON to RFC 6962 bytes. */
static void sct_bytes(const char *text, struct tm_buf *out)
{
    struct tm_err e = {0};
    struct tm_buf json = {0};
    assert_int_equal(tm_b64_decode(B64_STD, text, strlen(text), &json), 0);
    if (ca_ct_answer_parse(json.data, json.len, out, &e) != 0)
        fail_msg("%s", e.text);
    assert_memory_equal(json.data, "{\"sct_version\":0,\"id\":\"", 23);
    tm_buf_free(&json);
}

static void detached_sct_in_body_and_header(void **state)
{
    (void)state;
    static struct scene s;
    struct tm_buf reply = {0}, sct = {0};
    char *text = NULL;
    s = (struct scene){0};
    scene_up(
        &s, 1,
        &(struct ca_ct_options){
            .scts_required = 1, .operators_required = 1, .deadline_ms = 5000, .detached = true});
    atomic_store(&s.log[0].mode, FAKELOG_GOOD_INDEXED);
    X509 *ca = ca_signer_chain(s.w.ca)->cert[0];
    uint64_t now = (uint64_t)tm_clock_wall_ms() + 60000;
    assert_int_equal(ask(&s, "/api/v2/signingCert", &reply), 200);
    X509 *leaf = leaf_of(&reply, "signedCertificateDetachedSct", &text);
    assert_int_equal(count_scts(leaf), 0);
    sct_bytes(text, &sct);
    assert_int_equal(ctpeer_detached(leaf, ca, sct.data, sct.len, s.log[0].key, now),
                     SCT_VALIDATION_STATUS_VALID);
    assert_string_equal(s.log[0].path, "/ct/v1/add-chain");
    X509_free(leaf);
    free(text);

    tm_buf_reset(&sct);
    assert_int_equal(ask(&s, "/api/v1/signingCert", &reply), 201);
    char *header = strcasestr(tm_buf_str(&reply), "\r\nSCT: ");
    assert_non_null(header);
    leaf = pem_to_cert(raw_body(&reply));
    header[7 + strcspn(header + 7, "\r")] = '\0';
    sct_bytes(header + 7, &sct);
    assert_int_equal(ctpeer_detached(leaf, ca, sct.data, sct.len, s.log[0].key, now),
                     SCT_VALIDATION_STATUS_VALID);
    X509_free(leaf);
    tm_buf_free(&sct);
    tm_buf_free(&reply);
    scene_down(&s, 1);
}

/* A log that stops answering right: refused with Fulcio's words, and the reason on file. */
static void every_bad_answer_fails_the_request(void **state)
{
    (void)state;
    static const struct {
        enum fakelog_mode mode;
        const char *reason; /* of the metric */
        unsigned tries;
    } cases[] = {
        {FAKELOG_WRONG_KEY, "signature", 1},
        {FAKELOG_OTHER_LOG, "signature", 1},
        {FAKELOG_OTHER_ENTRY, "signature", 1},
        {FAKELOG_FUTURE, "signature", 1},
        {FAKELOG_TRAILING, "answer", 1},
        {FAKELOG_VERSION, "answer", 1},
        {FAKELOG_NOT_JSON, "answer", 1},
        {FAKELOG_TWICE, "answer", 1},
        {FAKELOG_AFTER, "answer", 1},
        {FAKELOG_MISSING, "answer", 1},
        {FAKELOG_HUGE, "answer", 1},
        {FAKELOG_REDIRECT, "refused", 1},
        {FAKELOG_REFUSE, "refused", 1},
        {FAKELOG_BUSY, "busy", 1}, /* the pause is longer than we may take */
        {FAKELOG_TRUNCATED, "network", RETRY_ATTEMPTS_MAX},
        {FAKELOG_CLOSE, "network", RETRY_ATTEMPTS_MAX},
        {FAKELOG_ERROR, "busy", RETRY_ATTEMPTS_MAX},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static struct scene s;
        struct tm_buf reply = {0}, metrics = {0};
        char want[128];
        s = (struct scene){0};
        scene_up(&s, 1,
                 &(struct ca_ct_options){
                     .scts_required = 1, .operators_required = 1, .deadline_ms = 5000});
        atomic_store(&s.log[0].mode, cases[i].mode);
        assert_int_equal(ask(&s, "/api/v2/signingCert", &reply), 503);
        assert_string_equal(
            raw_body(&reply),
            "{\"code\":14,\"message\":\"Error entering certificate in CTL\",\"details\":[]}");
        snprintf(want, sizeof(want), "tenmint_ct_failures_total{log=\"one\",reason=\"%s\"} %u\n",
                 cases[i].reason, cases[i].tries);
        ca_ct_issue_log(s.ct)->metrics(ca_ct_issue_log(s.ct)->ctx, &metrics);
        if (strstr(tm_buf_str(&metrics), want) == NULL)
            fail_msg("%s: %s", fakelog_mode_names[cases[i].mode], tm_buf_str(&metrics));
        assert_int_equal(atomic_load(&s.log[0].requests), cases[i].tries);
        atomic_store(&s.log[0].mode, FAKELOG_GOOD);
        assert_int_equal(ask(&s, "/api/v2/signingCert", &reply),
                         cases[i].mode == FAKELOG_BUSY ? 503 : 200);
        tm_buf_free(&reply);
        tm_buf_free(&metrics);
        scene_down(&s, 1);
    }
}

static void slow_logs_end_at_the_time_out_and_shaky_ones_are_asked_again(void **state)
{
    (void)state;
    static struct scene s;
    struct tm_buf reply = {0};
    s = (struct scene){0};
    s.member[0].log.timeout_ms = 300;
    scene_up(
        &s, 1,
        &(struct ca_ct_options){.scts_required = 1, .operators_required = 1, .deadline_ms = 1000});
    atomic_store(&s.log[0].mode, FAKELOG_SLOW);
    int64_t start = tm_clock_mono_ms();
    assert_int_equal(ask(&s, "/api/v2/signingCert", &reply), 503);
    int64_t took = tm_clock_mono_ms() - start;
    assert_true(took >= 300 && took < 4000);
    assert_true(atomic_load(&s.log[0].requests) >= 2);
    atomic_store(&s.log[0].requests, 0);
    atomic_store(&s.log[0].mode, FAKELOG_SHAKY);
    assert_int_equal(ask(&s, "/api/v2/signingCert", &reply), 200);
    assert_int_equal(atomic_load(&s.log[0].requests), 2);
    tm_buf_free(&reply);
    scene_down(&s, 1);
}

static void policy_counts_logs_and_operators(void **state)
{
    (void)state;
    static struct scene s;
    struct tm_buf reply = {0};
    s = (struct scene){0};
    s.member[0].operator_name = "acme";
    s.member[1].operator_name = "acme";
    s.member[2].operator_name = "other";
    scene_up(
        &s, 3,
        &(struct ca_ct_options){.scts_required = 2, .operators_required = 2, .deadline_ms = 2000});
    assert_int_equal(ask(&s, "/api/v2/signingCert", &reply), 200);
    X509 *leaf = leaf_of(&reply, "signedCertificateEmbeddedSct", NULL);
    assert_true(count_scts(leaf) >= 2);
    X509_free(leaf);
    atomic_store(&s.log[0].mode, FAKELOG_REFUSE); /* one of acme's is enough */
    assert_int_equal(ask(&s, "/api/v2/signingCert", &reply), 200);
    leaf = leaf_of(&reply, "signedCertificateEmbeddedSct", NULL);
    assert_int_equal(count_scts(leaf), 2);
    X509_free(leaf);
    atomic_store(&s.log[0].mode, FAKELOG_GOOD);
    atomic_store(&s.log[2].mode, FAKELOG_REFUSE); /* two SCTs, but of one operator */
    assert_int_equal(ask(&s, "/api/v2/signingCert", &reply), 503);
    tm_buf_free(&reply);
    scene_down(&s, 3);
}

static void answers_come_in_parallel(void **state)
{
    (void)state;
    static struct scene s;
    struct tm_buf reply = {0};
    s = (struct scene){0};
    scene_up(
        &s, 3,
        &(struct ca_ct_options){.scts_required = 1, .operators_required = 1, .deadline_ms = 10000});
    atomic_store(&s.log[0].mode, FAKELOG_SLOW);
    atomic_store(&s.log[1].mode, FAKELOG_SLOW);
    int64_t start = tm_clock_mono_ms();
    assert_int_equal(ask(&s, "/api/v2/signingCert", &reply), 200);
    assert_true(tm_clock_mono_ms() - start < 1900); /* did not wait for the slow ones */
    tm_buf_free(&reply);
    scene_down(&s, 3);
}

/* Logs of both kinds, each of which takes two seconds: all SCTs are there after little more. */
static void all_logs_are_asked_at_once(void **state)
{
    (void)state;
    static struct scene s;
    struct tm_buf reply = {0};
    s = (struct scene){0};
    scene_up(
        &s, 3,
        &(struct ca_ct_options){.scts_required = 3, .operators_required = 3, .deadline_ms = 15000});
    atomic_store(&s.log[0].mode, FAKELOG_GOOD_INDEXED);
    assert_int_equal(ask(&s, "/api/v2/signingCert", &reply), 200);
    X509 *leaf = leaf_of(&reply, "signedCertificateEmbeddedSct", NULL);
    X509 *ca = ca_signer_chain(s.w.ca)->cert[0];
    assert_int_equal(count_scts(leaf), 3);
    assert_int_equal(X509_verify(leaf, X509_get0_pubkey(ca)), 1);
    X509_free(leaf);
    for (size_t i = 0; i < 3; i++)
        atomic_store(&s.log[i].mode, FAKELOG_SLOW);
    int64_t start = tm_clock_mono_ms();
    assert_int_equal(ask(&s, "/api/v2/signingCert", &reply), 200);
    int64_t took = tm_clock_mono_ms() - start;
    if (took < 1900 || took >= 5900)
        fail_msg("three slow logs took %lld ms", (long long)took);
    tm_buf_free(&reply);
    scene_down(&s, 3);
}

/* Nobody listens anywhere: each is tried, and nothing leaves the house. */
static void no_log_reachable(void **state)
{
    (void)state;
    static struct scene s;
    struct tm_buf reply = {0}, metrics = {0};
    struct tm_err e = {0};
    s = (struct scene){0};
    for (size_t i = 0; i < 3; i++)
        fakelog_start(&s.log[i], 0);
    s.member[0].log = (struct ca_ct_log_options){
        .name = "one", .url = "http://127.0.0.1:1/", .public_key_file = s.log[0].key_file};
    s.member[1].log = (struct ca_ct_log_options){
        .name = "two", .url = "http://127.0.0.2:1/log", .public_key_file = s.log[1].key_file};
    s.member[2].log = (struct ca_ct_log_options){
        .name = "three", .url = "https://127.0.0.1:1/", .public_key_file = s.log[2].key_file};
    const struct ca_ct_options with = {.members = s.member,
                                       .count = 3,
                                       .scts_required = 1,
                                       .operators_required = 1,
                                       .deadline_ms = 3000};
    s.ct = ca_ct_new(&with, &e);
    assert_non_null(s.ct);
    world_build(&s.w, ca_ct_issue_log(s.ct), 20000);
    static const char *const paths[] = {"/api/v2/signingCert", "/api/v1/signingCert"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(ask(&s, paths[i], &reply), 503);
        assert_string_equal(
            raw_body(&reply),
            "{\"code\":14,\"message\":\"Error entering certificate in CTL\",\"details\":[]}");
        assert_null(strstr(tm_buf_str(&reply), "CERTIFICATE"));
    }
    ca_ct_issue_log(s.ct)->metrics(ca_ct_issue_log(s.ct)->ctx, &metrics);
    for (size_t i = 0; i < 3; i++) {
        char none[96];
        snprintf(none, sizeof(none), "log=\"%s\",reason=\"network\"} 0\n", s.member[i].log.name);
        if (strstr(tm_buf_str(&metrics), none) != NULL)
            fail_msg("a log was not tried: %s", tm_buf_str(&metrics));
    }
    tm_buf_free(&reply);
    tm_buf_free(&metrics);
    scene_down(&s, 3);
}

static void a_shard_begins_and_ends_on_the_second(void **state)
{
    (void)state;
    static struct fakelog log;
    struct tm_err e = {0};
    fakelog_start(&log, 0);
    struct ca_ct_log_options o = {.name = "2026h2",
                                  .url = log.url,
                                  .public_key_file = log.key_file,
                                  .not_after_start = 1000,
                                  .not_after_limit = 2000};
    struct tm_fetch_pool *pool = tm_fetch_pool_new(64, &e);
    struct ca_ct_log *l = ca_ct_log_new(&o, pool, NULL, &e);
    assert_non_null(l);
    assert_false(ca_ct_log_takes(l, 999));
    assert_true(ca_ct_log_takes(l, 1000));
    assert_true(ca_ct_log_takes(l, 1999));
    assert_false(ca_ct_log_takes(l, 2000));
    tm_fetch_pool_free(pool);
    ca_ct_log_free(l);
    fakelog_stop(&log);
}

static void shards_take_what_ends_in_their_time(void **state)
{
    (void)state;
    static struct scene s;
    struct tm_buf reply = {0};
    int64_t now = tm_clock_wall_ms() / 1000;
    s = (struct scene){0};
    s.member[0].log.not_after_limit = now; /* the past */
    s.member[1].log.not_after_start = now;
    s.member[1].log.not_after_limit = now + 3600;
    s.member[2].log.not_after_start = now + 3600;
    scene_up(
        &s, 3,
        &(struct ca_ct_options){.scts_required = 1, .operators_required = 1, .deadline_ms = 2000});
    assert_int_equal(ask(&s, "/api/v2/signingCert", &reply), 200);
    assert_int_equal(atomic_load(&s.log[0].requests), 0);
    assert_int_equal(atomic_load(&s.log[1].requests), 1);
    assert_int_equal(atomic_load(&s.log[2].requests), 0);
    atomic_store(&s.log[1].mode, FAKELOG_REFUSE);
    assert_int_equal(ask(&s, "/api/v2/signingCert", &reply), 503);
    assert_int_equal(atomic_load(&s.log[2].requests), 0);
    tm_buf_free(&reply);
    scene_down(&s, 3);
}

static void host_header_is_overridden(void **state)
{
    (void)state;
    static struct scene s;
    struct tm_buf reply = {0};
    s = (struct scene){0};
    s.member[0].log.host = "ctfe.example.com";
    scene_up(
        &s, 1,
        &(struct ca_ct_options){.scts_required = 1, .operators_required = 1, .deadline_ms = 5000});
    assert_int_equal(ask(&s, "/api/v2/signingCert", &reply), 200);
    assert_string_equal(s.log[0].host, "ctfe.example.com");
    tm_buf_free(&reply);
    scene_down(&s, 1);
}

/* ---- TLS ---- */

static enum tm_http_result add_over_tls(void *ctx, struct tm_http_exchange *x)
{
    struct fakelog *l = ctx;
    struct tm_buf out = {0};
    const struct tm_buf *body = tm_http_body(x);
    (void)fakelog_add(l, FAKELOG_GOOD, true, (const char *)body->data, body->len, &out);
    tm_http_reply(x, 200, "application/json", &out);
    return HTTP_DONE;
}

static void no_page(void *ctx, struct tm_http_exchange *x, enum tm_http_fault f)
{
    (void)ctx;
    (void)f;
    struct tm_buf b = {0};
    tm_http_reply(x, 404, "text/plain", &b);
}

/* A TLS server's certificate and key, the certificate also in a file. */
static void make_tls(struct tm_buf *cert, struct tm_buf *key, char file[64])
{
    pki_tls(cert, key);
    snprintf(file, 64, "/tmp/tenmint-log-ca-XXXXXX");
    int fd = mkstemp(file);
    assert_true(fd >= 0 && write(fd, cert->data, cert->len) == (ssize_t)cert->len);
    close(fd);
}

static void tls_ca_file_replaces_the_systems(void **state)
{
    (void)state;
    static struct scene s;
    static const struct tm_http_route routes[] = {
        {"/ct/v1/add-pre-chain", HTTP_POST, add_over_tls}};
    struct tm_buf cert = {0}, key = {0}, other = {0}, unused = {0}, reply = {0};
    char right[64], wrong[64], url[64];
    struct tm_http_options o;
    struct tm_err e = {0};
    make_tls(&cert, &key, right);
    make_tls(&other, &unused, wrong);
    const char *const ca[] = {right, wrong, NULL};
    for (int i = 0; i < 3; i++) {
        struct fakelog keys;
        fakelog_start(&keys, 0); /* for its key */
        tm_http_options_default(&o);
        o.listen = "127.0.0.1:0";
        o.tls_certificate = tm_buf_str(&cert);
        o.tls_key = tm_buf_str(&key);
        o.routes = routes;
        o.route_count = 1;
        o.ctx = &keys;
        o.fault = no_page;
        struct tm_http_server *server = tm_http_server_start(&o, &e);
        assert_non_null(server);
        snprintf(url, sizeof(url), "https://%s", tm_http_server_address(server));
        s = (struct scene){0};
        s.member[0].log = (struct ca_ct_log_options){
            .name = "tls", .url = url, .public_key_file = keys.key_file, .tls_ca_file = ca[i]};
        const struct ca_ct_options with = {.members = s.member,
                                           .count = 1,
                                           .scts_required = 1,
                                           .operators_required = 1,
                                           .deadline_ms = 800};
        s.ct = ca_ct_new(&with, &e);
        assert_non_null(s.ct);
        world_build(&s.w, ca_ct_issue_log(s.ct), 20000);
        assert_int_equal(ask(&s, "/api/v2/signingCert", &reply), i == 0 ? 200 : 503);
        scene_down(&s, 0);
        tm_http_server_stop(server, 100);
        tm_http_server_free(server);
        fakelog_stop(&keys);
    }
    unlink(right);
    unlink(wrong);
    tm_buf_free(&cert);
    tm_buf_free(&key);
    tm_buf_free(&other);
    tm_buf_free(&unused);
    tm_buf_free(&reply);
}

static void failing_log_is_left_alone_then_probed(void **state)
{
    (void)state;
    static struct scene s;
    struct tm_buf reply = {0};
    s = (struct scene){0};
    scene_up(
        &s, 1,
        &(struct ca_ct_options){.scts_required = 1, .operators_required = 1, .deadline_ms = 5000});
    atomic_store(&s.log[0].mode, FAKELOG_WRONG_KEY);
    for (int i = 0; i < BREAKER_FAILURES; i++)
        assert_int_equal(ask(&s, "/api/v2/signingCert", &reply), 503);
    unsigned asked = atomic_load(&s.log[0].requests);
    assert_int_equal(asked, BREAKER_FAILURES);
    atomic_store(&s.log[0].mode, FAKELOG_GOOD);
    assert_int_equal(ask(&s, "/api/v2/signingCert", &reply), 503);
    assert_int_equal(atomic_load(&s.log[0].requests), asked); /* open */
    (void)nanosleep(&(struct timespec){.tv_sec = 2, .tv_nsec = 100000000}, NULL);
    assert_int_equal(ask(&s, "/api/v2/signingCert", &reply), 200);
    assert_int_equal(ask(&s, "/api/v2/signingCert", &reply), 200);
    tm_buf_free(&reply);
    scene_down(&s, 1);
}

static void breaker_by_the_clock(void **state)
{
    (void)state;
    struct ca_breaker b = {0};
    for (int i = 0; i < BREAKER_FAILURES - 1; i++)
        assert_false(ca_breaker_failure(&b, 0));
    assert_true(ca_breaker_admit(&b, 0));
    assert_false(ca_breaker_success(&b)); /* was closed all the time */
    for (int i = 0; i < BREAKER_FAILURES - 1; i++)
        assert_false(ca_breaker_failure(&b, 0));
    assert_true(ca_breaker_failure(&b, 1000));
    assert_false(ca_breaker_admit(&b, 1000 + BREAKER_OPEN_MS - 1));
    assert_true(ca_breaker_admit(&b, 1000 + BREAKER_OPEN_MS));
    assert_false(ca_breaker_admit(&b, 1000 + BREAKER_OPEN_MS)); /* one probe at a time */
    ca_breaker_abandon(&b);
    assert_true(ca_breaker_admit(&b, 1000 + BREAKER_OPEN_MS));
    assert_true(ca_breaker_failure(&b, 4000)); /* the probe failed: twice as long */
    assert_false(ca_breaker_admit(&b, 4000 + 2 * BREAKER_OPEN_MS - 1));
    assert_true(ca_breaker_admit(&b, 4000 + 2 * BREAKER_OPEN_MS));
    assert_true(ca_breaker_success(&b));
    assert_int_equal(b.state, BREAKER_CLOSED);
    assert_true(
        ca_breaker_pause(&b, 0, 3600LL * 1000)); /* a log may not send us away for an hour */
    assert_false(ca_breaker_admit(&b, BREAKER_PAUSE_MAX_MS - 1));
    assert_true(ca_breaker_admit(&b, BREAKER_PAUSE_MAX_MS));
    for (unsigned n = 1; n < 40; n++) {
        int64_t longest = ca_retry_delay_ms(n, 0);
        int64_t shortest = ca_retry_delay_ms(n, (uint32_t)(longest / 2 - 1));
        assert_true(longest <= 5000 && shortest > longest / 2 - 1 && shortest <= longest);
    }
}

static void bad_settings_are_refused(void **state)
{
    (void)state;
    static struct fakelog log[2];
    struct tm_err e = {0};
    fakelog_start(&log[0], 0);
    fakelog_start(&log[1], 0);
    struct ca_ct_member m[2] = {
        {.log = {.name = "a", .url = log[0].url, .public_key_file = log[0].key_file}},
        {.log = {.name = "b", .url = log[1].url, .public_key_file = log[0].key_file}},
    };
    struct ca_ct_options o = {
        .members = m, .count = 2, .scts_required = 1, .operators_required = 1};
    assert_null(ca_ct_new(&o, &e));
    assert_non_null(strstr(e.text, "the same key"));
    m[1].log.public_key_file = log[1].key_file;
    o.scts_required = 3;
    assert_null(ca_ct_new(&o, &e));
    assert_string_equal(e.text, "3 SCTs are required, but there are 2 logs");
    o.scts_required = 2;
    o.operators_required = 2;
    m[0].operator_name = m[1].operator_name = "acme";
    assert_null(ca_ct_new(&o, &e));
    assert_string_equal(e.text, "SCTs of 2 operators are required, but the logs have 1");
    o.operators_required = 1;
    m[1].log.public_key_file = "/nonexistent";
    assert_null(ca_ct_new(&o, &e));
    assert_non_null(strstr(e.text, "log 'b'"));
    m[1].log.public_key_file = "/dev/null";
    assert_null(ca_ct_new(&o, &e));
    m[1].log.public_key_file = log[1].key_file;
    m[1].log.tls_ca_file = log[1].key_file;
    assert_null(ca_ct_new(&o, &e));
    assert_non_null(strstr(e.text, "holds no PEM certificate"));
    m[1].log.tls_ca_file = NULL;
    struct ca_ct *ct = ca_ct_new(&o, &e);
    assert_non_null(ct);
    ca_ct_free(ct);
    fakelog_stop(&log[0]);
    fakelog_stop(&log[1]);
}

/* ---- the embedded log beside external ones ---- */

static struct {
    _Atomic int mode; /* 0: at once, 1: later, 2: fails, 3: never */
    atomic_uint submits, cancels;
    struct oidc_waiter kept;
    const unsigned char *sct;
    size_t sct_len;
} embedded;

static enum ca_issue_log_status embedded_submit(void *ctx, const struct ca_issue_log_entry *entry,
                                                const struct oidc_waiter *waiter, void **ticket,
                                                struct tm_buf *out, struct tm_err *e)
{
    (void)ctx;
    (void)entry;
    atomic_fetch_add(&embedded.submits, 1);
    if (embedded.mode == 2) {
        tm_err_set(e, "disk full");
        return ISSUE_LOG_FAILED;
    }
    if (embedded.mode == 0) {
        tm_buf_append(out, embedded.sct, embedded.sct_len);
        return ISSUE_LOG_DONE;
    }
    *ticket = &embedded;
    embedded.kept = *waiter;
    if (embedded.mode == 1)
        waiter->wake(waiter->arg);
    return ISSUE_LOG_WAIT;
}

static enum ca_issue_log_status embedded_collect(void *ctx, void *ticket,
                                                 const struct oidc_waiter *waiter,
                                                 struct tm_buf *out, struct tm_err *e)
{
    (void)ctx;
    (void)waiter;
    (void)e;
    assert_ptr_equal(ticket, &embedded);
    tm_buf_append(out, embedded.sct, embedded.sct_len);
    return ISSUE_LOG_DONE;
}

static void embedded_cancel(void *ctx, void *ticket)
{
    (void)ctx;
    assert_ptr_equal(ticket, &embedded);
    atomic_fetch_add(&embedded.cancels, 1);
    embedded.kept.wake(embedded.kept.arg);
}

static void embedded_and_external_logs_together(void **state)
{
    (void)state;
    static struct scene s;
    static const struct ca_issue_log log = {.needs_precert = true,
                                            .submit = embedded_submit,
                                            .collect = embedded_collect,
                                            .cancel = embedded_cancel};
    static const unsigned char some_sct[] = {
        0,  51, 0,  49, 0,    1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,   12,  13,
        14, 15, 16, 17, 18,   19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29,   30,  31,
        32, 0,  0,  1,  0x9b, 0,  0,  0,  0,  0,  0,  4,  3,  0,  2,  0xab, 0xcd};
    static const struct {
        int mode;
        unsigned required;
        enum fakelog_mode external;
        int status, scts;
    } cases[] = {
        {0, 1, FAKELOG_GOOD, 200, 1},  {0, 2, FAKELOG_GOOD, 200, 2},   {1, 2, FAKELOG_GOOD, 200, 2},
        {2, 2, FAKELOG_GOOD, 503, 0},  {2, 1, FAKELOG_GOOD, 200, 1},   {3, 1, FAKELOG_GOOD, 200, 1},
        {0, 1, FAKELOG_CLOSE, 200, 1}, {1, 2, FAKELOG_REFUSE, 503, 0},
    };
    embedded.sct = some_sct;
    embedded.sct_len = sizeof(some_sct);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tm_buf reply = {0};
        s = (struct scene){0};
        scene_up(&s, 1,
                 &(struct ca_ct_options){.embedded = &log,
                                         .scts_required = cases[i].required,
                                         .operators_required = cases[i].required,
                                         .deadline_ms = 3000});
        embedded.mode = cases[i].mode;
        atomic_store(&s.log[0].mode, cases[i].external);
        atomic_store(&embedded.cancels, 0);
        int status = ask(&s, "/api/v2/signingCert", &reply);
        if (status != cases[i].status)
            fail_msg("case %zu: %d %s", i, status, raw_body(&reply));
        if (status == 200) {
            X509 *leaf = leaf_of(&reply, "signedCertificateEmbeddedSct", NULL);
            assert_true(count_scts(leaf) >= cases[i].scts);
            X509_free(leaf);
        }
        assert_int_equal(atomic_load(&embedded.cancels), cases[i].mode == 3 ? 1 : 0);
        tm_buf_free(&reply);
        scene_down(&s, 1);
    }
    struct tm_err e = {0};
    struct ca_ct_options o = {.embedded = &log, .scts_required = 1, .operators_required = 1};
    struct ca_ct *alone = ca_ct_new(&o, &e);
    assert_ptr_equal(ca_ct_issue_log(alone), &log); /* nothing in between */
    ca_ct_free(alone);
}

/* Looks until it is as wanted; the probes answer meanwhile. */
static bool becomes(const struct ca_issue_log *log, int want, struct tm_err *e)
{
    int64_t end = tm_clock_mono_ms() + 10000;
    int rc = log->ready(log->ctx, e);
    while (rc != want && tm_clock_mono_ms() < end) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 20L * 1000 * 1000}, NULL);
        rc = log->ready(log->ctx, e);
    }
    return rc == want;
}

static void readiness_follows_the_logs_while_nothing_is_issued(void **state)
{
    (void)state;
    static struct scene s;
    struct tm_err e = {0};
    s = (struct scene){0};
    scene_up(
        &s, 2,
        &(struct ca_ct_options){.scts_required = 2, .operators_required = 2, .deadline_ms = 3000});
    const struct ca_issue_log *log = ca_ct_issue_log(s.ct);
    assert_int_equal(log->ready(log->ctx, &e), -1);
    assert_non_null(strstr(e.text, "one: it has not answered yet"));
    assert_true(becomes(log, 0, &e));
    atomic_store(&s.log[1].mode, FAKELOG_ERROR);
    assert_true(becomes(log, -1, &e));
    assert_non_null(strstr(e.text, "1 logs of 1 operators would answer, where SCTs of 2"));
    assert_non_null(strstr(e.text, "two: "));
    assert_non_null(strstr(e.text, "HTTP 500"));
    atomic_store(&s.log[1].mode, FAKELOG_GOOD);
    assert_true(becomes(log, 0, &e));
    assert_int_equal(atomic_load(&s.log[0].requests), 0);
    assert_true(atomic_load(&s.log[0].probes) < 8); /* every five seconds */
    scene_down(&s, 2);
}

static void answers_as_text(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *says;
    } bad[] = {
        {"", "line 1"},
        {"[]", "not an object"},
        {"{}", "'sct_version' is missing"},
        {"{\"sct_version\":0}", "'timestamp'"},
        {"{\"sct_version\":\"0\"}", "'sct_version'"},
        {"{\"sct_version\":2,\"timestamp\":1,\"id\":"
         "\"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU=\",\"extensions\":\"\","
         "\"signature\":\"BAMAAA==\"}",
         "unknown version 2"},
        {"{\"sct_version\":0,\"timestamp\":-1}", "'timestamp'"},
        {"{\"sct_version\":0,\"timestamp\":1.5}", "'timestamp'"},
        {"{\"sct_version\":0,\"timestamp\":1,\"id\":7}", "'id' is not a string"},
        {"{\"sct_version\":0,\"timestamp\":1,\"id\":\"QQ==\",\"extensions\":\"\","
         "\"signature\":\"BAMAAA==\"}",
         "'id' has 1 bytes"},
        {"{\"sct_version\":0,\"timestamp\":1,\"id\":\"Q?==\",\"extensions\":\"\","
         "\"signature\":\"BAMAAA==\"}",
         "not base64"},
        {"{\"sct_version\":0,\"timestamp\":1,\"id\":"
         "\"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU=\",\"extensions\":\"\","
         "\"signature\":\"BAMAAg==\"}",
         "SCT truncated"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct tm_err e = {0};
        struct tm_buf sct = {0};
        assert_int_equal(ca_ct_answer_parse(bad[i].body, strlen(bad[i].body), &sct, &e), -1);
        if (strstr(e.text, bad[i].says) == NULL)
            fail_msg("case %zu: %s", i, e.text);
        assert_int_equal(sct.len, 0);
        tm_buf_free(&sct);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_as_text),
        cmocka_unit_test(breaker_by_the_clock),
        cmocka_unit_test(embedded_sct_satisfies_openssl),
        cmocka_unit_test(detached_sct_in_body_and_header),
        cmocka_unit_test(every_bad_answer_fails_the_request),
        cmocka_unit_test(slow_logs_end_at_the_time_out_and_shaky_ones_are_asked_again),
        cmocka_unit_test(policy_counts_logs_and_operators),
        cmocka_unit_test(answers_come_in_parallel),
        cmocka_unit_test(all_logs_are_asked_at_once),
        cmocka_unit_test(no_log_reachable),
        cmocka_unit_test(a_shard_begins_and_ends_on_the_second),
        cmocka_unit_test(shards_take_what_ends_in_their_time),
        cmocka_unit_test(host_header_is_overridden),
        cmocka_unit_test(tls_ca_file_replaces_the_systems),
        cmocka_unit_test(failing_log_is_left_alone_then_probed),
        cmocka_unit_test(bad_settings_are_refused),
        cmocka_unit_test(embedded_and_external_logs_together),
        cmocka_unit_test(readiness_follows_the_logs_while_nothing_is_issued),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
