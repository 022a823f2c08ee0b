/* AWS credentials from where AWS's own tools look, in their order (docs: SDKs and Tools Reference,
 * "Standardized credential providers"): environment, web identity, shared files, container, EC2's
 * metadata (IMDSv2 only). What runs another program, and SSO, are left out. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/kms/aws.h"

#define SHARED_FILE_MAX ((size_t)256 << 10)
#define SESSION "tenmint"
#define IMDS "http://169.254.169.254"
#define CONTAINER "http://169.254.170.2"

/* ---- the shared files ---- */

static int shared_path(const char *variable, const char *usual, char out[PATH_MAX])
{
    const char *given = tm_kms_env(variable);
    if (given == NULL)
        return tm_kms_home(usual, out, PATH_MAX);
    return snprintf(out, PATH_MAX, "%s", given) < PATH_MAX ? 0 : -1;
}

/* The text of `line` without white space around it. */
static char *trim(char *line)
{
    line += strspn(line, " \t\r");
    size_t len = strlen(line);
    while (len > 0 && strchr(" \t\r", line[len - 1]) != NULL)
        line[--len] = '\0';
    return line;
}

/* [NAME], or in the file of settings [profile NAME]. */
static bool is_section(char *line, const char *profile)
{
    size_t len = strlen(line);
    if (line[0] != '[' || line[len - 1] != ']')
        return false;
    line[len - 1] = '\0';
    char *name = trim(line + 1);
    if (strncmp(name, "profile ", 8) == 0)
        name = trim(name + 8);
    return strcmp(name, profile) == 0;
}

/* Changes `text`. The value of `name` in a profile's section, within `text`, or NULL. */
static const char *ini_value(char *text, const char *profile, const char *name)
{
    char *rest = NULL;
    bool mine = false;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        bool indented = line[0] == ' ' || line[0] == '\t'; /* a setting within a setting */
        line = trim(line);
        if (line[0] == '[') {
            mine = is_section(line, profile);
            continue;
        }
        char *equals = mine && !indented && line[0] != '#' ? strchr(line, '=') : NULL;
        if (equals == NULL)
            continue;
        *equals = '\0';
        if (strcmp(trim(line), name) == 0)
            return trim(equals + 1);
    }
    return NULL;
}

static char *file_value(const char *path, const char *profile, const char *name)
{
    struct tm_buf text = {0};
    char *copy = NULL;
    if (tm_file_read(path, SHARED_FILE_MAX, &text, NULL) == 0 && tm_buf_str(&text) != NULL) {
        const char *value = ini_value((char *)text.data, profile, name);
        copy = value != NULL && value[0] != '\0' ? strdup(value) : NULL;
    }
    tm_buf_free_secret(&text);
    return copy;
}

char *tm_kms_aws_profile_value(const char *profile, const char *name)
{
    char path[PATH_MAX];
    char *value = NULL;
    if (shared_path("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials", path) == 0)
        value = file_value(path, profile, name);
    if (value == NULL && shared_path("AWS_CONFIG_FILE", ".aws/config", path) == 0)
        value = file_value(path, profile, name);
    return value;
}

static void put_profile(const char *profile, const char *name, struct tm_buf *out)
{
    char *value = tm_kms_aws_profile_value(profile, name);
    if (value == NULL)
        return;
    tm_buf_puts(out, value);
    OPENSSL_cleanse(value, strlen(value));
    free(value);
}

/* 1: found; 0: there is none here; -1 with `e` set. As all that follow. */
static int from_shared(struct tm_kms *k, struct tm_kms_login *out, struct tm_err *e)
{
    put_profile(k->profile, "aws_access_key_id", &out->id);
    put_profile(k->profile, "aws_secret_access_key", &out->secret);
    put_profile(k->profile, "aws_session_token", &out->token);
    if ((out->id.len == 0) != (out->secret.len == 0))
        return tm_err_set(e,
                          "profile '%s' has only one of aws_access_key_id and "
                          "aws_secret_access_key",
                          k->profile);
    return out->id.len > 0;
}

