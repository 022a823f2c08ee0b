/* A token of Vault: given, or asked for by what the machine can show (docs: API, auth methods). */
#include <limits.h>
#include <string.h>

#include "common/clock.h"
#include "common/json/jsonstr.h"
#include "common/kms/vault.h"

#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount/token"

static const struct method {
    const char *name, *mount;
    enum tm_key_uri_option needs[2]; /* KEY_URI_OPTIONS: nothing */
} methods[] = {
    {"token", NULL, {KEY_URI_OPTIONS, KEY_URI_OPTIONS}},
    {"kubernetes", "kubernetes", {KEY_URI_ROLE, KEY_URI_OPTIONS}},
    {"jwt", "jwt", {KEY_URI_ROLE, KEY_URI_JWT_FILE}},
    {"approle", "approle", {KEY_URI_ROLE_ID_FILE, KEY_URI_OPTIONS}},
};

static const struct method *find_method(const struct tm_key_uri *u)
{
    const char *name = u->option[KEY_URI_AUTH];
    for (size_t i = 0; i < ARRAY(methods); i++) {
        if (strcmp(methods[i].name, name != NULL ? name : "token") == 0)
            return &methods[i];
    }
    return NULL;
}

int tm_kms_vault_check(const struct tm_key_uri *u, struct tm_err *e)
{
    static const struct {
        enum tm_key_uri_option option;
        const char *name;
    } names[] = {{KEY_URI_ROLE, "role"},
                 {KEY_URI_JWT_FILE, "jwt-file"},
                 {KEY_URI_ROLE_ID_FILE, "role-id-file"}};
    const struct method *m = find_method(u);
    const char *mount = u->option[KEY_URI_AUTH_MOUNT];
    if (m == NULL)
        return tm_err_set(e, "auth '%.32s' is not one of token, kubernetes, jwt, approle",
                          u->option[KEY_URI_AUTH]);
    for (size_t i = 0; i < ARRAY(names); i++) {
        for (size_t j = 0; j < ARRAY(m->needs); j++) {
            if (m->needs[j] == names[i].option && u->option[names[i].option] == NULL)
                return tm_err_set(e, "auth=%s needs '%s'", m->name, names[i].name);
        }
    }
    return mount != NULL ? tm_kms_check_name(mount, e) : 0;
}

/* VAULT_TOKEN, or the file that `vault login` writes, or that an agent keeps. */
static int given_token(struct tm_kms_login *out, struct tm_err *e)
{
    char path[PATH_MAX];
    const char *file = tm_kms_env("VAULT_TOKEN_FILE");
    const char *token = tm_kms_env("VAULT_TOKEN");
    if (token == NULL)
        token = tm_kms_env("BAO_TOKEN");
    if (token != NULL) {
        tm_buf_puts(&out->token, token);
        return 0;
    }
    if (file == NULL && tm_kms_home(".vault-token", path, sizeof(path)) == 0)
        file = path;
    if (file != NULL && tm_kms_read_file(file, &out->token, e) == 0)
        return 0;
    return tm_err_set(e, "no token: set VAULT_TOKEN or VAULT_TOKEN_FILE, or say ?auth=kubernetes, "
                         "jwt or approle");
}

static int put_file(struct tm_buf *body, const char *name, const char *path, struct tm_err *e)
{
    struct tm_buf value = {0};
    int rc = tm_kms_read_file(path, &value, e);
    if (rc == 0) {
        tm_buf_printf(body, "%c\"%s\":", body->len == 0 ? '{' : ',', name);
        tm_jsonstr_put(body, (const char *)value.data, value.len);
    }
    tm_buf_free_secret(&value);
    return rc;
}

static int put_login(const struct tm_key_uri *u, const struct method *m, struct tm_buf *body,
                     struct tm_err *e)
{
    const char *jwt = u->option[KEY_URI_JWT_FILE];
    const char *secret = u->option[KEY_URI_SECRET_ID_FILE];
    const char *direct = tm_kms_env("VAULT_SECRET_ID");
    int rc = 0;
    if (strcmp(m->name, "approle") == 0) {
        rc = put_file(body, "role_id", u->option[KEY_URI_ROLE_ID_FILE], e);
        if (rc == 0 && secret != NULL)
            rc = put_file(body, "secret_id", secret, e);
        if (rc == 0 && secret == NULL && direct != NULL) {
            tm_buf_puts(body, ",\"secret_id\":");
            tm_jsonstr_put(body, direct, strlen(direct));
        }
    } else {
        rc = put_file(body, "jwt", jwt != NULL ? jwt : SERVICE_ACCOUNT, e);
        tm_buf_puts(body, ",\"role\":");
        tm_jsonstr_put(body, u->option[KEY_URI_ROLE], strlen(u->option[KEY_URI_ROLE]));
    }
    buf_putc(body, '}');
    return rc;
}

