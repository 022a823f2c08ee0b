/*
 * The registered claims (RFC 7519 §4.1) against what the issuer's entry demands.
 */
#pragma once

#include <jansson.h>

#include "common/err.h"
#include "oidc/token/types.h"

/* aud contains `client_id` exactly (string or array of strings); exp present and not past, nbf and
 * iat not ahead, each by at most o->skew_s; iat not older than o->max_age_s when that is set. */
int oidc_claims_check(const json_t *claims, const char *client_id, const struct oidc_options *o,
                      int64_t now_s, enum oidc_reason *reason, struct tm_err *e);
