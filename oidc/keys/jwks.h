/*
 * An issuer's key set: parsed once, then immutable and shared by reference count.
 */
#ifndef TENMINT_OIDC_JWKS_H
#define TENMINT_OIDC_JWKS_H

#include "oidc/keys/jwk.h"

#define JWKS_BYTES_MAX ((size_t)256 * 1024)
#define JWKS_KEYS_MAX 64

struct oidc_jwks;

/* Strict JSON; keys that cannot be used are skipped and counted. A set without one usable key
 * is an error. NULL with `e` set on failure. */
struct oidc_jwks *oidc_jwks_parse(const char *text, size_t len, struct tm_err *e);
struct oidc_jwks *oidc_jwks_ref(struct oidc_jwks *s);
void oidc_jwks_unref(struct oidc_jwks *s); /* NULL is fine */

unsigned oidc_jwks_count(const struct oidc_jwks *s);

/* The next key at or after *at that may verify `alg`: of this kid, or of any when kid is NULL.
 * Advances *at; NULL at the end. Start with 0. */
const struct oidc_jwk *oidc_jwks_next(const struct oidc_jwks *s, const char *kid, int alg,
                                      size_t *at);

/* Whether any key has this kid, whatever its algorithm. */
bool oidc_jwks_has_kid(const struct oidc_jwks *s, const char *kid);

#endif
