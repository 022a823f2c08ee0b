/* HashiCorp Vault's and OpenBao's Transit (docs: API, secret/transit): GET keys/NAME, POST
 * sign/NAME with a digest made here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "common/kms/vault.h"
#include "common/quantity.h"

static const char *const hashes[] = {"sha2-256", "sha2-384", "sha2-512", "none"};

static int copy(char **to, const char *given, const char *variable, const char *usual,
                struct tm_err *e)
{
    if (given == NULL && variable != NULL)
        given = tm_kms_env(variable);
    if (given == NULL)
        given = usual;
    *to = given != NULL ? strdup(given) : NULL;
    if (given != NULL && *to == NULL)
        return tm_err_set(e, "out of memory");
    return given != NULL ? tm_kms_check_name(given, e) : 0;
}

static int configure(struct tm_kms *k, const struct tm_key_uri *u, struct tm_err *e)
{
    const char *address = u->option[KEY_URI_ENDPOINT];
    if (address == NULL)
        address = tm_kms_env("VAULT_ADDR");
    if (address == NULL)
        address = tm_kms_env("BAO_ADDR");
    int64_t version = 1;
    if (u->option[KEY_URI_VERSION] != NULL &&
        (tm_quantity_count(u->option[KEY_URI_VERSION], &version) != 0 || version < 1))
        return tm_err_set(e, "version '%.20s' is no number from 1 on", u->option[KEY_URI_VERSION]);
    if (address == NULL)
        return tm_err_set(e, "at which address? Say ?endpoint=https://… or VAULT_ADDR");
    if (copy(&k->name, u->path, NULL, NULL, e) != 0 ||
        copy(&k->mount, u->option[KEY_URI_MOUNT], NULL, "transit", e) != 0 ||
        copy(&k->tenant, u->option[KEY_URI_NAMESPACE], "VAULT_NAMESPACE", NULL, e) != 0)
        return -1;
    if (strchr(k->name, '/') != NULL)
        return tm_err_set(e, "a key of Transit has no '/' in its name; the mount is ?mount=");
    k->base = tm_kms_base(address, e);
    return k->base != NULL && tm_kms_vault_check(u, e) == 0 ? 0 : -1;
}

static int ask_public(const struct tm_kms *k, const struct tm_kms_login *l,
                      struct tm_kms_request *r, struct tm_err *e)
{
    tm_kms_vault_begin(k, r);
    tm_kms_header(r, "X-Vault-Token", tm_buf_str((struct tm_buf *)&l->token));
    tm_buf_printf(&r->url, "%s/keys/%s", k->mount, k->name);
    return tm_kms_request_check(r, e);
}

struct version {
    char *number; /* first: JSONMAP_NAMED */
    char *public_key;
};
struct key_data {
    char *type, *name;
    int64_t latest;
    struct tm_jsonmap_list keys; /* of struct version */
};
struct key_answer {
    struct key_data data;
};
static const struct tm_jsonmap_member version_members[] = {
    JSONMAP_ROW(struct version, "public_key", public_key, TEXT, .max = 8192), {0}};
static const struct tm_jsonmap version_map = {
    .members = version_members, .size = sizeof(struct version), .unknown = JSONMAP_IGNORE};
static const struct tm_jsonmap_member version_row = {
    .name = "version", .kind = JSONMAP_OBJECT, .map = &version_map, .flags = JSONMAP_REQUIRED};
static const struct tm_jsonmap_member data_members[] = {
    JSONMAP_NEED(struct key_data, "type", type, TEXT, .max = 64),
    JSONMAP_ROW(struct key_data, "name", name, TEXT, .max = 512),
    JSONMAP_NEED(struct key_data, "latest_version", latest, INTEGER, .min = 1, .max = INT32_MAX),
    JSONMAP_NEED(struct key_data, "keys", keys, NAMED, .max = 4096, .each = &version_row,
                 .size = sizeof(struct version)),
    {0}};
static const struct tm_jsonmap data_map = {
    .members = data_members, .size = sizeof(struct key_data), .unknown = JSONMAP_IGNORE};
