/* Issuance over HTTP against an issuer of our own: replies, refusals, the log's stage. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "common/b64.h"
#include "tests/support/rawhttp.h"
#include "tests/support/world.h"

/* A v2 body; the proof is over `challenge`. */
static void body_v2(const struct world *w, const char *token, const char *challenge,
                    struct tm_buf *out)
{
    struct tm_buf sig = {0};
    world_sign(w->client, challenge, strlen(challenge), false, &sig);
    tm_buf_printf(out,
                  "{\"credentials\":{\"oidcIdentityToken\":\"%s\"},\"publicKeyRequest\":{"
                  "\"publicKey\":{\"content\":\"%s\"},\"proofOfPossession\":\"",
                  token, tm_buf_str((struct tm_buf *)&w->client_pem));
    tm_b64_encode(B64_STD, sig.data, sig.len, out);
    tm_buf_puts(out, "\"}}");
    tm_buf_free(&sig);
}

static int post(const struct world *w, const char *path, const char *headers, const char *body,
                struct tm_buf *reply)
{
    return raw_post(w->address, path, headers, body, reply);
}

static X509 *leaf_of(struct tm_buf *reply, const char *branch, size_t *count)
{
    json_t *j = json_loads(raw_body(reply), 0, NULL);
    json_t *b = json_object_get(j, branch);
    json_t *certs = json_object_get(json_object_get(b, "chain"), "certificates");
    const char *pem = json_string_value(json_array_get(certs, 0));
    assert_non_null(pem);
    assert_int_not_equal(pem[strlen(pem) - 1], '\n');
    *count = json_array_size(certs);
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    assert_non_null(cert);
    BIO_free(bio);
    json_decref(j);
    return cert;
}

/* ---- tests ---- */

static void both_versions_of_the_api_issue(void **state)
{
    (void)state;
    struct world w;
    struct tm_buf token = {0}, body = {0}, reply = {0}, headers = {0};
    size_t count = 0;
    world_build(&w, NULL, 5000);
    world_token(&w.issuer, 600, &token);
    body_v2(&w, tm_buf_str(&token), "dev@example.com", &body);
    assert_int_equal(post(&w, "/api/v2/signingCert", "", tm_buf_str(&body), &reply), 200);
    assert_non_null(strstr(raw_body(&reply), "]},\"signedCertificateTimestamp\":\"\"}}"));
    X509 *leaf = leaf_of(&reply, "signedCertificateDetachedSct", &count);
    const struct ca_signer_chain *chain = ca_signer_chain(w.ca);
    assert_int_equal(count, chain->count + 1);
    assert_int_equal(X509_verify(leaf, X509_get0_pubkey(chain->cert[0])), 1);
    assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(leaf), w.client), 1);
    assert_int_equal(X509_check_email(leaf, "dev@example.com", 0, 0), 1);
    X509_free(leaf);
    /* The token in a header, the body without it. */
    tm_buf_reset(&body);
    body_v2(&w, "", "dev@example.com", &body);
    tm_buf_printf(&headers, "Authorization: Bearer %s\r\n", tm_buf_str(&token));
    assert_int_equal(
        post(&w, "/api/v2/signingCert", tm_buf_str(&headers), tm_buf_str(&body), &reply), 200);
    /* v1: PEM, 201. */
    struct tm_buf key = {0}, sig = {0}, pem = {0};
    unsigned char *spki = NULL;
    int spki_len = i2d_PUBKEY(w.client, &spki);
    world_sign(w.client, "dev@example.com", 15, false, &sig);
    tm_buf_puts(&key, "{\"publicKey\":{\"content\":\"");
    tm_b64_encode(B64_STD, spki, (size_t)spki_len, &key);
    tm_buf_puts(&key, "\"},\"signedEmailAddress\":\"");
    tm_b64_encode(B64_STD, sig.data, sig.len, &key);
    tm_buf_puts(&key, "\"}");
    assert_int_equal(
        post(&w, "/api/v1/signingCert", tm_buf_str(&headers), tm_buf_str(&key), &reply), 201);
    assert_non_null(strstr(tm_buf_str(&reply), "application/pem-certificate-chain"));
    tm_buf_puts(&pem, raw_body(&reply));
    assert_true(strncmp(tm_buf_str(&pem), "-----BEGIN CERTIFICATE-----\n", 28) == 0);
    assert_int_not_equal(pem.data[pem.len - 1], '\n');
    assert_null(strstr(tm_buf_str(&pem), "\n\n"));
    assert_int_equal(post(&w, "/api/v1/signingCert", "", tm_buf_str(&key), &reply), 400);
    assert_int_equal(post(&w, "/api/v1/signingCert", "", "{}", &reply), 400);
    assert_non_null(
        strstr(raw_body(&reply), "The public key supplied in the request could not be"));
    OPENSSL_free(spki);
    tm_buf_free(&key);
    tm_buf_free(&sig);
    tm_buf_free(&pem);
    tm_buf_free(&token);
    tm_buf_free(&body);
    tm_buf_free(&reply);
    tm_buf_free(&headers);
    world_free(&w);
}

