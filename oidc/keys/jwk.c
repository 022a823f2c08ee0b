#include "oidc/keys/jwk.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "common/curve.h"
#include "common/json/jsonmap.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192 /* verification time grows with the square */

/* The members of a key that decide something (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2). */
struct jwk_text {
    char *kty, *use, *alg, *kid;
    struct {
        char **item;
        size_t count;
    } ops;
    bool has_ops;
    char *crv, *n, *e, *x, *y;
    json_t *d; /* the private half */
};

#define TEXT(name_, flags_) \
    { \
        .name = #name_, JSONMAP_AT(struct jwk_text, name_), .kind = JSONMAP_TEXT, .flags = flags_ \
    }
static const struct tm_jsonmap_member op = {.kind = JSONMAP_TEXT};
static const struct tm_jsonmap_member members[] = {
    TEXT(kty, JSONMAP_REQUIRED),
    TEXT(use, 0),
    JSONMAP_ROW(struct jwk_text, "key_ops", ops, LIST, .each = &op, .size = sizeof(char *),
                .flags = JSONMAP_NOTED, .has = offsetof(struct jwk_text, has_ops)),
    TEXT(alg, JSONMAP_NULL),
    TEXT(kid, JSONMAP_NULL),
    TEXT(crv, 0),
    TEXT(n, 0),
    TEXT(e, 0),
    TEXT(x, 0),
    TEXT(y, 0),
    JSONMAP_ROW(struct jwk_text, "d", d, TREE),
    {0},
};
static const struct tm_jsonmap map = {
    .members = members, .size = sizeof(struct jwk_text), .unknown = JSONMAP_IGNORE};

/* RFC 7518 §2 wants base64url without padding; who writes another base64 is told so. */
static int get_bytes(const char *text, const char *name, struct tm_buf *out, struct tm_err *e)
{
    if (text == NULL || text[0] == '\0')
        return tm_err_set(e, "'%s' is missing or empty", name);
    if (tm_b64_decode(B64_URL_BARE, text, strlen(text), out) == 0)
        return 0;
    return strchr(text, '=') != NULL
               ? tm_err_set(e, "'%s' is base64 with padding ('='): base64url has none", name)
           : strpbrk(text, "+/") != NULL
               ? tm_err_set(e, "'%s' is base64 with '+' or '/': base64url has '-' and '_'", name)
               : tm_err_set(e, "'%s' is not base64url", name);
}

/* How a key's reader ends: as oidc_jwk_parse, with `out` filled on 0. */
static int made(EVP_PKEY *key, EVP_PKEY **out)
{
    *out = key;
    return key != NULL ? 0 : -1;
}

static int check_rsa(const BIGNUM *n, const BIGNUM *exponent, struct tm_err *e)
{
    if (n == NULL || exponent == NULL)
        return tm_err_set(e, "out of memory");
    if (BN_num_bits(n) < RSA_BITS_MIN || BN_num_bits(n) > RSA_BITS_MAX)
        return tm_err_set(e, "RSA key of %d bits: from %d to %d are taken", BN_num_bits(n),
                          RSA_BITS_MIN, RSA_BITS_MAX);
    if (!BN_is_odd(n) || !BN_is_odd(exponent) || BN_is_one(exponent) || BN_num_bits(exponent) > 32)
        return tm_err_set(e, "RSA key with a modulus or exponent that is not acceptable");
    return 0;
}

