#include "ca/proof/modulus.h"

#include <openssl/bn.h>
#include <stdbool.h>
#include <stdlib.h>

#include "ca/proof/blame.h"

#define SMALL_PRIMES 132 /* odd ones up to 751 */
#define SMALL_PRIME_MAX 751
#define FERMAT_ROUNDS 100
#define DIGITS (MODULUS_MAX / 4) /* of 32 bits */

/*
 * n modulo a small prime is the sum of its digits, each times a power of 2^32 modulo that prime:
 * products and one division, where dividing n by each prime would take 128 divisions.
 */
struct ca_modulus_rules {
    unsigned prime[SMALL_PRIMES];
    uint16_t power[SMALL_PRIMES][DIGITS]; /* 2^(32 i) modulo prime */
};

static bool is_prime(unsigned n)
{
    for (unsigned d = 3; d * d <= n; d += 2) {
        if (n % d == 0)
            return false;
    }
    return true;
}

struct ca_modulus_rules *ca_modulus_rules_new(struct tm_err *e)
{
    struct ca_modulus_rules *r = malloc(sizeof(*r));
    if (r == NULL)
        return tm_err_null(e, "out of memory");
    size_t count = 0;
    for (unsigned p = 3; p <= SMALL_PRIME_MAX; p += 2) {
        if (!is_prime(p))
            continue;
        uint64_t power = 1;
        for (size_t i = 0; i < DIGITS; i++, power = (power << 32) % p)
            r->power[count][i] = (uint16_t)power;
        r->prime[count++] = p;
    }
    return r;
}

void ca_modulus_rules_free(struct ca_modulus_rules *r)
{
    free(r);
}

