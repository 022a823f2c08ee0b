#include "oidc/token/token.h"

#include <string.h>

#include "common/b64.h"
#include "common/json/strictjson.h"
#include "oidc/token/alg.h"

/* Header parameters that let a token choose its own key or change what is signed (RFC 7515 §4.1,
 * RFC 7797): a token that carries one is refused, not ignored. */
static const char *const refused_headers[] = {"crit", "jwk", "jku", "x5u",
                                              "x5c",  "b64", "zip", "enc"};

static json_t *decode_object(const char *text, size_t len, const char *what, struct tm_err *e)
{
    struct tm_buf json = {0};
    json_t *v = NULL;
    if (tm_b64_decode(B64_URL_BARE, text, len, &json) != 0) {
        tm_err_set(e, "the token's %s is not base64url", what);
    } else {
        v = tm_strictjson_parse_wide(json.data != NULL ? (const char *)json.data : "", json.len,
                                     OIDC_TOKEN_MAX, e);
        if (v == NULL)
            tm_err_wrap(e, "the token's %s", what);
    }
    tm_buf_free(&json);
    if (v != NULL && !json_is_object(v)) {
        json_decref(v);
        tm_err_set(e, "the token's %s is not a JSON object", what);
        return NULL;
    }
    return v;
}

static int check_header(struct oidc_token *t, enum oidc_reason *reason, struct tm_err *e)
{
    for (size_t i = 0; i < sizeof(refused_headers) / sizeof(refused_headers[0]); i++) {
        const char *name = refused_headers[i];
        if (json_object_get(t->header, name) != NULL) {
            *reason = OIDC_REASON_HEADER;
            return tm_err_set(e, "the token's header carries '%s', which is not accepted", name);
        }
    }
    const json_t *kid = json_object_get(t->header, "kid");
    if (kid != NULL && !json_is_string(kid))
        return tm_err_set(e, "the token's kid is not a string");
    t->kid = json_string_value(kid);
    const char *alg = tm_strictjson_str(t->header, "alg");
    t->alg = alg != NULL ? oidc_alg_find(alg) : -1;
    if (t->alg < 0) {
        *reason = OIDC_REASON_ALGORITHM;
        return tm_err_set(e, "the token's algorithm '%.20s' is not on the allow-list",
                          alg != NULL ? alg : "(missing)");
    }
    return 0;
}

static int decode_parts(struct oidc_token *t, const char *dot1, const char *dot2,
                        enum oidc_reason *reason, struct tm_err *e)
{
    const char *end = t->text + t->len;
    t->header = decode_object(t->text, (size_t)(dot1 - t->text), "header", e);
    if (t->header == NULL || check_header(t, reason, e) != 0)
        return -1;
    t->claims = decode_object(dot1 + 1, (size_t)(dot2 - dot1 - 1), "payload", e);
    if (t->claims == NULL)
        return -1;
    t->iss = tm_strictjson_str(t->claims, "iss");
    if (t->iss == NULL || t->iss[0] == '\0')
        return tm_err_set(e, "the token has no iss claim");
    if (tm_b64_decode(B64_URL_BARE, dot2 + 1, (size_t)(end - dot2 - 1), &t->signature) != 0 ||
        t->signature.len == 0)
        return tm_err_set(e, "the token's signature is not base64url");
    return 0;
}

int oidc_token_parse(const char *text, size_t len, struct oidc_token *t, enum oidc_reason *reason,
                     struct tm_err *e)
{
    *t = (struct oidc_token){.text = text, .len = len};
    *reason = OIDC_REASON_MALFORMED;
    if (len > OIDC_TOKEN_MAX)
        return tm_err_set(e, "a token of %zu bytes is longer than %zu", len, OIDC_TOKEN_MAX);
    const char *dot1 = memchr(text, '.', len);
    const char *dot2 = dot1 != NULL ? memchr(dot1 + 1, '.', (size_t)(text + len - dot1 - 1)) : NULL;
    if (dot2 == NULL || memchr(dot2 + 1, '.', (size_t)(text + len - dot2 - 1)) != NULL)
        return tm_err_set(e, "a token has three parts, this has another number");
    t->signed_len = (size_t)(dot2 - text);
    if (decode_parts(t, dot1, dot2, reason, e) != 0) {
        oidc_token_free(t);
        return -1;
    }
    *reason = OIDC_REASON_NONE;
    return 0;
}

void oidc_token_free(struct oidc_token *t)
{
    json_decref(t->header);
    json_decref(t->claims);
    tm_buf_free(&t->signature);
    *t = (struct oidc_token){0};
}
