/* Azure Key Vault and Managed HSM (docs: Key Vault REST API 7.4, Get Key and Sign), and how to log
 * in there: client secret, workload identity, managed identity. */
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/b64.h"
#include "common/curve.h"
#include "common/ecdsa.h"
#include "common/kms/internal.h"

#define API "?api-version=7.4"
#define AUTHORITY "https://login.microsoftonline.com"
#define IMDS "http://169.254.169.254"
#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

/* HOST/KEY[/VERSION] */
static int configure(struct tm_kms *k, const struct tm_key_uri *u, struct tm_err *e)
{
    const char *endpoint = u->option[KEY_URI_ENDPOINT];
    size_t host = strcspn(u->path, "/");
    const char *domain = memchr(u->path, '.', host);
    char url[320];
    if (tm_kms_check_name(u->path, e) != 0)
        return -1;
    const char *key = u->path[host] == '/' ? u->path + host + 1 : "";
    const char *version = strchr(key, '/');
    if (domain == NULL || key[0] == '\0' || (version != NULL && strchr(version + 1, '/') != NULL))
        return tm_err_set(e, "'%.200s' is not NAME.vault.azure.net/KEY/VERSION", u->path);
    snprintf(url, sizeof(url), "https://%.*s", (int)host, u->path);
    k->base = tm_kms_base(endpoint != NULL ? endpoint : url, e);
    snprintf(url, sizeof(url), "https://%.*s", (int)(host - (size_t)(domain + 1 - u->path)),
             domain + 1);
    k->tenant = strdup(url);
    k->name = version != NULL ? strndup(key, (size_t)(version - key)) : strdup(key);
    k->version = strdup(version != NULL ? version + 1 : "");
    if (k->tenant == NULL || k->name == NULL || k->version == NULL)
        return tm_err_set(e, "out of memory");
    return k->base != NULL ? 0 : -1;
}

static int ask_public(const struct tm_kms *k, const struct tm_kms_login *l,
                      struct tm_kms_request *r, struct tm_err *e)
{
    tm_buf_printf(&r->url, "%s/keys/%s%s%s" API, k->base, k->name, k->version[0] != '\0' ? "/" : "",
                  k->version);
    tm_kms_bearer(r, l);
    return tm_kms_request_check(r, e);
}

struct jwk {
    char *kid, *kty, *crv;
    struct tm_buf x, y, n, exponent;
};
struct key_answer {
    struct jwk key;
};
#define TEXT(json, member_, required) \
    { \
        .name = (json), JSONMAP_AT(struct jwk, member_), .kind = JSONMAP_TEXT, .min = 1, \
        .max = 512, .flags = (required) \
    }
#define BYTES(json, member_) \
    { \
        .name = (json), JSONMAP_AT(struct jwk, member_), .kind = JSONMAP_BASE64, .min = 1, \
        .max = 1024 \
    }
static const struct tm_jsonmap_member jwk_members[] = {TEXT("kid", kid, JSONMAP_REQUIRED),
                                                       TEXT("kty", kty, JSONMAP_REQUIRED),
                                                       TEXT("crv", crv, 0),
                                                       BYTES("x", x),
                                                       BYTES("y", y),
                                                       BYTES("n", n),
                                                       BYTES("e", exponent),
                                                       {0}};
static const struct tm_jsonmap jwk_map = {
    .members = jwk_members, .size = sizeof(struct jwk), .unknown = JSONMAP_IGNORE};
static const struct tm_jsonmap_member key_members[] = {
    JSONMAP_NEED(struct key_answer, "key", key, OBJECT, .map = &jwk_map), {0}};
static const struct tm_jsonmap key_map = {
    .members = key_members, .size = sizeof(struct key_answer), .unknown = JSONMAP_IGNORE};

static EVP_PKEY *build(const char *type, OSSL_PARAM_BLD *b)
{
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
    EVP_PKEY *key = tm_curve_public(type, params);
    OSSL_PARAM_free(params);
    return key;
}