static const struct tm_jsonmap_member key_members[] = {
    JSONMAP_NEED(struct key_answer, "data", data, OBJECT, .map = &data_map), {0}};
static const struct tm_jsonmap key_map = {
    .members = key_members, .size = sizeof(struct key_answer), .unknown = JSONMAP_IGNORE};

static EVP_PKEY *ed25519(const char *text, struct tm_err *e)
{
    struct tm_buf raw = {0};
    EVP_PKEY *key = NULL;
    if (tm_b64_decode(B64_ANY, text, strlen(text), &raw) == 0)
        key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw.data, raw.len);
    tm_buf_free(&raw);
    if (key == NULL)
        tm_err_openssl(e, "its answer holds no Ed25519 key");
    return key;
}

static EVP_PKEY *find_version(struct tm_kms *k, const struct key_data *d, struct tm_err *e)
{
    char latest[24];
    const struct version *v = d->keys.item;
    snprintf(latest, sizeof(latest), "%lld", (long long)d->latest);
    const char *wanted = k->uri.option[KEY_URI_VERSION];
    if (wanted == NULL)
        wanted = latest;
    for (size_t i = 0; i < d->keys.count; i++) {
        if (strcmp(v[i].number, wanted) != 0 || v[i].public_key == NULL)
            continue;
        free(k->version);
        k->version = strdup(wanted);
        if (k->version == NULL)
            break;
        return strcmp(d->type, "ed25519") == 0 ? ed25519(v[i].public_key, e)
                                               : tm_kms_key_pem(v[i].public_key, e);
    }
    return tm_err_null(
        e,
        "the key (%.32s) has no version %s with a public half: make one of ecdsa-p256, "
        "ecdsa-p384, rsa-3072 or ed25519",
        d->type, wanted);
}

static EVP_PKEY *read_public(struct tm_kms *k, const struct tm_buf *body, struct tm_err *e)
{
    struct key_answer a = {0};
    EVP_PKEY *key = NULL;
    if (tm_jsonmap_parse((const char *)body->data, body->len, KMS_ANSWER_MAX, &key_map, NULL, &a,
                         e) != 0 ||
        tm_kms_answers("key", a.data.name, k->name, e) != 0)
        tm_err_wrap(e, "its answer");
    else
        key = find_version(k, &a.data, e);
    tm_jsonmap_free(&key_map, &a);
    return key;
}

static int ask_sign(const struct tm_kms *k, const struct tm_kms_login *l,
                    const struct tm_key_ask *a, struct tm_kms_request *r, struct tm_err *e)
{
    bool whole = a->hash == KEY_NO_HASH;
    r->post = true;
    tm_kms_vault_begin(k, r);
    tm_kms_header(r, "X-Vault-Token", tm_buf_str((struct tm_buf *)&l->token));
    tm_kms_header(r, "Content-Type", "application/json");
    tm_buf_printf(&r->url, "%s/sign/%s", k->mount, k->name);
    tm_buf_printf(&r->body, "{\"key_version\":%s,\"prehashed\":%s,", k->version,
                  whole ? "false" : "true");
    if (!whole)
        tm_buf_printf(&r->body, "\"hash_algorithm\":\"%s\",", hashes[a->hash]);
    if (a->scheme == KEY_SIGN_ECDSA)
        tm_buf_puts(&r->body, "\"marshaling_algorithm\":\"asn1\",");
    if (a->scheme == KEY_SIGN_PKCS1)
        tm_buf_puts(&r->body, "\"signature_algorithm\":\"pkcs1v15\",");
    if (a->scheme == KEY_SIGN_PSS)
        tm_buf_puts(&r->body, "\"signature_algorithm\":\"pss\",\"salt_length\":\"hash\",");
    tm_buf_puts(&r->body, "\"input\":\"");
    tm_b64_encode(B64_STD, a->data, a->len, &r->body);
    tm_buf_puts(&r->body, "\"}");
    return tm_kms_request_check(r, e);
}

