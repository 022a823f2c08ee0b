/* Google's application default credentials (docs: AIP-4110 and following): the file that
 * GOOGLE_APPLICATION_CREDENTIALS names or gcloud keeps, else the machine's metadata. */
#include <limits.h>
#include <openssl/pem.h>
#include <string.h>

#include "common/b64.h"
#include "common/clock.h"
#include "common/json/jsonstr.h"
#include "common/kms/gcp.h"
#include "common/pem.h"
#include "common/secret.h"

#define SCOPE "https://www.googleapis.com/auth/cloudkms"
#define TOKEN_URL "https://oauth2.googleapis.com/token"
#define METADATA "http://metadata.google.internal"
#define ASSERTION_S 3600
#define GRANT "urn:ietf:params:oauth:grant-type:"

enum kind { SERVICE_ACCOUNT, AUTHORIZED_USER, EXTERNAL_ACCOUNT };

struct source_format {
    char *type, *field;
};
struct source {
    char *file, *url;
    struct source_format format;
};
struct file { /* members of all kinds */
    int type;
    char *email, *key, *key_id, *token_url;                     /* service_account */
    char *client_id, *client_secret, *refresh;                  /* authorized_user */
    char *audience, *subject_type, *exchange_url, *impersonate; /* external_account */
    struct source source;
};

static const struct tm_jsonmap_name kinds[] = {{"service_account", SERVICE_ACCOUNT, 0},
                                               {"authorized_user", AUTHORIZED_USER, 0},
                                               {"external_account", EXTERNAL_ACCOUNT, 0},
                                               {NULL, 0, 0}};
#define TEXT(type_, json, member_, longest) \
    { \
        .name = (json), JSONMAP_AT(type_, member_), .kind = JSONMAP_TEXT, .min = 1, \
        .max = (longest) \
    }
static const struct tm_jsonmap_member format_members[] = {
    TEXT(struct source_format, "type", type, 16),
    TEXT(struct source_format, "subject_token_field_name", field, 128),
    {0}};
static const struct tm_jsonmap format_map = {
    .members = format_members, .size = sizeof(struct source_format), .unknown = JSONMAP_IGNORE};
static const struct tm_jsonmap_member source_members[] = {
    TEXT(struct source, "file", file, PATH_MAX),
    TEXT(struct source, "url", url, 2048),
    JSONMAP_ROW(struct source, "format", format, OBJECT, .map = &format_map),
    {0}};
static const struct tm_jsonmap source_map = {
    .members = source_members, .size = sizeof(struct source), .unknown = JSONMAP_IGNORE};
static const struct tm_jsonmap_member members[] = {
    JSONMAP_ROW(struct file, "type", type, ENUM, .names = kinds,
                .flags = JSONMAP_REQUIRED | JSONMAP_MUST_KNOW),
    TEXT(struct file, "client_email", email, 256),
    TEXT(struct file, "private_key", key, 16384),
    TEXT(struct file, "private_key_id", key_id, 256),
    TEXT(struct file, "token_uri", token_url, 2048),
    TEXT(struct file, "client_id", client_id, 256),
    TEXT(struct file, "client_secret", client_secret, 256),
    TEXT(struct file, "refresh_token", refresh, 4096),
    TEXT(struct file, "audience", audience, 2048),
    TEXT(struct file, "subject_token_type", subject_type, 256),
    TEXT(struct file, "token_url", exchange_url, 2048),
    TEXT(struct file, "service_account_impersonation_url", impersonate, 2048),
    JSONMAP_ROW(struct file, "credential_source", source, OBJECT, .map = &source_map),
    {0}};
static const struct tm_jsonmap map = {
    .members = members, .size = sizeof(struct file), .unknown = JSONMAP_IGNORE};

static void file_free(struct file *f)
{
    char *const secrets[] = {f->key, f->client_secret, f->refresh};
    for (size_t i = 0; i < ARRAY(secrets); i++) {
        if (secrets[i] != NULL)
            OPENSSL_cleanse(secrets[i], strlen(secrets[i]));
    }
    tm_jsonmap_free(&map, f);
}

static int needs(const char *value, const char *name, struct tm_err *e)
{
    return value != NULL ? 0 : tm_err_set(e, "'%s' is missing", name);
}

