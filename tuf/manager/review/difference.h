/*
 * What differs between two versions of a role, in words that a holder can judge.
 */
#pragma once

#include "tuf/metadata/metadata.h"

#define WORDS_TARGETS_MAX 40 /* lines about targets; the rest is counted */

/* Appends lines of two leading spaces: version, expiry, keys in and out, thresholds, periods,
 * targets (`all` of them, or WORDS_TARGETS_MAX), delegations, and any other member. `before` NULL:
 * everything is new. */
void tuf_words_difference(const struct tuf_metadata *before, const struct tuf_metadata *after,
                          bool all, struct tm_buf *out);
