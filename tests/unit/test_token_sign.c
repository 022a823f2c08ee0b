/* Every algorithm of the allow-list, signed by OpenSSL itself: what verifies, and what must not. */
#include "tests/support/cmocka_all.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "oidc/keys/jwks.h"
#include "oidc/token/alg.h"
#include "oidc/keys/signature.h"
#include "oidc/token/token.h"

static EVP_PKEY *keys[ALG_COUNT];   /* one of each row's type */
static EVP_PKEY *others[ALG_COUNT]; /* the same types, other keys */

static EVP_PKEY *fresh(int i)
{
    const struct oidc_alg *a = &oidc_alg_table[i];
    if (strcmp(a->key_type, "RSA") == 0)
        return EVP_RSA_gen(2048);
    if (a->ec_bits != 0)
        return EVP_EC_gen(a->ec_bits == 256 ? "P-256" : a->ec_bits == 384 ? "P-384" : "P-521");
    return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

static int make_keys(void **state)
{
    (void)state;
    for (int i = 0; i < ALG_COUNT; i++) {
        keys[i] = fresh(i);
        others[i] = fresh(i);
    }
    return 0;
}

static int free_keys(void **state)
{
    (void)state;
    for (int i = 0; i < ALG_COUNT; i++) {
        EVP_PKEY_free(keys[i]);
        EVP_PKEY_free(others[i]);
    }
    return 0;
}

static void put_bn(const EVP_PKEY *key, const char *name, size_t width, struct tm_buf *out)
{
    BIGNUM *n = NULL;
    unsigned char bytes[512];
    assert_int_equal(EVP_PKEY_get_bn_param(key, name, &n), 1);
    int len = BN_bn2binpad(n, bytes, width != 0 ? (int)width : BN_num_bytes(n));
    tm_b64_encode(B64_URL_BARE, bytes, (size_t)len, out);
    BN_free(n);
}

/* A key's own members; `more` are further ones, as "\"kid\":\"k\",". */
static void put_key(const EVP_PKEY *key, const char *more, struct tm_buf *json)
{
    int bits = EVP_PKEY_get_bits(key);
    tm_buf_printf(json, "{%s", more);
    if (EVP_PKEY_is_a(key, "RSA")) {
        tm_buf_puts(json, "\"kty\":\"RSA\",\"n\":\"");
        put_bn(key, OSSL_PKEY_PARAM_RSA_N, 0, json);
        tm_buf_puts(json, "\",\"e\":\"");
        put_bn(key, OSSL_PKEY_PARAM_RSA_E, 0, json);
    } else if (EVP_PKEY_is_a(key, "EC")) {
        size_t width = ((size_t)bits + 7) / 8;
        tm_buf_printf(json, "\"kty\":\"EC\",\"crv\":\"P-%d\",\"x\":\"", bits);
        put_bn(key, OSSL_PKEY_PARAM_EC_PUB_X, width, json);
        tm_buf_puts(json, "\",\"y\":\"");
        put_bn(key, OSSL_PKEY_PARAM_EC_PUB_Y, width, json);
    } else {
        unsigned char raw[32];
        size_t len = sizeof(raw);
        assert_int_equal(EVP_PKEY_get_raw_public_key(key, raw, &len), 1);
        tm_buf_puts(json, "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"");
        tm_b64_encode(B64_URL_BARE, raw, len, json);
    }
    tm_buf_puts(json, "\"}");
}

/* `extra` is more members, e.g. ",\"alg\":\"RS256\"". NULL when the set has no usable key. */
static struct oidc_jwks *set_of(const EVP_PKEY *key, const char *extra)
{
    struct tm_buf json = {0};
    struct tm_err e = {0};
    char more[200];
    snprintf(more, sizeof(more), "\"kid\":\"k\"%s,", extra);
    tm_buf_puts(&json, "{\"keys\":[");
    put_key(key, more, &json);
    tm_buf_puts(&json, "]}");
    struct oidc_jwks *set = oidc_jwks_parse(tm_buf_str(&json), json.len, NULL, &e);
    tm_buf_free(&json);
    return set;
}

static void keys_that_are_not_for_us_are_left_out(void **state)
{
    (void)state;
    static const struct {
        const char *more;
        bool usable;
    } rows[] = {
        {",\"use\":\"sig\"", true},
        {",\"use\":\"enc\"", false},
        {",\"use\":7", false},
        {",\"key_ops\":[\"verify\"]", true},
        {",\"key_ops\":[\"sign\",\"verify\"]", true},
        {",\"key_ops\":[\"encrypt\"]", false},
        {",\"key_ops\":\"verify\"", false},
        {",\"key_ops\":[]", false},
        {",\"d\":\"AAAA\"", false}, /* whoever reads the set could sign */
        {",\"d\":null", false},
        {",\"alg\":\"HS256\"", false},
        {",\"x5c\":[\"AAAA\"],\"x5t\":\"b\"", true},
    };
    EVP_PKEY *key = EVP_EC_gen("P-256");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct oidc_jwks *set = set_of(key, rows[i].more);
        if ((set != NULL) != rows[i].usable)
            fail_msg("%s", rows[i].more);
        oidc_jwks_unref(set);
    }
    EVP_PKEY_free(key);
}

/* header.payload; `more_claims` are further members, as ",\"n\":1". */
static void compose(const char *header, const char *more_claims, struct tm_buf *out)
{
    struct tm_buf part = {0};
    tm_b64_encode(B64_URL_BARE, header, strlen(header), out);
    buf_putc(out, '.');
    tm_buf_printf(&part, "{\"iss\":\"https://a.example.com\",\"sub\":\"s\"%s}", more_claims);
    tm_b64_encode(B64_URL_BARE, part.data, part.len, out);
    tm_buf_free(&part);
}

/* The same for alg name and key k; `more_header` as ",\"typ\":1". */
static void signing_input_with(const char *alg, const char *more_header, const char *more_claims,
                               struct tm_buf *out)
{
    char header[200];
    snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"kid\":\"k\"%s}", alg, more_header);
    compose(header, more_claims, out);
}

