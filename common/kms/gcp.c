/* Google Cloud KMS by REST (docs: v1, projects.locations.keyRings.cryptoKeys.cryptoKeyVersions,
 * getPublicKey and asymmetricSign). A version signs by one algorithm. */
#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "common/kms/gcp.h"

static int configure(struct tm_kms *k, const struct tm_key_uri *u, struct tm_err *e)
{
    const char *endpoint = u->option[KEY_URI_ENDPOINT];
    static const char *const parts[] = {"projects/", "/locations/", "/keyRings/", "/cryptoKeys/",
                                        "/cryptoKeyVersions/"};
    const char *at = u->path;
    for (size_t i = 0; at != NULL && i < ARRAY(parts); i++)
        at = i == 0 ? (strncmp(at, parts[i], strlen(parts[i])) == 0 ? at : NULL)
                    : strstr(at, parts[i]);
    if (at == NULL)
        return tm_err_set(e,
                          "'%.200s' is not projects/P/locations/L/keyRings/R/cryptoKeys/K/"
                          "cryptoKeyVersions/N",
                          u->path);
    if (tm_kms_check_name(u->path, e) != 0)
        return -1;
    k->name = strdup(u->path);
    k->base = tm_kms_base(endpoint != NULL ? endpoint : "https://cloudkms.googleapis.com", e);
    if (k->name == NULL)
        return tm_err_set(e, "out of memory");
    return k->base != NULL ? 0 : -1;
}

static void begin(const struct tm_kms *k, const struct tm_kms_login *l, const char *what,
                  struct tm_kms_request *r)
{
    tm_buf_printf(&r->url, "%s/v1/%s%s", k->base, k->name, what);
    tm_kms_bearer(r, l);
}

static int ask_public(const struct tm_kms *k, const struct tm_kms_login *l,
                      struct tm_kms_request *r, struct tm_err *e)
{
    begin(k, l, "/publicKey", r);
    return tm_kms_request_check(r, e);
}

struct public_answer {
    char *pem, *algorithm, *name;
};
static const struct tm_jsonmap_member public_members[] = {
    JSONMAP_NEED(struct public_answer, "pem", pem, TEXT, .max = 8192),
    JSONMAP_NEED(struct public_answer, "algorithm", algorithm, TEXT, .max = 64),
    JSONMAP_ROW(struct public_answer, "name", name, TEXT, .max = 1024),
    {0}};
static const struct tm_jsonmap public_map = {
    .members = public_members, .size = sizeof(struct public_answer), .unknown = JSONMAP_IGNORE};

/* The line end after the last line is the service's to write or not. */
static EVP_PKEY *read_pem(const char *pem, struct tm_err *e)
{
    struct tm_buf text = {0};
    EVP_PKEY *key = NULL;
    tm_buf_puts(&text, pem);
    if (text.len > 0 && text.data[text.len - 1] != '\n')
        buf_putc(&text, '\n');
    if (tm_buf_str(&text) != NULL)
        key = tm_kms_key_pem(tm_buf_str(&text), e);
    tm_buf_free(&text);
    return key;
}

static EVP_PKEY *read_public(struct tm_kms *k, const struct tm_buf *body, struct tm_err *e)
{
    struct public_answer a = {0};
    EVP_PKEY *key = NULL;
    if (tm_jsonmap_parse((const char *)body->data, body->len, KMS_ANSWER_MAX, &public_map, NULL, &a,
                         e) != 0 ||
        tm_kms_answers("key", a.name, k->name, e) != 0) {
        tm_err_wrap(e, "its answer");
    } else if (strstr(a.algorithm, "_SIGN_") == NULL) {
        tm_err_set(e, "the key's algorithm is %.64s: make a key for ASYMMETRIC_SIGN", a.algorithm);
    } else {
        free(k->algorithm);
        k->algorithm = a.algorithm;
        a.algorithm = NULL;
        key = read_pem(a.pem, e);
    }
    tm_jsonmap_free(&public_map, &a);
    return key;
}

