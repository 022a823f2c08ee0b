/* Tokens, and the two signature engines held to the same answers. */
#include "tests/support/cmocka_all.h"

#include <jwt.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/b64.h"
#include "oidc/keys/discovery.h"
#include "oidc/keys/jwks.h"
#include "oidc/token/alg.h"
#include "oidc/token/claims.h"
#include "oidc/keys/signature.h"
#include "oidc/token/token.h"

static char *part(const char *json)
{
    struct tm_buf b = {0};
    tm_b64_encode(B64_URL_BARE, json, strlen(json), &b);
    char *s = strdup(tm_buf_str(&b));
    tm_buf_free(&b);
    return s;
}

static char *compose(const char *header, const char *payload, const char *sig)
{
    char *h = part(header);
    char *p = part(payload);
    char *t = NULL;
    assert_true(asprintf(&t, "%s.%s.%s", h, p, sig) > 0);
    free(h);
    free(p);
    return t;
}

static void hostile_headers_and_shapes_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        const char *payload;
        const char *sig;
        enum oidc_reason reason;
    } rows[] = {
        {"{\"alg\":\"none\"}", "{\"iss\":\"x\"}", "AA", OIDC_REASON_ALGORITHM},
        {"{\"alg\":\"None\"}", "{\"iss\":\"x\"}", "AA", OIDC_REASON_ALGORITHM},
        {"{\"alg\":\"HS256\"}", "{\"iss\":\"x\"}", "AA", OIDC_REASON_ALGORITHM},
        {"{}", "{\"iss\":\"x\"}", "AA", OIDC_REASON_ALGORITHM},
        {"{\"alg\":\"RS256\",\"crit\":[\"x\"]}", "{\"iss\":\"x\"}", "AA", OIDC_REASON_HEADER},
        {"{\"alg\":\"RS256\",\"jwk\":{}}", "{\"iss\":\"x\"}", "AA", OIDC_REASON_HEADER},
        {"{\"alg\":\"RS256\",\"jku\":\"https://x\"}", "{\"iss\":\"x\"}", "AA", OIDC_REASON_HEADER},
        {"{\"alg\":\"RS256\",\"x5u\":\"https://x\"}", "{\"iss\":\"x\"}", "AA", OIDC_REASON_HEADER},
        {"{\"alg\":\"RS256\",\"x5c\":[]}", "{\"iss\":\"x\"}", "AA", OIDC_REASON_HEADER},
        {"{\"alg\":\"RS256\",\"alg\":\"RS256\"}", "{\"iss\":\"x\"}", "AA", OIDC_REASON_MALFORMED},
        {"{\"alg\":\"RS256\",\"kid\":7}", "{\"iss\":\"x\"}", "AA", OIDC_REASON_MALFORMED},
        {"{\"alg\":\"RS256\"}", "{\"iss\":\"x\",\"iss\":\"y\"}", "AA", OIDC_REASON_MALFORMED},
        {"{\"alg\":\"RS256\"}", "[1]", "AA", OIDC_REASON_MALFORMED},
        {"{\"alg\":\"RS256\"}", "{\"iss\":7}", "AA", OIDC_REASON_MALFORMED},
        {"{\"alg\":\"RS256\"}", "{\"iss\":\"\"}", "AA", OIDC_REASON_MALFORMED},
        {"{\"alg\":\"RS256\"}", "{\"iss\":\"x\"}", "", OIDC_REASON_MALFORMED},
        {"{\"alg\":\"RS256\"}", "{\"iss\":\"x\"}", "A=", OIDC_REASON_MALFORMED},
        {"{\"alg\":\"RS256\"}", "{\"iss\":\"x\"}", "AA.AA", OIDC_REASON_MALFORMED},
        {"{\"alg\":\"RS256\"} x", "{\"iss\":\"x\"}", "AA", OIDC_REASON_MALFORMED},
        {"{\"alg\":\"RS256\"}", "{\"iss\":\"x\\u0000y\"}", "AA", OIDC_REASON_MALFORMED},
        {"{\"alg\":\"RS256\"}", "{\"iss\":\"x\xff\"}", "AA", OIDC_REASON_MALFORMED},
        {"{\"alg\":\"RS256\"}", "{\"iss\":\"x\xc0\xaf\"}", "AA", OIDC_REASON_MALFORMED},
        {"{\"alg\":\"RS256\"}", "{\"iss\":\"x\xed\xa0\x80\"}", "AA", OIDC_REASON_MALFORMED},
        {"{\"alg\":\"RS256\"}", "{\"iss\":\"x\\ud800\"}", "AA", OIDC_REASON_MALFORMED},
        {"{\"alg\":\"RS256\"}", "{\"iss\":\"x\ny\"}", "AA", OIDC_REASON_MALFORMED},
        {"{\"alg\":\"RS256\"}", "{\"iss\":\"x\",\"a\\u0000\":1}", "AA", OIDC_REASON_MALFORMED},
        {"{\"alg\":\"RS256\"}", "", "AA", OIDC_REASON_MALFORMED},
        {"", "{\"iss\":\"x\"}", "AA", OIDC_REASON_MALFORMED},
        {"{\"alg\":\"HS384\"}", "{\"iss\":\"x\"}", "AA", OIDC_REASON_ALGORITHM},
        {"{\"alg\":\"HS512\"}", "{\"iss\":\"x\"}", "AA", OIDC_REASON_ALGORITHM},
        {"{\"alg\":\"rs256\"}", "{\"iss\":\"x\"}", "AA", OIDC_REASON_ALGORITHM},
        {"{\"alg\":\"RS256 \"}", "{\"iss\":\"x\"}", "AA", OIDC_REASON_ALGORITHM},
        {"{\"alg\":\"ES256K\"}", "{\"iss\":\"x\"}", "AA", OIDC_REASON_ALGORITHM},
        {"{\"alg\":\"RSA1_5\"}", "{\"iss\":\"x\"}", "AA", OIDC_REASON_ALGORITHM},
        {"{\"alg\":[\"RS256\"]}", "{\"iss\":\"x\"}", "AA", OIDC_REASON_ALGORITHM},
        {"{\"alg\":null}", "{\"iss\":\"x\"}", "AA", OIDC_REASON_ALGORITHM},
        {"{\"alg\":\"none\"}", "{\"iss\":\"x\"}", "", OIDC_REASON_ALGORITHM},
        {"{\"alg\":\"RS256\",\"crit\":[]}", "{\"iss\":\"x\"}", "AA", OIDC_REASON_HEADER},
        {"{\"alg\":\"RS256\",\"crit\":null}", "{\"iss\":\"x\"}", "AA", OIDC_REASON_HEADER},
        {"{\"alg\":\"RS256\",\"b64\":false}", "{\"iss\":\"x\"}", "AA", OIDC_REASON_HEADER},
        {"{\"alg\":\"none\",\"jwk\":{}}", "{\"iss\":\"x\"}", "AA", OIDC_REASON_HEADER},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = compose(rows[i].header, rows[i].payload, rows[i].sig);
        struct oidc_token t;
        enum oidc_reason reason = OIDC_REASON_NONE;
        struct tm_err e = {0};
        if (oidc_token_parse(text, strlen(text), &t, &reason, &e) == 0)
            fail_msg("row %zu was accepted", i);
        if (reason != rows[i].reason)
            fail_msg("row %zu: %s: %s", i, oidc_reason_name(reason), e.text);
        free(text);
    }
}

