/* Client keys and requests: every weakness by name, every odd encoding, and whose fault it is. */
#include "tests/support/cmocka_all.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "ca/proof/proof.h"
#include "common/der.h"
#include "common/pem.h"

static struct ca_proof_policy *policy;

static const char *status_name(enum ca_proof_status s)
{
    static const char *const names[] = {"ok",
                                        "key unparsable",
                                        "csr unparsable",
                                        "weak",
                                        "bad signature",
                                        "unknown algorithm",
                                        "not permitted",
                                        "internal"};
    return names[s];
}

static void expect(const char *what, enum ca_proof_status want, const char *why,
                   enum ca_proof_status got, const struct tm_err *e)
{
    if (got != want || (why != NULL && strstr(e->text, why) == NULL))
        fail_msg("%s: want %s '%s', got %s '%s'", what, status_name(want), why != NULL ? why : "",
                 status_name(got), e->text);
}

static void key_is(const char *what, const void *data, size_t len, enum ca_proof_status want,
                   const char *why)
{
    struct ca_proof_key k;
    struct tm_err e = {0};
    expect(what, want, why, ca_proof_key_parse(policy, data, len, &k, &e), &e);
    ca_proof_key_free(&k);
}

static void pkey_is(const char *what, EVP_PKEY *key, enum ca_proof_status want, const char *why)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    assert_true(len > 0);
    key_is(what, der, (size_t)len, want, why);
    OPENSSL_free(der);
}

/* ---- RSA ---- */

static EVP_PKEY *rsa_public(const BIGNUM *n, unsigned long exponent)
{
    EVP_PKEY *key = NULL;
    BIGNUM *e = BN_new();
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    BN_set_word(e, exponent);
    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n);
    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    EVP_PKEY_CTX_free(ctx);
    BN_free(e);
    return key;
}

static void rsa_is(const char *what, const BIGNUM *n, unsigned long exponent,
                   enum ca_proof_status want, const char *why)
{
    EVP_PKEY *key = rsa_public(n, exponent);
    pkey_is(what, key, want, why);
    EVP_PKEY_free(key);
}

static BIGNUM *odd_number(int bits)
{
    BIGNUM *n = BN_new();
    assert_int_equal(BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD), 1);
    return n;
}

static void good_rsa_keys_pass(void **state)
{
    (void)state;
    static const unsigned bits[] = {2048, 3072};
    for (size_t i = 0; i < 2; i++) {
        EVP_PKEY *key = EVP_RSA_gen(bits[i]);
        pkey_is("a fresh key", key, PROOF_OK, NULL);
        EVP_PKEY_free(key);
    }
}

static void rsa_sizes_and_exponents_are_held_to_the_list(void **state)
{
    (void)state;
    static const int sizes[] = {512, 1024, 2047, 2049, 2056, 3071, 4095, 4097, 8192};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        BIGNUM *n = odd_number(sizes[i]);
        rsa_is("size", n, 65537, PROOF_KEY_WEAK, "2048, 3072 or 4096");
        BN_free(n);
    }
    EVP_PKEY *key = EVP_RSA_gen(2048);
    BIGNUM *n = NULL;
    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n);
    static const unsigned long exponents[] = {1, 2, 3, 17, 257, 65535, 65536, 65539, 0xffffffff};
    for (size_t i = 0; i < sizeof(exponents) / sizeof(exponents[0]); i++)
        rsa_is("exponent", n, exponents[i], PROOF_KEY_WEAK, "65537");
    BN_free(n);
    EVP_PKEY_free(key);
}

static void moduli_with_small_factors_are_refused(void **state)
{
    (void)state;
    static const unsigned factors[] = {2, 3, 5, 7, 11, 13, 541, 743, 751};
    for (size_t i = 0; i < sizeof(factors) / sizeof(factors[0]); i++) {
        BIGNUM *n = odd_number(2046);
        bool other = true;
        while (other || BN_num_bits(n) < 2048) { /* f * m of exactly 2048 bits, m of large primes */
            BN_rand(n, 2048, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY);
            BN_div_word(n, factors[i]);
            other = !BN_is_odd(n);
            for (unsigned f = 3; f < 752 && !other; f += 2)
                other = BN_mod_word(n, f) == 0;
            BN_mul_word(n, factors[i]);
        }
        rsa_is("factor", n, 65537, PROOF_KEY_WEAK, "small prime factor");
        BN_free(n);
    }
}

