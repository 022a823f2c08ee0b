#include "oidc/token/token.h"

#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "common/json/jsonmap.h"
#include "common/json/strictjson.h"
#include "oidc/token/alg.h"
#include "oidc/token/claim.h"

/* Header parameters that let a token choose its own key or change what is signed (RFC 7515 §4.1,
 * RFC 7797): a token that carries one is refused, not ignored. */
#define REFUSED(row) row(crit) row(jwk) row(jku) row(x5u) row(x5c) row(b64) row(zip) row(enc)

#define PLACE(name_) REFUSED_##name_,
enum refused { REFUSED(PLACE) REFUSED_COUNT };

struct header {
    json_t *alg; /* whatever is not on the list is refused as an algorithm, text or not */
    char *kid;
    json_t *refused[REFUSED_COUNT];
};

#define ROW(name_) \
    {.name = #name_, JSONMAP_AT(struct header, refused[REFUSED_##name_]), .kind = JSONMAP_TREE},
static const struct tm_jsonmap_member members[] = {
    REFUSED(ROW) /* first: they have their place in `refused` as here */
    JSONMAP_ROW(struct header, "alg", alg, TREE),
    JSONMAP_ROW(struct header, "kid", kid, TEXT),
    {0},
};
static const struct tm_jsonmap map = {
    .members = members, .size = sizeof(struct header), .unknown = JSONMAP_IGNORE};

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
        return tm_err_null(e, "the token's %s is not a JSON object", what);
    }
    return v;
}

static int check_header(const struct header *h, struct oidc_token *t, enum oidc_reason *reason,
                        struct tm_err *e)
{
    for (size_t i = 0; i < REFUSED_COUNT; i++) {
        if (h->refused[i] == NULL)
            continue;
        *reason = OIDC_REASON_HEADER;
        return tm_err_set(e, "the token's header carries '%s', which is not accepted",
                          members[i].name);
    }
    const char *alg = json_string_value(h->alg);
    t->alg = alg != NULL ? oidc_alg_find(alg) : -1;
    if (t->alg >= 0)
        return 0;
    *reason = OIDC_REASON_ALGORITHM;
    return tm_err_set(e, "the token's algorithm '%.20s' is not on the allow-list",
                      alg != NULL ? alg : "(missing)");
}

static int decode_header(struct oidc_token *t, size_t len, enum oidc_reason *reason,
                         struct tm_err *e)
{
    struct header h = {0};
    json_t *json = decode_object(t->text, len, "header", e);
    int rc = -1;
    if (json != NULL && tm_jsonmap_read(json, &map, NULL, &h, e) != 0) {
        tm_err_wrap(e, "the token's header");
    } else if (json != NULL && check_header(&h, t, reason, e) == 0) {
        t->kid = h.kid;
        h.kid = NULL;
        rc = 0;
    }
    tm_jsonmap_free(&map, &h);
    json_decref(json);
    return rc;
}

static int decode_parts(struct oidc_token *t, const char *dot1, const char *dot2,
                        enum oidc_reason *reason, struct tm_err *e)
{
    const char *end = t->text + t->len;
    if (decode_header(t, (size_t)(dot1 - t->text), reason, e) != 0)
        return -1;
    t->claims = decode_object(dot1 + 1, (size_t)(dot2 - dot1 - 1), "payload", e);
    if (t->claims == NULL)
        return -1;
    t->iss = oidc_claim_string(t->claims, "iss");
    if (t->iss == NULL || t->iss[0] == '\0')
        return tm_err_set(e, "the token has no iss claim");
    if (strlen(t->iss) > OIDC_ISSUER_MAX)
        return tm_err_set(e, "the token's iss claim has more than %d bytes", OIDC_ISSUER_MAX);
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
    free(t->kid);
    json_decref(t->claims);
    tm_buf_free(&t->signature);
    *t = (struct oidc_token){0};
}