static void any_number_of_dots_but_two_is_refused_at_once(void **state)
{
    (void)state;
    char dots[OIDC_TOKEN_MAX + 2];
    memset(dots, '.', sizeof(dots));
    for (size_t len = 0; len <= sizeof(dots); len = len < 8 ? len + 1 : len * 2) {
        struct oidc_token t;
        enum oidc_reason reason = OIDC_REASON_NONE;
        struct tm_err e = {0};
        assert_int_equal(oidc_token_parse(dots, len, &t, &reason, &e), -1);
        assert_int_equal(reason, OIDC_REASON_MALFORMED);
    }
}

/* An iss that is cut would pass by the stop of its issuer. */
static void an_iss_longer_than_what_is_compared_is_refused(void **state)
{
    (void)state;
    for (int over = 0; over <= 1; over++) {
        char payload[OIDC_ISSUER_MAX + 32];
        snprintf(payload, sizeof(payload), "{\"iss\":\"%0*d\"}", OIDC_ISSUER_MAX + over, 0);
        char *text = compose("{\"alg\":\"RS256\"}", payload, "AA");
        struct oidc_token t;
        enum oidc_reason reason = OIDC_REASON_NONE;
        struct tm_err e = {0};
        int rc = oidc_token_parse(text, strlen(text), &t, &reason, &e);
        assert_int_equal(rc, over == 0 ? 0 : -1);
        if (rc == 0)
            oidc_token_free(&t);
        else
            assert_int_equal(reason, OIDC_REASON_MALFORMED);
        free(text);
    }
}

