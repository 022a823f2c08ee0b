/* A signature goes into a signature log, and the answer into the bundle, or nowhere. */
#include "tests/support/cmocka_all.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "ca/log/signatures/siglog.h"
#include "common/clock.h"
#include "common/http/http.h"
#include "tests/support/logbox.h"
#include "tests/support/pki.h"
#include "tests/support/waiting.h"
#include "tools/tenmint/submit.h"
#include "tuf/verify/bundle/artifact_signature.h"
#include "tuf/verify/bundle/dsse.h"
#include "tuf/verify/bundle/tlog.h"

#define STATEMENT "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[]}"

struct box { /* a log that listens, and a trusted root that names it */
    struct logbox files;
    EVP_PKEY *key;
    struct ca_log_options o;
    struct ca_siglog *log;
    struct tm_http_server *server;
    struct tuf_trusted_root *root;
    char url[64];
};

static void on_fault(void *ctx, struct tm_http_exchange *x, enum tm_http_fault f)
{
    (void)ctx;
    (void)f;
    struct tm_buf none = {0};
    tm_http_reply(x, 500, "text/plain", &none);
}

/* POST /api/v2/log/entries, one at a time. */
static enum tm_http_result on_entry(void *ctx, struct tm_http_exchange *x)
{
    struct box *b = ctx;
    struct waiting w = WAITING_INIT;
    struct ca_siglog_job *job = NULL;
    struct tm_buf out = {0};
    struct tm_err e = {0};
    uint64_t index = 0;
    const struct tm_buf *body = tm_http_body(x);
    enum ca_siglog_status status = ca_siglog_begin(b->log, (const char *)body->data, body->len,
                                                   waiting_wake, &w, &job, &index, &e);
    for (int waits = 1; status == SIGLOG_WAIT; waits++) {
        (void)waiting_for(&w, waits);
        status = ca_siglog_step(job, waiting_wake, &w, &out, &e);
    }
    if (job != NULL)
        (void)ca_siglog_job_free(job);
    if (status != SIGLOG_LOGGED)
        tm_buf_puts(&out, "{\"code\":3,\"message\":\"invalid hashedrekord request\"}");
    tm_http_reply(x, status == SIGLOG_LOGGED ? 201 : 400, "application/json", &out);
    return HTTP_DONE;
}

static const struct tm_http_route routes[] = {{"/api/v2/log/entries", HTTP_POST, on_entry}};

static struct tuf_trusted_root *trusting(const char *url, EVP_PKEY *key)
{
    struct tm_err e = {0};
    struct tm_buf pem = {0};
    const struct tuf_validity valid = {.has_start = true, .start_ms = tm_clock_wall_ms() - 60000};
    struct tuf_trusted_root *root = tuf_trusted_root_new(&e);
    pki_public_pem(key, &pem);
    if (tuf_trusted_root_add_log(root, TRUST_TLOG, url, pem.data, pem.len, &valid, &e) != 0)
        fail_msg("trust: %s", e.text);
    tm_buf_free(&pem);
    return root;
}

static void box_start(struct box *b)
{
    struct tm_err e = {0};
    struct tm_http_options http;
    *b = (struct box){.key = pki_key("P-256")};
    logbox_init(&b->files);
    ca_log_options_default(&b->o);
    b->o.directory = b->files.dir;
    b->o.origin = "127.0.0.1"; /* the bare host of the address */
    b->o.key = b->key;
    b->o.checkpoint_interval_ms = 20;
    if (ca_siglog_create(&b->o, &e) != 0 || (b->log = ca_siglog_open(&b->o, &e)) == NULL)
        fail_msg("log: %s", e.text);
    tm_http_options_default(&http);
    http.listen = "127.0.0.1:0";
    http.routes = routes;
    http.route_count = 1;
    http.ctx = b;
    http.fault = on_fault;
    b->server = tm_http_server_start(&http, &e);
    if (b->server == NULL)
        fail_msg("listen: %s", e.text);
    snprintf(b->url, sizeof(b->url), "http://%s", tm_http_server_address(b->server));
    b->root = trusting(b->url, b->key);
}

static void box_stop(struct box *b)
{
    tm_http_server_stop(b->server, 1000);
    tm_http_server_free(b->server);
    ca_siglog_close(b->log);
    tuf_trusted_root_free(b->root);
    EVP_PKEY_free(b->key);
    logbox_free(&b->files);
}

/* Signed by a fresh key of this type; `signed_bytes` is what the signature is over. */
static struct tuf_bundle *signed_bundle(const char *type, bool statement,
                                        struct tuf_artifact *signed_bytes)
{
    static const struct pki_extension none[] = {{NULL, NULL}};
    struct tm_err e = {0};
    struct tm_buf bytes = {0};
    EVP_PKEY *key = pki_key(type);
    const struct pki_spec spec = {"leaf", key, NULL, key, 1700000000, 1900000000, none};
    struct tuf_bundle *b = tuf_bundle_new(&e);
    b->leaf = pki_cert(&spec);
    b->content = statement ? BUNDLE_DSSE : BUNDLE_MESSAGE;
    if (statement) {
        b->payload_type = strdup(DSSE_IN_TOTO);
        tm_buf_puts(&b->payload, STATEMENT);
        tuf_dsse_pae(DSSE_IN_TOTO, STATEMENT, strlen(STATEMENT), &bytes);
    } else {
        tm_buf_puts(&bytes, "artifact");
    }
    *signed_bytes = (struct tuf_artifact){0};
    assert_int_equal(tuf_artifact_from_bytes(bytes.data, bytes.len, signed_bytes, &e), 0);
    assert_int_equal(
        tuf_artifact_signature_make(key, signed_bytes, &b->digest_algorithm, &b->signature, &e), 0);
    tm_buf_free(&bytes);
    EVP_PKEY_free(key);
    return b;
}

