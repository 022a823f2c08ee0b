/*
 * A JSON string (RFC 8259 §7), for whoever writes JSON without building a tree.
 */
#pragma once

#include "common/buf.h"

/* How many bytes at the beginning stand for themselves in a JSON string: ASCII, printable, neither
 * quote nor backslash. */
size_t tm_jsonstr_plain(const unsigned char *p, size_t len);

/* Appends `s` in quotes, escaped; bytes that are not UTF-8 become U+FFFD. A terminal shows the
 * result as it is: what tm_utf8_plain does not take is escaped too. */
void tm_jsonstr_put(struct tm_buf *out, const char *s, size_t len);