/* Infineon's generator made primes k*M + (65537^a mod M), M a product of small primes, so n is a
 * power of 65537 modulo each of them (Nemec et al., CCS 2017). */
static void moduli_of_the_flawed_generator_are_refused(void **state)
{
    (void)state;
    static const unsigned primes[] = {
        2,  3,  5,  7,  11, 13,  17,  19,  23,  29,  31,  37,  41,  43,  47,  53,  59,  61,  67, 71,
        73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167};
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *m = BN_new();
    BIGNUM *power = BN_new();
    BIGNUM *base = BN_new();
    BIGNUM *exponent = BN_new();
    BN_one(m);
    BN_set_word(base, 65537);
    for (size_t i = 0; i < sizeof(primes) / sizeof(primes[0]); i++)
        BN_mul_word(m, primes[i]);
    for (int tries = 0, made = 0; made < 4; tries++) {
        BIGNUM *n = odd_number(2048);
        assert_true(tries < 2000);
        BN_rand(exponent, 160, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY);
        BN_mod_exp(power, base, exponent, m, ctx);
        BIGNUM *rest = BN_new();
        BN_mod(rest, n, m, ctx);
        BN_sub(n, n, rest);
        BN_add(n, n, power);
        bool small = BN_num_bits(n) != 2048;
        for (unsigned p = 3; p < 752; p += 2)
            small = small || BN_mod_word(n, p) == 0;
        if (!small) {
            rsa_is("ROCA", n, 65537, PROOF_KEY_WEAK, "ROCA");
            BN_add(n, n, m);   /* still one of them */
            BN_add_word(n, 2); /* and now not */
            made++;
        }
        BN_free(rest);
        BN_free(n);
    }
    BN_free(exponent);
    BN_free(base);
    BN_free(power);
    BN_free(m);
    BN_CTX_free(ctx);
}

static void moduli_of_close_primes_are_refused(void **state)
{
    (void)state;
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *p = BN_new();
    BIGNUM *q = BN_new();
    BIGNUM *n = BN_new();
    assert_int_equal(BN_generate_prime_ex(p, 1024, 0, NULL, NULL, NULL), 1);
    BN_set_bit(p, 1022); /* so that p * q has 2048 bits; primality is of no matter below */
    BN_copy(q, p);
    for (int i = 0; i < 6; i++) {
        static const unsigned long gaps[] = {0, 2, 4, 1000, 1000000, 0xffffffff};
        BN_copy(q, p);
        BN_add_word(q, gaps[i]);
        if (!BN_is_odd(q))
            BN_add_word(q, 1);
        BN_mul(n, p, q, ctx);
        bool small = false;
        for (unsigned f = 3; f < 752; f += 2)
            small = small || BN_mod_word(n, f) == 0;
        assert_int_equal(BN_num_bits(n), 2048);
        rsa_is("close", n, 65537, PROOF_KEY_WEAK, small ? "small prime factor" : "Fermat");
    }
    BN_free(n);
    BN_free(q);
    BN_free(p);
    BN_CTX_free(ctx);
}

/* n = a^2 - b^2 with b chosen so that the search ends in each of its rounds, up to the 98th. */
static void each_round_of_fermats_search_finds(void **state)
{
    (void)state;
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *a = BN_new();
    BIGNUM *b = BN_new();
    BIGNUM *n = BN_new();
    for (unsigned long j = 20; j <= 194; j += 6) {
        bool small = true;
        while (small) { /* one in thirty has no small factor */
            BN_rand(a, 1024, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ODD);
            for (int bit = 1000; bit < 1022; bit++) /* 1.5 * 2^1023, and hardly more */
                BN_clear_bit(a, bit);
            BN_set_word(b, j); /* round: b^2 / 2a, so j^2 / 384 */
            BN_lshift(b, b, 508);
            BN_sqr(n, a, ctx);
            BN_sqr(b, b, ctx);
            BN_sub(n, n, b);
            small = false;
            for (unsigned f = 3; f < 752 && !small; f += 2)
                small = BN_mod_word(n, f) == 0;
        }
        rsa_is("Fermat", n, 65537, PROOF_KEY_WEAK, "Fermat");
    }
    BN_free(n);
    BN_free(b);
    BN_free(a);
    BN_CTX_free(ctx);
}

