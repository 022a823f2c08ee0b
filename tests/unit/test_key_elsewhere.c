/* Keys whose signatures another makes, and the texts that say where keys are. */
#include "tests/support/cmocka_all.h"

#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/key/key.h"

/* ---- a service of the test's own ---- */

struct service {
    EVP_PKEY *key;     /* whose signatures it makes */
    const char *fault; /* it makes none, and says so */
    unsigned asked;
    struct tm_key_ask last;
};

static int make(EVP_PKEY_CTX *ctx, const struct tm_key_ask *a, struct tm_buf *sig)
{
    unsigned char out[1024];
    size_t len = sizeof(out);
    bool ok =
        EVP_PKEY_sign_init(ctx) == 1 &&
        EVP_PKEY_CTX_set_signature_md(ctx, EVP_get_digestbyname(tm_key_hash_name(a->hash))) == 1 &&
        (a->scheme != KEY_SIGN_PSS ||
         (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
          EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1)) &&
        EVP_PKEY_sign(ctx, out, &len, a->data, a->len) == 1;
    if (ok)
        tm_buf_append(sig, out, len);
    return ok ? 0 : -1;
}

static int sign(void *ctx, const struct tm_key_ask *a, struct tm_buf *sig, struct tm_err *e)
{
    struct service *s = ctx;
    unsigned char out[64];
    size_t len = sizeof(out);
    s->asked++;
    s->last = *a;
    if (s->fault != NULL)
        return tm_err_set(e, "%s", s->fault);
    if (a->scheme == KEY_SIGN_ED25519) {
        EVP_MD_CTX *c = EVP_MD_CTX_new();
        assert_int_equal(EVP_DigestSignInit(c, NULL, NULL, NULL, s->key), 1);
        assert_int_equal(EVP_DigestSign(c, out, &len, a->data, a->len), 1);
        EVP_MD_CTX_free(c);
        tm_buf_append(sig, out, len);
        return 0;
    }
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(s->key, NULL);
    int rc = make(c, a, sig);
    EVP_PKEY_CTX_free(c);
    return rc;
}

static EVP_PKEY *public_half(EVP_PKEY *key)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    const unsigned char *p = der;
    EVP_PKEY *pub = len > 0 ? d2i_PUBKEY(NULL, &p, len) : NULL;
    assert_non_null(pub);
    OPENSSL_free(der);
    return pub;
}

static EVP_PKEY *generate(const char *type)
{
    if (strcmp(type, "ED25519") == 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, type);
    return strcmp(type, "RSA") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
                                    : EVP_PKEY_Q_keygen(NULL, NULL, "EC", type);
}

static const struct kind {
    const char *type, *hash;
    bool pss;
    enum tm_key_scheme scheme;
    enum tm_key_hash asked;
} kinds[] = {
    {"P-256", "SHA256", false, KEY_SIGN_ECDSA, KEY_SHA256},
    {"P-384", "SHA384", false, KEY_SIGN_ECDSA, KEY_SHA384},
    {"P-521", "SHA512", false, KEY_SIGN_ECDSA, KEY_SHA512},
    {"RSA", "SHA256", false, KEY_SIGN_PKCS1, KEY_SHA256},
    {"RSA", "SHA256", true, KEY_SIGN_PSS, KEY_SHA256},
    {"ED25519", NULL, false, KEY_SIGN_ED25519, KEY_NO_HASH},
};

/* The signature's length, 0: none was made. */
static size_t sign_text(EVP_PKEY *key, const struct kind *k, const char *text,
                        unsigned char out[1024])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_MD_CTX *copy = EVP_MD_CTX_new();
    EVP_PKEY_CTX *p = NULL;
    size_t len = 1024;
    bool ok = EVP_DigestSignInit_ex(ctx, &p, k->hash, NULL, NULL, key, NULL) == 1 &&
              (!k->pss || (EVP_PKEY_CTX_set_rsa_padding(p, RSA_PKCS1_PSS_PADDING) == 1 &&
                           EVP_PKEY_CTX_set_rsa_pss_saltlen(p, RSA_PSS_SALTLEN_DIGEST) == 1)) &&
              EVP_MD_CTX_copy_ex(copy, ctx) == 1 &&
              EVP_DigestSign(copy, out, &len, (const unsigned char *)text, strlen(text)) == 1;
    EVP_MD_CTX_free(copy);
    EVP_MD_CTX_free(ctx);
    return ok ? len : 0;
}

