#include <ctype.h>
#include <string.h>

#include "oidc/trust/internal.h"

static bool segment_char(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '_';
}

/* Greedy with one backtrack point: enough, since only the latest '*' ever needs to grow. */
bool wildcard_match(const char *pattern, const char *text, size_t len)
{
    const char *end = text + len;
    const char *star = NULL; /* pattern after the latest '*' */
    const char *taken = NULL; /* text after what it took */
    while (text < end || *pattern == '*') {
        if (*pattern == '*' && text < end && segment_char(*text)) {
            star = ++pattern;
            taken = ++text;
        } else if (text < end && *pattern != '*' && *pattern != '\0' && *pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL && taken < end && segment_char(*taken)) {
            pattern = star;
            text = ++taken;
        } else {
            return false;
        }
    }
    return *pattern == '\0';
}
