#include "oidc/token/claims.h"

#include "oidc/token/claim.h"

static int check_times(const json_t *claims, const struct oidc_options *o, double now,
                       enum oidc_reason *reason, struct tm_err *e)
{
    double exp = 0;
    double nbf = 0;
    double iat = now;
    double skew = (double)o->skew_s;
    int has_exp = oidc_claim_time(claims, "exp", &exp, e);
    int has_iat = oidc_claim_time(claims, "iat", &iat, e);
    if (has_exp < 0 || has_iat < 0 || oidc_claim_time(claims, "nbf", &nbf, e) < 0)
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
    if (oidc_claim_holds(claims, "aud", client_id, e) != 0)
        return -1;
    *reason = OIDC_REASON_CLAIMS;
    if (check_times(claims, o, (double)now_s, reason, e) != 0)
        return -1;
    *reason = OIDC_REASON_NONE;
    return 0;
}
