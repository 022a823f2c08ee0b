/*
 * The trusted-issuer list: Fulcio's config/identity/config.yaml (YAML or JSON),
 * parsed strictly, validated, compiled, and then immutable.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "oidc/principal/issuer.h"

#define TRUST_FILE_MAX ((size_t)1024 * 1024) /* bytes of a list */
#define TRUST_JWKS_FOLDER "jwks" /* beside the list, with the files that jwks-file names */

struct oidc_trust; /* immutable after load; shared by reference count */

/* Reads and validates; refuses unknown, duplicate and mistyped keys with file, line and reason. */
int oidc_trust_load(const char *path, struct oidc_trust **out, struct tm_err *e);

/* Same, from memory; `name` is used in messages only. */
int oidc_trust_parse(const char *name, const char *text, size_t len, struct oidc_trust **out,
                     struct tm_err *e);

/* Refuses issuers over http that could never be asked: beyond loopback, and allowed neither by
 * `allow_http`, which is for all, nor in their own entry. */
int oidc_trust_check_http(const struct oidc_trust *t, bool allow_http, struct tm_err *e);

/* Says of each issuer what is legal and surprising: certificates of a server of one's own that name
 * github.com or gitlab.com. */
typedef void (*oidc_trust_warn_fn)(void *arg, const char *text);
void oidc_trust_warn(const struct oidc_trust *t, oidc_trust_warn_fn say, void *arg);

struct oidc_trust *oidc_trust_ref(struct oidc_trust *t);
void oidc_trust_unref(struct oidc_trust *t); /* NULL is fine */

/* Exact match first, then wildcards in file order ('*' = one or more of
 * [-_a-zA-Z0-9], anchored; GHSA-59jp-pj84-45mr). NULL: not trusted. */
const struct oidc_issuer *oidc_trust_find(const struct oidc_trust *t, const char *iss, size_t len);

/* SHA-256 of the text that it was read from, in hexadecimal. */
const char *oidc_trust_digest(const struct oidc_trust *t);

/* Iteration in file order: exact issuers, then wildcards. */
size_t oidc_trust_count(const struct oidc_trust *t);
const struct oidc_issuer *oidc_trust_at(const struct oidc_trust *t, size_t i);
