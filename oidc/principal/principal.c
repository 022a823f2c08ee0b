#include "oidc/principal/principal.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/strictjson.h"
#include "oidc/principal/types.h"

/* The JSON reader has made sure of UTF-8 and of no NUL; C1 controls are two bytes, c2 80-9f. */
static bool has_control(const char *s)
{
    const unsigned char *p = (const unsigned char *)s;
    for (; *p != '\0'; p++) {
        if (*p < 0x20 || *p == 0x7f || (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f))
            return true;
    }
    return false;
}

int principal_set(char **to, const char *text, const char *what, struct err *e)
{
    if (text == NULL || strlen(text) > OIDC_VALUE_MAX)
        return err_set(e, "%s is longer than %d bytes", what, OIDC_VALUE_MAX);
    if (has_control(text))
        return err_set(e, "%s holds a control character", what);
    free(*to);
    *to = strdup(text);
    return *to != NULL ? 0 : err_set(e, "out of memory");
}

const char *principal_claim(const json_t *claims, const char *name, struct err *e)
{
    const char *text = strictjson_str(claims, name);
    if (text != NULL && text[0] != '\0')
        return text;
    err_set(e, "claim '%s' is missing, empty or not a string", name);
    return NULL;
}

bool principal_is_email(const char *text)
{
    static const char atext[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "!#$%&'*+-/=?^_`{|}~.";
    const char *at = strrchr(text, '@');
    if (at == NULL || at == text || strlen(text) > 254 || text[0] == '.' || at[-1] == '.')
        return false;
    if (strspn(text, atext) != (size_t)(at - text) || strstr(text, "..") != NULL)
        return false;
    const char *domain = at + 1;
    size_t len = strlen(domain);
    return len > 2 && strchr(domain, '.') != NULL && domain[0] != '.' && domain[len - 1] != '.' &&
           strspn(domain, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == len;
}

/* What may stand in a URL unescaped (RFC 3986 plus the brackets Go lets through). */
static bool url_char(unsigned char c)
{
    return isalnum(c) || (c != '\0' && strchr("-_.~$&+,/:;=@!'()*[]?#%", c) != NULL);
}

int principal_set_uri(struct oidc_principal *p, const char *uri, struct err *e)
{
    const char *sep = uri != NULL ? strstr(uri, "://") : NULL;
    if (sep == NULL || sep == uri || sep[3] == '\0' || sep[3] == '/')
        return err_set(e, "the subject alternative name is not a URL");
    struct buf out = {0};
    int rc = 0;
    for (const unsigned char *s = (const unsigned char *)uri; *s != '\0' && rc == 0; s++) {
        if (*s == '%' && !(isxdigit(s[1]) && isxdigit(s[2])))
            rc = err_set(e, "the subject alternative name has a bad percent escape");
        else if (*s < 0x20 || *s == 0x7f)
            rc = err_set(e, "the subject alternative name holds a control character");
        else if (url_char(*s))
            buf_putc(&out, *s);
        else
            buf_printf(&out, "%%%02X", *s);
    }
    p->san_kind = IDENTITY_SAN_URI;
    if (rc == 0)
        rc = principal_set(&p->san, buf_str(&out), "subject alternative name", e);
    buf_free(&out);
    return rc;
}

int oidc_principal_from_claims(const struct oidc_trust *trust, const struct oidc_issuer *issuer,
                               const json_t *claims, struct oidc_principal *out, struct err *e)
{
    (void)trust;
    *out = (struct oidc_principal){0};
    const char *iss = principal_claim(claims, "iss", e);
    const char *sub = iss != NULL ? principal_claim(claims, "sub", e) : NULL;
    if (sub == NULL || principal_set(&out->field[IDENTITY_ISSUER_V1], iss, "iss", e) != 0 ||
        principal_set(&out->field[IDENTITY_ISSUER], iss, "iss", e) != 0 ||
        principal_set(&out->field[IDENTITY_TOKEN_SUBJECT], sub, "sub", e) != 0 ||
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
