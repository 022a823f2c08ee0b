/*
 * UTF-8 (RFC 3629 §4), strict: no overlong forms, no surrogates, nothing beyond U+10FFFF.
 */
#ifndef TENMINT_COMMON_UTF8_H
#define TENMINT_COMMON_UTF8_H

#include <stddef.h>

/* The length of the multi-byte sequence at p (2 to 4 of `left` bytes, left >= 1), or 0 if there
 * is none; an ASCII byte is none. */
size_t utf8_sequence(const unsigned char *p, size_t left);

#endif