/* EC_SIGN_P256_SHA256, RSA_SIGN_PSS_3072_SHA256, RSA_SIGN_PKCS1_4096_SHA512, EC_SIGN_ED25519 */
static int check_algorithm(const struct tm_kms *k, const struct tm_key_ask *a, struct tm_err *e)
{
    static const char *const begins[] = {[KEY_SIGN_ECDSA] = "EC_SIGN_P",
                                         [KEY_SIGN_PKCS1] = "RSA_SIGN_PKCS1_",
                                         [KEY_SIGN_PSS] = "RSA_SIGN_PSS_",
                                         [KEY_SIGN_ED25519] = "EC_SIGN_ED25519"};
    const char *hash = tm_key_hash_name(a->hash);
    size_t len = strlen(k->algorithm);
    size_t end = strlen(hash);
    if (strncmp(k->algorithm, begins[a->scheme], strlen(begins[a->scheme])) == 0 && len >= end &&
        strcmp(k->algorithm + len - end, hash) == 0)
        return 0;
    return tm_err_set(e, "this version signs by %.64s alone: make one of %s...%s", k->algorithm,
                      begins[a->scheme], hash);
}

static int ask_sign(const struct tm_kms *k, const struct tm_kms_login *l,
                    const struct tm_key_ask *a, struct tm_kms_request *r, struct tm_err *e)
{
    static const char *const members[] = {"sha256", "sha384", "sha512", "data"};
    bool whole = a->hash == KEY_NO_HASH;
    if (check_algorithm(k, a, e) != 0)
        return -1;
    r->post = true;
    begin(k, l, ":asymmetricSign", r);
    tm_kms_header(r, "Content-Type", "application/json");
    tm_buf_printf(&r->body, "%s\"%s\":\"", whole ? "{" : "{\"digest\":{", members[a->hash]);
    tm_b64_encode(B64_STD, a->data, a->len, &r->body);
    tm_buf_puts(&r->body, whole ? "\"}" : "\"}}");
    return tm_kms_request_check(r, e);
}

struct sign_answer {
    struct tm_buf signature;
    char *name;
};
static const struct tm_jsonmap_member sign_members[] = {
    JSONMAP_NEED(struct sign_answer, "signature", signature, BASE64, .min = 1, .max = 1024),
    JSONMAP_ROW(struct sign_answer, "name", name, TEXT, .max = 1024),
    {0}};
static const struct tm_jsonmap sign_map = {
    .members = sign_members, .size = sizeof(struct sign_answer), .unknown = JSONMAP_IGNORE};

static int read_sign(const struct tm_kms *k, const struct tm_key_ask *a, const struct tm_buf *body,
                     struct tm_buf *sig, struct tm_err *e)
{
    struct sign_answer s = {{0}, NULL};
    (void)a;
    int rc = tm_jsonmap_parse((const char *)body->data, body->len, KMS_ANSWER_MAX, &sign_map, NULL,
                              &s, e);
    if (rc == 0)
        rc = tm_kms_answers("key", s.name, k->name, e);
    if (rc == 0)
        tm_buf_append(sig, s.signature.data, s.signature.len);
    tm_jsonmap_free(&sign_map, &s);
    return rc == 0 ? 0 : tm_err_wrap(e, "its answer");
}

static const struct tm_kms_fault faults[] = {
    {0, "UNAUTHENTICATED", KMS_LOGIN, "the access token has ended"},
    {401, NULL, KMS_LOGIN, "the credential is not taken"},
    {0, "PERMISSION_DENIED", KMS_FAIL,
     "give this account roles/cloudkms.signerVerifier on the key"},
    {0, "NOT_FOUND", KMS_FAIL,
     "no such version of a key: tenmint-keys(7) has the line that makes one"},
    {0, "FAILED_PRECONDITION", KMS_FAIL, "the version is not enabled"},
    {0, "RESOURCE_EXHAUSTED", KMS_AGAIN, "raise the project's quota of cryptographic requests"},
    {0, "UNAVAILABLE", KMS_AGAIN, "Google is at fault"},
    {0, "invalid_grant", KMS_FAIL, "the credential was revoked, or this machine's clock is wrong"},
    {0},
};

const struct tm_kms_service tm_kms_gcp = {configure,          tm_kms_gcp_login, ask_public,
                                          read_public,        ask_sign,         read_sign,
                                          tm_kms_oauth_fault, faults,           tm_kms_gcp_files};