/* ---- EC and the rest ---- */

static const char *const groups[] = {"P-256", "P-384", "P-521"};

static void ec_points_that_are_none_are_refused(void **state)
{
    (void)state;
    for (size_t g = 0; g < 3; g++) {
        EVP_PKEY *key = EVP_EC_gen(groups[g]);
        unsigned char *der = NULL;
        size_t len = (size_t)i2d_PUBKEY(key, &der);
        size_t point = 1 + 2 * (((size_t)EVP_PKEY_get_bits(key) + 7) / 8);
        unsigned char bad[256];
        memcpy(bad, der, len);
        bad[len - 1] ^= 1;
        key_is("off the curve", bad, len, PROOF_KEY_UNPARSABLE, NULL);
        memset(bad + len - point + 1, 0, point - 1);
        key_is("x = y = 0", bad, len, PROOF_KEY_UNPARSABLE, NULL);
        memset(bad + len - point + 1, 0xff, point - 1);
        key_is("over the field", bad, len, PROOF_KEY_UNPARSABLE, NULL);
        memcpy(bad, der, len);
        bad[len - point] = (unsigned char)(6 | (bad[len - 1] & 1));
        key_is("hybrid form", bad, len, PROOF_KEY_UNPARSABLE, NULL);
        EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                       "compressed");
        pkey_is("compressed point", key, PROOF_KEY_UNPARSABLE, "uncompressed");
        EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                       "uncompressed");
        EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, "explicit");
        pkey_is("explicit parameters", key, PROOF_KEY_UNPARSABLE, NULL);
        OPENSSL_free(der);
        EVP_PKEY_free(key);
    }
    static const unsigned char infinity[] = {0x30, 0x19, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                             0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                             0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x02, 0x00, 0x00};
    key_is("infinity", infinity, sizeof(infinity), PROOF_KEY_UNPARSABLE, NULL);
}

static void other_curves_and_key_types_are_weak(void **state)
{
    (void)state;
    static const char *const curves[] = {"P-224", "P-192", "secp256k1", "brainpoolP256r1", "B-283"};
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        EVP_PKEY *key = EVP_EC_gen(curves[i]);
        assert_non_null(key);
        pkey_is(curves[i], key, PROOF_KEY_WEAK, "only P-256");
        EVP_PKEY_free(key);
    }
    static const char *const types[] = {"X25519", "ED448", "X448"};
    for (size_t i = 0; i < 3; i++) {
        EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, types[i]);
        pkey_is(types[i], key, PROOF_KEY_WEAK, "not RSA, EC or Ed25519");
        EVP_PKEY_free(key);
    }
    EVP_PKEY *pss = NULL; /* an RSA key bound to PSS is no key for PKCS#1 v1.5 */
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
    EVP_PKEY_keygen_init(ctx);
    EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048);
    assert_int_equal(EVP_PKEY_generate(ctx, &pss), 1);
    pkey_is("RSA-PSS", pss, PROOF_KEY_WEAK, "not RSA");
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(pss);
}

/* y = 0, 1 and -1, and the two beyond the field that stand for 0 and 1, each with either sign. */
static void ed25519_points_of_small_order_are_weak(void **state)
{
    (void)state;
    static const unsigned char last[] = {0xec, 0xed, 0xee};
    for (int i = 0; i < 10; i++) {
        unsigned char raw[32];
        memset(raw, i < 4 ? 0 : 0xff, sizeof(raw));
        raw[0] = i < 4 ? (unsigned char)(i / 2) : last[(i - 4) / 2];
        raw[31] = (unsigned char)((i < 4 ? 0 : 0x7f) | (i % 2) << 7);
        EVP_PKEY *small = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, 32);
        pkey_is("small order", small, PROOF_KEY_WEAK, "small order");
        EVP_PKEY_free(small);
    }
}

static size_t pem_of(EVP_PKEY *key, char *out, size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, key);
    int len = BIO_read(bio, out, (int)size);
    BIO_free(bio);
    return (size_t)len;
}