static void signing_input(const char *alg, struct tm_buf *out)
{
    signing_input_with(alg, "", "", out);
}

/* Signs as row `how` says, whatever the header claims; salt < 0: as long as the hash. */
static void sign(EVP_PKEY *key, int how, int salt, const struct tm_buf *input, struct tm_buf *sig)
{
    const struct oidc_alg *a = &oidc_alg_table[how];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    unsigned char out[1024];
    size_t len = sizeof(out);
    assert_int_equal(EVP_DigestSignInit_ex(ctx, &pctx, a->digest, NULL, NULL, key, NULL), 1);
    if (a->pss) {
        EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, salt < 0 ? RSA_PSS_SALTLEN_DIGEST : salt);
    }
    assert_int_equal(EVP_DigestSign(ctx, out, &len, input->data, input->len), 1);
    EVP_MD_CTX_free(ctx);
    if (!EVP_PKEY_is_a(key, "EC")) {
        tm_buf_append(sig, out, len);
        return;
    }
    const unsigned char *p = out;
    ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &p, (long)len);
    int width = (EVP_PKEY_get_bits(key) + 7) / 8;
    unsigned char *to = tm_buf_reserve(sig, 2 * (size_t)width);
    BN_bn2binpad(ECDSA_SIG_get0_r(parsed), to, width);
    BN_bn2binpad(ECDSA_SIG_get0_s(parsed), to + width, width);
    sig->len += 2 * (size_t)width;
    ECDSA_SIG_free(parsed);
}

/* What both engines say of header alg + signature bytes under this set: they must agree on each key
 * that the header lets them try. */
static bool accepted(const struct oidc_jwks *set, const struct tm_buf *input, const void *sig,
                     size_t len)
{
    struct tm_buf text = {0};
    struct oidc_token t;
    enum oidc_reason reason;
    struct tm_err e = {0};
    size_t at = 0;
    bool yes = false;
    tm_buf_append(&text, input->data, input->len);
    buf_putc(&text, '.');
    tm_b64_encode(B64_URL_BARE, sig, len, &text);
    if (oidc_token_parse((const char *)text.data, text.len, &t, &reason, &e) == 0) {
        const struct oidc_jwk *k;
        while (set != NULL && (k = oidc_jwks_next(set, t.kid, t.alg, &at)) != NULL) {
            bool cached = oidc_signature_verify(OIDC_ENGINE_CACHED_KEY, &t, k);
            assert_int_equal(cached, oidc_signature_verify(OIDC_ENGINE_LIBJWT, &t, k));
            yes = yes || cached;
        }
        oidc_token_free(&t);
    }
    tm_buf_free(&text);
    return yes;
}

