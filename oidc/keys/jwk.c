#include "oidc/keys/jwk.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "common/json/strictjson.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192 /* verification time grows with the square */

/* RFC 7518 §2 wants base64url without padding; who writes another base64 is told so. */
static int get_bytes(const json_t *json, const char *name, struct tm_buf *out, struct tm_err *e)
{
    const char *text = tm_strictjson_str(json, name);
    if (text == NULL || text[0] == '\0')
        return tm_err_set(e, "'%s' is missing, empty or not a string", name);
    if (tm_b64_decode(B64_URL_BARE, text, strlen(text), out) == 0)
        return 0;
    return strchr(text, '=') != NULL
               ? tm_err_set(e, "'%s' is base64 with padding ('='): base64url has none", name)
           : strpbrk(text, "+/") != NULL
               ? tm_err_set(e, "'%s' is base64 with '+' or '/': base64url has '-' and '_'", name)
               : tm_err_set(e, "'%s' is not base64url", name);
}

static EVP_PKEY *from_params(const char *type, OSSL_PARAM *params)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    return key;
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

static int parse_rsa(const json_t *json, EVP_PKEY **out, struct tm_err *e)
{
    struct tm_buf n = {0};
    struct tm_buf exponent = {0};
    BIGNUM *bn_n = NULL;
    BIGNUM *bn_e = NULL;
    OSSL_PARAM_BLD *bld = NULL;
    OSSL_PARAM *params = NULL;
    EVP_PKEY *key = NULL;
    if (get_bytes(json, "n", &n, e) != 0 || get_bytes(json, "e", &exponent, e) != 0) {
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
    key = from_params("RSA", params);
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
static int get_coordinate(const json_t *json, const char *name, size_t width, struct tm_buf *point,
                          struct tm_err *e)
{
    size_t before = point->len;
    if (get_bytes(json, name, point, e) != 0)
        return -1;
    return point->len == before + width
               ? 0
               : tm_err_set(e, "'%s' has %zu bytes, not %zu", name, point->len - before, width);
}

static EVP_PKEY *make_ec(const json_t *json, const char *group, size_t width, struct tm_err *e)
{
    struct tm_buf point = {0};
    EVP_PKEY *key = NULL;
    buf_putc(&point, 0x04);
    if (get_coordinate(json, "x", width, &point, e) == 0 &&
        get_coordinate(json, "y", width, &point, e) == 0) {
        OSSL_PARAM params[] = {
            OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)group, 0),
            OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data, point.len),
            OSSL_PARAM_construct_end(),
        };
        key = from_params("EC", params);
        if (key == NULL)
            tm_err_openssl(e, "the point is not on the curve");
    }
    tm_buf_free(&point);
    return key;
}

static int parse_ec(const json_t *json, EVP_PKEY **out, struct tm_err *e)
{
    const char *crv = tm_strictjson_str(json, "crv");
    for (size_t i = 0; crv != NULL && i < sizeof(curves) / sizeof(curves[0]); i++) {
        if (strcmp(curves[i].crv, crv) != 0)
            continue;
        EVP_PKEY *key = make_ec(json, curves[i].group, curves[i].width, e);
        if (key == NULL)
            tm_err_wrap(e, "EC key");
        return made(key, out);
    }
    tm_err_set(e, "EC key on curve '%.40s', not P-256, P-384 or P-521",
               crv != NULL ? crv : "(missing)");
    return crv != NULL ? 1 : -1;
}

static int parse_okp(const json_t *json, EVP_PKEY **out, struct tm_err *e)
{
    const char *crv = tm_strictjson_str(json, "crv");
    struct tm_buf x = {0};
    EVP_PKEY *key = NULL;
    if (crv == NULL || strcmp(crv, "Ed25519") != 0) {
        tm_err_set(e, "OKP key of '%.40s', not Ed25519", crv != NULL ? crv : "(missing)");
        return crv != NULL ? 1 : -1;
    }
    if (get_coordinate(json, "x", 32, &x, e) == 0) {
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
    int (*parse)(const json_t *json, EVP_PKEY **out, struct tm_err *e);
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
static int finish(const json_t *json, struct oidc_jwk *out, struct tm_err *e)
{
    const char *only = tm_strictjson_str(json, "alg");
    const char *kid = tm_strictjson_str(json, "kid");
    unsigned usable = 0;
    out->kid = kid != NULL ? strdup(kid) : NULL;
    out->pem = to_pem(out->key);
    for (int i = 0; i < ALG_COUNT; i++) {
        if (!oidc_alg_fits(i, out->key) ||
            (only != NULL && strcmp(only, oidc_alg_table[i].name) != 0))
            continue;
        out->prepared[i] = prepare(&oidc_alg_table[i], out->key);
        usable += out->prepared[i] != NULL;
    }
    if (out->pem == NULL || (kid != NULL && out->kid == NULL))
        return tm_err_set(e, "out of memory");
    if (usable > 0)
        return 0;
    tm_err_set(e, "no algorithm of ours fits the key%s%.40s%s",
               only != NULL ? " and its alg '" : "", only != NULL ? only : "",
               only != NULL ? "'" : "");
    return 1;
}

/* `use` and `key_ops` (RFC 7517 §4.2, §4.3), where they are given, allow verification. */
static bool is_for_signatures(const json_t *json)
{
    const json_t *use = json_object_get(json, "use");
    const json_t *ops = json_object_get(json, "key_ops");
    bool verify = ops == NULL;
    size_t i;
    const json_t *one;
    json_array_foreach(ops, i, one)
    {
        const char *op = json_string_value(one);
        verify = verify || (op != NULL && strcmp(op, "verify") == 0);
    }
    return verify &&
           (use == NULL || (json_is_string(use) && strcmp(json_string_value(use), "sig") == 0));
}

int oidc_jwk_parse(const json_t *json, struct oidc_jwk *out, struct tm_err *e)
{
    *out = (struct oidc_jwk){0};
    const char *kty = tm_strictjson_str(json, "kty");
    if (kty == NULL)
        return tm_err_set(e, "key without kty");
    if (!is_for_signatures(json)) {
        tm_err_set(e, "'use' or 'key_ops' is not for verifying signatures");
        return 1;
    }
    if (json_object_get(json, "d") != NULL) /* everybody has it now */
        return tm_err_set(e, "the issuer has published a private key");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].kty, kty) != 0)
            continue;
        int rc = kinds[i].parse(json, &out->key, e);
        if (rc == 0)
            rc = finish(json, out, e);
        if (rc != 0)
            oidc_jwk_free(out);
        return rc;
    }
    tm_err_set(e, "key of type '%.40s'", kty);
    return 1;
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