static int submit(const struct box *b, const struct tuf_trusted_root *root,
                  struct tuf_bundle *bundle, const struct tuf_artifact *signed_bytes,
                  struct tm_err *e)
{
    const struct submit_order o = {.url = b->url,
                                   .root = root,
                                   .signed_bytes = signed_bytes,
                                   .digest = bundle->digest_algorithm};
    return submit_entry(&o, bundle, e);
}

static void what_is_signed_gets_an_entry_that_survives_the_file(void **state)
{
    static const char *const types[] = {"P-256", "P-384", "P-521", "RSA"};
    struct box b;
    (void)state;
    box_start(&b);
    for (size_t i = 0; i < 8; i++) {
        struct tuf_artifact signed_bytes;
        struct tm_err e = {0};
        struct tm_buf text = {0};
        struct tuf_tlog_proof proof;
        struct tuf_bundle *bundle = signed_bundle(types[i / 2], i % 2 == 1, &signed_bytes);
        if (submit(&b, b.root, bundle, &signed_bytes, &e) != 0)
            fail_msg("%s: %s", types[i / 2], e.text);
        assert_int_equal(tuf_bundle_write(bundle, &text, &e), 0);
        tuf_bundle_free(bundle);
        bundle = tuf_bundle_parse(text.data, text.len, &e);
        if (bundle == NULL)
            fail_msg("%s", e.text);
        assert_int_equal(bundle->entries.count, 1);
        assert_string_equal(bundle->entries.item[0].kind, "hashedrekord");
        assert_string_equal(bundle->entries.item[0].version, "0.0.2");
        assert_int_equal(tuf_tlog_check_logged(b.root, bundle->entries.item, &proof, &e), 0);
        tuf_bundle_free(bundle);
        tuf_artifact_free(&signed_bytes);
        tm_buf_free(&text);
    }
    box_stop(&b);
}

static void an_answer_of_a_log_that_nobody_trusts_is_refused(void **state)
{
    struct box b;
    struct tm_err e = {0};
    struct tuf_artifact signed_bytes;
    (void)state;
    box_start(&b);
    EVP_PKEY *other = pki_key("P-256");
    struct tuf_trusted_root *root = trusting(b.url, other);
    struct tuf_bundle *bundle = signed_bundle("P-256", false, &signed_bytes);
    assert_int_equal(submit(&b, root, bundle, &signed_bytes, &e), -1);
    assert_non_null(strstr(e.text, b.url));
    assert_null(strstr(e.text, "HTTP"));
    tuf_bundle_free(bundle);
    tuf_artifact_free(&signed_bytes);
    tuf_trusted_root_free(root);
    EVP_PKEY_free(other);
    box_stop(&b);
}

static void a_signature_over_something_else_gets_the_logs_reason(void **state)
{
    struct box b;
    struct tm_err e = {0};
    struct tuf_artifact signed_bytes;
    (void)state;
    box_start(&b);
    struct tuf_bundle *bundle = signed_bundle("P-256", false, &signed_bytes);
    signed_bytes.digest[DIGEST_SHA256][0] ^= 1;
    assert_int_equal(submit(&b, b.root, bundle, &signed_bytes, &e), -1);
    assert_non_null(strstr(e.text, "HTTP 400: invalid hashedrekord request"));
    assert_int_equal(bundle->entries.count, 0);
    tuf_bundle_free(bundle);
    tuf_artifact_free(&signed_bytes);
    box_stop(&b);
}

static void an_ed25519_key_is_refused_before_anything_is_sent(void **state)
{
    struct tuf_artifact signed_bytes;
    struct tm_err e = {0};
    struct tm_buf request = {0};
    (void)state;
    struct tuf_bundle *bundle = signed_bundle("ED25519", true, &signed_bytes);
    const struct submit_order o = {.signed_bytes = &signed_bytes,
                                   .digest = bundle->digest_algorithm};
    assert_int_equal(submit_request(bundle, &o, &request, &e), -1);
    assert_int_equal(request.len, 0);
    tuf_bundle_free(bundle);
    tuf_artifact_free(&signed_bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_signed_gets_an_entry_that_survives_the_file),
        cmocka_unit_test(an_answer_of_a_log_that_nobody_trusts_is_refused),
        cmocka_unit_test(a_signature_over_something_else_gets_the_logs_reason),
        cmocka_unit_test(an_ed25519_key_is_refused_before_anything_is_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
