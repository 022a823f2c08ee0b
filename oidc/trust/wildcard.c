#include "oidc/trust/internal.h"

static bool segment_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

/*
 * Greedy with one point to go back to. That is enough although '*' does not match everything: if
 * the text between two stars could stand in two places, the first star would have to reach over
 * the earlier one, so all of it would be segment characters, which the second star takes as well.
 */
bool oidc_wildcard_match(const char *pattern, const char *text, size_t len)
{
    const char *end = text + len;
    const char *star = NULL;  /* pattern after the latest '*' */
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