struct sign_data {
    char *signature;
};
struct sign_answer {
    struct sign_data data;
};
static const struct tm_jsonmap_member signature_members[] = {
    JSONMAP_NEED(struct sign_data, "signature", signature, TEXT, .max = 2048), {0}};
static const struct tm_jsonmap signature_map = {
    .members = signature_members, .size = sizeof(struct sign_data), .unknown = JSONMAP_IGNORE};
static const struct tm_jsonmap_member sign_members[] = {
    JSONMAP_NEED(struct sign_answer, "data", data, OBJECT, .map = &signature_map), {0}};
static const struct tm_jsonmap sign_map = {
    .members = sign_members, .size = sizeof(struct sign_answer), .unknown = JSONMAP_IGNORE};

/* vault:vN:BASE64 */
static int read_sign(const struct tm_kms *k, const struct tm_key_ask *a, const struct tm_buf *body,
                     struct tm_buf *sig, struct tm_err *e)
{
    struct sign_answer s = {0};
    char begins[32];
    (void)a;
    snprintf(begins, sizeof(begins), "vault:v%s:", k->version);
    size_t len = strlen(begins);
    int rc = tm_jsonmap_parse((const char *)body->data, body->len, KMS_ANSWER_MAX, &sign_map, NULL,
                              &s, e);
    if (rc == 0 && strncmp(s.data.signature, "vault:v", 7) == 0 &&
        strncmp(s.data.signature, begins, len) != 0)
        rc = tm_err_set(e, "it is of another version, '%.16s' in place of '%s'", s.data.signature,
                        begins);
    else if (rc == 0 && (strncmp(s.data.signature, begins, len) != 0 ||
                         tm_b64_decode(B64_STD, s.data.signature + len,
                                       strlen(s.data.signature + len), sig) != 0))
        rc = tm_err_set(e, "'signature' is not vault:vN:BASE64");
    tm_jsonmap_free(&sign_map, &s);
    return rc == 0 ? 0 : tm_err_wrap(e, "its answer");
}

struct fault {
    struct tm_jsonmap_list errors; /* of char * */
};
static const struct tm_jsonmap_member error_row = {
    .name = "error", .kind = JSONMAP_TEXT, .max = 4096, .flags = JSONMAP_REQUIRED};
static const struct tm_jsonmap_member fault_members[] = {
    JSONMAP_NEED(struct fault, "errors", errors, LIST, .max = 16, .each = &error_row,
                 .size = sizeof(char *)),
    {0}};
static const struct tm_jsonmap fault_map = {
    .members = fault_members, .size = sizeof(struct fault), .unknown = JSONMAP_IGNORE};

static void read_fault(const struct tm_buf *body, char code[64], char words[200])
{
    struct fault f = {{0}};
    (void)code;
    if (tm_jsonmap_parse((const char *)body->data, body->len, KMS_ANSWER_MAX, &fault_map, NULL, &f,
                         NULL) == 0 &&
        f.errors.count > 0)
        snprintf(words, 200, "%s", ((char *const *)f.errors.item)[0]);
    tm_jsonmap_free(&fault_map, &f);
}

static const struct tm_kms_fault faults[] = {
    {403, NULL, KMS_LOGIN,
     "the token has ended, or its policy lacks read on MOUNT/keys/NAME and update on "
     "MOUNT/sign/NAME"},
    {404, NULL, KMS_FAIL,
     "no such key or mount (or namespace): tenmint-keys(7) has the line that makes one"},
    {412, NULL, KMS_AGAIN, "this node has not caught up"},
    {472, NULL, KMS_AGAIN, "a standby of another site answers"},
    {473, NULL, KMS_AGAIN, "a standby answers"},
    {503, NULL, KMS_AGAIN, "it is sealed, or under maintenance"},
    {0},
};

const struct tm_kms_service tm_kms_vault = {
    configure, tm_kms_vault_login, ask_public, read_public,       ask_sign,
    read_sign, read_fault,         faults,     tm_kms_vault_files};