static void pem_is_one_block_and_nothing_else(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    char pem[1024];
    char text[4096];
    size_t len = pem_of(key, pem, sizeof(pem));
    key_is("plain", pem, len, PROOF_OK, NULL);
    key_is("without the last newline", pem, len - 1, PROOF_OK, NULL);
    static const struct {
        const char *before, *after;
    } junk[] = {{"junk\n", ""},
                {"", "junk"},
                {"", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"},
                {"-----BEGIN PUBLIC KEY-----\n", ""},
                {"Proc-Type: 4,ENCRYPTED\n", ""}};
    for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
        int n =
            snprintf(text, sizeof(text), "%s%.*s%s", junk[i].before, (int)len, pem, junk[i].after);
        key_is("junk", text, (size_t)n, PROOF_KEY_UNPARSABLE, NULL);
    }
    int n = snprintf(text, sizeof(text), "%.*s%.*s", (int)len, pem, (int)len, pem);
    key_is("two blocks", text, (size_t)n, PROOF_KEY_UNPARSABLE, NULL);
    memcpy(text, pem, len);
    text[len] = '\0';
    key_is("a NUL after", text, len + 1, PROOF_KEY_UNPARSABLE, NULL);
    for (size_t cut = 1; cut < len - 1; cut += 3)
        key_is("cut", pem, cut, PROOF_KEY_UNPARSABLE, NULL);
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    n = BIO_read(bio, text, sizeof(text));
    key_is("a private key", text, (size_t)n, PROOF_KEY_UNPARSABLE, NULL);
    BIO_free(bio);
    key_is("nothing", "", 0, PROOF_KEY_UNPARSABLE, NULL);
    char *big = calloc(1, 100000);
    big[0] = 0x30;
    key_is("over-long", big, 100000, PROOF_KEY_UNPARSABLE, "over-long");
    free(big);
    EVP_PKEY_free(key);
}

/* ---- requests ---- */

static X509_REQ *request(EVP_PKEY *key, EVP_PKEY *signer, const EVP_MD *md)
{
    X509_REQ *req = X509_REQ_new();
    assert_int_equal(X509_REQ_set_pubkey(req, key), 1);
    assert_true(X509_REQ_sign(req, signer, md) > 0);
    return req;
}

static size_t request_pem(X509_REQ *req, char *out, size_t size, bool old_label)
{
    BIO *bio = BIO_new(BIO_s_mem());
    if (old_label)
        PEM_write_bio_X509_REQ_NEW(bio, req);
    else
        PEM_write_bio_X509_REQ(bio, req);
    int len = BIO_read(bio, out, (int)size);
    BIO_free(bio);
    return (size_t)len;
}

static void csr_is(const char *what, const void *pem, size_t len, enum ca_proof_status want,
                   const char *why)
{
    struct ca_proof_key k;
    struct tm_err e = {0};
    enum ca_proof_status got = ca_proof_csr_parse(policy, pem, len, &k, &e);
    expect(what, want, why, got, &e);
    if (got == PROOF_OK)
        assert_true(k.spki.len > 0 && k.key != NULL);
    ca_proof_key_free(&k);
}

static void req_is(const char *what, EVP_PKEY *key, EVP_PKEY *signer, const EVP_MD *md,
                   enum ca_proof_status want, const char *why)
{
    char pem[8192];
    X509_REQ *req = request(key, signer, md);
    csr_is(what, pem, request_pem(req, pem, sizeof(pem), false), want, why);
    X509_REQ_free(req);
}

static void pss_is(const char *what, EVP_PKEY *key, EVP_PKEY *signer, const EVP_MD *md,
                   enum ca_proof_status want, const char *why)
{
    char pem[8192];
    X509_REQ *req = request(key, key, EVP_sha256());
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pss = NULL; /* the context's */
    assert_int_equal(EVP_DigestSignInit(ctx, &pss, md, NULL, signer), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(pss, RSA_PKCS1_PSS_PADDING), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(pss, RSA_PSS_SALTLEN_DIGEST), 1);
    assert_true(X509_REQ_sign_ctx(req, ctx) > 0);
    csr_is(what, pem, request_pem(req, pem, sizeof(pem), false), want, why);
    EVP_MD_CTX_free(ctx);
    X509_REQ_free(req);
}

