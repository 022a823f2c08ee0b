#include "ca/proof/strength.h"
#include "ca/proof/blame.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <stdbool.h>
#include <string.h>

#define SMALL_PRIME_MAX 751
#define FERMAT_ROUNDS 100
#define RSA_EXPONENT 65537

static bool is_small_prime(unsigned n)
{
    for (unsigned d = 2; d * d <= n; d++) {
        if (n % d == 0)
            return false;
    }
    return n > 1;
}

static bool has_small_factor(const BIGNUM *n)
{
    for (unsigned p = 2; p <= SMALL_PRIME_MAX; p++) {
        if (is_small_prime(p) && BN_mod_word(n, p) == 0)
            return true;
    }
    return false;
}

/* Infineon's flawed generator leaves n in a small subgroup modulo each of these primes:
 * n is suspect when it is a power of the fingerprint generator 65537 modulo all of them. */
static const struct {
    unsigned exponent; /* the subgroup's order divides this */
    unsigned prime;
} roca_rows[] = {
    {2, 11},  {6, 13}, {8, 17},   {9, 19},   {3, 37},   {26, 53},  {20, 61},  {35, 71},  {24, 73},
    {13, 79}, {6, 97}, {51, 103}, {53, 107}, {54, 109}, {42, 127}, {50, 151}, {78, 157},
};

static unsigned power_mod(unsigned base, unsigned exponent, unsigned mod)
{
    unsigned result = 1;
    for (base %= mod; exponent > 0; exponent >>= 1, base = base * base % mod) {
        if ((exponent & 1) != 0)
            result = result * base % mod;
    }
    return result;
}

static bool is_roca(const BIGNUM *n)
{
    for (size_t i = 0; i < sizeof(roca_rows) / sizeof(roca_rows[0]); i++) {
        unsigned p = roca_rows[i].prime;
        unsigned left = (unsigned)BN_mod_word(n, p);
        if (power_mod(left, roca_rows[i].exponent, p) != 1)
            return false;
    }
    return true;
}

/* r = floor(sqrt(n)) by Newton's method; OpenSSL has no integer square root. */
static int integer_sqrt(BIGNUM *r, const BIGNUM *n, BN_CTX *ctx)
{
    BIGNUM *next = BN_new();
    int ok = next != NULL && BN_one(r) == 1 && BN_lshift(r, r, (BN_num_bits(n) + 1) / 2) == 1;
    while (ok) {
        ok = BN_div(next, NULL, n, r, ctx) == 1 && BN_add(next, next, r) == 1 &&
             BN_rshift1(next, next) == 1;
        if (!ok || BN_cmp(next, r) >= 0)
            break;
        ok = BN_copy(r, next) != NULL;
    }
    BN_free(next);
    return ok;
}

static bool is_residue(unsigned r, unsigned mod)
{
    for (unsigned x = 0; x <= mod / 2; x++) {
        if (x * x % mod == r)
            return true;
    }
    return false;
}

/* False for all but one in 120 of those that are none: a root costs fifty times as much. */
static bool may_be_square(const BIGNUM *n)
{
    static const unsigned moduli[] = {64, 63, 65, 11};
    unsigned left = (unsigned)BN_mod_word(n, 64UL * 63 * 65 * 11);
    bool may = true;
    for (size_t i = 0; i < sizeof(moduli) / sizeof(moduli[0]) && may; i++)
        may = is_residue(left % moduli[i], moduli[i]);
    return may;
}

/* 1: factored, 0: not, -1: out of memory. n = a^2 - b^2 with a just above sqrt(n). */
static int fermat_factors(const BIGNUM *n)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *a = BN_new();
    BIGNUM *b2 = BN_new();
    BIGNUM *b = BN_new();
    int found = -1;
    if (ctx == NULL || a == NULL || b == NULL || b2 == NULL || !integer_sqrt(a, n, ctx) ||
        BN_sqr(b2, a, ctx) != 1)
        goto out;
    if (BN_cmp(b2, n) == 0) { /* n = a^2 */
        found = 1;
        goto out;
    }
    if (BN_add_word(a, 1) != 1)
        goto out;
    for (int i = 0; i < FERMAT_ROUNDS; i++) {
        if (BN_sqr(b2, a, ctx) != 1 || BN_sub(b2, b2, n) != 1 || BN_add_word(a, 1) != 1)
            goto out;
        if (!may_be_square(b2))
            continue;
        if (!integer_sqrt(b, b2, ctx) || BN_sqr(b, b, ctx) != 1)
            goto out;
        if (BN_cmp(b, b2) == 0) {
            found = 1;
            goto out;
        }
    }
    found = 0;
