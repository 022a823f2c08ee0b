/*
 * An issuer's key set: parsed once, then immutable and shared by reference count.
 */
#pragma once

#include "oidc/keys/jwk.h"

#define JWKS_BYTES_MAX ((size_t)2 * 1024 * 1024) /* 512 keys, each with a chain of certificates */
#define JWKS_KEYS_MAX 512

struct oidc_jwks;

/* What became of the keys that were listed; for the operator. */
struct oidc_jwks_report {
    size_t listed;
    size_t damaged;    /* skipped, though of a kind that we take */
    size_t cut;        /* not looked at, as JWKS_KEYS_MAX are held */
    struct tm_err why; /* the last one damaged, else the last one that is not for us */
};

/* Strict JSON; keys that are not for us or cannot be used are skipped. A set without one usable
 * key is an error. `report` may be NULL. NULL with `e` set on failure. */
struct oidc_jwks *oidc_jwks_parse(const char *text, size_t len, struct oidc_jwks_report *report,
                                  struct tm_err *e);
struct oidc_jwks *oidc_jwks_ref(struct oidc_jwks *s);
void oidc_jwks_unref(struct oidc_jwks *s); /* NULL is fine */

unsigned oidc_jwks_count(const struct oidc_jwks *s);

/* The next key at or after *at that may verify `alg`: of this kid, or of any when kid is NULL.
 * Advances *at; NULL at the end. Start with 0. */
const struct oidc_jwk *oidc_jwks_next(const struct oidc_jwks *s, const char *kid, int alg,
                                      size_t *at);

/* Whether any key has this kid, whatever its algorithm. */
bool oidc_jwks_has_kid(const struct oidc_jwks *s, const char *kid);
