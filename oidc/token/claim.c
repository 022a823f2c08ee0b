#include "oidc/token/claim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EMAIL_MAX 254 /* RFC 5321 §4.5.3.1.3 less the brackets */
#define LABEL_MAX 63
#define PATH_DEPTH_MAX 8
#define PATH_NAME_MAX 127

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

#define TIME_MAX_S 253402300799.0       /* 9999-12-31T23:59:59Z */
#define EXACT_MAX 9223372036854775808.0 /* 2^63 */

const json_t *oidc_claim_find(const json_t *claims, const char *name)
{
    const json_t *v = json_object_get(claims, name);
    return json_is_null(v) ? NULL : v;
}

const char *oidc_claim_string(const json_t *claims, const char *name)
{
    return json_string_value(oidc_claim_find(claims, name));
}

const char *oidc_claim_required(const json_t *claims, const char *name, struct tm_err *e)
{
    const char *text = oidc_claim_string(claims, name);
    if (text != NULL && text[0] != '\0')
        return text;
    return tm_err_null(e, "claim '%s' is missing, empty or not a string", name);
}

int oidc_claim_optional(const json_t *claims, const char *name, const char **out, struct tm_err *e)
{
    const json_t *v = oidc_claim_find(claims, name);
    *out = v != NULL ? json_string_value(v) : "";
    return *out != NULL ? 0 : tm_err_set(e, "claim '%s' is not a string", name);
}

static bool is_one_of(const char *text, const char *a, const char *b)
{
    return text != NULL && (strcmp(text, a) == 0 || strcmp(text, b) == 0);
}

int oidc_claim_bool(const json_t *claims, const char *name, bool *out, struct tm_err *e)
{
    const json_t *v = oidc_claim_find(claims, name);
    const char *text = json_string_value(v);
    *out = json_is_true(v) || is_one_of(text, "true", "True");
    return *out || v == NULL || json_is_false(v) || is_one_of(text, "false", "False")
               ? 0
               : tm_err_set(e, "claim '%s' is not a boolean", name);
}

bool oidc_claim_is_nonzero(const json_t *claims, const char *name)
{
    const json_t *v = oidc_claim_find(claims, name);
    return json_is_number(v) && json_number_value(v) != 0;
}

int oidc_claim_time(const json_t *claims, const char *name, double *out, struct tm_err *e)
{
    const json_t *v = oidc_claim_find(claims, name);
    if (v == NULL)
        return 0;
    double t = json_is_number(v) ? json_number_value(v) : -1;
    if (!(t >= 0 && t <= TIME_MAX_S))
        return tm_err_set(e, "%s is not a time", name);
    *out = t;
    return 1;
}

int oidc_claim_holds(const json_t *claims, const char *name, const char *text, struct tm_err *e)
{
    const json_t *v = oidc_claim_find(claims, name);
    size_t i;
    const json_t *one;
    bool found = false;
    if (json_is_string(v))
        return strcmp(json_string_value(v), text) == 0
                   ? 0
                   : tm_err_set(e, "%s is '%.100s', not '%.100s'", name, json_string_value(v),
                                text);
    if (!json_is_array(v))
        return tm_err_set(e, "%s is missing or of the wrong type", name);
    json_array_foreach(v, i, one)
    {
        if (!json_is_string(one))
            return tm_err_set(e, "%s holds something that is not a string", name);
        found |= strcmp(json_string_value(one), text) == 0;
    }
    return found ? 0 : tm_err_set(e, "%s does not contain '%.100s'", name, text);
}

/* The shortest decimal that reads back as `v`, written without an exponent. */
static void real_text(double v, struct tm_buf *out)
{
    char text[40];
    char digits[20];
    size_t n = 0;
    int precision = 0;
    do
        snprintf(text, sizeof(text), "%.*e", precision, v);
    while (strtod(text, NULL) != v && ++precision < 17);
    const char *s = text;
    if (*s == '-')
        buf_putc(out, (unsigned char)*s++);
    for (; *s != 'e' && *s != '\0'; s++) {
        if (*s >= '0' && *s <= '9' && n < sizeof(digits))
            digits[n++] = *s;
    }
    long point = (*s == 'e' ? strtol(s + 1, NULL, 10) : 0) + 1; /* digits before the point */
    if (point <= 0) {
        tm_buf_puts(out, "0.");
        for (; point < 0; point++)
            buf_putc(out, '0');
        point = -1; /* it stands already */
    }
    for (long i = 0; i < (long)n || i < point; i++) {
        if (i == point)
            buf_putc(out, '.');
        buf_putc(out, (unsigned char)(i < (long)n ? digits[i] : '0'));
    }
}