static void put_field(struct tm_kms_request *r, const char *name, const char *value, size_t len)
{
    tm_buf_printf(&r->body, "%s%s=", r->body.len > 0 ? "&" : "", name);
    tm_kms_put_escaped(&r->body, value, len);
}

static void put_text(struct tm_kms_request *r, const char *name, const char *value)
{
    put_field(r, name, value, strlen(value));
}

static void begin_form(struct tm_kms_request *r, const char *url, const char *grant)
{
    r->post = true;
    tm_buf_puts(&r->url, url != NULL ? url : TOKEN_URL);
    tm_kms_header(r, "Content-Type", "application/x-www-form-urlencoded");
    put_text(r, "grant_type", grant);
}

/* ---- a service account's key: a JWT by RFC 7523 ---- */

static EVP_PKEY *read_key(const char *pem)
{
    BIO *in = BIO_new_mem_buf(pem, (int)strlen(pem));
    tm_secret_begin();
    EVP_PKEY *key = in != NULL ? PEM_read_bio_PrivateKey(in, NULL, tm_pem_no_password, NULL) : NULL;
    tm_secret_end();
    BIO_free(in);
    return key;
}

static int sign_jwt(const char *pem, struct tm_buf *jwt, struct tm_err *e)
{
    unsigned char sig[1024];
    size_t len = sizeof(sig);
    EVP_PKEY *key = read_key(pem);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = key != NULL && ctx != NULL && EVP_PKEY_is_a(key, "RSA") == 1 &&
              EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
              EVP_DigestSign(ctx, sig, &len, jwt->data, jwt->len) == 1;
    tm_secret_begin();
    EVP_PKEY_free(key);
    tm_secret_end();
    EVP_MD_CTX_free(ctx);
    if (!ok)
        return tm_err_openssl(e, "'private_key' makes no signature");
    buf_putc(jwt, '.');
    tm_b64_encode(B64_URL_BARE, sig, len, jwt);
    return 0;
}

static void put_part(struct tm_buf *text, struct tm_buf *jwt)
{
    tm_b64_encode(B64_URL_BARE, text->data, text->len, jwt);
    tm_buf_reset(text);
}

static int make_assertion(const struct file *f, struct tm_buf *jwt, struct tm_err *e)
{
    struct tm_buf part = {0};
    long long now = (long long)(tm_clock_wall_ms() / 1000);
    const char *url = f->token_url != NULL ? f->token_url : TOKEN_URL;
    tm_buf_puts(&part, "{\"alg\":\"RS256\",\"typ\":\"JWT\"");
    if (f->key_id != NULL) {
        tm_buf_puts(&part, ",\"kid\":");
        tm_jsonstr_put(&part, f->key_id, strlen(f->key_id));
    }
    tm_buf_puts(&part, "}");
    put_part(&part, jwt);
    buf_putc(jwt, '.');
    tm_buf_puts(&part, "{\"iss\":");
    tm_jsonstr_put(&part, f->email, strlen(f->email));
    tm_buf_puts(&part, ",\"aud\":");
    tm_jsonstr_put(&part, url, strlen(url));
    tm_buf_printf(&part, ",\"scope\":\"" SCOPE "\",\"iat\":%lld,\"exp\":%lld}", now,
                  now + ASSERTION_S);
    put_part(&part, jwt);
    bool failed = buf_failed(&part) || buf_failed(jwt);
    tm_buf_free(&part);
    return failed ? tm_err_set(e, "out of memory") : sign_jwt(f->key, jwt, e);
}

static int service_account(struct tm_kms *k, const struct file *f, struct tm_kms_login *out,
                           struct tm_err *e)
{
    struct tm_kms_request r = {0};
    struct tm_buf jwt = {0};
    int rc = needs(f->email, "client_email", e);
    if (rc == 0)
        rc = needs(f->key, "private_key", e);
    if (rc == 0)
        rc = make_assertion(f, &jwt, e);
    if (rc == 0) {
        begin_form(&r, f->token_url, GRANT "jwt-bearer");
        put_field(&r, "assertion", (const char *)jwt.data, jwt.len);
        rc = tm_kms_oauth(k, &r, out, e);
    }
    tm_buf_free_secret(&jwt);
    tm_kms_request_free(&r);
    return rc;
}

