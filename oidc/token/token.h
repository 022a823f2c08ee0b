/*
 * A compact JWS (RFC 7515 §7.1), taken apart strictly and not yet believed.
 */
#pragma once

#include <jansson.h>

#include "common/buf.h"
#include "common/err.h"
#include "oidc/token/types.h"

struct oidc_token {
    int alg;          /* row of oidc_alg_table */
    char *kid;        /* owned; NULL when absent */
    json_t *claims;   /* owned; an object, of which the issuer's configuration names the members */
    const char *iss;  /* into claims; never NULL */
    const char *text; /* the caller's whole token */
    size_t len;
    size_t signed_len; /* header '.' payload: what the signature covers */
    struct tm_buf signature;
};

/* The token's bytes must outlive `t`. On failure `reason` is MALFORMED, HEADER or ALGORITHM
 * and nothing needs freeing. */
int oidc_token_parse(const char *text, size_t len, struct oidc_token *t, enum oidc_reason *reason,
                     struct tm_err *e);
void oidc_token_free(struct oidc_token *t);
