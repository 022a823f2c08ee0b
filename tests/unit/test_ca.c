/* CA keys, chains, certificates and client keys. */
#include "tests/support/cmocka_all.h"

#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ca/cert/cert.h"
#include "ca/proof/proof.h"
#include "ca/proof/strength.h"
#include "ca/signer/algorithm.h"
#include "ca/signer/chain.h"
#include "ca/signer/create.h"
#include "ca/signer/reload.h"
#include "common/b64.h"
#include "common/certs.h"
#include "common/file.h"

static struct oidc_principal sample(void)
{
    struct oidc_principal p = {.san_kind = IDENTITY_SAN_URI,
                               .san = (char *)"https://example.com/a"};
    p.challenge = (char *)"sub";
    p.field[IDENTITY_ISSUER_V1] = (char *)"https://i.example.com";
    p.field[IDENTITY_ISSUER] = (char *)"https://i.example.com";
    p.field[IDENTITY_TOKEN_SUBJECT] = (char *)"sub";
    return p;
}

static X509 *issue(struct ca_signer *ca, const struct oidc_principal *p, enum ca_cert_form form,
                   const struct tm_buf *scts, int64_t now, struct tm_err *e)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    unsigned char *spki = NULL;
    struct ca_cert_spec spec = {.principal = p};
    struct tm_buf tbs = {0};
    struct tm_buf der = {0};
    X509 *cert = NULL;
    spec.spki_len = (size_t)i2d_PUBKEY(key, &spki);
    spec.spki = spki;
    spec.subject_key_id = true;
    if (ca_cert_spec_init(&spec, ca, now, 600, e) == 0 &&
        ca_cert_tbs(&spec, ca, form, scts, &tbs, e) == 0 && ca_cert_sign(&tbs, ca, &der, e) == 0) {
        const unsigned char *q = der.data;
        cert = d2i_X509(NULL, &q, (long)der.len);
        assert_non_null(cert);
        assert_ptr_equal(q, der.data + der.len);
        unsigned char *again = NULL; /* OpenSSL's own encoding is byte for byte ours */
        X509 *copy = X509_dup(cert);
        int len = i2d_X509(copy, &again);
        assert_int_equal(len, der.len);
        assert_memory_equal(again, der.data, der.len);
        OPENSSL_free(again);
        X509_free(copy);
    }
    tm_buf_free(&tbs);
    tm_buf_free(&der);
    OPENSSL_free(spki);
    EVP_PKEY_free(key);
    return cert;
}

static void every_ca_key_type_signs_a_valid_leaf(void **state)
{
    (void)state;
    static const char *const types[] = {"p256", "p384", "ed25519", "rsa"};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct tm_err e = {0};
        struct ca_signer_options o = {.backend = "ephemeral", .ephemeral_type = types[i]};
        int64_t now = time(NULL);
        struct ca_signer *ca = ca_signer_open(&o, now, &e);
        if (ca == NULL)
            fail_msg("%s: %s", types[i], e.text);
        struct oidc_principal p = sample();
        X509 *cert = issue(ca, &p, CERT_FINAL, NULL, now, &e);
        assert_non_null(cert);
        X509 *root = ca_signer_chain(ca)->cert[0];
        assert_int_equal(X509_verify(cert, X509_get0_pubkey(root)), 1);
        X509_check_purpose(cert, -1, 0);
        assert_int_equal(
            X509_get_extension_flags(cert) & (EXFLAG_CA | EXFLAG_INVALID | EXFLAG_BCONS), 0);
        assert_int_equal(X509_get_key_usage(cert), KU_DIGITAL_SIGNATURE);
        assert_int_equal(X509_get_extended_key_usage(cert), XKU_CODE_SIGN);
        assert_int_equal(X509_NAME_entry_count(X509_get_subject_name(cert)), 0);
        assert_non_null(X509_get0_subject_key_id(cert));
        assert_int_equal(
            ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(cert), X509_get0_subject_key_id(root)),
            0);
        X509_free(cert);
        ca_signer_unref(ca);
    }
}

static void forms_differ_only_in_their_ct_extension(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct ca_signer_options o = {.backend = "ephemeral"};
    int64_t now = time(NULL);
    struct ca_signer *ca = ca_signer_open(&o, now, &e);
    struct oidc_principal p = sample();
    struct tm_buf list = {0};
    tm_buf_append(&list, "\0\4\0\2ab", 6);
    X509 *pre = issue(ca, &p, CERT_PRECERT, NULL, now, &e);
    X509 *fin = issue(ca, &p, CERT_FINAL, &list, now, &e);
    X509 *bare = issue(ca, &p, CERT_LOGGED_TBS, &list, now, &e);
    assert_true(X509_get_ext_by_NID(pre, NID_ct_precert_poison, -1) == X509_get_ext_count(pre) - 1);
    assert_true(X509_get_ext_by_NID(fin, NID_ct_precert_scts, -1) == X509_get_ext_count(fin) - 1);
    assert_int_equal(X509_get_ext_count(bare), X509_get_ext_count(pre) - 1);
    assert_int_equal(X509_EXTENSION_get_critical(X509_get_ext(pre, X509_get_ext_count(pre) - 1)),
                     1);
    X509_free(pre);
    X509_free(fin);
    X509_free(bare);
    tm_buf_free(&list);
    ca_signer_unref(ca);
}