int oidc_claim_text(const json_t *value, const char *name, struct tm_buf *out, struct tm_err *e)
{
    if (json_is_string(value))
        tm_buf_puts(out, json_string_value(value));
    else if (json_is_integer(value)) /* exact, where Go rounds above 2^53 */
        tm_buf_put_int(out, json_integer_value(value));
    else if (json_is_real(value) && fabs(json_real_value(value)) < EXACT_MAX)
        real_text(json_real_value(value), out);
    else if (json_is_real(value))
        return tm_err_set(e, "claim '%.100s' is a number too large to be exact", name);
    else if (json_is_boolean(value))
        tm_buf_puts(out, json_is_true(value) ? "true" : "false");
    else
        return tm_err_set(e, "claim '%.100s' is not a string, number or boolean", name);
    return 0;
}

/* One step of the path; returns where the next begins, NULL when it is not understood. */
static const char *path_step(const char *p, char name[PATH_NAME_MAX + 1])
{
    const char *start = p + 1;
    size_t len = 0;
    if (p[0] == '.') {
        len = strspn(start, LETTERS DIGITS "_");
        p = start + len;
        if (len > 0 && strchr(DIGITS, start[0]) != NULL)
            return NULL;
    } else if (p[0] == '[' && (p[1] == '"' || p[1] == '\'')) {
        const char close[] = {p[1], '\\', '\0'};
        start = p + 2;
        len = strcspn(start, close);
        if (start[len] != p[1] || start[len + 1] != ']')
            return NULL;
        p = start + len + 2;
    }
    if (len == 0 || len > PATH_NAME_MAX)
        return NULL;
    memcpy(name, start, len);
    name[len] = '\0';
    return p;
}

bool oidc_claim_path_ok(const char *path)
{
    char name[PATH_NAME_MAX + 1];
    int depth = 0;
    const char *p = path[0] == '$' && path[1] != '\0' ? path + 1 : NULL;
    while (p != NULL && *p != '\0' && depth++ < PATH_DEPTH_MAX)
        p = path_step(p, name);
    return p != NULL && *p == '\0';
}

const json_t *oidc_claim_at_path(const json_t *claims, const char *path)
{
    char name[PATH_NAME_MAX + 1];
    const json_t *v = claims;
    const char *p = path + 1;
    while (v != NULL && *p != '\0') {
        p = path_step(p, name);
        if (p == NULL)
            return NULL;
        v = oidc_claim_find(v, name);
    }
    return v;
}

/* Labels of letters, digits and inner hyphens; at least two; the last begins with a letter. */
static bool domain_ok(const char *s)
{
    size_t labels = 0;
    for (;;) {
        size_t len = strspn(s, LETTERS DIGITS "-");
        if (len == 0 || len > LABEL_MAX || s[0] == '-' || s[len - 1] == '-')
            return false;
        labels++;
        if (s[len] == '\0')
            return labels >= 2 && strchr(LETTERS, s[0]) != NULL;
        if (s[len] != '.')
            return false;
        s += len + 1;
    }
}

bool oidc_claim_is_email(const char *text)
{
    static const char atext[] = LETTERS DIGITS "!#$%&'*+-/=?^_`{|}~";
    if (strlen(text) > EMAIL_MAX)
        return false;
    for (;;) {
        size_t len = strspn(text, atext);
        if (len == 0)
            return false;
        text += len;
        if (*text == '@')
            return domain_ok(text + 1);
        if (*text++ != '.')
            return false;
    }
}

bool oidc_claim_looks_like_email(const char *text)
{
    const char *at = strrchr(text, '@');
    return at != NULL && at != text && strchr(at, '.') != NULL;
}
