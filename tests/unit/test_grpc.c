/* The gRPC API over HTTP/2, with a whole CA in this process: the same judgement as JSON's, in
 * gRPC's words. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "ca/api/fault.h"
#include "ca/api/message.h"
#include "common/b64.h"
#include "tests/support/cmocka_all.h"
#include "tests/support/rawh2.h"
#include "tests/support/rawhttp.h"
#include "tests/support/world.h"

#define CA_PATH "/dev.sigstore.fulcio.v2.CA/"
#define HEALTH_PATH "/grpc.health.v1.Health/"
#define GRPC "content-type: application/grpc\nte: trailers\n"
#define CHALLENGE "dev@example.com"

/* ---- bytes of messages, by hand ---- */

static void put_varint(struct tm_buf *out, size_t n)
{
    for (; n > 127; n >>= 7)
        buf_putc(out, (unsigned char)(n | 128));
    buf_putc(out, (unsigned char)n);
}

static void put_field(struct tm_buf *out, unsigned number, const void *data, size_t len)
{
    put_varint(out, number << 3 | 2);
    put_varint(out, len);
    tm_buf_append(out, data, len);
}

static void put_inside(struct tm_buf *out, unsigned number, struct tm_buf *inner)
{
    put_field(out, number, inner->data, inner->len);
    tm_buf_free(inner);
}

static void frame(struct tm_buf *out, unsigned char compressed, const struct tm_buf *message)
{
    buf_putc(out, compressed);
    tm_buf_put_be(out, message->len, 4);
    tm_buf_append(out, message->data, message->len);
}

/* A request of this token (NULL: none), with a key and a proof over `challenge`. */
static void request(const struct world *w, const char *token, const char *challenge,
                    struct tm_buf *out)
{
    struct tm_buf inner = {0};
    struct tm_buf key = {0};
    struct tm_buf proof = {0};
    struct tm_buf pem = {0};
    if (token != NULL) {
        put_field(&inner, 1, token, strlen(token));
        put_inside(out, 1, &inner);
    }
    for (size_t i = 0; i < w->client_pem.len; i++) { /* as JSON has it: \n is two characters */
        bool end = w->client_pem.data[i] == '\\';
        buf_putc(&pem, end ? '\n' : w->client_pem.data[i]);
        i += end ? 1 : 0;
    }
    put_field(&key, 2, pem.data, pem.len);
    put_inside(&inner, 1, &key);
    world_sign(w->client, challenge, strlen(challenge), false, &proof);
    put_field(&inner, 2, proof.data, proof.len);
    put_inside(out, 2, &inner);
    tm_buf_free(&proof);
    tm_buf_free(&pem);
}

/* ---- one call ---- */

static struct world w;
static struct rawh2 h;

static int set_up(void **state)
{
    (void)state;
    world_build(&w, NULL, 20000);
    rawh2_open(&h, w.address);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rawh2_close(&h);
    world_free(&w);
    return 0;
}

static struct rawh2_reply *call(const char *path, const char *headers, const struct tm_buf *body)
{
    struct tm_buf all = {0};
    tm_buf_printf(&all, "%s%s", GRPC, headers);
    struct rawh2_reply *r = rawh2_ask(&h, "POST", path, tm_buf_str(&all), body->data, body->len);
    assert_true(rawh2_wait(&h, r));
    tm_buf_free(&all);
    assert_int_equal(r->status, 200);
    return r;
}

/* A message's call; it is framed here. */
static struct rawh2_reply *ask(const char *path, const char *headers, const struct tm_buf *message)
{
    struct tm_buf body = {0};
    frame(&body, 0, message);
    struct rawh2_reply *r = call(path, headers, &body);
    tm_buf_free(&body);
    return r;
}

/* Of a refusal: it has no body, and one block of fields. */
static void refused(struct rawh2_reply *r, unsigned code, const char *message)
{
    char line[256];
    snprintf(line, sizeof(line), "grpc-status: %u\n", code);
    assert_non_null(strstr(tm_buf_str(&r->head), line));
    if (message != NULL) {
        snprintf(line, sizeof(line), "grpc-message: %s", message); /* a refused token's goes on */
        assert_non_null(strstr(tm_buf_str(&r->head), line));
    }
    assert_int_equal(r->body.len + r->trailers.len, 0);
}

static void went_well(struct rawh2_reply *r)
{
    assert_string_equal(tm_buf_str(&r->trailers), "grpc-status: 0\n");
    assert_true(r->body.len >= CA_MESSAGE_PREFIX && r->body.data[0] == 0);
    size_t len = (size_t)r->body.data[1] << 24 | (size_t)r->body.data[2] << 16 |
                 (size_t)r->body.data[3] << 8 | r->body.data[4];
    assert_int_equal(len, r->body.len - CA_MESSAGE_PREFIX);
}