static void an_expired_ca_issues_nothing_and_caps_its_leaves(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct ca_signer_options o = {.backend = "ephemeral"};
    int64_t now = time(NULL);
    struct ca_signer *ca = ca_signer_open(&o, now, &e);
    int64_t end = ca_signer_chain(ca)->not_after;
    struct oidc_principal p = sample();
    struct ca_cert_spec spec;
    assert_int_equal(ca_cert_spec_init(&spec, ca, end - 5, 600, &e), 0);
    assert_int_equal(spec.not_after, end);
    assert_int_equal(ca_cert_spec_init(&spec, ca, end, 600, &e), -1);
    p.field[IDENTITY_ISSUER] = NULL;
    assert_null(issue(ca, &p, CERT_FINAL, NULL, now, &e));
    assert_non_null(strstr(e.text, "non-empty issuer"));
    p = sample();
    p.san = (char *)"https://ex\xc3\xa4mple.com";
    assert_null(issue(ca, &p, CERT_FINAL, NULL, now, &e));
    ca_signer_unref(ca);
}

struct dir {
    char path[64];
    char chain[96];
    char key[96];
};

static struct dir make_ca(void)
{
    struct dir d = {"/tmp/tenmint-ca-XXXXXX", "", ""};
    struct tm_err e = {0};
    assert_non_null(mkdtemp(d.path));
    struct ca_create_options o = {
        .directory = d.path, .password = "secret", .now_s = time(NULL) - 60};
    if (ca_create_ca(&o, &e) != 0)
        fail_msg("%s", e.text);
    snprintf(d.chain, sizeof(d.chain), "%s/chain.pem", d.path);
    snprintf(d.key, sizeof(d.key), "%s/intermediate.key", d.path);
    return d;
}

static void remove_ca(const struct dir *d)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", d->path);
    assert_int_equal(system(command), 0);
}