static bool verifies(EVP_PKEY *key, const struct kind *k, const char *text,
                     const unsigned char *sig, size_t len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *p = NULL;
    bool ok = EVP_DigestVerifyInit_ex(ctx, &p, k->hash, NULL, NULL, key, NULL) == 1 &&
              (!k->pss || (EVP_PKEY_CTX_set_rsa_padding(p, RSA_PKCS1_PSS_PADDING) == 1 &&
                           EVP_PKEY_CTX_set_rsa_pss_saltlen(p, RSA_PSS_SALTLEN_DIGEST) == 1)) &&
              EVP_DigestVerify(ctx, sig, len, (const unsigned char *)text, strlen(text)) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

static EVP_PKEY *must_wrap(struct service *s)
{
    struct tm_err e = {0};
    EVP_PKEY *pub = public_half(s->key);
    EVP_PKEY *outer = tm_key_elsewhere(pub, sign, s, &e);
    if (outer == NULL)
        fail_msg("%s", e.text);
    EVP_PKEY_free(pub);
    return outer;
}

static void each_kind_of_key_signs_elsewhere_what_openssl_verifies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        unsigned char sig[1024];
        struct service s = {.key = generate(kinds[i].type)};
        EVP_PKEY *outer = must_wrap(&s);
        EVP_PKEY *pub = public_half(outer); /* encodes it, too */
        assert_int_equal(EVP_PKEY_eq(pub, s.key), 1);
        assert_int_equal(EVP_PKEY_eq(outer, pub), 1);
        assert_int_equal(EVP_PKEY_eq(pub, outer), 1);
        assert_int_equal(EVP_PKEY_get_size(outer), EVP_PKEY_get_size(pub));
        assert_int_equal(EVP_PKEY_get_base_id(outer), EVP_PKEY_get_base_id(pub));
        size_t len = sign_text(outer, &kinds[i], "far away", sig);
        assert_true(len > 0);
        assert_int_equal(s.asked, 1);
        assert_int_equal(s.last.scheme, kinds[i].scheme);
        assert_int_equal(s.last.hash, kinds[i].asked);
        assert_true(verifies(pub, &kinds[i], "far away", sig, len));
        assert_true(verifies(outer, &kinds[i], "far away", sig, len));
        assert_false(verifies(outer, &kinds[i], "far off", sig, len));
        EVP_PKEY_free(pub);
        EVP_PKEY_free(outer);
        EVP_PKEY_free(s.key);
    }
}

static void another_keys_signature_is_refused_before_anybody_gets_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        unsigned char sig[1024];
        struct service s = {.key = generate(kinds[i].type)};
        EVP_PKEY *outer = must_wrap(&s);
        EVP_PKEY_free(s.key);
        s.key = generate(kinds[i].type);
        assert_int_equal(sign_text(outer, &kinds[i], "far away", sig), 0);
        struct tm_err e = {0};
        tm_err_openssl(&e, "sign");
        assert_non_null(strstr(e.text, "no signature by this key"));
        EVP_PKEY_free(outer);
        EVP_PKEY_free(s.key);
    }
}

static void why_the_service_made_none_reaches_who_asked(void **state)
{
    (void)state;
    unsigned char sig[1024];
    struct service s = {.key = generate("P-256"), .fault = "the service is down"};
    EVP_PKEY *outer = must_wrap(&s);
    assert_int_equal(sign_text(outer, &kinds[0], "x", sig), 0);
    struct tm_err e = {0};
    tm_err_openssl(&e, "sign");
    assert_string_equal(e.text, "sign: the service is down");
    EVP_PKEY_free(outer);
    EVP_PKEY_free(s.key);
}

