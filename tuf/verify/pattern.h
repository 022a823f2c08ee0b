/*
 * Regular expressions that must match the whole text. PCRE2, not libc's: the pattern is the
 * operator's, but the text is partly an attacker's, and PCRE2 alone bounds time, depth and memory
 * of a match; it also anchors by option, so that "a|b" cannot slip out of the anchors.
 */
#ifndef TENMINT_TUF_VERIFY_PATTERN_H
#define TENMINT_TUF_VERIFY_PATTERN_H

#include <stddef.h>

#include "common/err.h"

#define PATTERN_MAX 4096 /* bytes */

struct pattern; /* opaque */

struct pattern *pattern_new(const char *text, struct err *e);
void pattern_free(struct pattern *p); /* NULL is fine */

/* 1: all of `text` matches, 0: it does not, -1: the match ran into a limit, or the text is not
 * UTF-8. */
int pattern_match(const struct pattern *p, const char *text, size_t len, struct err *e);

#endif
