#include "tools/tenmint/token_source.h"

#include <ctype.h>
#include <curl/curl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "common/fetch/again.h"
#include "common/file.h"
#include "common/json/jsonmap.h"
#include "oidc/verifier.h"

static int from_env(const char *name, struct tm_buf *token, struct tm_err *e)
{
    const char *value = getenv(name);
    if (value == NULL || value[0] == '\0')
        return tm_err_set(e, "environment variable %s holds no token", name);
    tm_buf_puts(token, value);
    return 0;
}

struct github_answer {
    char *value; /* the token */
};

static const struct tm_jsonmap_member github_members[] = {
    JSONMAP_NEED(struct github_answer, "value", value, TEXT),
    {0},
};
static const struct tm_jsonmap github_map = {
    .members = github_members, .size = sizeof(struct github_answer), .unknown = JSONMAP_IGNORE};

static int parse_github(const struct tm_fetch_response *r, struct tm_buf *token, struct tm_err *e)
{
    if (r->status != 200) {
        tm_err_set(e, "GitHub's token service answers HTTP %ld", r->status);
        return tm_err_mark(e, tm_fetch_may_pass(0, r) ? ERR_UNAVAILABLE : ERR_BAD);
    }
    struct github_answer answer = {0};
    if (tm_jsonmap_parse(r->body.data != NULL ? (const char *)r->body.data : "", r->body.len,
                         2 * OIDC_TOKEN_MAX, &github_map, NULL, &answer, e) != 0) {
        tm_jsonmap_free(&github_map, &answer);
        return tm_err_wrap(e, "GitHub's token service sent no token");
    }
    tm_buf_puts(token, answer.value);
    OPENSSL_cleanse(answer.value, strlen(answer.value));
    tm_jsonmap_free(&github_map, &answer);
    return 0;
}

static int from_github(const char *url, const struct token_source *s, struct tm_buf *token,
                       struct tm_err *e)
{
    const char *bearer = getenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN");
    if (bearer == NULL || bearer[0] == '\0')
        return tm_err_set(e, "ACTIONS_ID_TOKEN_REQUEST_TOKEN is not set: give the job "
                             "`permissions: id-token: write`");
    struct tm_buf full = {0};
    struct tm_buf header = {0};
    struct tm_fetch_response r = {0};
    char *escaped = curl_easy_escape(NULL, s->audience, 0);
    tm_buf_printf(&full, "%s%caudience=%s", url, strchr(url, '?') != NULL ? '&' : '?',
                  escaped != NULL ? escaped : "");
    tm_buf_printf(&header, "Authorization: Bearer %s", bearer);
    const char *headers[] = {tm_buf_str(&header), NULL};
    struct tm_fetch_request req = {.url = tm_buf_str(&full), .headers = headers, .tries = s->tries};
    int rc = tm_fetch_run_again(&req, &r, e);
    if (rc == 0)
        rc = parse_github(&r, token, e);
    tm_fetch_response_free(&r);
    curl_free(escaped);
    tm_buf_free(&full);
    tm_buf_free_secret(&header);
    return rc == 0 ? 0 : tm_err_wrap(e, "GitHub Actions token");
}

int token_source_read(const struct token_source *s, struct tm_buf *token, struct tm_err *e)
{
    const char *github = getenv("ACTIONS_ID_TOKEN_REQUEST_URL");
    int rc;
    if (s->file != NULL)
        rc = tm_file_read_text(s->file, OIDC_TOKEN_MAX, token, e);
    else if (s->env != NULL)
        rc = from_env(s->env, token, e);
    else if (github != NULL && github[0] != '\0')
        rc = from_github(github, s, token, e);
    else if (getenv("SIGSTORE_ID_TOKEN") != NULL)
        rc = from_env("SIGSTORE_ID_TOKEN", token, e);
    else
        rc = tm_err_set(
            e, "no token: use --token-file or --token-env, or run inside GitHub Actions "
               "(permissions: id-token: write) or GitLab CI (id_tokens: SIGSTORE_ID_TOKEN)");
    while (rc == 0 && token->len > 0 && isspace(token->data[token->len - 1]))
        token->len--;
    if (rc == 0 && token->len == 0)
        rc = tm_err_set(e, "the token is empty");
    return rc;
}
