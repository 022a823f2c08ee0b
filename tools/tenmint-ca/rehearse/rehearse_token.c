/* The drill's own issuer: its keys, its key set, and tokens, good and bad. */
#include <jansson.h>
#include <jwt.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "common/clock.h"
#include "common/file.h"
#include "oidc/trust/trust.h"
#include "tools/tenmint-ca/rehearse/rehearse.h"

#define LIFE_S 300

/* How each differs from a good one. */
static const struct token {
    const char *subject, *audience;
    enum { SIGNED_BY_ISSUER, SIGNED_BY_RETIRED, SIGNED_BY_STRANGER, NOT_SIGNED } by;
    int64_t begins_s; /* from now */
} tokens[] = {
    [REHEARSE_GOOD] = {"rehearsal", "sigstore", SIGNED_BY_ISSUER, 0},
    [REHEARSE_RELEASE] = {"release-1", "sigstore", SIGNED_BY_ISSUER, 0},
    [REHEARSE_OTHER_KEY] = {"rehearsal", "sigstore", SIGNED_BY_STRANGER, 0},
    [REHEARSE_RETIRED_KEY] = {"rehearsal", "sigstore", SIGNED_BY_RETIRED, 0},
    [REHEARSE_UNSIGNED] = {"rehearsal", "sigstore", NOT_SIGNED, 0},
    [REHEARSE_OTHER_AUDIENCE] = {"rehearsal", "https://elsewhere.invalid", SIGNED_BY_ISSUER, 0},
    [REHEARSE_EXPIRED] = {"rehearsal", "sigstore", SIGNED_BY_ISSUER, -3600 - 2 * LIFE_S},
};

/* ---- keys ---- */

/* RFC 7518 §6.2.1: 32 bytes, whatever they begin with. */
static int put_coordinate(EVP_PKEY *key, const char *name, struct tm_buf *out)
{
    BIGNUM *n = NULL;
    unsigned char bytes[32];
    if (EVP_PKEY_get_bn_param(key, name, &n) != 1)
        return -1;
    int rc = BN_bn2binpad(n, bytes, sizeof(bytes)) == (int)sizeof(bytes) ? 0 : -1;
    BN_free(n);
    if (rc == 0)
        tm_b64_encode(B64_URL_BARE, bytes, sizeof(bytes), out);
    return rc;
}

/* RFC 7517 §5, of one key without a "kid": whoever reads it tries the one that there is. */
static int put_key_set(EVP_PKEY *key, struct tm_buf *out)
{
    tm_buf_puts(out, "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"use\":\"sig\",\"alg\":\"ES256"
                     "\",\"x\":\"");
    if (put_coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X, out) != 0)
        return -1;
    tm_buf_puts(out, "\",\"y\":\"");
    if (put_coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y, out) != 0)
        return -1;
    tm_buf_puts(out, "\"}]}\n");
    return buf_failed(out) ? -1 : 0;
}

int rehearse_issuer_key(struct rehearse_copy *c, struct tm_err *e)
{
    char path[PATH_MAX];
    struct tm_buf set = {0};
    EVP_PKEY_free(c->retired_issuer);
    c->retired_issuer = c->issuer;
    c->issuer = EVP_EC_gen("P-256");
    if (c->stranger == NULL)
        c->stranger = EVP_EC_gen("P-256");
    int rc =
        c->issuer != NULL && c->stranger != NULL && put_key_set(c->issuer, &set) == 0
            ? tm_file_join(c->dir, "ca/" TRUST_JWKS_FOLDER "/rehearsal.json", path, sizeof(path), e)
            : tm_err_openssl(e, "make the key of the drill's issuer");
    if (rc == 0)
        rc = tm_file_write_atomic(path, 0644, set.data, set.len, e);
    tm_buf_free(&set);
    return rc;
}

/* ---- tokens ---- */

static char *claims_of(const struct token *t)
{
    json_int_t now = tm_clock_wall_ms() / 1000 + t->begins_s;
    json_t *claims =
        json_pack("{s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:I}", "iss", REHEARSE_ISSUER_URL, "aud",
                  t->audience, "sub", t->subject, "email", REHEARSE_IDENTITY, "email_verified", 1,
                  "iat", now, "nbf", now, "exp", now + LIFE_S);
    char *text = claims != NULL ? json_dumps(claims, JSON_COMPACT) : NULL;
    json_decref(claims);
    return text;
}

/* Signed by libjwt, which wants the key as PEM; NULL: it is not signed. */
static char *encode(const char *claims, const struct tm_buf *pem)
{
    jwt_t *jwt = NULL;
    char *token = NULL;
    if (jwt_new(&jwt) == 0 && jwt_add_grants_json(jwt, claims) == 0 &&
        (pem == NULL ? jwt_set_alg(jwt, JWT_ALG_NONE, NULL, 0)
                     : jwt_set_alg(jwt, JWT_ALG_ES256, pem->data, (int)pem->len)) == 0)
        token = jwt_encode_str(jwt);
    jwt_free(jwt);
    return token;
}

static int private_pem(EVP_PKEY *key, struct tm_buf *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    if (bio == NULL || PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
        BIO_free(bio);
        return -1;
    }
    long len = BIO_get_mem_data(bio, &text);
    tm_buf_append(out, text, (size_t)len);
    buf_putc(out, '\0'); /* libjwt reads a text */
    out->len--;
    BIO_free(bio);
    return buf_failed(out) ? -1 : 0;
}

int rehearse_token_write(const struct rehearse_copy *c, enum rehearse_token which, struct tm_err *e)
{
    const struct token *t = &tokens[which];
    EVP_PKEY *const keys[] = {[SIGNED_BY_ISSUER] = c->issuer,
                              [SIGNED_BY_RETIRED] = c->retired_issuer,
                              [SIGNED_BY_STRANGER] = c->stranger,
                              [NOT_SIGNED] = NULL};
    char path[PATH_MAX];
    struct tm_buf pem = {0};
    char *claims = claims_of(t);
    char *token = NULL;
    if (claims != NULL && (keys[t->by] == NULL || private_pem(keys[t->by], &pem) == 0))
        token = encode(claims, keys[t->by] != NULL ? &pem : NULL);
    int rc = token != NULL ? tm_file_join(c->dir, "token", path, sizeof(path), e)
                           : tm_err_set(e, "the drill's token cannot be made");
    if (rc == 0)
        rc = tm_file_write_passing(path, 0600, token, strlen(token), e);
    tm_buf_free_secret(&pem);
    free(claims);
    free(token);
    return rc;
}