/* Its signature is as long as that takes. */
static void a_token_may_be_as_long_as_the_bound_and_no_longer(void **state)
{
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        char *text = malloc(OIDC_TOKEN_MAX + 2);
        struct oidc_token t;
        enum oidc_reason reason;
        struct tm_err e = {0};
        int head = sprintf(text, "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0");
        size_t len = OIDC_TOKEN_MAX + over;
        text[head] = '.';
        memset(text + head + 1, 'A', len - (size_t)head - 1);
        int rc = oidc_token_parse(text, len, &t, &reason, &e);
        assert_int_equal(strstr(e.text, "longer than") != NULL, over == 1);
        if (rc == 0)
            oidc_token_free(&t);
        free(text);
    }
}

static void an_algorithm_fits_its_own_keys_only(void **state)
{
    (void)state;
    static const struct {
        const char *alg, *group;
        bool fits;
    } rows[] = {{"ES256", "P-256", true},  {"ES256", "P-384", false}, {"ES384", "P-384", true},
                {"ES384", "P-521", false}, {"ES512", "P-521", true},  {"ES512", "P-256", false},
                {"RS256", "P-256", false}, {"EdDSA", "P-256", false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        EVP_PKEY *key = EVP_EC_gen(rows[i].group);
        assert_int_equal(oidc_alg_fits(oidc_alg_find(rows[i].alg), key), rows[i].fits);
        EVP_PKEY_free(key);
    }
}

static void claims_are_held_to_the_clock_and_audience(void **state)
{
    (void)state;
    static const struct {
        const char *claims;
        enum oidc_reason reason;
    } rows[] = {
        {"{\"aud\":\"me\",\"exp\":1100}", OIDC_REASON_NONE},
        {"{\"aud\":[\"x\",\"me\"],\"exp\":1100.5}", OIDC_REASON_NONE},
        {"{\"aud\":\"me\",\"exp\":950}", OIDC_REASON_NONE}, /* within the skew */
        {"{\"aud\":\"me\",\"exp\":941}", OIDC_REASON_NONE}, /* its edges, to the second */
        {"{\"aud\":\"me\",\"exp\":940.5}", OIDC_REASON_NONE},
        {"{\"aud\":\"me\",\"exp\":940}", OIDC_REASON_EXPIRED},
        {"{\"aud\":\"me\",\"exp\":1100,\"nbf\":1060,\"iat\":1060}", OIDC_REASON_NONE},
        {"{\"aud\":\"me\",\"exp\":1100,\"nbf\":1060.5}", OIDC_REASON_NOT_YET},
        {"{\"aud\":\"me\",\"exp\":1100,\"iat\":1061}", OIDC_REASON_NOT_YET},
        {"{\"aud\":\"me\",\"exp\":1100,\"nbf\":null,\"iat\":null}", OIDC_REASON_NONE},
        {"{\"aud\":\"me\",\"exp\":null}", OIDC_REASON_EXPIRED},
        {"{\"aud\":null,\"exp\":1100}", OIDC_REASON_AUDIENCE},
        {"{\"aud\":\"me\",\"exp\":true}", OIDC_REASON_CLAIMS},
        {"{\"aud\":\"me\",\"exp\":9e19}", OIDC_REASON_CLAIMS},
        {"{\"aud\":\"me\",\"exp\":253402300799}", OIDC_REASON_NONE},
        {"{\"aud\":\"me\",\"exp\":1100,\"iat\":\"1000\"}", OIDC_REASON_CLAIMS},
        {"{\"aud\":[\"me\",\"me\"],\"exp\":1100}", OIDC_REASON_NONE},
        {"{\"aud\":[[\"me\"]],\"exp\":1100}", OIDC_REASON_AUDIENCE},
        {"{\"aud\":{\"me\":\"me\"},\"exp\":1100}", OIDC_REASON_AUDIENCE},
        {"{\"aud\":\"ME\",\"exp\":1100}", OIDC_REASON_AUDIENCE},
        {"{\"aud\":\"\",\"exp\":1100}", OIDC_REASON_AUDIENCE},
        {"{\"aud\":\"mem\",\"exp\":1100}", OIDC_REASON_AUDIENCE},
        {"{\"aud\":\"me\",\"exp\":930}", OIDC_REASON_EXPIRED},
        {"{\"aud\":\"me\"}", OIDC_REASON_EXPIRED},
        {"{\"aud\":\"me\",\"exp\":\"1100\"}", OIDC_REASON_CLAIMS},
        {"{\"aud\":\"me\",\"exp\":1e300}", OIDC_REASON_CLAIMS},
        {"{\"aud\":\"me\",\"exp\":-5}", OIDC_REASON_CLAIMS},
        {"{\"aud\":\"me\",\"exp\":1100,\"nbf\":1070}", OIDC_REASON_NOT_YET},
        {"{\"aud\":\"me\",\"exp\":1100,\"iat\":1070}", OIDC_REASON_NOT_YET},
        {"{\"aud\":\"you\",\"exp\":1100}", OIDC_REASON_AUDIENCE},
        {"{\"aud\":\"me \",\"exp\":1100}", OIDC_REASON_AUDIENCE},
        {"{\"aud\":[],\"exp\":1100}", OIDC_REASON_AUDIENCE},
        {"{\"aud\":[\"me\",7],\"exp\":1100}", OIDC_REASON_AUDIENCE},
        {"{\"exp\":1100}", OIDC_REASON_AUDIENCE},
    };
    struct oidc_options o;
    oidc_options_default(&o);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *claims = json_loads(rows[i].claims, 0, NULL);
        enum oidc_reason reason;
        struct tm_err e = {0};
        int rc = oidc_claims_check(claims, "me", &o, 1000, &reason, &e);
        if (reason != rows[i].reason || (rc == 0) != (reason == OIDC_REASON_NONE))
            fail_msg("row %zu: %s: %s", i, oidc_reason_name(reason), e.text);
        json_decref(claims);
    }
}