/* The digits of n, the least first; 0 beyond it. */
static void digits_of(const unsigned char *be, size_t len, uint32_t digit[DIGITS])
{
    for (size_t i = 0; i < DIGITS; i++) {
        const unsigned char *p = be + len - 4 * (i + 1);
        digit[i] = 4 * (i + 1) > len
                       ? 0
                       : (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    }
}

/* At most 128 products below 2^42: no sum overflows. */
static unsigned modulo_prime(const struct ca_modulus_rules *r, size_t k,
                             const uint32_t digit[DIGITS], size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (uint64_t)digit[i] * r->power[k][i];
    return (unsigned)(sum % r->prime[k]);
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
#define ROCA_ROWS (sizeof(roca_rows) / sizeof(roca_rows[0]))

static unsigned power_mod(unsigned base, unsigned exponent, unsigned mod)
{
    unsigned result = 1;
    for (base %= mod; exponent > 0; exponent >>= 1, base = base * base % mod) {
        if ((exponent & 1) != 0)
            result = result * base % mod;
    }
    return result;
}

static const char *small_prime_fault(const struct ca_modulus_rules *r, const unsigned char *be,
                                     size_t len)
{
    uint32_t digit[DIGITS];
    digits_of(be, len, digit);
    if ((digit[0] & 1) == 0)
        return "RSA modulus has a small prime factor";
    size_t suspect = 0; /* rows of roca_rows that n satisfies; both tables rise */
    for (size_t k = 0; k < SMALL_PRIMES; k++) {
        unsigned left = modulo_prime(r, k, digit, len / 4);
        if (left == 0)
            return "RSA modulus has a small prime factor";
        if (suspect < ROCA_ROWS && roca_rows[suspect].prime == r->prime[k] &&
            power_mod(left, roca_rows[suspect].exponent, r->prime[k]) == 1)
            suspect++;
    }
    return suspect == ROCA_ROWS
               ? "RSA modulus was made by a flawed generator (ROCA, CVE-2017-15361)"
               : NULL;
}

/* r = floor(sqrt(n)), n > 0: each step divides with twice as many bits as the one before, so that
 * all of them cost little more than the last. OpenSSL has no integer square root. */
static bool integer_sqrt(BIGNUM *r, const BIGNUM *n, BIGNUM *t, BN_CTX *ctx)
{
    int half = (BN_num_bits(n) - 1) / 2;
    int steps = 0;
    while (half >> steps > 0)
        steps++;
    bool ok = BN_one(r) == 1;
    for (int s = steps - 1, d = 0; s >= 0 && ok; s--) {
        int before = d;
        d = half >> s;
        ok = BN_rshift(t, n, 2 * half - before - d + 1) == 1 && BN_div(t, NULL, t, r, ctx) == 1 &&
             BN_lshift(r, r, d - before - 1) == 1 && BN_add(r, r, t) == 1;
    }
    if (!ok || BN_sqr(t, r, ctx) != 1)
        return false;
    return BN_cmp(t, n) <= 0 || BN_sub_word(r, 1) == 1;
}

/* Squares are few modulo each of these, in the first most of all: of 60,000 numbers that are no
 * square one looks like it modulo all of them. One division serves each row. */
static const struct {
    unsigned product; /* of the moduli, below 2^32 */
    unsigned modulus[6];
} square_rows[] = {
    {64U * 63 * 65 * 11 * 17 * 19, {64, 63, 65, 11, 17, 19}},
    {23U * 29 * 31 * 37 * 41 * 43, {23, 29, 31, 37, 41, 43}},
};
#define SQUARE_ROWS (sizeof(square_rows) / sizeof(square_rows[0]))

/* Of the rounds in `round`, keeps those i for which (a + i)^2 - n, whose residues are a0 and n0, is
 * a square modulo `mod`. How many there are. */
static size_t sieve(unsigned a0, unsigned n0, unsigned mod, unsigned char *round, size_t count)
{
    bool square[65] = {false};
    size_t kept = 0;
    for (unsigned x = 0; x <= mod / 2; x++)
        square[x * x % mod] = true;
    for (size_t k = 0; k < count; k++) {
        unsigned x = (a0 + round[k]) % mod;
        if (square[(x * x + mod - n0) % mod])
            round[kept++] = round[k];
    }
    return kept;
}

/* The rounds in which a^2 - n may be a square, for a, a + 1, …; by residues alone. Each modulus
 * leaves a fraction of them to the next. How many there are. */
static size_t sieve_rounds(const BIGNUM *a, const BIGNUM *n, unsigned char round[FERMAT_ROUNDS])
{
    size_t count = FERMAT_ROUNDS;
    for (size_t i = 0; i < FERMAT_ROUNDS; i++)
        round[i] = (unsigned char)i;
    for (size_t r = 0; r < SQUARE_ROWS && count > 0; r++) {
        unsigned a0 = (unsigned)BN_mod_word(a, square_rows[r].product);
        unsigned n0 = (unsigned)BN_mod_word(n, square_rows[r].product);
        for (size_t k = 0; k < 6 && count > 0; k++) {
            unsigned mod = square_rows[r].modulus[k];
            count = sieve(a0 % mod, n0 % mod, mod, round, count);
        }
    }
    return count;
}

/* 1: factored, 0: not, -1: out of memory. n = a^2 - b^2 with a at or just above sqrt(n). */
static int fermat_rounds(const BIGNUM *n, BN_CTX *ctx)
{
    BIGNUM *a = BN_CTX_get(ctx);
    BIGNUM *b2 = BN_CTX_get(ctx);
    BIGNUM *b = BN_CTX_get(ctx);
    BIGNUM *t = BN_CTX_get(ctx);
    unsigned char round[FERMAT_ROUNDS];
    if (t == NULL || !integer_sqrt(a, n, t, ctx) || BN_sqr(t, a, ctx) != 1)
        return -1;
    if (BN_cmp(t, n) == 0)
        return 1;
    if (BN_add_word(a, 1) != 1)
        return -1;
    size_t count = sieve_rounds(a, n, round);
    for (size_t i = 0; i < count; i++) {
        if (BN_copy(t, a) == NULL || BN_add_word(t, round[i]) != 1 || BN_sqr(b2, t, ctx) != 1 ||
            BN_sub(b2, b2, n) != 1 || !integer_sqrt(b, b2, t, ctx) || BN_sqr(t, b, ctx) != 1)
            return -1;
        if (BN_cmp(t, b2) == 0)
            return 1;
    }
    return 0;
}

static int fermat_factors(const unsigned char *be, size_t len)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *n = BN_bin2bn(be, (int)len, NULL);
    int found = -1;
    if (ctx != NULL && n != NULL) {
        BN_CTX_start(ctx);
        found = fermat_rounds(n, ctx);
        BN_CTX_end(ctx);
    }
    BN_free(n);
    BN_CTX_free(ctx);
    return found;
}

static enum ca_proof_status weak(struct tm_err *e, const char *why)
{
    tm_err_set(e, "%s", why);
    return PROOF_KEY_WEAK;
}

enum ca_proof_status ca_modulus_check(const struct ca_modulus_rules *r, const unsigned char *be,
                                      size_t len, struct tm_err *e)
{
    if ((len != 256 && len != 384 && len != 512) || (be[0] & 0x80) == 0)
        return weak(e, "RSA modulus of another size than 2048, 3072 or 4096 bits");
    const char *fault = small_prime_fault(r, be, len);
    if (fault != NULL)
        return weak(e, fault);
    int found = fermat_factors(be, len);
    if (found < 0)
        return ca_proof_blame(PROOF_INTERNAL, e, "factor the RSA modulus");
    return found > 0 ? weak(e, "RSA modulus factors by Fermat's method") : PROOF_OK;
}