static bool has(const struct rawh2_reply *r, const char *text)
{
    return memmem(r->body.data, r->body.len, text, strlen(text)) != NULL;
}

/* ---- certificates ---- */

static void a_token_and_a_proof_get_a_certificate(void **state)
{
    (void)state;
    struct tm_buf token = {0};
    struct tm_buf message = {0};
    world_token(&w.issuer, 300, &token);
    request(&w, tm_buf_str(&token), CHALLENGE, &message);
    struct rawh2_reply *r = ask(CA_PATH "CreateSigningCertificate", "", &message);
    went_well(r);
    assert_true(has(r, "-----BEGIN CERTIFICATE-----\n"));
    assert_true(has(r, "-----END CERTIFICATE-----"));
    assert_int_equal(r->body.data[CA_MESSAGE_PREFIX], 1 << 3 | 2); /* without a log: detached */
    tm_buf_free(&token);
    tm_buf_free(&message);
}

static void the_token_may_be_in_the_calls_metadata(void **state)
{
    (void)state;
    static const char *const forms[] = {"authorization: Bearer %s\n", "authorization: %s\n",
                                        "oidcidentitytoken: %s\n"};
    struct tm_buf token = {0};
    struct tm_buf message = {0};
    world_token(&w.issuer, 300, &token);
    request(&w, NULL, CHALLENGE, &message);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        char header[4096];
        const char *hole = strstr(forms[i], "%s");
        snprintf(header, sizeof(header), "%.*s%s\n", (int)(hole - forms[i]), forms[i],
                 tm_buf_str(&token));
        went_well(ask(CA_PATH "CreateSigningCertificate", header, &message));
    }
    refused(ask(CA_PATH "CreateSigningCertificate", "", &message), 3,
            "There was an error processing the identity token");
    tm_buf_free(&token);
    tm_buf_free(&message);
}

static void refusals_have_jsons_words(void **state)
{
    (void)state;
    struct tm_buf token = {0};
    struct tm_buf message = {0};
    world_token(&w.issuer, 300, &token);
    request(&w, tm_buf_str(&token), "somebody else", &message);
    refused(ask(CA_PATH "CreateSigningCertificate", "", &message), 3,
            "The signature supplied in the request could not be verified");
    tm_buf_reset(&message);
    tm_buf_puts(&message, "\x0a\xff");
    refused(ask(CA_PATH "CreateSigningCertificate", "", &message), 3,
            "the request is not a CreateSigningCertificateRequest");
    tm_buf_reset(&message);
    tm_buf_append(&message,
                  "\x0a\x05\x0a\x03"
                  "a\0b",
                  7);
    refused(ask(CA_PATH "CreateSigningCertificate", "", &message), 3,
            "invalid value for field oidcIdentityToken: a NUL");
    tm_buf_free(&token);
    tm_buf_free(&message);
}

static void a_csr_beside_a_key_is_what_came_last(void **state)
{
    (void)state;
    struct tm_buf token = {0};
    struct tm_buf message = {0};
    world_token(&w.issuer, 300, &token);
    request(&w, tm_buf_str(&token), CHALLENGE, &message);
    put_field(&message, 3, "no csr", 6);
    refused(ask(CA_PATH "CreateSigningCertificate", "", &message), 3,
            "The certificate signing request could not be parsed");
    tm_buf_free(&token);
    tm_buf_free(&message);
}

static void gzip_is_read_within_the_limit(void **state)
{
    (void)state;
    struct tm_buf token = {0};
    struct tm_buf message = {0};
    struct tm_buf body = {0};
    static unsigned char packed[65536];
    world_token(&w.issuer, 300, &token);
    request(&w, tm_buf_str(&token), CHALLENGE, &message);
    for (int large = 0; large < 2; large++) {
        if (large != 0) { /* 300 KB of one byte, in a field that nobody knows */
            static char many[300000];
            put_field(&message, 99, many, sizeof(many));
        }
        z_stream z = {.next_in = message.data, .avail_in = (unsigned)message.len};
        z.next_out = packed;
        z.avail_out = sizeof(packed);
        assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
        assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
        struct tm_buf gz = {.data = packed, .len = sizeof(packed) - z.avail_out};
        tm_buf_reset(&body);
        frame(&body, 1, &gz);
        (void)deflateEnd(&z);
        struct rawh2_reply *r =
            call(CA_PATH "CreateSigningCertificate", "grpc-encoding: gzip\n", &body);
        if (large != 0)
            refused(r, 8, "http: request body too large");
        else
            went_well(r);
    }
    body.data[20] ^= 0xff;
    refused(call(CA_PATH "CreateSigningCertificate", "grpc-encoding: gzip\n", &body), 3,
            "the message is not gzip");
    refused(call(CA_PATH "CreateSigningCertificate", "", &body), 3,
            "a compressed message without grpc-encoding");
    tm_buf_reset(&body);
    frame(&body, 0, &token);
    struct rawh2_reply *r =
        call(CA_PATH "CreateSigningCertificate", "grpc-encoding: snappy\n", &body);
    refused(r, 12, NULL);
    assert_non_null(strstr(tm_buf_str(&r->head), "grpc-accept-encoding: identity,gzip\n"));
    tm_buf_free(&token);
    tm_buf_free(&message);
    tm_buf_free(&body);
}

