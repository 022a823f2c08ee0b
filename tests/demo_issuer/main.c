/*
 * A test OIDC issuer on loopback: discovery, a key set, and POST /token, which mints a
 * GitHub-Actions-shaped RS256 token with libjwt. A JSON object as the body changes claims
 * (null removes one). For tests and demonstrations only.
 */
#include <jansson.h>
#include <jwt.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/b64.h"
#include "common/buf.h"
#include "tests/support/demohttp.h"

#define KID "demo-key-1"

struct issuer {
    struct demo_http http;
    char *private_pem;
    char *jwks;
};

static int put_bn(EVP_PKEY *key, const char *name, struct tm_buf *out)
{
    BIGNUM *n = NULL;
    unsigned char bytes[512];
    if (EVP_PKEY_get_bn_param(key, name, &n) != 1)
        return -1;
    int len = BN_bn2bin(n, bytes);
    tm_b64_encode(B64_URL_BARE, bytes, (size_t)len, out);
    BN_free(n);
    return 0;
}

static int make_key(struct issuer *is)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    BIO *bio = BIO_new(BIO_s_mem());
    struct tm_buf jwks = {0};
    char *pem = NULL;
    int rc = -1;
    tm_buf_puts(&jwks,
                "{\"keys\":[{\"kty\":\"RSA\",\"use\":\"sig\",\"alg\":\"RS256\",\"kid\":\"" KID
                "\",\"n\":\"");
    if (key != NULL && bio != NULL && put_bn(key, OSSL_PKEY_PARAM_RSA_N, &jwks) == 0) {
        tm_buf_puts(&jwks, "\",\"e\":\"");
        put_bn(key, OSSL_PKEY_PARAM_RSA_E, &jwks);
        tm_buf_puts(&jwks, "\"}]}");
        if (PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1) {
            long len = BIO_get_mem_data(bio, &pem);
            is->private_pem = strndup(pem, (size_t)len);
            is->jwks = strdup(tm_buf_str(&jwks));
            rc = is->private_pem != NULL && is->jwks != NULL ? 0 : -1;
        }
    }
    tm_buf_free(&jwks);
    BIO_free(bio);
    EVP_PKEY_free(key);
    return rc;
}

static json_t *default_claims(const struct issuer *is)
{
    json_int_t now = time(NULL);
    return json_pack(
        "{s:s,s:s,s:s,s:I,s:I,s:I,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}",
        "iss", is->http.url, "aud", "sigstore", "sub", "repo:acme/widget:ref:refs/heads/main",
        "iat", now, "nbf", now, "exp", now + 300, "event_name", "push", "sha",
        "2f1c0d9e8b7a6f5e4d3c2b1a09f8e7d6c5b4a392", "workflow", "release", "repository",
        "acme/widget", "ref", "refs/heads/main", "job_workflow_ref",
        "acme/widget/.github/workflows/release.yml@refs/heads/main", "job_workflow_sha",
        "2f1c0d9e8b7a6f5e4d3c2b1a09f8e7d6c5b4a392", "runner_environment", "github-hosted",
        "repository_id", "1234567", "repository_owner", "acme", "repository_owner_id", "7654321",
        "repository_visibility", "private", "workflow_ref",
        "acme/widget/.github/workflows/release.yml@refs/heads/main", "workflow_sha",
        "2f1c0d9e8b7a6f5e4d3c2b1a09f8e7d6c5b4a392", "run_id", "987654321", "run_attempt", "1");
}

static char *mint(const struct issuer *is, const char *changes, size_t len)
{
    json_t *claims = default_claims(is);
    json_t *wanted = len > 0 ? json_loadb(changes, len, 0, NULL) : NULL;
    const char *key;
    json_t *value;
    json_object_foreach(wanted, key, value)
    {
        if (json_is_null(value))
            json_object_del(claims, key);
        else
            json_object_set(claims, key, value);
    }
    char *text = json_dumps(claims, JSON_COMPACT);
    jwt_t *jwt = NULL;
    char *token = NULL;
    if (text != NULL && jwt_new(&jwt) == 0 && jwt_add_header(jwt, "kid", KID) == 0 &&
        jwt_add_grants_json(jwt, text) == 0 &&
        jwt_set_alg(jwt, JWT_ALG_RS256, (const unsigned char *)is->private_pem,
                    (int)strlen(is->private_pem)) == 0)
        token = jwt_encode_str(jwt);
    jwt_free(jwt);
    free(text);
    json_decref(claims);
    json_decref(wanted);
    return token;
}

static void handle(void *ctx, const char *method, const char *path, const char *body, size_t len,
                   struct demo_reply *out)
{
    const struct issuer *is = ctx;
    if (strcmp(path, "/.well-known/openid-configuration") == 0) {
        tm_buf_printf(&out->body, "{\"issuer\":\"%s\",\"jwks_uri\":\"%s/keys\"}", is->http.url,
                      is->http.url);
    } else if (strcmp(path, "/keys") == 0) {
        tm_buf_puts(&out->body, is->jwks);
    } else if (strcmp(path, "/token") == 0 && strcmp(method, "POST") == 0) {
        char *token = mint(is, body, len);
        out->status = token != NULL ? 200 : 400;
        tm_buf_puts(&out->body, token != NULL ? token : "bad claims");
        free(token);
    } else {
        out->status = 404;
        tm_buf_puts(&out->body, "not found");
    }
}

int main(void)
{
    struct issuer is = {.http = {.handle = handle, .ctx = &is}};
    int rc = make_key(&is) == 0 ? demo_http_run(&is.http) : 1;
    free(is.private_pem);
    free(is.jwks);
    return rc;
}