static void every_algorithm_verifies_its_own_and_nothing_tampered(void **state)
{
    (void)state;
    for (int i = 0; i < ALG_COUNT; i++) {
        struct tm_buf input = {0};
        struct tm_buf sig = {0};
        struct oidc_jwks *set = set_of(keys[i], "");
        struct oidc_jwks *other = set_of(others[i], "");
        signing_input(oidc_alg_table[i].name, &input);
        sign(keys[i], i, -1, &input, &sig);
        if (!accepted(set, &input, sig.data, sig.len))
            fail_msg("%s is not accepted", oidc_alg_table[i].name);
        assert_false(accepted(other, &input, sig.data, sig.len));
        for (size_t at = 0; at < sig.len; at += 5) {
            sig.data[at] ^= 0x10;
            if (accepted(set, &input, sig.data, sig.len))
                fail_msg("%s: byte %zu does not matter", oidc_alg_table[i].name, at);
            sig.data[at] ^= 0x10;
        }
        for (size_t at = 0; at < input.len; at += 9) {
            unsigned char kept = input.data[at];
            input.data[at] = kept == 'A' ? 'B' : 'A';
            assert_false(accepted(set, &input, sig.data, sig.len));
            input.data[at] = kept;
        }
        for (size_t cut = 1; cut < sig.len; cut += 13) /* shorter */
            assert_false(accepted(set, &input, sig.data, sig.len - cut));
        buf_putc(&sig, 0); /* longer */
        assert_false(accepted(set, &input, sig.data, sig.len));
        assert_false(accepted(set, &input, "", 0));
        oidc_jwks_unref(set);
        oidc_jwks_unref(other);
        tm_buf_free(&input);
        tm_buf_free(&sig);
    }
}

/* accepted() holds the engines to one answer; whatever stands beside alg and kid, it is the
 * signature's. */
static void neither_engine_has_rules_of_its_own(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "",
        ",\"typ\":\"JWT\"",
        ",\"typ\":\"jwt\"",
        ",\"typ\":\"at+jwt\"",
        ",\"typ\":\"application/jwt\"",
        ",\"typ\":\"JOSE\"",
        ",\"typ\":\"\"",
        ",\"typ\":7",
        ",\"typ\":null",
        ",\"typ\":[\"JWT\"]",
        ",\"cty\":\"JWT\",\"x5t\":\"AA\",\"n\":{\"a\":[null,1.5]}",
        ",\"n\":12345678901234567890",
        ",\"n\":1e999",
        ",\"\":\"\\u00e9\\ud83d\\ude00\"",
    };
    static const char *const claims[] = {
        "",
        ",\"n\":12345678901234567890",
        ",\"n\":-1e999,\"exp\":\"x\",\"nbf\":null",
        ",\"aud\":[[]],\"\":{\"\":[]},\"e\":\"\xc3\xa9\"",
    };
    for (int i = 0; i < ALG_COUNT; i++) {
        struct oidc_jwks *set = set_of(keys[i], "");
        struct oidc_jwks *other = set_of(others[i], "");
        for (size_t k = 0; k < sizeof(headers) / sizeof(headers[0]); k++) {
            for (size_t c = 0; c < sizeof(claims) / sizeof(claims[0]); c++) {
                struct tm_buf input = {0};
                struct tm_buf sig = {0};
                signing_input_with(oidc_alg_table[i].name, headers[k], claims[c], &input);
                sign(keys[i], i, -1, &input, &sig);
                if (!accepted(set, &input, sig.data, sig.len))
                    fail_msg("%s is not accepted with %s and %s", oidc_alg_table[i].name,
                             headers[k], claims[c]);
                assert_false(accepted(other, &input, sig.data, sig.len));
                sig.data[sig.len / 2] ^= 1;
                assert_false(accepted(set, &input, sig.data, sig.len));
                tm_buf_free(&input);
                tm_buf_free(&sig);
            }
        }
        oidc_jwks_unref(set);
        oidc_jwks_unref(other);
    }
}

/* Which keys of a set a header lets the engines try. */
enum { FOR_K = 1, FOR_J = 2, FOR_NONE = 4 }; /* kid k, kid j, no kid */

