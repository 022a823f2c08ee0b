/*
 * What differs between two versions of a role, in words that a holder can judge.
 */
#ifndef TENMINT_TUF_WORDS_H
#define TENMINT_TUF_WORDS_H

#include "tuf/metadata/metadata.h"

#define WORDS_TARGETS_MAX 40 /* lines about targets; the rest is counted */

/* Appends lines of two leading spaces: version, expiry, keys in and out, thresholds, periods,
 * targets (`all` of them, or WORDS_TARGETS_MAX), delegations, and any other member. `before` NULL:
 * everything is new. */
void tuf_words_difference(const struct tuf_metadata *before, const struct tuf_metadata *after,
                          bool all, struct tm_buf *out);

/* "365d", "12h", "90m": the largest unit that divides. */
void tuf_words_period(int64_t seconds, char out[24]);

/* "in 3 days", "2 hours ago". */
void tuf_words_relative(int64_t when, int64_t now, char out[40]);

/* "alice (2f1c9ab044d1e7aa)": owner and the start of the public key's fingerprint. */
void tuf_words_key(const json_t *key, const char *keyid, struct tm_buf *out);

/* Appends `text` with what a terminal would not show as itself replaced (tm_utf8_plain): what
 * others wrote goes to a terminal. */
void tuf_words_safe(const char *text, struct tm_buf *out);

#endif