static void a_maximum_age_needs_iat(void **state)
{
    (void)state;
    static const struct {
        const char *claims;
        enum oidc_reason reason;
    } rows[] = {
        {"{\"aud\":\"me\",\"exp\":1100,\"iat\":900}", OIDC_REASON_NONE},
        {"{\"aud\":\"me\",\"exp\":1100,\"iat\":640}", OIDC_REASON_NONE}, /* 300 and the skew */
        {"{\"aud\":\"me\",\"exp\":1100,\"iat\":639}", OIDC_REASON_EXPIRED},
        {"{\"aud\":\"me\",\"exp\":1100}", OIDC_REASON_EXPIRED},
    };
    struct oidc_options o;
    oidc_options_default(&o);
    o.max_age_s = 300;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *claims = json_loads(rows[i].claims, 0, NULL);
        enum oidc_reason reason;
        struct tm_err e = {0};
        oidc_claims_check(claims, "me", &o, 1000, &reason, &e);
        if (reason != rows[i].reason)
            fail_msg("row %zu: %s: %s", i, oidc_reason_name(reason), e.text);
        json_decref(claims);
    }
}

/* A private key, and its public half as a key set. */
struct pair {
    EVP_PKEY *key;
    char *pem;
    struct oidc_jwks *set;
};

static void put_bn(EVP_PKEY *key, const char *name, size_t width, struct tm_buf *out)
{
    BIGNUM *n = NULL;
    unsigned char bytes[512];
    assert_int_equal(EVP_PKEY_get_bn_param(key, name, &n), 1);
    int len = BN_bn2binpad(n, bytes, width != 0 ? (int)width : BN_num_bytes(n));
    tm_b64_encode(B64_URL_BARE, bytes, (size_t)len, out);
    BN_free(n);
}

