/*
 * Hexadecimal: written in lower case, read in either.
 */
#pragma once

#include "common/buf.h"

/* Writes 2 * len characters and a NUL. */
void tm_hex_encode(const void *data, size_t len, char *out);

int tm_hex_digit(char c); /* 0 to 15; -1: it is none */

/* Appends the decoded bytes. -1: an odd length or another character (nothing is then appended),
 * or out of memory. */
int tm_hex_decode(const char *text, size_t len, struct tm_buf *out);