static int parse_rsa(const struct jwk_text *j, EVP_PKEY **out, struct tm_err *e)
{
    struct tm_buf n = {0};
    struct tm_buf exponent = {0};
    BIGNUM *bn_n = NULL;
    BIGNUM *bn_e = NULL;
    OSSL_PARAM_BLD *bld = NULL;
    OSSL_PARAM *params = NULL;
    EVP_PKEY *key = NULL;
    if (get_bytes(j->n, "n", &n, e) != 0 || get_bytes(j->e, "e", &exponent, e) != 0) {
        tm_err_wrap(e, "RSA key");
        goto out;
    }
    bn_n = BN_bin2bn(n.data, (int)n.len, NULL);
    bn_e = BN_bin2bn(exponent.data, (int)exponent.len, NULL);
    if (check_rsa(bn_n, bn_e, e) != 0)
        goto out;
    bld = OSSL_PARAM_BLD_new();
    if (bld != NULL && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn_n) == 1 &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, bn_e) == 1)
        params = OSSL_PARAM_BLD_to_param(bld);
    key = tm_curve_public("RSA", params);
    if (key == NULL)
        tm_err_openssl(e, "RSA key");
out:
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    BN_free(bn_n);
    BN_free(bn_e);
    tm_buf_free(&n);
    tm_buf_free(&exponent);
    return made(key, out);
}

static const struct {
    const char *crv;
    const char *group;
    size_t width;
} curves[] = {{"P-256", "prime256v1", 32}, {"P-384", "secp384r1", 48}, {"P-521", "secp521r1", 66}};

/* A coordinate has the field's width, zeros in front included (RFC 7518 §6.2.1.2). */
static int get_coordinate(const char *text, const char *name, size_t width, struct tm_buf *point,
                          struct tm_err *e)
{
    size_t before = point->len;
    if (get_bytes(text, name, point, e) != 0)
        return -1;
    return point->len == before + width
               ? 0
               : tm_err_set(e, "'%s' has %zu bytes, not %zu", name, point->len - before, width);
}

static EVP_PKEY *make_ec(const struct jwk_text *j, const char *group, size_t width,
                         struct tm_err *e)
{
    struct tm_buf point = {0};
    EVP_PKEY *key = NULL;
    buf_putc(&point, 0x04);
    if (get_coordinate(j->x, "x", width, &point, e) == 0 &&
        get_coordinate(j->y, "y", width, &point, e) == 0) {
        OSSL_PARAM params[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)group, 0),
            OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data, point.len),
            OSSL_PARAM_construct_end(),
        };
        key = tm_curve_public("EC", params);
        if (key == NULL)
            tm_err_openssl(e, "the point is not on the curve");
    }
    tm_buf_free(&point);
    return key;
}

static int parse_ec(const struct jwk_text *j, EVP_PKEY **out, struct tm_err *e)
{
    for (size_t i = 0; j->crv != NULL && i < sizeof(curves) / sizeof(curves[0]); i++) {
        if (strcmp(curves[i].crv, j->crv) != 0)
            continue;
        EVP_PKEY *key = make_ec(j, curves[i].group, curves[i].width, e);
        if (key == NULL)
            tm_err_wrap(e, "EC key");
        return made(key, out);
    }
    tm_err_set(e, "EC key on curve '%.40s', not P-256, P-384 or P-521",
               j->crv != NULL ? j->crv : "(missing)");
    return j->crv != NULL ? 1 : -1;
}

static int parse_okp(const struct jwk_text *j, EVP_PKEY **out, struct tm_err *e)
{
    struct tm_buf x = {0};
    EVP_PKEY *key = NULL;
    if (j->crv == NULL || strcmp(j->crv, "Ed25519") != 0) {
        tm_err_set(e, "OKP key of '%.40s', not Ed25519", j->crv != NULL ? j->crv : "(missing)");
        return j->crv != NULL ? 1 : -1;
    }
    if (get_coordinate(j->x, "x", 32, &x, e) == 0) {
        key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x.data, x.len);
        if (key == NULL)
            tm_err_openssl(e, "not a key");
    }
    tm_buf_free(&x);
    if (key == NULL)
        tm_err_wrap(e, "Ed25519 key");
    return made(key, out);
}

static const struct {
    const char *kty;
    int (*parse)(const struct jwk_text *j, EVP_PKEY **out, struct tm_err *e);
} kinds[] = {{"RSA", parse_rsa}, {"EC", parse_ec}, {"OKP", parse_okp}};