static void what_services_cannot_sign_is_refused_without_asking(void **state)
{
    (void)state;
    static const struct kind sha1 = {"P-256", "SHA1", false, 0, 0};
    unsigned char sig[1024];
    struct service s = {.key = generate("P-256")};
    EVP_PKEY *outer = must_wrap(&s);
    assert_int_equal(sign_text(outer, &sha1, "x", sig), 0);
    assert_int_equal(s.asked, 0);
    EVP_PKEY_free(outer);
    EVP_PKEY_free(s.key);
    struct tm_err e = {0};
    const struct tm_key_ask bad[] = {
        {KEY_SIGN_ECDSA, KEY_SHA256, (const unsigned char *)"", 31},
        {KEY_SIGN_ECDSA, KEY_NO_HASH, (const unsigned char *)"", 0},
        {KEY_SIGN_ED25519, KEY_SHA256, (const unsigned char *)"", 32},
        {KEY_SIGN_ED25519, KEY_NO_HASH, (const unsigned char *)"", KEY_MESSAGE_MAX + 1},
        {KEY_SIGN_KINDS, KEY_SHA256, (const unsigned char *)"", 32},
        {(enum tm_key_scheme) - 1, KEY_SHA256, (const unsigned char *)"", 32},
        {KEY_SIGN_PSS, (enum tm_key_hash)9, (const unsigned char *)"", 32},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(tm_key_ask_check(&bad[i], &e), -1);
}

/* X509_sign and X509_set_pubkey go other ways through OpenSSL than EVP_DigestSign. */
static void it_signs_certificates_and_requests_for_itself(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct service s = {.key = generate(kinds[i].type)};
        EVP_PKEY *outer = must_wrap(&s);
        const EVP_MD *md = kinds[i].hash != NULL ? EVP_get_digestbyname(kinds[i].hash) : NULL;
        X509 *cert = X509_new();
        X509_REQ *req = X509_REQ_new();
        assert_int_equal(X509_set_pubkey(cert, outer), 1);
        assert_true(X509_sign(cert, outer, md) > 0);
        assert_int_equal(X509_verify(cert, s.key), 1);
        assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(cert), outer), 1);
        assert_int_equal(X509_check_private_key(cert, outer), 1);
        assert_int_equal(X509_REQ_set_pubkey(req, outer), 1);
        assert_true(X509_REQ_sign(req, outer, md) > 0);
        assert_int_equal(X509_REQ_verify(req, s.key), 1);
        X509_free(cert);
        X509_REQ_free(req);
        EVP_PKEY_free(outer);
        EVP_PKEY_free(s.key);
    }
}

static void it_cannot_be_written_to_a_file(void **state)
{
    (void)state;
    struct service s = {.key = generate("P-256")};
    EVP_PKEY *outer = must_wrap(&s);
    struct tm_err e = {0};
    char dir[] = "/tmp/tenmint-elsewhere-XXXXXX";
    char path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/leak.pem", dir);
    assert_int_equal(tm_key_write_file(path, outer, NULL, &e), -1);
    assert_int_equal(access(path, F_OK), -1);
    rmdir(dir);
    EVP_PKEY_free(outer);
    EVP_PKEY_free(s.key);
}

/* ---- where keys are ---- */

static void a_uri_is_taken_apart(void **state)
{
    (void)state;
    struct tm_key_uri u;
    struct tm_err e = {0};
    const char *aws =
        "awskms:arn:aws:kms:eu-west-1:111122223333:key/1-2?endpoint=https://k.example";
    assert_int_equal(tm_key_uri_parse(aws, strlen(aws), &u, &e), 0);
    assert_int_equal(u.kind, KEY_URI_AWS);
    assert_string_equal(u.path, "arn:aws:kms:eu-west-1:111122223333:key/1-2");
    assert_string_equal(u.option[KEY_URI_ENDPOINT], "https://k.example");
    assert_true(tm_key_uri_is_remote(&u));
    tm_key_uri_free(&u);
    const char *p11 = "pkcs11:token=My%20HSM;object=ca?module-path=/m.so&pin-source=file:/p";
    assert_int_equal(tm_key_uri_parse(p11, strlen(p11), &u, &e), 0);
    assert_string_equal(u.option[KEY_URI_TOKEN], "My HSM");
    assert_string_equal(u.option[KEY_URI_OBJECT], "ca");
    assert_string_equal(u.option[KEY_URI_MODULE], "/m.so");
    assert_string_equal(u.option[KEY_URI_PIN_SOURCE], "file:/p");
    assert_false(tm_key_uri_is_remote(&u));
    tm_key_uri_free(&u);
    assert_true(tm_key_uri_is("vault:x") && tm_key_uri_is("gcpkms:") && tm_key_uri_is("azurekv:a"));
    assert_false(tm_key_uri_is("./vault:x") || tm_key_uri_is("ca.key") || tm_key_uri_is("") ||
                 tm_key_uri_is("vault"));
}