static struct pair make_pair(EVP_PKEY *key, const char *crv, size_t width)
{
    struct pair p = {.key = key};
    struct tm_buf json = {0};
    tm_buf_puts(&json, "{\"keys\":[{\"kid\":\"k\",");
    if (crv != NULL) {
        tm_buf_printf(&json, "\"kty\":\"EC\",\"crv\":\"%s\",\"x\":\"", crv);
        put_bn(key, OSSL_PKEY_PARAM_EC_PUB_X, width, &json);
        tm_buf_puts(&json, "\",\"y\":\"");
        put_bn(key, OSSL_PKEY_PARAM_EC_PUB_Y, width, &json);
    } else {
        tm_buf_puts(&json, "\"kty\":\"RSA\",\"n\":\"");
        put_bn(key, OSSL_PKEY_PARAM_RSA_N, 0, &json);
        tm_buf_puts(&json, "\",\"e\":\"");
        put_bn(key, OSSL_PKEY_PARAM_RSA_E, 0, &json);
    }
    tm_buf_puts(&json, "\"}]}");
    struct tm_err e = {0};
    p.set = oidc_jwks_parse(tm_buf_str(&json), json.len, NULL, &e);
    if (p.set == NULL)
        fail_msg("%s", e.text);
    tm_buf_free(&json);
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    long len = BIO_get_mem_data(bio, &data);
    p.pem = strndup(data, (size_t)len);
    BIO_free(bio);
    return p;
}

static void free_pair(struct pair *p)
{
    oidc_jwks_unref(p->set);
    EVP_PKEY_free(p->key);
    free(p->pem);
}

static char *mint(const struct pair *p, jwt_alg_t alg)
{
    jwt_t *jwt = NULL;
    assert_int_equal(jwt_new(&jwt), 0);
    jwt_add_header(jwt, "kid", "k");
    jwt_add_grant(jwt, "iss", "https://a.example.com");
    assert_int_equal(jwt_set_alg(jwt, alg, (const unsigned char *)p->pem, (int)strlen(p->pem)), 0);
    char *text = jwt_encode_str(jwt);
    jwt_free(jwt);
    assert_non_null(text);
    return text;
}

/* Both engines' answer on this token by this set's key: 1, 0, or a failed test when they differ. */
static int ask_both(const char *text, const struct oidc_jwks *set)
{
    struct oidc_token t;
    enum oidc_reason reason;
    struct tm_err e = {0};
    if (oidc_token_parse(text, strlen(text), &t, &reason, &e) != 0)
        return 0;
    size_t at = 0;
    const struct oidc_jwk *key = oidc_jwks_next(set, t.kid, t.alg, &at);
    bool native = key != NULL && oidc_signature_verify(OIDC_ENGINE_CACHED_KEY, &t, key);
    bool libjwt = key != NULL && oidc_signature_verify(OIDC_ENGINE_LIBJWT, &t, key);
    if (native != libjwt)
        fail_msg("engines differ on %s: %d %d", oidc_alg_table[t.alg].name, native, libjwt);
    oidc_token_free(&t);
    return native;
}

static void both_engines_give_the_same_answers(void **state)
{
    (void)state;
    static const struct {
        jwt_alg_t alg;
        const char *group;
        const char *crv;
        size_t width;
    } rows[] = {
        {JWT_ALG_RS256, NULL, NULL, 0},        {JWT_ALG_RS384, NULL, NULL, 0},
        {JWT_ALG_RS512, NULL, NULL, 0},        {JWT_ALG_ES256, "P-256", "P-256", 32},
        {JWT_ALG_ES384, "P-384", "P-384", 48}, {JWT_ALG_ES512, "P-521", "P-521", 66},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pair p =
            make_pair(rows[i].group != NULL ? EVP_EC_gen(rows[i].group) : EVP_RSA_gen(2048),
                      rows[i].crv, rows[i].width);
        struct pair q =
            make_pair(rows[i].group != NULL ? EVP_EC_gen(rows[i].group) : EVP_RSA_gen(2048),
                      rows[i].crv, rows[i].width);
        char *text = mint(&p, rows[i].alg);
        size_t len = strlen(text);
        assert_int_equal(ask_both(text, p.set), 1);
        assert_int_equal(ask_both(text, q.set), 0);
        for (size_t at = 0; at < len; at += 7) { /* every part gets tampered with */
            char kept = text[at];
            text[at] = kept == 'A' ? 'B' : 'A';
            assert_int_equal(ask_both(text, p.set), 0);
            text[at] = kept;
        }
        for (size_t cut = 1; cut < 12; cut++) {
            char *shorter = strndup(text, len - cut);
            assert_int_equal(ask_both(shorter, p.set), 0);
            free(shorter);
        }
        free(text);
        free_pair(&p);
        free_pair(&q);
    }
}