static EVP_PKEY *build_ec(const struct jwk *j)
{
    static const struct {
        const char *name;
        size_t width;
    } curves[] = {{"P-256", 32}, {"P-384", 48}, {"P-521", 66}};
    struct tm_buf point = {0};
    EVP_PKEY *key = NULL;
    for (size_t i = 0; j->crv != NULL && i < ARRAY(curves); i++) {
        if (strcmp(j->crv, curves[i].name) != 0 || j->x.len != curves[i].width ||
            j->y.len != curves[i].width)
            continue;
        OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
        buf_putc(&point, 0x04); /* uncompressed */
        tm_buf_append(&point, j->x.data, j->x.len);
        tm_buf_append(&point, j->y.data, j->y.len);
        if (b != NULL && !buf_failed(&point) &&
            OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, j->crv, 0) == 1 &&
            OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point.data, point.len) ==
                1)
            key = build("EC", b);
        OSSL_PARAM_BLD_free(b);
    }
    tm_buf_free(&point);
    return key;
}

static EVP_PKEY *build_rsa(const struct jwk *j)
{
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    BIGNUM *n = BN_bin2bn(j->n.data, (int)j->n.len, NULL);
    BIGNUM *exponent = BN_bin2bn(j->exponent.data, (int)j->exponent.len, NULL);
    EVP_PKEY *key = NULL;
    if (b != NULL && n != NULL && exponent != NULL &&
        OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
        key = build("RSA", b);
    BN_free(n);
    BN_free(exponent);
    OSSL_PARAM_BLD_free(b);
    return key;
}

/* https://HOST/keys/NAME/VERSION: the version, within `kid`, of the key that was asked for. */
static const char *version_of(const struct tm_kms *k, const char *kid, struct tm_err *e)
{
    const char *name = strstr(kid, "/keys/");
    const char *version = name != NULL ? strchr(name + 6, '/') : NULL;
    if (version == NULL || version[1] == '\0' ||
        strspn(version + 1, "0123456789abcdefABCDEF") != strlen(version + 1))
        return tm_err_null(e, "'kid' names no version");
    name += 6;
    if ((size_t)(version - name) != strlen(k->name) ||
        strncasecmp(name, k->name, strlen(k->name)) != 0)
        return tm_err_null(e, "it is of another key, '%.200s' in place of '%s'", name, k->name);
    return version + 1;
}

/* The version that answers is the one that signs from now on: a rotation there changes nothing
 * here. */
static int keep_version(struct tm_kms *k, const char *kid, struct tm_err *e)
{
    const char *said = version_of(k, kid, e);
    if (said == NULL ||
        tm_kms_answers("version", said, k->version[0] != '\0' ? k->version : NULL, e) != 0)
        return -1;
    char *version = strdup(said);
    if (version == NULL)
        return tm_err_set(e, "out of memory");
    free(k->version);
    k->version = version;
    return 0;
}

static EVP_PKEY *read_public(struct tm_kms *k, const struct tm_buf *body, struct tm_err *e)
{
    struct key_answer a = {0};
    EVP_PKEY *key = NULL;
    int rc = tm_jsonmap_parse((const char *)body->data, body->len, KMS_ANSWER_MAX, &key_map, NULL,
                              &a, e);
    if (rc == 0)
        rc = keep_version(k, a.key.kid, e);
    if (rc == 0 && strncmp(a.key.kty, "EC", 2) == 0)
        key = build_ec(&a.key);
    else if (rc == 0 && strncmp(a.key.kty, "RSA", 3) == 0)
        key = build_rsa(&a.key);
    if (rc == 0 && key == NULL)
        tm_err_openssl(e, "a key of kind %.32s cannot be used", a.key.kty);
    else if (rc != 0)
        tm_err_wrap(e, "its answer");
    tm_jsonmap_free(&key_map, &a);
    return key;
}

/* RFC 7518 §3.1: the hash is part of the name. */
static const char *const algorithms[KEY_SIGN_KINDS][KEY_NO_HASH + 1] = {
    [KEY_SIGN_ECDSA] = {"ES256", "ES384", "ES512", NULL},
    [KEY_SIGN_PKCS1] = {"RS256", "RS384", "RS512", NULL},
    [KEY_SIGN_PSS] = {"PS256", "PS384", "PS512", NULL},
};

static int ask_sign(const struct tm_kms *k, const struct tm_kms_login *l,
                    const struct tm_key_ask *a, struct tm_kms_request *r, struct tm_err *e)
{
    const char *algorithm = algorithms[a->scheme][a->hash];
    if (algorithm == NULL)
        return tm_err_set(e, "Azure has no Ed25519");
    r->post = true;
    tm_buf_printf(&r->url, "%s/keys/%s/%s/sign" API, k->base, k->name, k->version);
    tm_kms_bearer(r, l);
    tm_kms_header(r, "Content-Type", "application/json");
    tm_buf_printf(&r->body, "{\"alg\":\"%s\",\"value\":\"", algorithm);
    tm_b64_encode(B64_URL_BARE, a->data, a->len, &r->body);
    tm_buf_puts(&r->body, "\"}");
    return tm_kms_request_check(r, e);
}

struct sign_answer {
    struct tm_buf value;
    char *kid;
};
static const struct tm_jsonmap_member sign_members[] = {
    JSONMAP_NEED(struct sign_answer, "value", value, BASE64, .min = 1, .max = 1024),
    JSONMAP_ROW(struct sign_answer, "kid", kid, TEXT, .max = 512),
    {0}};
static const struct tm_jsonmap sign_map = {
    .members = sign_members, .size = sizeof(struct sign_answer), .unknown = JSONMAP_IGNORE};

static int check_kid(const struct tm_kms *k, const char *kid, struct tm_err *e)
{
    const char *version = kid != NULL ? version_of(k, kid, e) : NULL;
    if (kid == NULL)
        return 0;
    return version != NULL ? tm_kms_answers("version", version, k->version, e) : -1;
}

/* `raw` is r||s. */
static int put_der(const struct tm_buf *raw, struct tm_buf *sig, struct tm_err *e)
{
    size_t len = 0;
    unsigned char *der =
        raw->len % 2 == 0 ? tm_ecdsa_raw_to_der(raw->data, raw->len / 2, &len) : NULL;
    if (der == NULL)
        return tm_err_set(e, "'value' is no signature");
    tm_buf_append(sig, der, len);
    OPENSSL_free(der);
    return 0;
}

static int read_sign(const struct tm_kms *k, const struct tm_key_ask *a, const struct tm_buf *body,
                     struct tm_buf *sig, struct tm_err *e)
{
    struct sign_answer s = {{0}, NULL};
    int rc = tm_jsonmap_parse((const char *)body->data, body->len, KMS_ANSWER_MAX, &sign_map, NULL,
                              &s, e);
    if (rc == 0)
        rc = check_kid(k, s.kid, e);
    if (rc == 0 && a->scheme == KEY_SIGN_ECDSA)
        rc = put_der(&s.value, sig, e);
    else if (rc == 0)
        tm_buf_append(sig, s.value.data, s.value.len);
    tm_jsonmap_free(&sign_map, &s);
    return rc == 0 ? 0 : tm_err_wrap(e, "its answer");
}

static const struct tm_kms_fault faults[] = {
    {401, NULL, KMS_LOGIN, "the access token has ended, or is for another tenant or cloud"},
    {403, NULL, KMS_FAIL,
     "give this identity the role Key Vault Crypto User (keys/read, keys/sign), and this network "
     "access to the vault"},
    {404, NULL, KMS_FAIL,
     "no such key or version in this vault: tenmint-keys(7) has the line that makes one"},
    {409, NULL, KMS_FAIL, "the key is being changed"},
    {0},
};

/* ---- login ---- */

static int ask_token(struct tm_kms *k, const char *tenant, const char *client, const char *name,
                     const char *value, size_t len, struct tm_kms_login *out, struct tm_err *e)
{
    const char *authority = tm_kms_env("AZURE_AUTHORITY_HOST");
    char *base = tm_kms_base(authority != NULL ? authority : AUTHORITY, e);
    struct tm_kms_request r = {.post = true};
    if (base == NULL || tm_kms_check_name(tenant, e) != 0) {
        free(base);
        return -1;
    }
    tm_buf_printf(&r.url, "%s/%s/oauth2/v2.0/token", base, tenant);
    tm_kms_header(&r, "Content-Type", "application/x-www-form-urlencoded");
    tm_buf_puts(&r.body, "grant_type=client_credentials&client_id=");
    tm_kms_put_escaped(&r.body, client, strlen(client));
    tm_buf_puts(&r.body, "&scope=");
    tm_kms_put_escaped(&r.body, k->tenant, strlen(k->tenant));
    tm_buf_printf(&r.body, "%%2F.default&%s=", name);
    tm_kms_put_escaped(&r.body, value, len);
    int rc = tm_kms_oauth(k, &r, out, e);
    tm_kms_request_free(&r);
    free(base);
    return rc;
}

static int managed_identity(struct tm_kms *k, const char *client, struct tm_kms_login *out,
                            struct tm_err *e)
{
    const char *host = tm_kms_env("AZURE_POD_IDENTITY_AUTHORITY_HOST");
    struct tm_kms_request r = {.metadata = host == NULL, .direct = true};
    tm_buf_printf(&r.url, "%s/metadata/identity/oauth2/token?api-version=2018-02-01&resource=",
                  host != NULL ? host : IMDS);
    tm_kms_put_escaped(&r.url, k->tenant, strlen(k->tenant));
    if (client != NULL) {
        tm_buf_puts(&r.url, "&client_id=");
        tm_kms_put_escaped(&r.url, client, strlen(client));
    }
    tm_kms_header(&r, "Metadata", "true");
    int rc = tm_kms_oauth(k, &r, out, e);
    tm_kms_request_free(&r);
    return rc == 0 ? 0
                   : tm_err_wrap(e, "neither AZURE_CLIENT_SECRET nor AZURE_FEDERATED_TOKEN_FILE, "
                                    "and no managed identity");
}

static int login(struct tm_kms *k, struct tm_kms_login *out, struct tm_err *e)
{
    const char *tenant = tm_kms_env("AZURE_TENANT_ID");
    const char *client = tm_kms_env("AZURE_CLIENT_ID");
    const char *secret = tm_kms_env("AZURE_CLIENT_SECRET");
    const char *file = tm_kms_env("AZURE_FEDERATED_TOKEN_FILE");
    struct tm_buf token = {0};
    if (secret == NULL && file == NULL)
        return managed_identity(k, client, out, e);
    if (tenant == NULL || client == NULL)
        return tm_err_set(e, "AZURE_TENANT_ID and AZURE_CLIENT_ID are needed beside %s",
                          secret != NULL ? "AZURE_CLIENT_SECRET" : "AZURE_FEDERATED_TOKEN_FILE");
    if (secret != NULL)
        return ask_token(k, tenant, client, "client_secret", secret, strlen(secret), out, e);
    int rc = tm_kms_read_file(file, &token, e);
    if (rc == 0)
        rc = ask_token(k, tenant, client,
                       "client_assertion_type=" ASSERTION_TYPE "&client_assertion",
                       (const char *)token.data, token.len, out, e);
    tm_buf_free_secret(&token);
    return rc;
}

static void files(const struct tm_key_uri *u, void (*each)(void *ctx, const char *path), void *ctx)
{
    (void)u;
    if (tm_kms_env("AZURE_FEDERATED_TOKEN_FILE") != NULL)
        each(ctx, tm_kms_env("AZURE_FEDERATED_TOKEN_FILE"));
}

const struct tm_kms_service tm_kms_azure = {configure,          login,    ask_public,
                                            read_public,        ask_sign, read_sign,
                                            tm_kms_oauth_fault, faults,   files};
