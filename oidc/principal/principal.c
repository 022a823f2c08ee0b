#include "oidc/principal/principal.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json/jsonstr.h"
#include "oidc/token/claim.h"
#include "oidc/principal/types.h"

/* Claims passed the JSON reader and defaults the YAML reader, so the text is UTF-8 without NULs;
 * C1 controls are two bytes there, c2 80 to c2 9f. */
static bool has_control(const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    const unsigned char *end = s + len;
    for (s += tm_jsonstr_plain(s, len); s < end; s++) {
        if (*s < 0x20 || *s == 0x7f || (s[0] == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f))
            return true;
    }
    return false;
}

int oidc_principal_set(char **to, const char *text, const char *what, struct tm_err *e)
{
    if (text == NULL)
        return tm_err_set(e, "out of memory");
    if (text[0] == '\0')
        return tm_err_set(e, "%s is empty", what);
    size_t len = strlen(text);
    if (len > OIDC_VALUE_MAX)
        return tm_err_set(e, "%s is longer than %d bytes", what, OIDC_VALUE_MAX);
    if (has_control(text, len))
        return tm_err_set(e, "%s holds a control character", what);
    free(*to);
    *to = strdup(text);
    return *to != NULL ? 0 : tm_err_set(e, "out of memory");
}

int oidc_principal_set_uri(struct oidc_principal *p, const char *uri, enum oidc_url_form form,
                           struct tm_err *e)
{
    struct tm_buf out = {0};
    if (uri == NULL)
        return tm_err_set(e, "out of memory");
    int rc = oidc_url_write_unique(uri, form, &out, e);
    if (rc == 0)
        rc = oidc_principal_set(&p->san, tm_buf_str(&out), "the URL", e);
    p->san_kind = IDENTITY_SAN_URI;
    tm_buf_free(&out);
    return rc;
}

int oidc_principal_from_claims(const struct oidc_issuer *issuer, const json_t *claims,
                               struct oidc_principal *out, struct tm_err *e)
{
    *out = (struct oidc_principal){0};
    const char *iss = oidc_claim_required(claims, "iss", e);
    const char *sub = iss != NULL ? oidc_claim_required(claims, "sub", e) : NULL;
    if (sub == NULL || oidc_principal_set(&out->field[IDENTITY_ISSUER_V1], iss, "iss", e) != 0 ||
        oidc_principal_set(&out->field[IDENTITY_ISSUER], iss, "iss", e) != 0 ||
        oidc_principal_set(&out->field[IDENTITY_TOKEN_SUBJECT], sub, "sub", e) != 0 ||
        issuer->type->make(issuer, claims, out, e) != 0) {
        oidc_principal_free(out);
        return -1;
    }
    return 0;
}

void oidc_principal_free(struct oidc_principal *p)
{
    for (size_t i = 0; i < IDENTITY_FIELD_COUNT; i++)
        free(p->field[i]);
    free(p->san);
    free(p->challenge);
    *p = (struct oidc_principal){0};
}