static void refused(const struct world *w, const char *body, int status, const char *message)
{
    struct tm_buf reply = {0};
    int got = post(w, "/api/v2/signingCert", "", body, &reply);
    if (got != status || strstr(raw_body(&reply), message) == NULL)
        fail_msg("%d %s; not %d %s", got, raw_body(&reply), status, message);
    assert_non_null(strstr(raw_body(&reply), ",\"details\":[]}"));
    tm_buf_free(&reply);
}

static void each_refusal_has_its_message(void **state)
{
    (void)state;
    static const char bad_token[] = "There was an error processing the identity token";
    struct world w;
    struct tm_buf token = {0}, old = {0}, body = {0}, reply = {0};
    world_build(&w, NULL, 5000);
    world_token(&w.issuer, 600, &token);
    world_token(&w.issuer, -3600, &old);
    refused(&w, "", 400, bad_token);
    refused(&w, "{}", 400, bad_token);
    refused(&w, "{", 400, "JSON");
    refused(&w, "{\"credentials\":{\"oidcIdentityToken\":\"a.b.c\"}}", 400, bad_token);
    body_v2(&w, tm_buf_str(&old), "dev@example.com", &body);
    refused(&w, tm_buf_str(&body), 400, bad_token);
    tm_buf_reset(&body);
    body_v2(&w, tm_buf_str(&token), "someone@example.com", &body);
    refused(&w, tm_buf_str(&body), 400,
            "The signature supplied in the request could not be verified");
    tm_buf_reset(&body);
    tm_buf_printf(&body, "{\"credentials\":{\"oidcIdentityToken\":\"%s\"}}", tm_buf_str(&token));
    refused(&w, tm_buf_str(&body), 400,
            "The public key supplied in the request could not be parsed");
    tm_buf_reset(&body);
    tm_buf_printf(&body,
                  "{\"credentials\":{\"oidcIdentityToken\":\"%s\"},"
                  "\"certificateSigningRequest\":\"AAAA\"}",
                  tm_buf_str(&token));
    refused(&w, tm_buf_str(&body), 400, "The certificate signing request could not be parsed");
    assert_int_equal(
        raw_ask(w.address, "GET /api/v2/signingCert HTTP/1.1\r\nHost: a\r\n\r\n", &reply), 501);
    assert_string_equal(raw_body(&reply),
                        "{\"code\":12,\"message\":\"Method Not Allowed\",\"details\":[]}");
    assert_int_equal(raw_ask(w.address, "GET /nope HTTP/1.1\r\nHost: a\r\n\r\n", &reply), 404);
    assert_string_equal(raw_body(&reply), "{\"code\":5,\"message\":\"Not Found\",\"details\":[]}");
    tm_buf_reset(&body); /* after all that, a good one */
    body_v2(&w, tm_buf_str(&token), "dev@example.com", &body);
    assert_int_equal(post(&w, "/api/v2/signingCert", "", tm_buf_str(&body), &reply), 200);
    tm_buf_free(&token);
    tm_buf_free(&old);
    tm_buf_free(&body);
    tm_buf_free(&reply);
    world_free(&w);
}

static void a_canned_answer_is_sent_as_it_is(void **state)
{
    (void)state;
    struct world w;
    struct tm_buf reply = {0};
    struct tm_err e = {0};
    world_build(&w, NULL, 5000);
    static const char *const get[] = {"/api/v2/trustBundle", "/api/v2/configuration",
                                      "/api/v1/rootCert", "/healthz"};
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < 4; i++) {
            struct tm_buf req = {0};
            tm_buf_printf(&req, "%s %s HTTP/1.1\r\nHost: a\r\n\r\n", round == 0 ? "GET" : "HEAD",
                          get[i]);
            assert_int_equal(raw_ask(w.address, tm_buf_str(&req), &reply), 200);
            assert_true((raw_body(&reply)[0] == '\0') == (round == 1));
            tm_buf_free(&req);
        }
        assert_int_equal(ca_api_refresh(w.api, NULL, &e), 0);
    }
    assert_int_equal(raw_ask(w.address, "GET /healthz HTTP/1.0\r\n\r\n", &reply), 200);
    assert_string_equal(raw_body(&reply), "{\"status\":\"SERVING\"}");
    tm_buf_free(&reply);
    world_free(&w);
}