static int authorized_user(struct tm_kms *k, const struct file *f, struct tm_kms_login *out,
                           struct tm_err *e)
{
    struct tm_kms_request r = {0};
    int rc = needs(f->client_id, "client_id", e);
    if (rc == 0)
        rc = needs(f->client_secret, "client_secret", e);
    if (rc == 0)
        rc = needs(f->refresh, "refresh_token", e);
    if (rc == 0) {
        begin_form(&r, f->token_url, "refresh_token");
        put_text(&r, "client_id", f->client_id);
        put_text(&r, "client_secret", f->client_secret);
        put_text(&r, "refresh_token", f->refresh);
        rc = tm_kms_oauth(k, &r, out, e);
    }
    tm_kms_request_free(&r);
    return rc;
}

/* ---- workload identity federation: RFC 8693 ---- */

static int subject_token(struct tm_kms *k, const struct source *s, struct tm_buf *out,
                         struct tm_err *e)
{
    struct tm_kms_request r = {0};
    struct tm_buf body = {0};
    int rc = 0;
    if (s->file != NULL) {
        rc = tm_kms_read_file(s->file, &body, e);
    } else if (s->url != NULL) {
        tm_buf_puts(&r.url, s->url);
        rc = tm_kms_run(k, &r, &body, e);
    } else {
        rc = tm_err_set(e, "'credential_source' has neither 'file' nor 'url': others are not "
                           "supported");
    }
    if (rc == 0 && s->format.type != NULL && strcmp(s->format.type, "json") == 0) {
        char *token = NULL;
        const struct tm_jsonmap_member row[] = {
            {.name = s->format.field != NULL ? s->format.field : "access_token",
             .kind = JSONMAP_TEXT,
             .min = 1,
             .max = 16384,
             .flags = JSONMAP_REQUIRED},
            {0}};
        const struct tm_jsonmap one = {
            .members = row, .size = sizeof(token), .unknown = JSONMAP_IGNORE};
        rc = tm_jsonmap_parse((const char *)body.data, body.len, KMS_ANSWER_MAX, &one, NULL, &token,
                              e);
        if (rc == 0) {
            tm_buf_puts(out, token);
            OPENSSL_cleanse(token, strlen(token));
        }
        tm_jsonmap_free(&one, &token);
    } else if (rc == 0) {
        tm_buf_append(out, body.data, body.len);
    }
    tm_buf_free_secret(&body);
    tm_kms_request_free(&r);
    return rc;
}

struct impersonated {
    char *token, *ends;
};
static const struct tm_jsonmap_member impersonated_members[] = {
    JSONMAP_NEED(struct impersonated, "accessToken", token, TEXT, .min = 1, .max = 16384),
    JSONMAP_NEED(struct impersonated, "expireTime", ends, TEXT, .min = 1, .max = 64),
    {0}};
static const struct tm_jsonmap impersonated_map = {.members = impersonated_members,
                                                   .size = sizeof(struct impersonated),
                                                   .unknown = JSONMAP_IGNORE};

/* The service account in whose name the federated one may ask. */
static int impersonate(struct tm_kms *k, const char *url, struct tm_kms_login *l, struct tm_err *e)
{
    struct tm_kms_request r = {.post = true};
    struct tm_buf body = {0};
    struct impersonated a = {0};
    int64_t ms = 0;
    tm_buf_puts(&r.url, url);
    tm_kms_bearer(&r, l);
    tm_kms_header(&r, "Content-Type", "application/json");
    tm_buf_puts(&r.body, "{\"scope\":[\"" SCOPE "\"],\"lifetime\":\"3600s\"}");
    int rc = tm_kms_run(k, &r, &body, e);
    if (rc == 0)
        rc = tm_jsonmap_parse((const char *)body.data, body.len, KMS_ANSWER_MAX, &impersonated_map,
                              NULL, &a, e);
    if (rc == 0 && tm_clock_parse_rfc3339(a.ends, false, &ms) != 0)
        rc = tm_err_set(e, "'expireTime' is no date");
    if (rc == 0) {
        tm_kms_login_free(l);
        tm_buf_puts(&l->token, a.token);
        l->ends_s = ms / 1000;
    }
    if (a.token != NULL)
        OPENSSL_cleanse(a.token, strlen(a.token));
    tm_jsonmap_free(&impersonated_map, &a);
    tm_buf_free_secret(&body);
    tm_kms_request_free(&r);
    return rc;
}

