/* Access tokens as OAuth 2.0 answers with them (RFC 6749 §5.1); Google's and Azure's servers of
 * metadata use the same form, the latter with numbers in quotes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/kms/internal.h"

#define TOKEN_MAX 16384

struct answer {
    char *token;
    int64_t expires_in; /* seconds */
};

static const struct tm_jsonmap_member members[] = {
    JSONMAP_NEED(struct answer, "access_token", token, TEXT, .min = 1, .max = TOKEN_MAX),
    JSONMAP_ROW(struct answer, "expires_in", expires_in, INTEGER, .min = 1, .max = INT32_MAX,
                .flags = JSONMAP_REQUIRED | JSONMAP_QUOTED),
    {0}};
static const struct tm_jsonmap map = {
    .members = members, .size = sizeof(struct answer), .unknown = JSONMAP_IGNORE, .proto = true};

struct fault {
    char *error, *description;
};
static const struct tm_jsonmap_member fault_members[] = {
    JSONMAP_NEED(struct fault, "error", error, TEXT, .max = 256),
    JSONMAP_ROW(struct fault, "error_description", description, TEXT, .max = 8192),
    {0}};
static const struct tm_jsonmap fault_map = {
    .members = fault_members, .size = sizeof(struct fault), .unknown = JSONMAP_IGNORE};

struct refusal { /* `code` is Azure's member, `status` Google's, whose `code` is a number */
    char *code, *status, *message;
};
struct refusal_answer {
    struct refusal error;
};

static int read_code(const json_t *v, void *place, const struct tm_jsonmap_how *how,
                     struct tm_err *e)
{
    (void)how;
    if (!json_is_string(v))
        return 0;
    *(char **)place = strdup(json_string_value(v));
    return *(char **)place != NULL ? 0 : tm_err_set(e, "out of memory");
}

static void free_code(void *place)
{
    free(*(char **)place);
    *(char **)place = NULL;
}

static const struct tm_jsonmap_type code_type = {.read = read_code, .free = free_code};
static const struct tm_jsonmap_member refusal_members[] = {
    JSONMAP_ROW(struct refusal, "code", code, OWN, .type = &code_type),
    JSONMAP_ROW(struct refusal, "status", status, TEXT, .max = 64),
    JSONMAP_ROW(struct refusal, "message", message, TEXT, .max = 4096),
    {0}};
static const struct tm_jsonmap refusal_map = {
    .members = refusal_members, .size = sizeof(struct refusal), .unknown = JSONMAP_IGNORE};
static const struct tm_jsonmap_member answer_members[] = {
    JSONMAP_NEED(struct refusal_answer, "error", error, OBJECT, .map = &refusal_map), {0}};
static const struct tm_jsonmap answer_map = {
    .members = answer_members, .size = sizeof(struct refusal_answer), .unknown = JSONMAP_IGNORE};

static void say_fault(const char *named, const char *said, char code[64], char words[200])
{
    snprintf(code, 64, "%s", named != NULL ? named : "");
    snprintf(words, 200, "%s", said != NULL ? said : "");
}

void tm_kms_oauth_fault(const struct tm_buf *body, char code[64], char words[200])
{
    const char *text = (const char *)body->data;
    struct fault f = {0};
    struct refusal_answer r = {{0}};
    if (tm_jsonmap_parse(text, body->len, KMS_ANSWER_MAX, &answer_map, NULL, &r, NULL) == 0)
        say_fault(r.error.status != NULL ? r.error.status : r.error.code, r.error.message, code,
                  words);
    else if (tm_jsonmap_parse(text, body->len, KMS_ANSWER_MAX, &fault_map, NULL, &f, NULL) == 0)
        say_fault(f.error, f.description, code, words);
    tm_jsonmap_free(&answer_map, &r);
    tm_jsonmap_free(&fault_map, &f);
}

int tm_kms_oauth(struct tm_kms *k, const struct tm_kms_request *r, struct tm_kms_login *out,
                 struct tm_err *e)
{
    struct tm_buf body = {0};
    struct answer a = {0};
    int rc = tm_kms_run(k, r, &body, e);
    if (rc == 0)
        rc = tm_jsonmap_parse((const char *)body.data, body.len, KMS_ANSWER_MAX, &map, NULL, &a, e);
    if (rc == 0) {
        tm_buf_puts(&out->token, a.token);
        out->ends_s = tm_clock_wall_ms() / 1000 + a.expires_in;
    }
    if (a.token != NULL)
        OPENSSL_cleanse(a.token, strlen(a.token));
    tm_jsonmap_free(&map, &a);
    tm_buf_free_secret(&body);
    return rc;
}