/* ---- a log for the hook ---- */

enum log_mode { LOG_NOW, LOG_LATER, LOG_FAILS, LOG_NEVER, LOG_EMPTY };

static struct {
    enum log_mode mode;
    atomic_uint submits, collects, cancels;
    struct oidc_waiter kept;
    bool precert_seen;
} the_log;

static void nap(long ms)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = ms * 1000 * 1000}, NULL);
}

static void *answer(void *arg)
{
    struct oidc_waiter *w = arg;
    nap(10);
    w->wake(w->arg);
    free(w);
    return NULL;
}

static const unsigned char sct_list[] = {0, 4, 0, 2, 0xab, 0xcd};

static enum ca_issue_log_status log_submit(void *ctx, const struct ca_issue_log_entry *entry,
                                           const struct oidc_waiter *waiter, void **ticket,
                                           struct tm_buf *out, struct tm_err *e)
{
    (void)ctx;
    assert_true(entry->tbs->len > 100 && entry->issuer_key_hash != NULL);
    the_log.precert_seen = entry->precert != NULL && entry->precert->len > entry->tbs->len;
    atomic_fetch_add(&the_log.submits, 1);
    if (the_log.mode == LOG_FAILS) {
        tm_err_set(e, "the log says no");
        return ISSUE_LOG_FAILED;
    }
    if (the_log.mode == LOG_NOW)
        tm_buf_append(out, sct_list, sizeof(sct_list));
    if (the_log.mode == LOG_NOW || the_log.mode == LOG_EMPTY)
        return ISSUE_LOG_DONE;
    *ticket = &the_log;
    the_log.kept = *waiter;
    if (the_log.mode == LOG_LATER) {
        pthread_t t;
        struct oidc_waiter *w = malloc(sizeof(*w));
        assert_non_null(w);
        *w = *waiter;
        assert_int_equal(pthread_create(&t, NULL, answer, w), 0);
        pthread_detach(t);
    }
    return ISSUE_LOG_WAIT;
}

static enum ca_issue_log_status ca_log_collect(void *ctx, void *ticket,
                                               const struct oidc_waiter *waiter, struct tm_buf *out,
                                               struct tm_err *e)
{
    (void)ctx;
    (void)waiter;
    (void)e;
    assert_ptr_equal(ticket, &the_log);
    atomic_fetch_add(&the_log.collects, 1);
    tm_buf_append(out, sct_list, sizeof(sct_list));
    return ISSUE_LOG_DONE;
}

static void log_cancel(void *ctx, void *ticket)
{
    (void)ctx;
    assert_ptr_equal(ticket, &the_log);
    atomic_fetch_add(&the_log.cancels, 1);
}

