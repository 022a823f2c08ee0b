/*
 * Claims of a verified token as text that may go into a certificate.
 */
#ifndef TENMINT_OIDC_CLAIM_H
#define TENMINT_OIDC_CLAIM_H

#include <jansson.h>
#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"

/* A required, non-empty string claim, borrowed; NULL with `e` set. */
const char *oidc_claim_required(const json_t *claims, const char *name, struct tm_err *e);

/* A string claim that may be absent: *out is then "". A value of another type is an error. */
int oidc_claim_optional(const json_t *claims, const char *name, const char **out, struct tm_err *e);

/* Appends a value as Go's templates print it: strings as they are, numbers in decimal without
 * an exponent, booleans. Null, lists and objects (Go would print "<nil>", "[a b]", "map[k:v]")
 * make no identity and are an error. `name` is for the message. */
int oidc_claim_text(const json_t *value, const char *name, struct tm_buf *out, struct tm_err *e);

/* The JSONPath subset that issuer-claim takes: $.name and $["name"], any depth up to 8. */
bool oidc_claim_path_ok(const char *path);
const json_t *oidc_claim_at_path(const json_t *claims, const char *path); /* NULL: absent */

/* An address that may become an rfc822Name: ASCII, dot-atom local part, dotted domain name. */
bool oidc_claim_is_email(const char *text);

/* Anything that a reader would take for an address; for types whose subject must not be one. */
bool oidc_claim_looks_like_email(const char *text);

#endif