static const struct {
    const char *more;
    unsigned asks; /* 0: refused as a whole */
} headers_by_kid[] = {
    {",\"kid\":\"k\"", FOR_K},
    {",\"kid\":\"j\",\"typ\":\"application/jwt\"", FOR_J},
    {",\"typ\":\"at+jwt\"", FOR_NONE},
    {",\"kid\":\"\\u006b\",\"typ\":\"JOSE\"", FOR_K},
    {",\"cty\":\"jwk+json\",\"kid\":\"k\"", FOR_K},
    {",\"kid\":\"K\"", 0},
    {",\"kid\":\"\"", 0},
    {",\"kid\":\"k \"", 0},
    {",\"kid\":\"k\\u0000\"", 0},
    {",\"kid\":\"k\",\"kid\":\"k\"", 0},
    {",\"kid\":null", 0},
    {",\"kid\":7", 0},
    {",\"kid\":[\"k\"]", 0},
    {",\"alg\":\"RS256\"", 0},
    {",\"crit\":[\"b64\"],\"b64\":true", 0},
    {",\"crit\":[]", 0},
    {",\"b64\":true", 0},
    {",\"b64\":false", 0},
    {",\"zip\":\"DEF\"", 0},
    {",\"jwk\":{}", 0},
    {",\"jku\":\"https://a.example.com\"", 0},
    {",\"x5c\":[]", 0},
};

/* A set: the signer's key and another of its kind, with members; "@" is the token's algorithm, "!"
 * one that it is not. */
static const struct {
    struct {
        bool right;
        const char *more;
    } key[3];
    unsigned good; /* who verifies with it */
} sets[] = {
    {{{true, "\"kid\":\"k\","}}, FOR_K | FOR_NONE},
    {{{true, "\"kid\":\"j\","}}, FOR_J | FOR_NONE},
    {{{true, "\"use\":\"sig\","}}, FOR_NONE},
    {{{true, "\"kid\":null,"}}, FOR_NONE},
    {{{true, "\"kid\":7,"}}, 0},
    {{{false, "\"kid\":\"k\","}, {true, "\"kid\":\"k\","}}, FOR_K | FOR_NONE},
    {{{true, "\"kid\":\"k\","}, {false, "\"kid\":\"k\","}}, FOR_K | FOR_NONE},
    {{{false, "\"kid\":\"k\","}, {true, "\"kid\":\"j\","}}, FOR_J | FOR_NONE},
    {{{false, "\"kid\":\"k\","}, {false, "\"kid\":\"j\","}, {true, ""}}, FOR_NONE},
    {{{true, "\"kid\":\"k\",\"alg\":\"@\","}}, FOR_K | FOR_NONE},
    {{{true, "\"kid\":\"k\",\"alg\":null,"}}, FOR_K | FOR_NONE},
    {{{true, "\"kid\":\"k\",\"alg\":\"!\","}}, 0},
    {{{true, "\"kid\":\"k\",\"alg\":7,"}}, 0},
    {{{true, "\"kid\":\"k\",\"alg\":\"!\","}, {true, "\"kid\":\"k\",\"alg\":\"@\","}},
     FOR_K | FOR_NONE},
    {{{true, "\"kid\":\"k\",\"use\":\"enc\","}, {true, "\"kid\":\"j\",\"use\":\"sig\","}},
     FOR_J | FOR_NONE},
    {{{true, "\"kid\":\"k\",\"key_ops\":[\"sign\"],"}, {false, "\"kid\":\"k\","}}, 0},
    {{{true, "\"kid\":\"k\",\"key_ops\":[\"verify\"],"}, {false, "\"kid\":\"k\","}},
     FOR_K | FOR_NONE},
    {{{true, "\"kid\":\"k\",\"key_ops\":[\"verify\"],\"use\":\"enc\","}}, 0},
    {{{true, "\"kid\":\"k\",\"d\":\"AA\","}, {false, "\"kid\":\"j\","}}, 0},
};

#define SETS (sizeof(sets) / sizeof(sets[0]))

/* "@" becomes the name of row `alg`, "!" that of the next. */
static const char *filled(const char *more, int alg, char out[200])
{
    char *to = out;
    for (; *more != '\0'; more++) {
        int row = *more == '@' ? alg : (alg + 1) % ALG_COUNT;
        if (*more == '@' || *more == '!')
            to += sprintf(to, "%s", oidc_alg_table[row].name);
        else
            *to++ = *more;
    }
    *to = '\0';
    return out;
}