out:
    BN_free(b);
    BN_free(b2);
    BN_free(a);
    BN_CTX_free(ctx);
    return found;
}

static enum ca_proof_status weak(struct tm_err *e, const char *why)
{
    tm_err_set(e, "%s", why);
    return PROOF_KEY_WEAK;
}

static enum ca_proof_status check_modulus(const BIGNUM *n, const BIGNUM *exponent, struct tm_err *e)
{
    int bits = BN_num_bits(n);
    if (bits != 2048 && bits != 3072 && bits != 4096)
        return weak(e, "RSA modulus of another size than 2048, 3072 or 4096 bits");
    if (!BN_is_word(exponent, RSA_EXPONENT))
        return weak(e, "RSA public exponent is not 65537");
    if (has_small_factor(n))
        return weak(e, "RSA modulus has a small prime factor");
    if (is_roca(n))
        return weak(e, "RSA modulus was made by a flawed generator (ROCA, CVE-2017-15361)");
    int found = fermat_factors(n);
    if (found < 0)
        return ca_proof_blame(PROOF_INTERNAL, e, "factor the RSA modulus");
    return found > 0 ? weak(e, "RSA modulus factors by Fermat's method") : PROOF_OK;
}

static enum ca_proof_status check_rsa(const EVP_PKEY *key, struct tm_err *e)
{
    BIGNUM *n = NULL;
    BIGNUM *exponent = NULL;
    enum ca_proof_status status;
    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) != 1 ||
        EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) != 1)
        status = ca_proof_blame(PROOF_INTERNAL, e, "read the RSA key");
    else
        status = check_modulus(n, exponent, e);
    BN_free(n);
    BN_free(exponent);
    return status;
}

/* That the point is on the curve and not at infinity is checked where it is decoded; the
 * accepted curves have cofactor 1, so the order is then right too. */
static enum ca_proof_status check_ec(const EVP_PKEY *key, struct tm_err *e)
{
    char group[64] = "";
    size_t len = 0;
    static const char *const allowed[] = {"prime256v1", "secp384r1", "secp521r1"};
    if (EVP_PKEY_get_group_name((EVP_PKEY *)key, group, sizeof(group), &len) != 1)
        return ca_proof_blame(PROOF_KEY_WEAK, e, "EC key without a named curve");
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        if (strcmp(group, allowed[i]) == 0)
            return PROOF_OK;
    }
    tm_err_set(e, "EC curve %.40s: only P-256, P-384 and P-521 are accepted", group);
    return PROOF_KEY_WEAK;
}

/* y coordinates (sign bit cleared) of the points whose order divides 8, non-canonical
 * encodings included: little endian, as RFC 8032 §5.1.2 encodes. */
static const unsigned char small_order[][32] = {
    {0},
    {1},
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
     0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
     0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
     0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
     0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
};

static enum ca_proof_status check_ed25519(const EVP_PKEY *key, struct tm_err *e)
{
    unsigned char raw[32];
    size_t len = sizeof(raw);
    if (EVP_PKEY_get_raw_public_key(key, raw, &len) != 1 || len != sizeof(raw))
        return ca_proof_blame(PROOF_INTERNAL, e, "read the Ed25519 key");
    raw[31] &= 0x7f;
    for (size_t i = 0; i < sizeof(small_order) / sizeof(small_order[0]); i++) {
        if (memcmp(raw, small_order[i], sizeof(raw)) == 0)
            return weak(e, "Ed25519 key of small order");
    }
    return PROOF_OK;
}

enum ca_proof_status ca_strength_check(const EVP_PKEY *key, struct tm_err *e)
{
    static const struct {
        const char *type;
        enum ca_proof_status (*check)(const EVP_PKEY *key, struct tm_err *e);
    } types[] = {{"EC", check_ec}, {"RSA", check_rsa}, {"ED25519", check_ed25519}};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (EVP_PKEY_is_a(key, types[i].type))
            return types[i].check(key, e);
    }
    return ca_proof_blame(PROOF_KEY_WEAK, e, "key type is not RSA, EC or Ed25519");
}