static int external_account(struct tm_kms *k, const struct file *f, struct tm_kms_login *out,
                            struct tm_err *e)
{
    struct tm_kms_request r = {0};
    struct tm_buf token = {0};
    int rc = needs(f->audience, "audience", e);
    if (rc == 0)
        rc = needs(f->subject_type, "subject_token_type", e);
    if (rc == 0)
        rc = needs(f->exchange_url, "token_url", e);
    if (rc == 0)
        rc = subject_token(k, &f->source, &token, e);
    if (rc == 0) {
        begin_form(&r, f->exchange_url, GRANT "token-exchange");
        put_text(&r, "audience", f->audience);
        put_text(&r, "scope",
                 f->impersonate != NULL ? "https://www.googleapis.com/auth/cloud-platform" : SCOPE);
        put_text(&r, "requested_token_type", "urn:ietf:params:oauth:token-type:access_token");
        put_text(&r, "subject_token_type", f->subject_type);
        put_field(&r, "subject_token", (const char *)token.data, token.len);
        rc = tm_kms_oauth(k, &r, out, e);
    }
    if (rc == 0 && f->impersonate != NULL)
        rc = impersonate(k, f->impersonate, out, e);
    tm_buf_free_secret(&token);
    tm_kms_request_free(&r);
    return rc;
}

/* ---- which ---- */

static const char *credentials_file(char path[PATH_MAX])
{
    const char *given = tm_kms_env("GOOGLE_APPLICATION_CREDENTIALS");
    struct tm_buf probe = {0};
    if (given != NULL)
        return given;
    if (tm_kms_home(".config/gcloud/application_default_credentials.json", path, PATH_MAX) != 0)
        return NULL;
    int rc = tm_kms_read_file(path, &probe, NULL);
    tm_buf_free_secret(&probe);
    return rc == 0 ? path : NULL;
}

static int from_machine(struct tm_kms *k, struct tm_kms_login *out, struct tm_err *e)
{
    const char *host = tm_kms_env("GCE_METADATA_HOST");
    struct tm_kms_request r = {.metadata = host == NULL, .direct = true};
    tm_buf_printf(&r.url, "%s%s/computeMetadata/v1/instance/service-accounts/default/token",
                  host != NULL ? "http://" : METADATA, host != NULL ? host : "");
    tm_kms_header(&r, "Metadata-Flavor", "Google");
    int rc = tm_kms_oauth(k, &r, out, e);
    tm_kms_request_free(&r);
    return rc == 0 ? 0
                   : tm_err_wrap(e, "no GOOGLE_APPLICATION_CREDENTIALS, and the machine has none");
}

int tm_kms_gcp_login(struct tm_kms *k, struct tm_kms_login *out, struct tm_err *e)
{
    static int (*const by_kind[])(struct tm_kms *, const struct file *, struct tm_kms_login *,
                                  struct tm_err *) = {
        [SERVICE_ACCOUNT] = service_account,
        [AUTHORIZED_USER] = authorized_user,
        [EXTERNAL_ACCOUNT] = external_account,
    };
    char room[PATH_MAX];
    const char *path = credentials_file(room);
    struct tm_buf text = {0};
    struct file f = {0};
    if (path == NULL)
        return from_machine(k, out, e);
    int rc = tm_kms_read_file(path, &text, e);
    if (rc == 0)
        rc = tm_jsonmap_parse((const char *)text.data, text.len, KMS_ANSWER_MAX, &map, NULL, &f, e);
    if (rc == 0)
        rc = by_kind[f.type](k, &f, out, e);
    file_free(&f);
    tm_buf_free_secret(&text);
    return rc == 0 ? 0 : tm_err_wrap(e, "'%s'", path);
}

void tm_kms_gcp_files(const struct tm_key_uri *u, void (*each)(void *ctx, const char *path),
                      void *ctx)
{
    char room[PATH_MAX];
    const char *path = credentials_file(room);
    struct tm_buf text = {0};
    struct file f = {0};
    (void)u;
    if (path == NULL)
        return;
    each(ctx, path);
    if (tm_kms_read_file(path, &text, NULL) == 0 &&
        tm_jsonmap_parse((const char *)text.data, text.len, KMS_ANSWER_MAX, &map, NULL, &f, NULL) ==
            0 &&
        f.source.file != NULL)
        each(ctx, f.source.file);
    file_free(&f);
    tm_buf_free_secret(&text);
}