static void requests_verify_by_their_own_key_and_hash(void **state)
{
    (void)state;
    EVP_PKEY *p256 = EVP_EC_gen("P-256");
    EVP_PKEY *other = EVP_EC_gen("P-256");
    EVP_PKEY *p384 = EVP_EC_gen("P-384");
    EVP_PKEY *p521 = EVP_EC_gen("P-521");
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    EVP_PKEY *other_rsa = EVP_RSA_gen(2048);
    EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    EVP_PKEY *weak = EVP_EC_gen("P-224");
    EVP_PKEY *short_rsa = EVP_RSA_gen(1024);
    req_is("P-256", p256, p256, EVP_sha256(), PROOF_OK, NULL);
    req_is("P-384", p384, p384, EVP_sha384(), PROOF_OK, NULL);
    req_is("P-521", p521, p521, EVP_sha512(), PROOF_OK, NULL);
    req_is("RSA", rsa, rsa, EVP_sha256(), PROOF_OK, NULL);
    req_is("Ed25519", ed, ed, NULL, PROOF_OK, NULL);
    req_is("P-256 with SHA-384", p256, p256, EVP_sha384(), PROOF_NOT_PERMITTED,
           "signing algorithm not permitted: *ecdsa.PublicKey, SHA-384");
    req_is("RSA with SHA-512", rsa, rsa, EVP_sha512(), PROOF_NOT_PERMITTED, "*rsa.PublicKey");
    req_is("SHA-1", p256, p256, EVP_sha1(), PROOF_UNKNOWN_ALGORITHM,
           "unrecognized signature algorithm: ECDSA-SHA1");
    req_is("RSA with SHA-1", rsa, rsa, EVP_sha1(), PROOF_UNKNOWN_ALGORITHM,
           "unrecognized signature algorithm: SHA1-RSA");
    pss_is("PSS", rsa, rsa, EVP_sha384(), PROOF_UNKNOWN_ALGORITHM,
           "unrecognized signature algorithm: SHA384-RSAPSS");
    pss_is("another's PSS", rsa, other_rsa, EVP_sha384(), PROOF_BAD_SIGNATURE, NULL);
    pss_is("PSS with SHA-224", rsa, rsa, EVP_sha224(), PROOF_BAD_SIGNATURE, NULL);
    req_is("SHA-224", rsa, rsa, EVP_sha224(), PROOF_BAD_SIGNATURE, NULL);
    req_is("another's SHA-512", rsa, other_rsa, EVP_sha512(), PROOF_BAD_SIGNATURE, NULL);
    req_is("another's signature", p256, other, EVP_sha256(), PROOF_BAD_SIGNATURE, NULL);
    req_is("another type's signature", p256, rsa, EVP_sha256(), PROOF_BAD_SIGNATURE, NULL);
    req_is("P-224", weak, weak, EVP_sha256(), PROOF_KEY_WEAK, NULL);
    req_is("RSA 1024", short_rsa, short_rsa, EVP_sha256(), PROOF_KEY_WEAK, NULL);
    EVP_PKEY_set_utf8_string_param(p256, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed");
    req_is("compressed", p256, p256, EVP_sha256(), PROOF_CSR_UNPARSABLE, NULL);
    EVP_PKEY *all[] = {p256, other, p384, p521, rsa, other_rsa, ed, weak, short_rsa};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        EVP_PKEY_free(all[i]);
}

static void damaged_requests_are_refused(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509_REQ *req = request(key, key, EVP_sha256());
    char pem[4096];
    char text[8192];
    size_t len = request_pem(req, pem, sizeof(pem), false);
    csr_is("plain", pem, len, PROOF_OK, NULL);
    csr_is("old label", text, request_pem(req, text, sizeof(text), true), PROOF_OK, NULL);
    for (size_t cut = 1; cut < len - 1; cut += 5)
        csr_is("cut", pem, cut, PROOF_CSR_UNPARSABLE, NULL);
    int n = snprintf(text, sizeof(text), "%.*s%.*s", (int)len, pem, (int)len, pem);
    csr_is("two", text, (size_t)n, PROOF_CSR_UNPARSABLE, NULL);
    n = snprintf(text, sizeof(text), "%.*sjunk", (int)len, pem);
    csr_is("junk", text, (size_t)n, PROOF_CSR_UNPARSABLE, NULL);
    csr_is("nothing", "", 0, PROOF_CSR_UNPARSABLE, NULL);
    unsigned char *der = NULL;
    int der_len = i2d_X509_REQ(req, &der);
    csr_is("DER", der, (size_t)der_len, PROOF_CSR_UNPARSABLE, NULL);
    for (int at = 0; at < der_len; at++) { /* each byte matters, or it is not looked at twice */
        struct tm_buf b = {0};
        struct ca_proof_key k;
        struct tm_err e = {0};
        der[at] ^= 0x04;
        BIO *bio = BIO_new(BIO_s_mem());
        PEM_write_bio(bio, PEM_STRING_X509_REQ, "", der, der_len);
        n = BIO_read(bio, text, sizeof(text));
        BIO_free(bio);
        enum ca_proof_status got = ca_proof_csr_parse(policy, text, (size_t)n, &k, &e);
        if (got == PROOF_OK || got == PROOF_INTERNAL)
            fail_msg("byte %d: %s", at, status_name(got));
        der[at] ^= 0x04;
        tm_buf_free(&b);
    }
    OPENSSL_free(der);
    X509_REQ_free(req);
    EVP_PKEY_free(key);
}

/* ---- no memory ---- */

static long countdown = -1; /* allocations until all fail; -1: none fails */

static bool fails_now(void)
{
    if (countdown > 0)
        countdown--;
    return countdown == 0;
}

static void *failing_malloc(size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return fails_now() ? NULL : malloc(n);
}

static void *failing_realloc(void *p, size_t n, const char *file, int line)
{
    (void)file;
    (void)line;
    return fails_now() ? NULL : realloc(p, n);
}

static void plain_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    free(p);
}