struct auth {
    char *token;
    int64_t lasts; /* seconds; 0: for ever */
};
struct answer {
    struct auth auth;
};
static const struct tm_jsonmap_member auth_members[] = {
    JSONMAP_NEED(struct auth, "client_token", token, TEXT, .min = 1, .max = 8192),
    JSONMAP_ROW(struct auth, "lease_duration", lasts, INTEGER, .min = 0, .max = INT32_MAX),
    {0}};
static const struct tm_jsonmap auth_map = {
    .members = auth_members, .size = sizeof(struct auth), .unknown = JSONMAP_IGNORE};
static const struct tm_jsonmap_member members[] = {
    JSONMAP_NEED(struct answer, "auth", auth, OBJECT, .map = &auth_map), {0}};
static const struct tm_jsonmap map = {
    .members = members, .size = sizeof(struct answer), .unknown = JSONMAP_IGNORE};

static int read_answer(const struct tm_buf *body, struct tm_kms_login *out, struct tm_err *e)
{
    struct answer a = {0};
    int rc =
        tm_jsonmap_parse((const char *)body->data, body->len, KMS_ANSWER_MAX, &map, NULL, &a, e);
    if (rc == 0) {
        tm_buf_puts(&out->token, a.auth.token);
        out->ends_s = a.auth.lasts > 0 ? tm_clock_wall_ms() / 1000 + a.auth.lasts : 0;
    }
    if (a.auth.token != NULL)
        OPENSSL_cleanse(a.auth.token, strlen(a.auth.token));
    tm_jsonmap_free(&map, &a);
    return rc;
}

void tm_kms_vault_begin(const struct tm_kms *k, struct tm_kms_request *r)
{
    tm_kms_header(r, "X-Vault-Request", "true");
    if (k->tenant != NULL)
        tm_kms_header(r, "X-Vault-Namespace", k->tenant);
    tm_buf_printf(&r->url, "%s/v1/", k->base);
}

int tm_kms_vault_login(struct tm_kms *k, struct tm_kms_login *out, struct tm_err *e)
{
    const struct method *m = find_method(&k->uri);
    const char *mount = k->uri.option[KEY_URI_AUTH_MOUNT];
    struct tm_kms_request r = {.post = true};
    struct tm_buf body = {0};
    if (m->mount == NULL)
        return given_token(out, e);
    int rc = put_login(&k->uri, m, &r.body, e);
    if (rc == 0) {
        tm_kms_vault_begin(k, &r);
        tm_kms_header(&r, "Content-Type", "application/json");
        tm_buf_printf(&r.url, "auth/%s/login", mount != NULL ? mount : m->mount);
        rc = tm_kms_run(k, &r, &body, e);
    }
    if (rc == 0)
        rc = read_answer(&body, out, e);
    tm_buf_free_secret(&body);
    tm_kms_request_free(&r);
    return rc == 0 ? 0 : tm_err_wrap(e, "auth=%s", m->name);
}

void tm_kms_vault_files(const struct tm_key_uri *u, void (*each)(void *ctx, const char *path),
                        void *ctx)
{
    static const enum tm_key_uri_option files[] = {KEY_URI_JWT_FILE, KEY_URI_ROLE_ID_FILE,
                                                   KEY_URI_SECRET_ID_FILE};
    char path[PATH_MAX];
    for (size_t i = 0; i < ARRAY(files); i++) {
        if (u->option[files[i]] != NULL)
            each(ctx, u->option[files[i]]);
    }
    if (tm_kms_env("VAULT_TOKEN_FILE") != NULL)
        each(ctx, tm_kms_env("VAULT_TOKEN_FILE"));
    else if (tm_kms_home(".vault-token", path, sizeof(path)) == 0)
        each(ctx, path);
    each(ctx, SERVICE_ACCOUNT);
}
