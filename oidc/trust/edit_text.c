/* The texts that an edit writes: which may be written, and which need quotes. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "oidc/trust/internal.h"

/* What stands for something else than its letters, here or to other readers of YAML. */
static bool is_special(const char *text)
{
    static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off"};
    char *end;
    (void)strtod(text, &end);
    bool special = *end == '\0';
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        special |= strcasecmp(text, words[i]) == 0;
    return special;
}

bool oidc_edit_plain(const char *text)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               ":/._~-";
    size_t len = strlen(text);
    return len > 0 && strspn(text, safe) == len && isalnum((unsigned char)text[0]) &&
           isalnum((unsigned char)text[len - 1]) && !is_special(text);
}

int oidc_edit_check_text(const char *what, const char *text, struct tm_err *e)
{
    static const char *const lines[] = {"\xe2\x80\xa8", "\xe2\x80\xa9"};
    bool bad = false;
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0' && !bad; c++)
        bad = *c < 0x20 || *c == 0x7f || (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        bad |= strstr(text, lines[i]) != NULL;
    return bad ? tm_err_set(e, "the %s holds a line's end or another control character", what) : 0;
}