struct good { /* a key, its proof, and a request */
    char pem[1024];
    size_t pem_len;
    unsigned char sig[512];
    size_t sig_len;
    char csr[4096];
    size_t csr_len;
};

static struct good make_good(EVP_PKEY *key, const EVP_MD *md)
{
    struct good g = {.sig_len = sizeof(g.sig)};
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    X509_REQ *req = request(key, key, md);
    g.pem_len = pem_of(key, g.pem, sizeof(g.pem));
    g.csr_len = request_pem(req, g.csr, sizeof(g.csr), false);
    EVP_DigestSignInit(ctx, NULL, md, NULL, key);
    assert_int_equal(EVP_DigestSign(ctx, g.sig, &g.sig_len, (const unsigned char *)"me", 2), 1);
    EVP_MD_CTX_free(ctx);
    X509_REQ_free(req);
    return g;
}

static enum ca_proof_status prove(const struct good *g, bool csr, struct tm_err *e)
{
    struct ca_proof_key k;
    enum ca_proof_status st = csr ? ca_proof_csr_parse(policy, g->csr, g->csr_len, &k, e)
                                  : ca_proof_key_parse(policy, g->pem, g->pem_len, &k, e);
    if (st == PROOF_OK && !csr)
        st = ca_proof_key_verify(&k, "me", g->sig, g->sig_len, e);
    ca_proof_key_free(&k);
    return st;
}

static enum ca_proof_status prove_by(const struct ca_proof_key *k, const struct good *g)
{
    struct tm_err e = {0};
    return ca_proof_key_verify(k, "me", g->sig, g->sig_len, &e);
}

/* Decoded keys are kept for the next request: it gets the other point and nothing of the first. */
static void a_key_used_again_verifies_by_its_new_point_only(void **state)
{
    (void)state;
    const EVP_MD *md[] = {EVP_sha256(), EVP_sha384(), EVP_sha512()};
    for (size_t i = 0; i < 3; i++) {
        EVP_PKEY *pkey[2];
        struct good g[2];
        struct ca_proof_key k[2];
        struct tm_err e = {0};
        for (size_t n = 0; n < 2; n++) {
            pkey[n] = EVP_EC_gen(groups[i]);
            g[n] = make_good(pkey[n], md[i]);
        }
        for (size_t turn = 0; turn < 6; turn++) {
            size_t n = turn % 2;
            assert_int_equal(ca_proof_key_parse(policy, g[n].pem, g[n].pem_len, &k[0], &e),
                             PROOF_OK);
            assert_int_equal(prove_by(&k[0], &g[1 - n]), PROOF_BAD_SIGNATURE);
            assert_int_equal(prove_by(&k[0], &g[n]), PROOF_OK);
            ca_proof_key_free(&k[0]);
        }
        for (size_t n = 0; n < 2; n++) /* at once */
            assert_int_equal(ca_proof_key_parse(policy, g[n].pem, g[n].pem_len, &k[n], &e),
                             PROOF_OK);
        for (size_t n = 0; n < 2; n++) {
            assert_int_equal(prove_by(&k[n], &g[n]), PROOF_OK);
            assert_int_equal(prove_by(&k[n], &g[1 - n]), PROOF_BAD_SIGNATURE);
            assert_int_equal(EVP_PKEY_eq(k[n].key, pkey[n]), 1);
        }
        for (size_t n = 0; n < 2; n++) {
            ca_proof_key_free(&k[n]);
            EVP_PKEY_free(pkey[n]);
        }
    }
}

