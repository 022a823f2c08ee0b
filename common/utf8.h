/*
 * UTF-8 (RFC 3629 §4), strict: no overlong forms, no surrogates, nothing beyond U+10FFFF.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"

/* How many bytes the byte order mark takes with which a text begins: 0 or 3. */
size_t tm_utf8_mark(const void *text, size_t len);

/* The length of the multi-byte sequence at p (2 to 4 of `left` bytes, left >= 1), or 0 if there
 * is none; an ASCII byte is none. */
size_t tm_utf8_sequence(const unsigned char *p, size_t left);

/* The code point of a sequence of n bytes, from tm_utf8_sequence. */
unsigned tm_utf8_code_point(const unsigned char *p, size_t n);

/* Whether a terminal shows the sequence (of n bytes, from tm_utf8_sequence) in its place and as
 * itself: no C1 control, no line or paragraph separator, nothing invisible, nothing that turns the
 * direction of writing (UAX #9 §2), by which one name passes for another. */
bool tm_utf8_plain(const unsigned char *p, size_t n);

/* Puts '?' in place of every byte of `text` that a terminal would not show as itself: control
 * bytes, broken UTF-8, sequences that are not plain. */
void tm_utf8_clean(char *text);
/* Whether there is no such byte: one line, which every terminal shows as it is. */
bool tm_utf8_is_clean(const void *text, size_t len);

/* Appends `text` with one '?' for each such byte or sequence: what others wrote, for a terminal. */
void tm_utf8_put(struct tm_buf *out, const void *text, size_t len);