static EVP_MD_CTX *prepare(const struct oidc_alg *alg, EVP_PKEY *key)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    bool ok = ctx != NULL &&
              EVP_DigestVerifyInit_ex(ctx, &pctx, alg->digest, NULL, NULL, key, NULL) == 1 &&
              (!alg->pss || (EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
                             EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) == 1));
    if (!ok) {
        EVP_MD_CTX_free(ctx);
        return NULL;
    }
    /* A copy verifies once, so it need not copy itself again to do it. */
    EVP_MD_CTX_set_flags(ctx, EVP_MD_CTX_FLAG_FINALISE);
    return ctx;
}

static char *to_pem(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    char *pem = NULL;
    if (bio != NULL && PEM_write_bio_PUBKEY(bio, key) == 1) {
        long len = BIO_get_mem_data(bio, &data);
        pem = strndup(data, (size_t)len);
    }
    BIO_free(bio);
    return pem;
}

/* `alg` in the key narrows what it may be used with; without, its type decides. */
static int finish(struct jwk_text *j, struct oidc_jwk *out, struct tm_err *e)
{
    const char *only = j->alg;
    unsigned usable = 0;
    out->pem = to_pem(out->key);
    for (int i = 0; i < ALG_COUNT; i++) {
        if (!oidc_alg_fits(i, out->key) ||
            (only != NULL && strcmp(only, oidc_alg_table[i].name) != 0))
            continue;
        out->prepared[i] = prepare(&oidc_alg_table[i], out->key);
        usable += out->prepared[i] != NULL;
    }
    if (out->pem == NULL)
        return tm_err_set(e, "out of memory");
    if (usable > 0) {
        out->kid = j->kid;
        j->kid = NULL;
        return 0;
    }
    tm_err_set(e, "no algorithm of ours fits the key%s%.40s%s",
               only != NULL ? " and its alg '" : "", only != NULL ? only : "",
               only != NULL ? "'" : "");
    return 1;
}

/* `use` and `key_ops` (RFC 7517 §4.2, §4.3), where they are given, allow verification. */
static bool is_for_signatures(const struct jwk_text *j)
{
    bool verify = !j->has_ops;
    for (size_t i = 0; i < j->ops.count; i++)
        verify = verify || strcmp(j->ops.item[i], "verify") == 0;
    return verify && (j->use == NULL || strcmp(j->use, "sig") == 0);
}

static int make(struct jwk_text *j, struct oidc_jwk *out, struct tm_err *e)
{
    if (!is_for_signatures(j)) {
        tm_err_set(e, "'use' or 'key_ops' is not for verifying signatures");
        return 1;
    }
    if (j->d != NULL) /* everybody has it now */
        return tm_err_set(e, "the issuer has published a private key");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].kty, j->kty) != 0)
            continue;
        int rc = kinds[i].parse(j, &out->key, e);
        return rc == 0 ? finish(j, out, e) : rc;
    }
    tm_err_set(e, "key of type '%.40s'", j->kty);
    return 1;
}

int oidc_jwk_parse(const json_t *json, struct oidc_jwk *out, struct tm_err *e)
{
    struct jwk_text j = {0};
    *out = (struct oidc_jwk){0};
    int rc = tm_jsonmap_read(json, &map, NULL, &j, e);
    if (rc == 0)
        rc = make(&j, out, e);
    if (rc != 0) {
        tm_err_wrap(e, j.kid != NULL ? "key '%.100s'" : "a key without kid", j.kid);
        oidc_jwk_free(out);
    }
    tm_jsonmap_free(&map, &j);
    return rc;
}

void oidc_jwk_free(struct oidc_jwk *k)
{
    for (int i = 0; i < ALG_COUNT; i++)
        EVP_MD_CTX_free(k->prepared[i]);
    EVP_PKEY_free(k->key);
    free(k->kid);
    free(k->pem);
    *k = (struct oidc_jwk){0};
}