static void what_is_no_uri_of_a_key_is_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"", "no key's URI"},
        {"file:/etc/key", "no key's URI"},
        {"AWSKMS:a", "no key's URI"},
        {"awskms:", "names no key"},
        {"awskms:a b", "byte 2"},
        {"awskms:a%", "byte 2"},
        {"awskms:a%0g", "byte 2"},
        {"awskms:a%00", "byte 2"},
        {"awskms:a%0a", "byte 2"},
        {"awskms:a#b", "byte 2"},
        {"awskms:a?", "has no ''"},
        {"awskms:a?region", "has no value"},
        {"awskms:a?region=", "has no value"},
        {"awskms:a?region=x&region=y", "given twice"},
        {"awskms:a?region=x&", "has no ''"},
        {"awskms:a?mount=x", "awskms has no 'mount'"},
        {"awskms:a?regio=x", "has no 'regio'"},
        {"pkcs11:token=t;object=k", "'module-path' is missing"},
        {"pkcs11:object=k?module-path=/m", "'token' is missing"},
        {"pkcs11:token=t;object=k;token=u?module-path=/m", "given twice"},
        {"pkcs11:token=t;object=k?module-path=/m&pin-value=1234", "has no 'pin-value'"},
        {"pkcs11:token=t;object=k?module-path=/m&pin-source=1234", "no PIN belongs into a URI"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct tm_key_uri u;
        struct tm_err e = {0};
        assert_int_equal(tm_key_uri_parse(bad[i].text, strlen(bad[i].text), &u, &e), -1);
        if (strstr(e.text, bad[i].why) == NULL)
            fail_msg("'%s' in: %s", bad[i].why, e.text);
        assert_null(u.path);
    }
    char *huge = calloc(1, KEY_URI_MAX + 2);
    struct tm_key_uri u;
    struct tm_err e = {0};
    memset(huge, 'a', KEY_URI_MAX + 1);
    memcpy(huge, "vault:", 6);
    assert_int_equal(tm_key_uri_parse(huge, KEY_URI_MAX, &u, &e), 0);
    tm_key_uri_free(&u);
    assert_int_equal(tm_key_uri_parse(huge, KEY_URI_MAX + 1, &u, &e), -1);
    free(huge);
    assert_int_equal(tm_key_uri_parse("vault:a\0b", 9, &u, &e), -1);
}

static void a_key_beyond_a_network_needs_somebody_who_reaches_it(void **state)
{
    (void)state;
    struct tm_err e = {0};
    const struct tm_key_source s = {.uri = "vault:ca"};
    assert_null(tm_key_open(&s, "CA key", &e));
    assert_string_equal(e.text, "CA key: a key of vault cannot be used here");
    const struct tm_key_source two = {.uri = "vault:ca", .file = "x"};
    assert_null(tm_key_open(&two, "CA key", &e));
    assert_non_null(strstr(e.text, "exactly one"));
}

static void a_file_of_a_uri_has_one_line(void **state)
{
    (void)state;
    char path[] = "/tmp/tenmint-uri-XXXXXX";
    static const struct {
        const char *text;
        int rc;
    } cases[] = {{"vault:ca\n", 0},           {"vault:ca", 0}, {"vault:ca\n\n", -1},
                 {"vault:ca\nvault:b\n", -1}, {"", -1},        {"\n", -1}};
    close(mkstemp(path));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tm_key_uri u;
        struct tm_err e = {0};
        FILE *f = fopen(path, "w");
        fputs(cases[i].text, f);
        fclose(f);
        assert_int_equal(tm_key_uri_load(path, &u, &e), cases[i].rc);
        tm_key_uri_free(&u);
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_key_signs_elsewhere_what_openssl_verifies),
        cmocka_unit_test(another_keys_signature_is_refused_before_anybody_gets_it),
        cmocka_unit_test(why_the_service_made_none_reaches_who_asked),
        cmocka_unit_test(what_services_cannot_sign_is_refused_without_asking),
        cmocka_unit_test(it_signs_certificates_and_requests_for_itself),
        cmocka_unit_test(it_cannot_be_written_to_a_file),
        cmocka_unit_test(a_uri_is_taken_apart),
        cmocka_unit_test(what_is_no_uri_of_a_key_is_refused_with_the_reason),
        cmocka_unit_test(a_key_beyond_a_network_needs_somebody_who_reaches_it),
        cmocka_unit_test(a_file_of_a_uri_has_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
