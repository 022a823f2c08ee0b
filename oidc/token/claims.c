#include "oidc/token/claims.h"

#include <stdbool.h>
#include <string.h>

#define TIME_MAX_S 253402300799.0 /* 9999-12-31T23:59:59Z */

static int check_audience(const json_t *aud, const char *client_id, struct tm_err *e)
{
    bool found = false;
    if (json_is_string(aud)) {
        found = strcmp(json_string_value(aud), client_id) == 0;
    } else if (json_is_array(aud)) {
        size_t i;
        const json_t *one;
        json_array_foreach(aud, i, one)
        {
            if (!json_is_string(one))
                return tm_err_set(e, "aud holds something that is not a string");
            found |= strcmp(json_string_value(one), client_id) == 0;
        }
    } else {
        return tm_err_set(e, "aud is missing or of the wrong type");
    }
    if (found)
        return 0;
    return json_is_string(aud)
               ? tm_err_set(e, "aud is '%.100s', not '%.100s'", json_string_value(aud), client_id)
               : tm_err_set(e, "aud does not contain '%.100s'", client_id);
}

/* NumericDate may be fractional (RFC 7519 §2). 1: present, 0: absent, -1: not a sane time. */
static int numeric_date(const json_t *claims, const char *name, double *out, struct tm_err *e)
{
    const json_t *v = json_object_get(claims, name);
    if (v == NULL)
        return 0;
    double t = json_is_number(v) ? json_number_value(v) : -1;
    if (!(t >= 0 && t <= TIME_MAX_S))
        return tm_err_set(e, "%s is not a time", name);
    *out = t;
    return 1;
}

static int check_times(const json_t *claims, const struct oidc_options *o, double now,
                       enum oidc_reason *reason, struct tm_err *e)
{
    double exp = 0;
    double nbf = 0;
    double iat = now;
    double skew = (double)o->skew_s;
    int has_exp = numeric_date(claims, "exp", &exp, e);
    int has_iat = numeric_date(claims, "iat", &iat, e);
    if (has_exp < 0 || has_iat < 0 || numeric_date(claims, "nbf", &nbf, e) < 0)
        return -1;
    *reason = OIDC_REASON_EXPIRED;
    if (has_exp == 0)
        return tm_err_set(e, "the token has no exp claim");
    if (exp + skew <= now) /* RFC 7519 §4.1.4: from exp on it is refused */
        return tm_err_set(e, "the token expired %.0f s ago", now - exp);
    if (o->max_age_s > 0 && has_iat == 0)
        return tm_err_set(e, "the token has no iat claim, so its age cannot be checked");
    if (o->max_age_s > 0 && iat + (double)o->max_age_s + skew < now)
        return tm_err_set(e, "the token was issued %.0f s ago, more than the maximum age",
                          now - iat);
    *reason = OIDC_REASON_NOT_YET;
    if (nbf > now + skew)
        return tm_err_set(e, "the token is not valid for another %.0f s", nbf - now);
    if (iat > now + skew)
        return tm_err_set(e, "the token was issued %.0f s in the future", iat - now);
    return 0;
}

int oidc_claims_check(const json_t *claims, const char *client_id, const struct oidc_options *o,
                      int64_t now_s, enum oidc_reason *reason, struct tm_err *e)
{
    *reason = OIDC_REASON_AUDIENCE;
    if (check_audience(json_object_get(claims, "aud"), client_id, e) != 0)
        return -1;
    *reason = OIDC_REASON_CLAIMS;
    if (check_times(claims, o, (double)now_s, reason, e) != 0)
        return -1;
    *reason = OIDC_REASON_NONE;
    return 0;
}