static double cost_us(enum oidc_engine engine, const struct oidc_token *t,
                      const struct oidc_jwk *key)
{
    struct timespec a;
    struct timespec b;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    for (int i = 0; i < 200; i++)
        assert_true(oidc_signature_verify(engine, t, key));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    return ((double)(b.tv_sec - a.tv_sec) * 1e6 + (double)(b.tv_nsec - a.tv_nsec) / 1e3) / 200;
}

static void engine_cost_is_measured(void **state)
{
    (void)state;
    struct pair p = make_pair(EVP_RSA_gen(2048), NULL, 0);
    char *text = mint(&p, JWT_ALG_RS256);
    struct oidc_token t;
    enum oidc_reason reason;
    struct tm_err e = {0};
    size_t at = 0;
    assert_int_equal(oidc_token_parse(text, strlen(text), &t, &reason, &e), 0);
    const struct oidc_jwk *key = oidc_jwks_next(p.set, "k", t.alg, &at);
    double native = cost_us(OIDC_ENGINE_CACHED_KEY, &t, key);
    double libjwt = cost_us(OIDC_ENGINE_LIBJWT, &t, key);
    print_message("RS256 verify: key decoded once %.1f us, libjwt %.1f us\n", native, libjwt);
    assert_true(native < libjwt);
    oidc_token_free(&t);
    free(text);
    free_pair(&p);
}

static void bad_keys_never_enter_a_set(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"keys\":[]}",
        "{\"keys\":{}}",
        "[]",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
        ("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
         "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\","
         "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\"}]}"),
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AAAA\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"AAAA\",\"y\":\"AAAA\"}]}",
        "{\"keys\":[7]}",
        "{\"keys\":[]} x",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct tm_err e = {0};
        assert_null(oidc_jwks_parse(bad[i], strlen(bad[i]), NULL, &e));
        assert_string_not_equal(e.text, "");
    }
}

static void discovery_demands_the_same_issuer(void **state)
{
    (void)state;
    struct tm_err e = {0};
    const char *doc =
        "{\"issuer\":\"https://a.example.com\",\"jwks_uri\":\"https://a.example.com/k\"}";
    char *uri = oidc_discovery_parse(doc, strlen(doc), "https://a.example.com", &e);
    assert_string_equal(uri, "https://a.example.com/k");
    free(uri);
    assert_null(oidc_discovery_parse(doc, strlen(doc), "https://a.example.com/", &e));
    assert_null(oidc_discovery_parse("{}", 2, "https://a.example.com", &e));
    static const char *const elsewhere[] = {
        "http://a.example.com/k",
        "http://127.0.0.1/k",
        "file:///etc/passwd",
        "gopher://127.0.0.1/k",
        "HTTPS://a/k",
        "//a/k",
        "/k",
        "",
    };
    for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), "{\"issuer\":\"https://a.example.com\",\"jwks_uri\":\"%s\"}",
                 elsewhere[i]);
        assert_null(oidc_discovery_parse(text, strlen(text), "https://a.example.com", &e));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_headers_and_shapes_are_refused),
        cmocka_unit_test(any_number_of_dots_but_two_is_refused_at_once),
        cmocka_unit_test(an_iss_longer_than_what_is_compared_is_refused),
        cmocka_unit_test(a_token_may_be_as_long_as_the_bound_and_no_longer),
        cmocka_unit_test(an_algorithm_fits_its_own_keys_only),
        cmocka_unit_test(claims_are_held_to_the_clock_and_audience),
        cmocka_unit_test(a_maximum_age_needs_iat),
        cmocka_unit_test(both_engines_give_the_same_answers),
        cmocka_unit_test(engine_cost_is_measured),
        cmocka_unit_test(bad_keys_never_enter_a_set),
        cmocka_unit_test(discovery_demands_the_same_issuer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
