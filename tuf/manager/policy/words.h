/*
 * Keys, periods and others' texts as people read them.
 */
#pragma once

#include "tuf/metadata/metadata.h"

/* "365d", "12h", "90m": the largest unit that divides. */
void tuf_words_period(int64_t seconds, char out[24]);

/* "in 3 days", "2 hours ago". */
void tuf_words_relative(int64_t when, int64_t now, char out[40]);

/* "alice (2f1c9ab044d1e7aa)": owner and the start of the public key's fingerprint. */
void tuf_words_key(const struct tuf_public_key *key, const char *keyid, struct tm_buf *out);

/* Appends `text` with what a terminal would not show as itself replaced (tm_utf8_plain): what
 * others wrote goes to a terminal. */
void tuf_words_safe(const char *text, struct tm_buf *out);