static struct oidc_jwks *set_by_row(size_t row, int alg)
{
    struct tm_buf json = {0};
    struct tm_err e = {0};
    char more[200];
    tm_buf_puts(&json, "{\"keys\":[");
    for (size_t i = 0; i < 3 && sets[row].key[i].more != NULL; i++) {
        if (i > 0)
            buf_putc(&json, ',');
        put_key(sets[row].key[i].right ? keys[alg] : others[alg],
                filled(sets[row].key[i].more, alg, more), &json);
    }
    tm_buf_puts(&json, "]}");
    struct oidc_jwks *set = oidc_jwks_parse(tm_buf_str(&json), json.len, NULL, &e);
    tm_buf_free(&json);
    return set;
}

/* One signed token per form of header, under each of the sets. */
static void try_headers(int alg, struct oidc_jwks *const set[])
{
    for (size_t h = 0; h < sizeof(headers_by_kid) / sizeof(headers_by_kid[0]); h++) {
        char header[200];
        struct tm_buf input = {0};
        struct tm_buf sig = {0};
        snprintf(header, sizeof(header), "{\"alg\":\"%s\"%s}", oidc_alg_table[alg].name,
                 headers_by_kid[h].more);
        compose(header, "", &input);
        sign(keys[alg], alg, -1, &input, &sig);
        for (size_t k = 0; k < SETS; k++) {
            bool wanted = (headers_by_kid[h].asks & sets[k].good) != 0;
            if (accepted(set[k], &input, sig.data, sig.len) != wanted)
                fail_msg("%s with set %zu: not %s", header, k, wanted ? "taken" : "refused");
        }
        tm_buf_free(&input);
        tm_buf_free(&sig);
    }
}

/* Every algorithm, every form of header, every form of set: the answer that the tables say, of both
 * engines. */
static void the_engines_agree_on_every_header_with_every_key_set(void **state)
{
    (void)state;
    for (int alg = 0; alg < ALG_COUNT; alg++) {
        struct oidc_jwks *set[SETS];
        for (size_t k = 0; k < SETS; k++)
            set[k] = set_by_row(k, alg);
        try_headers(alg, set);
        for (size_t k = 0; k < SETS; k++)
            oidc_jwks_unref(set[k]);
    }
}

/* Keys of every kind, each under each algorithm's name: a set of many must not confuse an engine.
 */
static void the_engines_agree_on_each_key_for_each_algorithm(void **state)
{
    (void)state;
    for (int i = 0; i < ALG_COUNT; i++) {
        for (int k = 0; k < ALG_COUNT; k++) {
            char only[32];
            struct tm_buf input = {0};
            struct tm_buf sig = {0};
            snprintf(only, sizeof(only), ",\"alg\":\"%s\"", oidc_alg_table[k].name);
            struct oidc_jwks *set = set_of(keys[i], only);
            signing_input_with(oidc_alg_table[k].name, ",\"typ\":\"at+jwt\"", "", &input);
            sign(keys[i], i, -1, &input, &sig);
            bool yes = accepted(set, &input, sig.data, sig.len);
            assert_int_equal(yes, i == k);
            oidc_jwks_unref(set);
            tm_buf_free(&input);
            tm_buf_free(&sig);
        }
    }
}

/* The header says one algorithm, the signature was made by another: never accepted, whether the
 * key is of the right type or not. */
static void no_algorithm_is_taken_for_another(void **state)
{
    (void)state;
    for (int said = 0; said < ALG_COUNT; said++) {
        for (int done = 0; done < ALG_COUNT; done++) {
            if (said == done)
                continue;
            struct tm_buf input = {0};
            struct tm_buf sig = {0};
            struct oidc_jwks *set = set_of(keys[done], "");
            struct oidc_jwks *expected = set_of(keys[said], "");
            signing_input(oidc_alg_table[said].name, &input);
            sign(keys[done], done, -1, &input, &sig);
            if (accepted(set, &input, sig.data, sig.len) ||
                accepted(expected, &input, sig.data, sig.len))
                fail_msg("%s passes for %s", oidc_alg_table[done].name, oidc_alg_table[said].name);
            oidc_jwks_unref(set);
            oidc_jwks_unref(expected);
            tm_buf_free(&input);
            tm_buf_free(&sig);
        }
    }
}