/* Memory ends at each allocation in turn: a good request is never called bad for it. */
static void a_good_request_is_never_blamed_for_our_lack_of_memory(void **state)
{
    (void)state;
    EVP_PKEY *keys[] = {EVP_EC_gen("P-256"), EVP_RSA_gen(2048),
                        EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")};
    for (size_t i = 0; i < 3; i++) {
        struct good g = make_good(keys[i], i < 2 ? EVP_sha256() : NULL);
        for (int csr = 0; csr < 2; csr++) {
            struct tm_err e = {0};
            int internal = 0;
            bool all_tried = false;
            assert_int_equal(prove(&g, csr == 1, &e), PROOF_OK); /* warm */
            for (long n = 1; !all_tried; n++) {
                countdown = n;
                enum ca_proof_status st = prove(&g, csr == 1, &e);
                all_tried = countdown > 0;
                countdown = -1;
                if (st != PROOF_OK && st != PROOF_INTERNAL)
                    fail_msg("key %zu, csr %d, allocation %ld: %s: %s", i, csr, n, status_name(st),
                             e.text);
                internal += st == PROOF_INTERNAL;
            }
            assert_true(internal > 0);
            assert_int_equal(prove(&g, csr == 1, &e), PROOF_OK); /* and it works again */
        }
        EVP_PKEY_free(keys[i]);
    }
}

static int make_policy(void **state)
{
    (void)state;
    struct tm_err e = {0};
    policy = ca_proof_policy_new(NULL, 0, &e);
    return policy != NULL ? 0 : -1;
}

static int free_policy(void **state)
{
    (void)state;
    ca_proof_policy_free(policy);
    return 0;
}

/* ---- requests that are taken apart without OpenSSL ---- */

static void put(struct tm_buf *b, unsigned char tag, const void *data, size_t len)
{
    tm_der_put(b, tag, data, len);
}

/* A CertificationRequest of these parts, signed by `key`, in PEM. */
static void request_of(EVP_PKEY *key, const char *version, const char *subject, size_t subject_len,
                       const char *attributes, size_t attributes_len, struct tm_buf *pem)
{
    static const char algorithm[] = "\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
    struct tm_buf info = {0};
    struct tm_buf der = {0};
    unsigned char *spki = NULL;
    int spki_len = i2d_PUBKEY(key, &spki);
    size_t mark = tm_der_open(&info, DER_SEQUENCE);
    put(&info, DER_INTEGER, version, 1);
    tm_buf_append(&info, subject, subject_len);
    tm_buf_append(&info, spki, (size_t)spki_len);
    tm_buf_append(&info, attributes, attributes_len);
    tm_der_close(&info, mark);
    unsigned char sig[128] = {0};
    size_t len = sizeof(sig) - 1;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(ctx, sig + 1, &len, info.data, info.len), 1);
    EVP_MD_CTX_free(ctx);
    mark = tm_der_open(&der, DER_SEQUENCE);
    tm_buf_append(&der, info.data, info.len);
    put(&der, DER_SEQUENCE, algorithm, sizeof(algorithm) - 1);
    put(&der, DER_BIT_STRING, sig, len + 1);
    tm_der_close(&der, mark);
    tm_buf_reset(pem);
    tm_pem_put("CERTIFICATE REQUEST", der.data, der.len, PEM_STYLE_FILE, pem);
    OPENSSL_free(spki);
    tm_buf_free(&info);
    tm_buf_free(&der);
}

