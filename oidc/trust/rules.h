/*
 * The rules `allow` of an issuer: which of its tokens get a certificate, by their claims. Compiled
 * when the list loads; a request only matches. The grammar stands in tenmint-issuers(5).
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

#define RULES_MAX 256       /* of an issuer, those within others counted */
#define RULES_DEPTH_MAX 4   /* of any-of and all-of within each other */
#define RULES_TEXT_MAX 1024 /* bytes of a value, glob or regular expression */

struct oidc_rules; /* immutable; any thread */

/* Whether every rule holds. A claim that is absent, or of no plain text, number or boolean, matches
 * nothing; of a list of such, one must match. False sets `e` to the rule that refuses, without the
 * claim's value. NULL rules allow everything. */
bool oidc_rules_allow(const struct oidc_rules *r, const json_t *claims, struct tm_err *e);

/* The rules one by one, in words that are the same for the same rule: "repository is 'a/b'". */
size_t oidc_rules_count(const struct oidc_rules *r); /* NULL: 0 */
void oidc_rules_put(const struct oidc_rules *r, size_t i, struct tm_buf *out);
bool oidc_rules_have(const struct oidc_rules *r, const char *words);

/* Whether some of the issuer's tokens may be refused: not by a rule on `iss`, which is itself, nor
 * by patterns that take any text. False for NULL. */
bool oidc_rules_can_refuse(const struct oidc_rules *r);

/* Whether a rule that could refuse is gone and no `is` rule on the same claim replaces it. */
bool oidc_rules_loosened(const struct oidc_rules *was, const struct oidc_rules *is);

void oidc_rules_free(struct oidc_rules *r); /* NULL is fine */
