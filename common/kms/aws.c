/* AWS KMS: its JSON API (docs: KMS API Reference, GetPublicKey and Sign), requests signed by
 * SigV4. A digest is sent, never what it was made of; Ed25519 needs the message. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/kms/aws.h"
#include "common/b64.h"

#define MESSAGE_MAX 4096 /* bytes of a message that is not a digest */

static const char *const algorithms[KEY_SIGN_KINDS][KEY_NO_HASH + 1] = {
    [KEY_SIGN_ECDSA] = {"ECDSA_SHA_256", "ECDSA_SHA_384", "ECDSA_SHA_512", NULL},
    [KEY_SIGN_PKCS1] = {"RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PKCS1_V1_5_SHA_384",
                        "RSASSA_PKCS1_V1_5_SHA_512", NULL},
    [KEY_SIGN_PSS] = {"RSASSA_PSS_SHA_256", "RSASSA_PSS_SHA_384", "RSASSA_PSS_SHA_512", NULL},
    [KEY_SIGN_ED25519] = {[KEY_NO_HASH] = "ED25519_SHA_512"},
};

/* arn:PARTITION:kms:REGION:ACCOUNT:key/ID; the region, or NULL. */
static char *region_of_arn(const char *name)
{
    const char *at = strncmp(name, "arn:", 4) == 0 ? strstr(name, ":kms:") : NULL;
    size_t len = at != NULL ? strcspn(at + 5, ":") : 0;
    return len > 0 ? strndup(at + 5, len) : NULL;
}