static bool openssl_takes(const struct tm_buf *pem)
{
    BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->len);
    X509_REQ *req = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
    bool ok = req != NULL && X509_REQ_verify(req, X509_REQ_get0_pubkey(req)) == 1;
    X509_REQ_free(req);
    BIO_free(bio);
    return ok;
}

/* What is signed well and formed badly: the reader of the usual form must not take what OpenSSL
 * refuses, nor refuse what it takes. */
static void a_request_is_taken_when_openssl_takes_it(void **state)
{
    (void)state;
#define PART(s) \
    { \
        s, sizeof(s) - 1 \
    }
    static const struct {
        const char *der;
        size_t len;
    } subjects[] =
        {
            PART("\x30\x00"),
            PART("\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01\x61"),
            PART("\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01\xff"), /* no UTF-8 */
            PART("\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x02\x61"),
            PART("\x30\x02\x31\x00"),
            PART("\x30\x02\x05\x00"),
            PART("\x31\x00"),
            PART("\x30\x0a\x31\x08\x30\x06\x06\x03\x55\x04\x03\x05\x00"),
            PART("\x30\x80\x00\x00"),
        },
      attributes[] = {
          PART("\xa0\x00"),
          PART(""),
          PART("\xa0\x00\x05\x00"),
          PART("\xa0\x02\x05\x00"),
          PART("\xa0\x02\x30\x00"),
          PART("\xa0\x0b\x30\x09\x06\x03\x2a\x03\x04\x31\x02\x05\x00"),
          PART("\xa0\x09\x30\x07\x06\x03\x2a\x03\x04\x31\x00"),
          PART("\xa0\x0b\x30\x09\x06\x03\x2a\x03\x04\x30\x02\x05\x00"),
          PART("\xa1\x00"),
          PART("\xa0\x81\x00"),
      };
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct tm_buf pem = {0};
    size_t taken = 0;
    for (size_t i = 0; i < 3 * sizeof(subjects) / sizeof(subjects[0]); i++) {
        for (size_t k = 0; k < sizeof(attributes) / sizeof(attributes[0]); k++) {
            struct ca_proof_key out;
            struct tm_err e;
            request_of(key, &"\x00\x01\xff"[i % 3], subjects[i / 3].der, subjects[i / 3].len,
                       attributes[k].der, attributes[k].len, &pem);
            enum ca_proof_status status = ca_proof_csr_parse(policy, pem.data, pem.len, &out, &e);
            if ((status == PROOF_OK) != openssl_takes(&pem))
                fail_msg("subject %zu, version %zu, attributes %zu: status %d", i / 3, i % 3, k,
                         status);
            taken += status == PROOF_OK;
            if (status == PROOF_OK)
                ca_proof_key_free(&out);
        }
    }
    assert_true(taken >= 4);
    tm_buf_free(&pem);
    EVP_PKEY_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_rsa_keys_pass),
        cmocka_unit_test(rsa_sizes_and_exponents_are_held_to_the_list),
        cmocka_unit_test(moduli_with_small_factors_are_refused),
        cmocka_unit_test(moduli_of_the_flawed_generator_are_refused),
        cmocka_unit_test(moduli_of_close_primes_are_refused),
        cmocka_unit_test(a_request_is_taken_when_openssl_takes_it),
        cmocka_unit_test(each_round_of_fermats_search_finds),
        cmocka_unit_test(ec_points_that_are_none_are_refused),
        cmocka_unit_test(other_curves_and_key_types_are_weak),
        cmocka_unit_test(ed25519_points_of_small_order_are_weak),
        cmocka_unit_test(pem_is_one_block_and_nothing_else),
        cmocka_unit_test(requests_verify_by_their_own_key_and_hash),
        cmocka_unit_test(damaged_requests_are_refused),
        cmocka_unit_test(a_key_used_again_verifies_by_its_new_point_only),
        cmocka_unit_test(a_good_request_is_never_blamed_for_our_lack_of_memory),
    };
    CRYPTO_set_mem_functions(failing_malloc, failing_realloc,
                             plain_free); /* before any other use */
    return cmocka_run_group_tests(tests, make_policy, free_policy);
}