static void a_call_has_one_message_of_the_length_it_says(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {{"", 0},
               {"\0\0\0\0", 4},
               {"\0\0\0\0\1", 5},
               {"\0\0\0\0\0x", 6},
               {"\0\0\0\0\0\0\0\0\0\0", 10},
               {"\2\0\0\0\0", 5},
               {"\0\xff\xff\xff\xff", 5}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct tm_buf body = {0};
        tm_buf_append(&body, bad[i].bytes, bad[i].len);
        refused(call(CA_PATH "CreateSigningCertificate", "", &body), 3, NULL);
        tm_buf_free(&body);
    }
}

static void what_is_not_here_is_unimplemented(void **state)
{
    (void)state;
    const struct tm_buf none = {0};
    refused(ask(CA_PATH "Nothing", "", &none), 12, "Not Found");
    refused(ask("/other.Service/Do", "", &none), 12, "Not Found");
    refused(ask("/api/v2/signingCert", "", &none), 12, "Not Found");
    refused(ask("/healthz", "", &none), 12, "Not Found");
    struct tm_buf large = {0};
    while (large.len < 300000)
        tm_buf_puts(&large, "too much ");
    refused(ask(CA_PATH "CreateSigningCertificate", "", &large), 8, "http: request body too large");
    tm_buf_free(&large);
}

/* ---- the others ---- */

static void bundle_and_configuration_are_those_of_json(void **state)
{
    (void)state;
    const struct tm_buf none = {0};
    struct rawh2_reply *r = ask(CA_PATH "GetTrustBundle", "", &none);
    went_well(r);
    assert_true(has(r, "-----END CERTIFICATE-----\n"));
    r = ask(CA_PATH "GetConfiguration", "", &none);
    went_well(r);
    assert_true(has(r, w.issuer.url) && has(r, "sigstore") && has(r, "email"));
}

static void a_deadline_that_is_over_is_said(void **state)
{
    (void)state;
    struct tm_buf token = {0};
    struct tm_buf message = {0};
    world_token(&w.issuer, 300, &token);
    request(&w, tm_buf_str(&token), CHALLENGE, &message);
    refused(ask(CA_PATH "CreateSigningCertificate", "grpc-timeout: 1n\n", &message), 4, NULL);
    static const char *const taken[] = {"1H", "99999999S", "2M", "20000m",
                                        "x",  "",          "5",  "123456789S"};
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        char header[64];
        snprintf(header, sizeof(header), "grpc-timeout: %s\n", taken[i]);
        went_well(ask(CA_PATH "CreateSigningCertificate", header, &message));
    }
    tm_buf_free(&token);
    tm_buf_free(&message);
}

static void health(const char *service, unsigned char want)
{
    struct tm_buf message = {0};
    put_field(&message, 1, service, strlen(service));
    struct rawh2_reply *r = ask(HEALTH_PATH "Check", "", &message);
    went_well(r);
    assert_int_equal(r->body.len, CA_MESSAGE_PREFIX + 2);
    assert_int_equal(r->body.data[CA_MESSAGE_PREFIX + 1], want);
    tm_buf_free(&message);
}