static int find_region(struct tm_kms *k, struct tm_err *e)
{
    const char *given = k->uri.option[KEY_URI_REGION];
    const char *const names[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
    if (given == NULL && (k->region = region_of_arn(k->name)) != NULL)
        return tm_kms_check_name(k->region, e);
    for (size_t i = 0; given == NULL && i < ARRAY(names); i++)
        given = tm_kms_env(names[i]);
    k->region = given != NULL ? strdup(given) : tm_kms_aws_profile_value(k->profile, "region");
    return k->region != NULL
               ? tm_kms_check_name(k->region, e)
               : tm_err_set(e, "in which region? Say ?region=…, a key's ARN, AWS_REGION, or region "
                               "in ~/.aws/config");
}

static int configure(struct tm_kms *k, const struct tm_key_uri *u, struct tm_err *e)
{
    const char *profile = u->option[KEY_URI_PROFILE];
    if (profile == NULL)
        profile = tm_kms_env("AWS_PROFILE");
    k->name = strdup(u->path);
    k->profile = strdup(profile != NULL ? profile : "default");
    if (k->name == NULL || k->profile == NULL)
        return tm_err_set(e, "out of memory");
    if (tm_kms_check_name(k->name, e) != 0 || find_region(k, e) != 0)
        return -1;
    k->base = tm_kms_aws_endpoint(k, u->option[KEY_URI_ENDPOINT], "kms", "AWS_ENDPOINT_URL_KMS", e);
    return k->base != NULL ? 0 : -1;
}

static void sign_request(const struct tm_kms *k, const struct tm_kms_login *l,
                         struct tm_kms_request *r)
{
    snprintf(r->sigv4, sizeof(r->sigv4), "aws:amz:%.64s:kms", k->region);
    r->signer = l;
    if (l->token.len > 0)
        tm_kms_header(r, "X-Amz-Security-Token", tm_buf_str((struct tm_buf *)&l->token));
}

static void begin(const struct tm_kms *k, const struct tm_kms_login *l, const char *target,
                  struct tm_kms_request *r)
{
    r->post = true;
    tm_buf_printf(&r->url, "%s/", k->base);
    tm_kms_header(r, "Content-Type", "application/x-amz-json-1.1");
    tm_kms_header(r, "X-Amz-Target", target);
    sign_request(k, l, r);
    tm_buf_printf(&r->body, "{\"KeyId\":\"%s\"", k->version != NULL ? k->version : k->name);
}

static int ask_public(const struct tm_kms *k, const struct tm_kms_login *l,
                      struct tm_kms_request *r, struct tm_err *e)
{
    begin(k, l, "TrentService.GetPublicKey", r);
    tm_buf_puts(&r->body, "}");
    return tm_kms_request_check(r, e);
}

struct public_answer {
    struct tm_buf key;
    char *usage, *id;
};
static const struct tm_jsonmap_member public_members[] = {
    JSONMAP_NEED(struct public_answer, "PublicKey", key, BASE64, .min = 1, .max = 2048),
    JSONMAP_ROW(struct public_answer, "KeyUsage", usage, TEXT, .max = 64),
    JSONMAP_ROW(struct public_answer, "KeyId", id, TEXT, .max = 2048),
    {0}};
static const struct tm_jsonmap public_map = {
    .members = public_members, .size = sizeof(struct public_answer), .unknown = JSONMAP_IGNORE};

/* The key that answers is the one that signs from now on: an alias that is pointed to another one
 * changes nothing here. */
static int keep_id(struct tm_kms *k, struct public_answer *a, struct tm_err *e)
{
    if (a->id == NULL)
        return 0;
    free(k->version);
    k->version = a->id;
    a->id = NULL;
    return tm_kms_check_name(k->version, e);
}

static EVP_PKEY *read_public(struct tm_kms *k, const struct tm_buf *body, struct tm_err *e)
{
    struct public_answer a = {{0}, NULL, NULL};
    EVP_PKEY *key = NULL;
    if (tm_jsonmap_parse((const char *)body->data, body->len, KMS_ANSWER_MAX, &public_map, NULL, &a,
                         e) != 0)
        tm_err_wrap(e, "its answer");
    else if (a.usage != NULL && strcmp(a.usage, "SIGN_VERIFY") != 0)
        tm_err_set(e, "the key is for %.64s: make one with the usage SIGN_VERIFY", a.usage);
    else if (keep_id(k, &a, e) == 0)
        key = tm_kms_key_der(&a.key, e);
    tm_jsonmap_free(&public_map, &a);
    return key;
}

static int ask_sign(const struct tm_kms *k, const struct tm_kms_login *l,
                    const struct tm_key_ask *a, struct tm_kms_request *r, struct tm_err *e)
{
    bool whole = a->hash == KEY_NO_HASH;
    if (whole && a->len > MESSAGE_MAX)
        return tm_err_set(e, "AWS KMS signs messages of at most %d bytes by Ed25519, not %zu",
                          MESSAGE_MAX, a->len);
    begin(k, l, "TrentService.Sign", r);
    tm_buf_printf(&r->body, ",\"MessageType\":\"%s\",\"SigningAlgorithm\":\"%s\",\"Message\":\"",
                  whole ? "RAW" : "DIGEST", algorithms[a->scheme][a->hash]);
    tm_b64_encode(B64_STD, a->data, a->len, &r->body);
    tm_buf_puts(&r->body, "\"}");
    return tm_kms_request_check(r, e);
}

struct sign_answer {
    struct tm_buf signature;
    char *id, *algorithm;
};
static const struct tm_jsonmap_member sign_members[] = {
    JSONMAP_NEED(struct sign_answer, "Signature", signature, BASE64, .min = 1, .max = 1024),
    JSONMAP_ROW(struct sign_answer, "KeyId", id, TEXT, .max = 2048),
    JSONMAP_ROW(struct sign_answer, "SigningAlgorithm", algorithm, TEXT, .max = 64),
    {0}};
static const struct tm_jsonmap sign_map = {
    .members = sign_members, .size = sizeof(struct sign_answer), .unknown = JSONMAP_IGNORE};

/* Some write the key's id where AWS writes its ARN, which ends in it. */
static const char *id_of(const char *name)
{
    const char *slash = name != NULL ? strrchr(name, '/') : NULL;
    return slash != NULL ? slash + 1 : name;
}

static int read_sign(const struct tm_kms *k, const struct tm_key_ask *a, const struct tm_buf *body,
                     struct tm_buf *sig, struct tm_err *e)
{
    struct sign_answer s = {{0}, NULL, NULL};
    int rc = tm_jsonmap_parse((const char *)body->data, body->len, KMS_ANSWER_MAX, &sign_map, NULL,
                              &s, e);
    if (rc == 0)
        rc = tm_kms_answers("key", id_of(s.id), id_of(k->version), e);
    if (rc == 0)
        rc = tm_kms_answers("algorithm", s.algorithm, algorithms[a->scheme][a->hash], e);
    if (rc == 0)
        tm_buf_append(sig, s.signature.data, s.signature.len);
    tm_jsonmap_free(&sign_map, &s);
    return rc == 0 ? 0 : tm_err_wrap(e, "its answer");
}

struct fault {
    char *type, *message, *other;
};
static const struct tm_jsonmap_member fault_members[] = {
    JSONMAP_ROW(struct fault, "__type", type, TEXT, .max = 256),
    JSONMAP_ROW(struct fault, "message", message, TEXT, .max = 4096),
    JSONMAP_ROW(struct fault, "Message", other, TEXT, .max = 4096),
    {0}};
static const struct tm_jsonmap fault_map = {
    .members = fault_members, .size = sizeof(struct fault), .unknown = JSONMAP_IGNORE};

/* "com.amazonaws.kms#AccessDeniedException", or without what stands before the '#'. */
static void read_fault(const struct tm_buf *body, char code[64], char words[200])
{
    struct fault f = {0};
    if (tm_jsonmap_parse((const char *)body->data, body->len, KMS_ANSWER_MAX, &fault_map, NULL, &f,
                         NULL) == 0 &&
        f.type != NULL) {
        const char *hash = strrchr(f.type, '#');
        const char *message = f.message != NULL ? f.message : f.other;
        snprintf(code, 64, "%s", hash != NULL ? hash + 1 : f.type);
        snprintf(words, 200, "%s", message != NULL ? message : "");
    }
    tm_jsonmap_free(&fault_map, &f);
}

static const struct tm_kms_fault faults[] = {
    {0, "ThrottlingException", KMS_AGAIN, "raise the account's quota of cryptographic operations"},
    {0, "RequestLimitExceeded", KMS_AGAIN, "raise the account's quota"},
    {0, "KMSInternalException", KMS_AGAIN, "AWS is at fault"},
    {0, "DependencyTimeoutException", KMS_AGAIN, "AWS is at fault"},
    {0, "KeyUnavailableException", KMS_AGAIN, "AWS is at fault"},
    {0, "ExpiredTokenException", KMS_LOGIN, "the credential has ended: renew it"},
    {0, "UnrecognizedClientException", KMS_LOGIN, "AWS does not know the credential"},
    {0, "InvalidClientTokenId", KMS_LOGIN, "AWS does not know the credential"},
    {0, "InvalidSignatureException", KMS_LOGIN,
     "the secret access key is wrong, or this machine's clock"},
    {0, "IncompleteSignature", KMS_FAIL, "the endpoint is no KMS of AWS"},
    {0, "AccessDeniedException", KMS_FAIL,
     "allow kms:GetPublicKey and kms:Sign on this key to this identity"},
    {0, "NotFoundException", KMS_FAIL,
     "no such key in this account and region: tenmint-keys(7) has the line that makes one"},
    {0, "DisabledException", KMS_FAIL, "the key is disabled"},
    {0, "KMSInvalidStateException", KMS_FAIL, "the key is disabled or about to be deleted"},
    {0, "InvalidKeyUsageException", KMS_FAIL, "the key's kind does not make such signatures"},
    {0, "UnsupportedOperationException", KMS_FAIL, "make an asymmetric key (SIGN_VERIFY)"},
    {0, NULL, KMS_FAIL, NULL},
};

const struct tm_kms_service tm_kms_aws = {configure,   tm_kms_aws_login, ask_public,
                                          read_public, ask_sign,         read_sign,
                                          read_fault,  faults,           tm_kms_aws_files};