static void file_ca_needs_the_right_password_key_and_mode(void **state)
{
    (void)state;
    struct dir d = make_ca();
    struct tm_err e = {0};
    struct stat st;
    assert_int_equal(stat(d.key, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    struct ca_signer_options o = {.backend = "file",
                                  .chain_file = d.chain,
                                  .key.file = d.key,
                                  .key.password_env = "TENMINT_TEST_PASSWORD"};
    unsetenv("TENMINT_TEST_PASSWORD");
    assert_null(ca_signer_open(&o, time(NULL), &e));
    setenv("TENMINT_TEST_PASSWORD", "wrong", 1);
    assert_null(ca_signer_open(&o, time(NULL), &e));
    assert_non_null(strstr(e.text, "wrong password"));
    setenv("TENMINT_TEST_PASSWORD", "secret", 1);
    struct ca_signer *s = ca_signer_open(&o, time(NULL), &e);
    if (s == NULL)
        fail_msg("%s", e.text);
    assert_int_equal(ca_signer_chain(s)->count, 2);
    ca_signer_unref(s);
    assert_null(ca_signer_open(&o, time(NULL) + 4LL * 365 * 86400, &e));
    assert_non_null(strstr(e.text, "expired"));
    chmod(d.key, 0644);
    assert_null(ca_signer_open(&o, time(NULL), &e));
    assert_non_null(strstr(e.text, "chmod 600"));
    chmod(d.key, 0600);
    char root_key[96];
    snprintf(root_key, sizeof(root_key), "%s/root.key", d.path);
    o.key.file = root_key;
    assert_null(ca_signer_open(&o, time(NULL), &e));
    assert_non_null(strstr(e.text, "not equal"));
    remove_ca(&d);
}

static void reload_keeps_the_old_pair_when_the_new_one_is_bad(void **state)
{
    (void)state;
    struct dir d = make_ca();
    struct dir other = make_ca();
    struct tm_err e = {0};
    setenv("TENMINT_TEST_PASSWORD", "secret", 1);
    struct ca_signer_options o = {.backend = "file",
                                  .chain_file = d.chain,
                                  .key.file = d.key,
                                  .key.password_env = "TENMINT_TEST_PASSWORD"};
    struct ca_signer_holder *h = ca_signer_holder_new(&o, time(NULL), &e);
    assert_non_null(h);
    struct ca_signer *before = ca_signer_holder_get(h);
    assert_int_equal(ca_signer_holder_poll(h, time(NULL), &e), 0);
    assert_int_equal(rename(other.chain, d.chain), 0); /* chain without its key: half a rotation */
    assert_int_equal(ca_signer_holder_poll(h, time(NULL), &e), -1);
    struct ca_signer *still = ca_signer_holder_get(h);
    assert_ptr_equal(still, before);
    assert_int_equal(ca_signer_holder_poll(h, time(NULL), &e), 0); /* reported once */
    assert_int_equal(rename(other.key, d.key), 0);
    assert_int_equal(ca_signer_holder_poll(h, time(NULL), &e), 1);
    struct ca_signer *after = ca_signer_holder_get(h);
    assert_ptr_not_equal(after, before);
    ca_signer_unref(before);
    ca_signer_unref(still);
    ca_signer_unref(after);
    ca_signer_holder_free(h);
    remove_ca(&d);
    remove_ca(&other);
}

static void chains_out_of_order_or_damaged_are_refused(void **state)
{
    (void)state;
    struct dir d = make_ca();
    struct tm_err e = {0};
    struct tm_buf pem = {0};
    STACK_OF(X509) *chain = tm_certs_load(d.chain, &e);
    assert_int_equal(sk_X509_num(chain), 2);
    const EVP_PKEY *key = X509_get0_pubkey(sk_X509_value(chain, 0));
    assert_int_equal(ca_chain_check(chain, key, time(NULL), &e), 0);
    assert_int_equal(ca_chain_check(chain, key, time(NULL) - 86400, &e), -1);
    X509 *first = sk_X509_shift(chain);
    sk_X509_push(chain, first);
    assert_int_equal(
        ca_chain_check(chain, X509_get0_pubkey(sk_X509_value(chain, 0)), time(NULL), &e), -1);
    sk_X509_pop_free(chain, X509_free);
    assert_null(tm_certs_parse("", 0, &e));
    assert_null(
        tm_certs_parse("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 58, &e));
    /* A file that is being written, cut anywhere but behind a block. */
    assert_int_equal(tm_file_read(d.chain, 65536, &pem, &e), 0);
    const char *second = strstr(tm_buf_str(&pem) + 1, "-----BEGIN");
    size_t at = (size_t)(second - tm_buf_str(&pem));
    for (size_t len = 1; len + 1 < pem.len; len++) {
        chain = tm_certs_parse(pem.data, len, &e);
        bool whole = len >= at - 1 && len <= at + 1;
        if ((chain != NULL) != whole)
            fail_msg("%zu of %zu bytes: %s", len, pem.len, chain != NULL ? "taken" : e.text);
        sk_X509_pop_free(chain, X509_free);
    }
    tm_buf_reset(&pem);
    assert_int_equal(tm_file_read(d.key, 65536, &pem, &e), 0);
    assert_null(tm_certs_parse(pem.data, pem.len, &e));
    assert_non_null(strstr(e.text, "only CERTIFICATE"));
    tm_buf_free(&pem);
    remove_ca(&d);
}

static void a_chain_in_base64_is_for_clients_only(void **state)
{
    (void)state;
    struct dir d = make_ca();
    struct tm_err e = {0};
    struct tm_buf pem = {0};
    struct tm_buf wrapped = {0};
    assert_int_equal(tm_file_read(d.chain, 65536, &pem, &e), 0);
    tm_b64_encode(B64_STD, pem.data, pem.len, &wrapped);
    assert_int_equal(tm_file_write_atomic(d.chain, 0644, wrapped.data, wrapped.len, &e), 0);
    assert_null(tm_certs_load(d.chain, &e));
    assert_non_null(strstr(e.text, d.chain));
    STACK_OF(X509) *chain = tm_certs_load_given(d.chain, &e);
    assert_int_equal(sk_X509_num(chain), 2);
    sk_X509_pop_free(chain, X509_free);
    tm_buf_free(&pem);
    tm_buf_free(&wrapped);
    remove_ca(&d);
}

static char *pem_of(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data;
    PEM_write_bio_PUBKEY(bio, key);
    long len = BIO_get_mem_data(bio, &data);
    char *pem = strndup(data, (size_t)len);
    BIO_free(bio);
    return pem;
}

static void proofs_verify_only_over_their_challenge(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct ca_proof_policy *policy = ca_proof_policy_new(NULL, 0, &e);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    char *pem = pem_of(key);
    struct ca_proof_key k;
    assert_int_equal(ca_proof_key_parse(policy, pem, strlen(pem), &k, &e), PROOF_OK);
    unsigned char sig[128];
    size_t len = sizeof(sig);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL);
    EVP_DigestSign(ctx, sig, &len, (const unsigned char *)"me", 2);
    EVP_MD_CTX_free(ctx);
    assert_int_equal(ca_proof_key_verify(&k, "me", sig, len, &e), PROOF_OK);
    assert_int_equal(ca_proof_key_verify(&k, "you", sig, len, &e), PROOF_BAD_SIGNATURE);
    assert_int_equal(ca_proof_key_verify(&k, "", sig, len, &e), PROOF_BAD_SIGNATURE);
    assert_int_equal(ca_proof_key_verify(&k, "me", sig, 0, &e), PROOF_BAD_SIGNATURE);
    const unsigned char *q = sig; /* raw r||s is taken too */
    ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &q, (long)len);
    unsigned char raw[64];
    BN_bn2binpad(ECDSA_SIG_get0_r(parsed), raw, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(parsed), raw + 32, 32);
    ECDSA_SIG_free(parsed);
    assert_int_equal(ca_proof_key_verify(&k, "me", raw, 64, &e), PROOF_OK);
    raw[5] ^= 1;
    assert_int_equal(ca_proof_key_verify(&k, "me", raw, 64, &e), PROOF_BAD_SIGNATURE);
    ca_proof_key_free(&k);
    sig[len] = 0; /* trailing byte */
    assert_int_equal(ca_proof_key_parse(policy, pem, strlen(pem), &k, &e), PROOF_OK);
    assert_int_equal(ca_proof_key_verify(&k, "me", sig, len + 1, &e), PROOF_BAD_SIGNATURE);
    ca_proof_key_free(&k);
    free(pem);
    EVP_PKEY_free(key);
    ca_proof_policy_free(policy);
}

static void points_off_the_curve_are_refused(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct ca_proof_policy *policy = ca_proof_policy_new(NULL, 0, &e);
    static const char *const groups[] = {"P-256", "P-384", "P-521"};
    for (size_t i = 0; i < 3; i++) {
        EVP_PKEY *key = EVP_EC_gen(groups[i]);
        unsigned char *der = NULL;
        size_t len = (size_t)i2d_PUBKEY(key, &der);
        struct ca_proof_key k;
        assert_int_equal(ca_proof_key_parse(policy, der, len, &k, &e), PROOF_OK);
        assert_memory_equal(k.spki.data, der, len);
        ca_proof_key_free(&k);
        der[len - 1] ^= 1;
        assert_int_equal(ca_proof_key_parse(policy, der, len, &k, &e), PROOF_KEY_UNPARSABLE);
        der[len - 1] ^= 1;
        assert_int_equal(ca_proof_key_parse(policy, der, len - 1, &k, &e), PROOF_KEY_UNPARSABLE);
        OPENSSL_free(der);
        EVP_PKEY_free(key);
    }
    EVP_PKEY *other = EVP_EC_gen("secp256k1");
    char *pem = pem_of(other);
    struct ca_proof_key k;
    assert_int_equal(ca_proof_key_parse(policy, pem, strlen(pem), &k, &e), PROOF_KEY_WEAK);
    free(pem);
    EVP_PKEY_free(other);
    const char *only[] = {"ed25519"};
    struct ca_proof_policy *narrow = ca_proof_policy_new(only, 1, &e);
    EVP_PKEY *p256 = EVP_EC_gen("P-256");
    pem = pem_of(p256);
    assert_int_equal(ca_proof_key_parse(narrow, pem, strlen(pem), &k, &e), PROOF_NOT_PERMITTED);
    assert_string_equal(e.text, "signing algorithm not permitted: *ecdsa.PublicKey, SHA-256");
    const char *unknown[] = {"rot13"};
    assert_null(ca_proof_policy_new(unknown, 1, &e));
    free(pem);
    EVP_PKEY_free(p256);
    ca_proof_policy_free(narrow);
    ca_proof_policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_ca_key_type_signs_a_valid_leaf),
        cmocka_unit_test(forms_differ_only_in_their_ct_extension),
        cmocka_unit_test(an_expired_ca_issues_nothing_and_caps_its_leaves),
        cmocka_unit_test(file_ca_needs_the_right_password_key_and_mode),
        cmocka_unit_test(reload_keeps_the_old_pair_when_the_new_one_is_bad),
        cmocka_unit_test(chains_out_of_order_or_damaged_are_refused),
        cmocka_unit_test(a_chain_in_base64_is_for_clients_only),
        cmocka_unit_test(proofs_verify_only_over_their_challenge),
        cmocka_unit_test(points_off_the_curve_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