static void a_keys_own_alg_and_use_narrow_it(void **state)
{
    (void)state;
    int rs256 = oidc_alg_find("RS256");
    struct tm_buf input = {0};
    struct tm_buf sig = {0};
    signing_input("RS256", &input);
    sign(keys[rs256], rs256, -1, &input, &sig);
    static const struct {
        const char *extra;
        bool good;
    } rows[] = {
        {",\"alg\":\"RS256\",\"use\":\"sig\"", true},
        {",\"alg\":\"RS384\"", false},
        {",\"alg\":\"PS256\"", false},
        {",\"alg\":\"RSA-OAEP\"", false},
        {",\"alg\":\"HS256\"", false},
        {",\"alg\":\"none\"", false},
        {",\"alg\":\"ES256\"", false},
        {",\"use\":\"enc\"", false},
        {",\"use\":7", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct oidc_jwks *set = set_of(keys[rs256], rows[i].extra);
        if (accepted(set, &input, sig.data, sig.len) != rows[i].good)
            fail_msg("%s", rows[i].extra);
        oidc_jwks_unref(set);
    }
    tm_buf_free(&input);
    tm_buf_free(&sig);
}

static void pss_salts_have_the_hashs_length(void **state)
{
    (void)state;
    static const int salts[] = {0, 20, 31, 33, 64};
    int ps256 = oidc_alg_find("PS256");
    struct oidc_jwks *set = set_of(keys[ps256], "");
    struct tm_buf input = {0};
    signing_input("PS256", &input);
    for (size_t i = 0; i < sizeof(salts) / sizeof(salts[0]); i++) {
        struct tm_buf sig = {0};
        sign(keys[ps256], ps256, salts[i], &input, &sig);
        assert_false(accepted(set, &input, sig.data, sig.len));
        tm_buf_free(&sig);
    }
    oidc_jwks_unref(set);
    tm_buf_free(&input);
}

static void degenerate_ecdsa_signatures_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"ES256", "ES384", "ES512"};
    for (size_t i = 0; i < 3; i++) {
        int a = oidc_alg_find(names[i]);
        struct oidc_jwks *set = set_of(keys[a], "");
        struct tm_buf input = {0};
        unsigned char zero[2 * 66] = {0};
        unsigned char ones[2 * 66];
        size_t len = 2 * (((size_t)oidc_alg_table[a].ec_bits + 7) / 8);
        memset(ones, 0xff, sizeof(ones));
        signing_input(names[i], &input);
        assert_false(accepted(set, &input, zero, len)); /* r = s = 0 */
        assert_false(accepted(set, &input, ones, len)); /* over the order */
        zero[len / 2 - 1] = 1;
        assert_false(accepted(set, &input, zero, len)); /* r = 1, s = 0 */
        unsigned char der[256]; /* what OpenSSL makes is DER, which JOSE does not have */
        size_t der_len = sizeof(der);
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        EVP_DigestSignInit_ex(ctx, NULL, oidc_alg_table[a].digest, NULL, NULL, keys[a], NULL);
        EVP_DigestSign(ctx, der, &der_len, input.data, input.len);
        EVP_MD_CTX_free(ctx);
        assert_false(accepted(set, &input, der, der_len));
        oidc_jwks_unref(set);
        tm_buf_free(&input);
    }
}

/* The classic: the public key's bytes as an HMAC secret. */
static void hmac_with_the_public_key_is_refused(void **state)
{
    (void)state;
    int rs256 = oidc_alg_find("RS256");
    struct oidc_jwks *set = set_of(keys[rs256], "");
    size_t at = 0;
    const struct oidc_jwk *k = oidc_jwks_next(set, "k", rs256, &at);
    struct tm_buf input = {0};
    unsigned char mac[64];
    size_t len = 0;
    signing_input("HS256", &input);
    assert_non_null(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, k->pem, strlen(k->pem),
                              input.data, input.len, mac, sizeof(mac), &len));
    assert_false(accepted(set, &input, mac, len));
    oidc_jwks_unref(set);
    tm_buf_free(&input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_that_are_not_for_us_are_left_out),
        cmocka_unit_test(every_algorithm_verifies_its_own_and_nothing_tampered),
        cmocka_unit_test(neither_engine_has_rules_of_its_own),
        cmocka_unit_test(the_engines_agree_on_every_header_with_every_key_set),
        cmocka_unit_test(the_engines_agree_on_each_key_for_each_algorithm),
        cmocka_unit_test(no_algorithm_is_taken_for_another),
        cmocka_unit_test(a_keys_own_alg_and_use_narrow_it),
        cmocka_unit_test(pss_salts_have_the_hashs_length),
        cmocka_unit_test(degenerate_ecdsa_signatures_are_refused),
        cmocka_unit_test(hmac_with_the_public_key_is_refused),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