static int from_environment(struct tm_kms *k, struct tm_kms_login *out, struct tm_err *e)
{
    const char *id = tm_kms_env("AWS_ACCESS_KEY_ID");
    const char *secret = tm_kms_env("AWS_SECRET_ACCESS_KEY");
    const char *token = tm_kms_env("AWS_SESSION_TOKEN");
    if (k->uri.option[KEY_URI_PROFILE] != NULL || (id == NULL && secret == NULL))
        return 0; /* a profile that the URI names goes first */
    if (id == NULL || secret == NULL)
        return tm_err_set(e, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together");
    tm_buf_puts(&out->id, id);
    tm_buf_puts(&out->secret, secret);
    tm_buf_puts(&out->token, token != NULL ? token : "");
    return 1;
}

char *tm_kms_aws_endpoint(const struct tm_kms *k, const char *given, const char *service,
                          const char *variable, struct tm_err *e)
{
    char url[160];
    const char *end = strncmp(k->region, "cn-", 3) == 0 ? ".cn" : "";
    if (given == NULL)
        given = tm_kms_env(variable);
    if (given == NULL)
        given = tm_kms_env("AWS_ENDPOINT_URL");
    snprintf(url, sizeof(url), "https://%s.%.64s.amazonaws.com%s", service, k->region, end);
    return tm_kms_base(given != NULL ? given : url, e);
}

/* ---- web identity ---- */

/* The text between <NAME> and </NAME>, which holds no markup. */
static int xml_text(const struct tm_buf *body, const char *name, struct tm_buf *out,
                    struct tm_err *e)
{
    char tag[40];
    int len = snprintf(tag, sizeof(tag), "<%s>", name);
    const char *text = (const char *)body->data; /* ends in a NUL */
    const char *at = strstr(text, tag);
    size_t n = at != NULL ? strcspn(at + len, "<&") : 0;
    if (n == 0 || strncmp(at + len + n, "</", 2) != 0)
        return tm_err_set(e, "STS answers without a %s", name);
    tm_buf_append(out, at + len, n);
    return 0;
}

static int read_sts(const struct tm_buf *body, struct tm_kms_login *out, struct tm_err *e)
{
    struct tm_buf end = {0};
    int64_t ms = 0;
    int rc = xml_text(body, "AccessKeyId", &out->id, e);
    if (rc == 0)
        rc = xml_text(body, "SecretAccessKey", &out->secret, e);
    if (rc == 0)
        rc = xml_text(body, "SessionToken", &out->token, e);
    if (rc == 0)
        rc = xml_text(body, "Expiration", &end, e);
    if (rc == 0 && tm_clock_parse_rfc3339(tm_buf_str(&end), false, &ms) != 0)
        rc = tm_err_set(e, "STS answers with an odd date");
    out->ends_s = ms / 1000;
    tm_buf_free(&end);
    return rc;
}

static int assume_role(struct tm_kms *k, const char *role, const char *token_file,
                       struct tm_kms_login *out, struct tm_err *e)
{
    struct tm_kms_request r = {.post = true};
    struct tm_buf token = {0};
    struct tm_buf body = {0};
    const char *session = tm_kms_env("AWS_ROLE_SESSION_NAME");
    char *base = tm_kms_aws_endpoint(k, NULL, "sts", "AWS_ENDPOINT_URL_STS", e);
    int rc = base != NULL ? tm_kms_read_file(token_file, &token, e) : -1;
    if (rc == 0) {
        tm_buf_printf(&r.url, "%s/", base);
        tm_kms_header(&r, "Content-Type", "application/x-www-form-urlencoded");
        tm_buf_puts(&r.body, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=");
        tm_kms_put_escaped(&r.body, role, strlen(role));
        tm_buf_puts(&r.body, "&RoleSessionName=");
        session = session != NULL ? session : SESSION;
        tm_kms_put_escaped(&r.body, session, strlen(session));
        tm_buf_puts(&r.body, "&WebIdentityToken=");
        tm_kms_put_escaped(&r.body, token.data, token.len);
        rc = tm_kms_run(k, &r, &body, e);
    }
    if (rc == 0)
        rc = read_sts(&body, out, e);
    free(base);
    tm_buf_free_secret(&token);
    tm_buf_free_secret(&body);
    tm_kms_request_free(&r);
    return rc == 0 ? 1 : tm_err_wrap(e, "AssumeRoleWithWebIdentity");
}

static int from_web_identity(struct tm_kms *k, struct tm_kms_login *out, struct tm_err *e)
{
    const char *file = tm_kms_env("AWS_WEB_IDENTITY_TOKEN_FILE");
    const char *role = tm_kms_env("AWS_ROLE_ARN");
    if (file == NULL || k->uri.option[KEY_URI_PROFILE] != NULL)
        return 0;
    if (role == NULL)
        return tm_err_set(e, "AWS_WEB_IDENTITY_TOKEN_FILE needs AWS_ROLE_ARN");
    return assume_role(k, role, file, out, e);
}

static int from_profile_role(struct tm_kms *k, struct tm_kms_login *out, struct tm_err *e)
{
    char *role = tm_kms_aws_profile_value(k->profile, "role_arn");
    char *file = tm_kms_aws_profile_value(k->profile, "web_identity_token_file");
    int rc = 0;
    if (role != NULL && file != NULL)
        rc = assume_role(k, role, file, out, e);
    else if (role != NULL)
        rc = tm_err_set(e,
                        "profile '%s' assumes a role without web_identity_token_file, which is "
                        "not supported: use the role of the machine, or keys",
                        k->profile);
    free(role);
    free(file);
    return rc;
}

/* ---- container and machine ---- */

struct answer {
    char *id, *secret, *token, *ends;
};
#define TEXT_ROW(json, member, longest) \
    { \
        .name = (json), JSONMAP_AT(struct answer, member), .kind = JSONMAP_TEXT, .min = 1, \
        .max = (longest), .flags = JSONMAP_REQUIRED \
    }
static const struct tm_jsonmap_member members[] = {TEXT_ROW("AccessKeyId", id, 128),
                                                   TEXT_ROW("SecretAccessKey", secret, 256),
                                                   TEXT_ROW("Token", token, 16384),
                                                   TEXT_ROW("Expiration", ends, 64),
                                                   {0}};
static const struct tm_jsonmap map = {
    .members = members, .size = sizeof(struct answer), .unknown = JSONMAP_IGNORE};

static int read_answer(const struct tm_buf *body, struct tm_kms_login *out, struct tm_err *e)
{
    struct answer a = {0};
    int64_t ms = 0;
    int rc =
        tm_jsonmap_parse((const char *)body->data, body->len, KMS_ANSWER_MAX, &map, NULL, &a, e);
    if (rc == 0 && tm_clock_parse_rfc3339(a.ends, false, &ms) != 0)
        rc = tm_err_set(e, "'Expiration' is no date");
    if (rc == 0) {
        tm_buf_puts(&out->id, a.id);
        tm_buf_puts(&out->secret, a.secret);
        tm_buf_puts(&out->token, a.token);
        out->ends_s = ms / 1000;
    }
    if (a.secret != NULL)
        OPENSSL_cleanse(a.secret, strlen(a.secret));
    tm_jsonmap_free(&map, &a);
    return rc == 0 ? 1 : tm_err_wrap(e, "a credential");
}

/* Plain HTTP goes to the addresses that AWS gives to the machine's own agents, and to loopback. */
static bool is_agent(const char *url)
{
    static const char *const hosts[] = {"http://169.254.170.2/", "http://169.254.170.23/",
                                        "http://[fd00:ec2::23]/"};
    for (size_t i = 0; i < ARRAY(hosts); i++) {
        if (strncmp(url, hosts[i], strlen(hosts[i])) == 0)
            return true;
    }
    return false;
}

static int put_authorization(struct tm_kms_request *r, struct tm_err *e)
{
    const char *file = tm_kms_env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *value = tm_kms_env("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    struct tm_buf token = {0};
    int rc = file != NULL ? tm_kms_read_file(file, &token, e) : 0;
    if (rc == 0 && (file != NULL || value != NULL))
        tm_kms_header(r, "Authorization", file != NULL ? tm_buf_str(&token) : value);
    tm_buf_free_secret(&token);
    return rc;
}

static int from_container(struct tm_kms *k, struct tm_kms_login *out, struct tm_err *e)
{
    const char *below = tm_kms_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = tm_kms_env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    struct tm_kms_request r = {0};
    struct tm_buf body = {0};
    if (below == NULL && full == NULL)
        return 0;
    tm_buf_printf(&r.url, "%s%s", below != NULL ? CONTAINER : "", below != NULL ? below : full);
    r.direct = true;
    r.metadata = tm_buf_str(&r.url) != NULL && is_agent(tm_buf_str(&r.url));
    int rc = put_authorization(&r, e);
    if (rc == 0 && (rc = tm_kms_run(k, &r, &body, e)) == 0)
        rc = read_answer(&body, out, e);
    tm_buf_free_secret(&body);
    tm_kms_request_free(&r);
    return rc;
}

/* One page of the machine's metadata. `token` NULL: that request which makes the token. */
static int imds(struct tm_kms *k, const char *path, const char *more, struct tm_buf *token,
                struct tm_buf *body, struct tm_err *e)
{
    const char *base = tm_kms_env("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    struct tm_kms_request r = {.put = token == NULL, .metadata = base == NULL, .direct = true};
    tm_buf_printf(&r.url, "%s%s%s", base != NULL ? base : IMDS, path, more);
    if (token == NULL)
        tm_kms_header(&r, "X-aws-ec2-metadata-token-ttl-seconds", "300");
    else
        tm_kms_header(&r, "X-aws-ec2-metadata-token", tm_buf_str(token));
    int rc = tm_kms_run(k, &r, body, e);
    tm_kms_request_free(&r);
    return rc;
}

static int from_machine(struct tm_kms *k, struct tm_kms_login *out, struct tm_err *e)
{
    static const char credentials[] = "/latest/meta-data/iam/security-credentials/";
    const char *off = tm_kms_env("AWS_EC2_METADATA_DISABLED");
    struct tm_buf token = {0};
    struct tm_buf role = {0};
    struct tm_buf body = {0};
    if (off != NULL && strcmp(off, "true") == 0)
        return 0;
    int rc = imds(k, "/latest/api/token", "", NULL, &token, e);
    if (rc == 0)
        rc = imds(k, credentials, "", &token, &role, e);
    if (rc == 0) {
        role.data[strcspn((char *)role.data, "\r\n")] = '\0';
        rc = tm_kms_check_name((const char *)role.data, e);
    }
    if (rc == 0)
        rc = imds(k, credentials, (const char *)role.data, &token, &body, e);
    if (rc == 0)
        rc = read_answer(&body, out, e);
    tm_buf_free_secret(&token);
    tm_buf_free(&role);
    tm_buf_free_secret(&body);
    return rc;
}

int tm_kms_aws_login(struct tm_kms *k, struct tm_kms_login *out, struct tm_err *e)
{
    static int (*const sources[])(struct tm_kms *, struct tm_kms_login *, struct tm_err *) = {
        from_environment,  from_web_identity, from_shared,
        from_profile_role, from_container,    from_machine};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY(sources); i++)
        rc = sources[i](k, out, e);
    if (rc == 1)
        return 0;
    tm_kms_login_free(out);
    return rc < 0 ? -1
                  : tm_err_set(e,
                               "no AWS credential: neither AWS_ACCESS_KEY_ID, a web identity, "
                               "profile '%s', a container's, nor the machine's",
                               k->profile);
}

void tm_kms_aws_files(const struct tm_key_uri *u, void (*each)(void *ctx, const char *path),
                      void *ctx)
{
    static const char *const named[] = {"AWS_WEB_IDENTITY_TOKEN_FILE",
                                        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"};
    char path[PATH_MAX];
    const char *profile = u->option[KEY_URI_PROFILE];
    if (profile == NULL)
        profile = tm_kms_env("AWS_PROFILE");
    if (shared_path("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials", path) == 0)
        each(ctx, path);
    if (shared_path("AWS_CONFIG_FILE", ".aws/config", path) == 0)
        each(ctx, path);
    for (size_t i = 0; i < ARRAY(named); i++) {
        if (tm_kms_env(named[i]) != NULL)
            each(ctx, tm_kms_env(named[i]));
    }
    char *token =
        tm_kms_aws_profile_value(profile != NULL ? profile : "default", "web_identity_token_file");
    if (token != NULL)
        each(ctx, token);
    free(token);
}