static void health_is_readiness(void **state)
{
    (void)state;
    enum { SERVING = 1, NOT_SERVING = 2 };
    struct tm_err e = {0};
    struct tm_buf message = {0};
    health("", NOT_SERVING);
    health("liveness", SERVING);
    put_field(&message, 1, "other", 5);
    refused(ask(HEALTH_PATH "Check", "", &message), 5, "unknown service");
    refused(ask(HEALTH_PATH "Watch", "", &message), 5, "unknown service");
    refused(ask(HEALTH_PATH "List", "", &message), 12, NULL);
    tm_buf_free(&message);
    /* Who watches hears what is, and what changes. */
    static const unsigned char empty[CA_MESSAGE_PREFIX];
    struct rawh2_reply *r = rawh2_ask(&h, "POST", HEALTH_PATH "Watch", GRPC, empty, sizeof(empty));
    for (int i = 0; i < 200 && r->body.len < CA_MESSAGE_PREFIX + 2; i++)
        rawh2_run(&h, 50);
    assert_int_equal(r->body.data[CA_MESSAGE_PREFIX + 1], NOT_SERVING);
    assert_int_equal(ca_api_ready_start(w.api, &e), 0);
    for (int i = 0; i < 400 && r->body.len < 2 * (CA_MESSAGE_PREFIX + 2); i++)
        rawh2_run(&h, 50);
    assert_int_equal(r->body.len, 2 * (CA_MESSAGE_PREFIX + 2));
    assert_int_equal(r->body.data[2 * CA_MESSAGE_PREFIX + 3], SERVING);
    assert_false(r->closed);
    health("dev.sigstore.fulcio.v2.CA", SERVING);
    ca_api_ready_stop(w.api);
}

static void only_so_many_watch(void **state)
{
    (void)state;
    static const unsigned char empty[CA_MESSAGE_PREFIX];
    struct rawh2 *other = calloc(1, sizeof(*other));
    size_t watching = 0;
    struct rawh2_reply *r = NULL;
    assert_non_null(other);
    rawh2_open(other, w.address);
    for (int i = 0; i < 70; i++) {
        r = rawh2_ask(other, "POST", HEALTH_PATH "Watch", GRPC, empty, sizeof(empty));
        for (int n = 0; n < 200 && r->status == 0; n++)
            rawh2_run(other, 20);
        watching += r->closed ? 0 : 1;
    }
    assert_int_equal(watching, 64);
    refused(r, 8, "too many watch already");
    rawh2_close(other); /* their places are free again */
    free(other);
    for (int i = 0; i < 200; i++) {
        r = rawh2_ask(&h, "POST", HEALTH_PATH "Watch", GRPC, empty, sizeof(empty));
        for (int n = 0; n < 200 && r->status == 0; n++)
            rawh2_run(&h, 20);
        if (!r->closed)
            break;
    }
    assert_false(r->closed);
}

/* ---- words ---- */

static void unavailable_says_when_to_come_again(void **state)
{
    (void)state;
    struct tm_buf out = {0};
    static const char retry[] = "type.googleapis.com/google.rpc.RetryInfo";
    ca_api_message_status(14, "busy", 5, &out);
    assert_memory_equal(out.data,
                        "\x08\x0e\x12\x04"
                        "busy\x1a",
                        9);
    assert_non_null(memmem(out.data, out.len, retry, sizeof(retry) - 1));
    assert_memory_equal(out.data + out.len - 4, "\x0a\x02\x08\x05", 4);
    tm_buf_free(&out);
}

static void each_fault_has_its_code(void **state)
{
    (void)state;
    static const struct {
        enum ca_api_fault fault;
        unsigned code;
    } rows[] = {
        {API_FAULT_NOT_FOUND, 12}, {API_FAULT_METHOD, 12},      {API_FAULT_TOO_LARGE, 8},
        {API_FAULT_HEADERS, 3},    {API_FAULT_TOKEN, 3},        {API_FAULT_KEY, 3},
        {API_FAULT_BUSY, 14},      {API_FAULT_ISSUER_KEYS, 14}, {API_FAULT_LOG, 14},
        {API_FAULT_CA, 14},        {API_FAULT_TIMEOUT, 14},     {API_FAULT_INTERNAL, 13},
        {API_FAULT_ENCODING, 12},  {API_FAULT_DEADLINE, 4},     {API_FAULT_NOT_SERVED, 12},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(ca_api_fault_code(rows[i].fault), rows[i].code);
}

#define WITH_A_CA(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_A_CA(a_token_and_a_proof_get_a_certificate),
        WITH_A_CA(the_token_may_be_in_the_calls_metadata),
        WITH_A_CA(refusals_have_jsons_words),
        WITH_A_CA(a_csr_beside_a_key_is_what_came_last),
        WITH_A_CA(gzip_is_read_within_the_limit),
        WITH_A_CA(a_call_has_one_message_of_the_length_it_says),
        WITH_A_CA(what_is_not_here_is_unimplemented),
        WITH_A_CA(bundle_and_configuration_are_those_of_json),
        WITH_A_CA(a_deadline_that_is_over_is_said),
        WITH_A_CA(health_is_readiness),
        WITH_A_CA(only_so_many_watch),
        cmocka_unit_test(unavailable_says_when_to_come_again),
        cmocka_unit_test(each_fault_has_its_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
