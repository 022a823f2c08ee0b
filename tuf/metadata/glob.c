/*
 * Path patterns of delegations (spec §4.5). fnmatch(3) is not used: it depends on the locale,
 * and a hostile pattern of many '*' makes it take exponential time.
 */
#include <string.h>

#include "common/utf8.h"
#include "tuf/metadata/delegation.h"

/* Bytes of the character at p. */
static size_t step(const char *p)
{
    size_t n = tm_utf8_sequence((const unsigned char *)p, strnlen(p, 4));
    return n > 0 ? n : 1;
}

static unsigned point(const char *p)
{
    static const unsigned char mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    size_t n = step(p);
    unsigned c = (unsigned char)*p & mask[n];
    for (size_t i = 1; i < n; i++)
        c = c << 6 | ((unsigned char)p[i] & 0x3f);
    return c;
}

/* The ']' of the set that begins after '['; NULL: it is no set but a bracket. */
static const char *set_end(const char *p)
{
    if (*p == '!')
        p++;
    if (*p == ']')
        p++;
    while (*p != ']' && *p != '/' && *p != '\0')
        p++;
    return *p == ']' ? p : NULL;
}

/* `p` is after '[', `end` at its ']'. */
static bool in_set(const char *p, const char *end, unsigned c)
{
    bool negated = *p == '!';
    bool found = false;
    for (p += negated ? 1 : 0; p < end;) {
        unsigned low = point(p);
        unsigned high = low;
        p += step(p);
        if (p + 1 < end && *p == '-') {
            high = point(p + 1);
            p += 1 + step(p + 1);
        }
        found = found || (low <= c && c <= high);
    }
    return found != negated;
}

/* Whether one character of the pattern takes the character at `text`; where the pattern goes on. */
static bool take(const char **pattern, const char *text)
{
    const char *p = *pattern;
    const char *end;
    if (*p == '\0' || *text == '\0')
        return false;
    if (*p == '?') {
        *pattern = p + 1;
        return *text != '/';
    }
    if (*p == '[' && (end = set_end(p + 1)) != NULL) {
        *pattern = end + 1;
        return *text != '/' && in_set(p + 1, end, point(text));
    }
    *pattern = p + step(p);
    return point(p) == point(text);
}

/* Only the last '*' of a segment is ever tried again, so the work is pattern times text. */
bool tuf_path_glob(const char *pattern, const char *path)
{
    const char *star = NULL; /* after the last '*' of this segment */
    const char *mark = NULL; /* what that '*' has not taken yet */
    while (*path != '\0' || *pattern != '\0') {
        const char *next = pattern;
        if (*pattern == '*') {
            star = ++pattern;
            mark = path;
        } else if (take(&next, path)) {
            if (*path == '/')
                star = NULL;
            path += step(path);
            pattern = next;
        } else if (star != NULL && *mark != '\0' && *mark != '/') {
            mark += step(mark);
            path = mark;
            pattern = star;
        } else {
            return false;
        }
    }
    return true;
}
