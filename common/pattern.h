/*
 * Regular expressions on names. PCRE2, not libc's: the pattern is the operator's, but the text is
 * partly an attacker's, and PCRE2 alone bounds time, depth and memory of a match; it also anchors
 * by option, so that "a|b" cannot slip out of the anchors.
 */
#pragma once

#include <stddef.h>

#include "common/err.h"

#define PATTERN_MAX 4096 /* bytes */

struct tm_pattern; /* opaque, immutable: any thread may match */

enum tm_pattern_extent {
    PATTERN_WHOLE, /* all of the text must match: for a policy */
    PATTERN_PART,  /* some part of it: for a search */
};

struct tm_pattern *tm_pattern_new(const char *text, enum tm_pattern_extent extent,
                                  struct tm_err *e);
void tm_pattern_free(struct tm_pattern *p); /* NULL is fine */

/* 1: `text` matches, 0: it does not, -1: the match ran into a limit, or the text is not
 * UTF-8. */
int tm_pattern_match(const struct tm_pattern *p, const char *text, size_t len, struct tm_err *e);
