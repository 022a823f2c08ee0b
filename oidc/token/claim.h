/*
 * The one place where a token's claims are looked up. They are no struct because which of them
 * decide is the configuration's choice (templates, `issuer-claim`, checks); each function gives one
 * of them as the type its reader wants. A claim that is null counts as absent, and what nobody
 * looks up may be anything.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"

/* A member of the claims, or of an object among them; NULL when absent or null. Borrowed. */
const json_t *oidc_claim_find(const json_t *claims, const char *name);

/* A string claim, borrowed; NULL when absent or of another type. */
const char *oidc_claim_string(const json_t *claims, const char *name);

/* A required, non-empty string claim, borrowed; NULL with `e` set. */
const char *oidc_claim_required(const json_t *claims, const char *name, struct tm_err *e);

/* A string claim that may be absent: *out is then "". A value of another type is an error. */
int oidc_claim_optional(const json_t *claims, const char *name, const char **out, struct tm_err *e);

/* true, "true" and "True" count as such, so do their opposites; absent: false. -1: another value.
 */
int oidc_claim_bool(const json_t *claims, const char *name, bool *out, struct tm_err *e);

/* A number other than 0. */
bool oidc_claim_is_nonzero(const json_t *claims, const char *name);

/* NumericDate, which may be fractional (RFC 7519 §2). 1: present, 0: absent, -1: no sane time. */
int oidc_claim_time(const json_t *claims, const char *name, double *out, struct tm_err *e);

/* The claim is `text`, or a list of strings with `text` among them (RFC 7519 §4.1.3). */
int oidc_claim_holds(const json_t *claims, const char *name, const char *text, struct tm_err *e);

/* Appends a value as Go's templates print it: strings as they are, numbers in decimal without
 * an exponent, booleans. Lists and objects (Go would print "[a b]", "map[k:v]") make no identity
 * and are an error, and so are numbers of 2^63 and more, of which many look alike. `name` is for
 * the message. */
int oidc_claim_text(const json_t *value, const char *name, struct tm_buf *out, struct tm_err *e);

/* The JSONPath subset that issuer-claim takes: $.name and $["name"], any depth up to 8. */
bool oidc_claim_path_ok(const char *path);
const json_t *oidc_claim_at_path(const json_t *claims, const char *path); /* NULL: absent */

/* An address that may become an rfc822Name: ASCII, dot-atom local part, dotted domain name. */
bool oidc_claim_is_email(const char *text);

/* Anything that a reader would take for an address; for types whose subject must not be one. */
bool oidc_claim_looks_like_email(const char *text);