static void an_issuance_waits_for_its_log(void **state)
{
    (void)state;
    static const struct {
        enum log_mode mode;
        bool needs_precert;
        int status;
        const char *says;
    } cases[] = {
        {LOG_NOW, false, 200, "signedCertificateEmbeddedSct"},
        {LOG_LATER, true, 200, "signedCertificateEmbeddedSct"},
        {LOG_FAILS, false, 503, "\"code\":14,\"message\":\"Error entering certificate in CTL\""},
        {LOG_EMPTY, false, 503, "Error entering certificate in CTL"},
        {LOG_NEVER, false, 503, "\"code\":14"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ca_issue_log log = {.needs_precert = cases[i].needs_precert,
                                   .submit = log_submit,
                                   .collect = ca_log_collect,
                                   .cancel = log_cancel};
        struct world w;
        struct tm_buf token = {0}, body = {0}, reply = {0};
        size_t count = 0;
        atomic_store(&the_log.cancels, 0);
        the_log.mode = cases[i].mode;
        world_build(&w, &log, cases[i].mode == LOG_NEVER ? 400 : 5000);
        world_token(&w.issuer, 600, &token);
        body_v2(&w, tm_buf_str(&token), "dev@example.com", &body);
        int status = post(&w, "/api/v2/signingCert", "", tm_buf_str(&body), &reply);
        if (status != cases[i].status || strstr(raw_body(&reply), cases[i].says) == NULL)
            fail_msg("case %zu: %d %s", i, status, raw_body(&reply));
        if (status == 200) {
            X509 *leaf = leaf_of(&reply, "signedCertificateEmbeddedSct", &count);
            assert_true(X509_get_ext_by_NID(leaf, NID_ct_precert_scts, -1) >= 0);
            assert_true(X509_get_ext_by_NID(leaf, NID_ct_precert_poison, -1) < 0);
            assert_null(strstr(raw_body(&reply), "signedCertificateTimestamp"));
            assert_true(the_log.precert_seen == cases[i].needs_precert);
            X509_free(leaf);
        }
        unsigned want = cases[i].mode == LOG_NEVER ? 1 : 0;
        for (int n = 0; n < 500 && atomic_load(&the_log.cancels) < want; n++)
            nap(10); /* the request ends after its reply */
        assert_int_equal(atomic_load(&the_log.cancels), want);
        if (cases[i].mode == LOG_NEVER)
            the_log.kept.wake(the_log.kept.arg); /* late, but owed */
        tm_buf_free(&token);
        tm_buf_free(&body);
        tm_buf_free(&reply);
        world_free(&w);
    }
}

/* ---- limits, and a token's one use ---- */

static int ask(const struct world *w)
{
    struct tm_buf token = {0}, body = {0}, reply = {0};
    world_token(&w->issuer, 600, &token);
    body_v2(w, tm_buf_str(&token), "dev@example.com", &body);
    int status = post(w, "/api/v2/signingCert", "", tm_buf_str(&body), &reply);
    tm_buf_free(&token);
    tm_buf_free(&body);
    tm_buf_free(&reply);
    return status;
}

/* What a request before has to give back comes after its reply. */
static void comes_to(const struct world *w, int status)
{
    int got = 0;
    for (int i = 0; i < 1000 && (got = ask(w)) != status; i++)
        nap(10);
    assert_int_equal(got, status);
}

static struct {
    atomic_bool refuses;
    atomic_int held;
} the_store;

static enum ca_once_status store_claim(void *ctx, struct ca_once_claim *claim, int64_t now_s,
                                       const struct oidc_waiter *waiter, void **ticket,
                                       struct tm_err *e)
{
    (void)ctx;
    (void)claim;
    (void)now_s;
    (void)waiter;
    (void)ticket;
    (void)e;
    if (atomic_load(&the_store.refuses))
        return ONCE_USED;
    atomic_fetch_add(&the_store.held, 1);
    return ONCE_FIRST;
}

static void store_release(void *ctx, const struct ca_once_claim *claim, int64_t now_s)
{
    (void)ctx;
    (void)claim;
    (void)now_s;
    atomic_fetch_sub(&the_store.held, 1);
}

static void a_used_token_takes_nothing_of_the_limits(void **state)
{
    (void)state;
    const struct ca_once once = {.claim = store_claim, .release = store_release};
    const struct ca_limits_options two = {.issuer = {1, 2}, .identity = {1, 2}};
    struct world w;
    atomic_store(&the_store.held, 0);
    world_build_limited(&w, NULL, 5000, &two, &once);
    assert_int_equal(ask(&w), 200);
    atomic_store(&the_store.refuses, true);
    for (int i = 0; i < 5; i++)
        assert_int_equal(ask(&w), 400);
    atomic_store(&the_store.refuses, false);
    assert_int_equal(ask(&w), 200);
    for (int i = 0; i < 3; i++)
        assert_int_equal(ask(&w), 429);
    for (int i = 0; i < 1000 && atomic_load(&the_store.held) > 2; i++)
        nap(10);
    assert_int_equal(atomic_load(&the_store.held), 2); /* over the limit, a token is not used up */
    world_free(&w);
}

static void a_log_that_fails_takes_nothing_of_the_limits(void **state)
{
    (void)state;
    struct ca_issue_log log = {
        .submit = log_submit, .collect = ca_log_collect, .cancel = log_cancel};
    const struct ca_limits_options one = {.issuer = {1, 1}, .identity = {1, 1}};
    struct world w;
    world_build_limited(&w, &log, 5000, &one, NULL);
    the_log.mode = LOG_FAILS;
    assert_int_equal(ask(&w), 503);
    comes_to(&w, 503);
    the_log.mode = LOG_EMPTY;
    comes_to(&w, 503);
    the_log.mode = LOG_NOW;
    comes_to(&w, 200);
    assert_int_equal(ask(&w), 429);
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_versions_of_the_api_issue),
        cmocka_unit_test(each_refusal_has_its_message),
        cmocka_unit_test(a_canned_answer_is_sent_as_it_is),
        cmocka_unit_test(an_issuance_waits_for_its_log),
        cmocka_unit_test(a_used_token_takes_nothing_of_the_limits),
        cmocka_unit_test(a_log_that_fails_takes_nothing_of_the_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
