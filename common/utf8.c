#include "common/utf8.h"

#include <string.h>

size_t tm_utf8_mark(const void *text, size_t len)
{
    return len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

size_t tm_utf8_sequence(const unsigned char *p, size_t left)
{
    size_t n = p[0] >= 0xc2 && p[0] < 0xe0   ? 2
               : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
               : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                             : 0;
    if (n == 0 || left < n)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0; /* overlong, surrogate, beyond U+10FFFF */
    return n;
}

unsigned tm_utf8_code_point(const unsigned char *p, size_t n)
{
    unsigned c = n == 2 ? p[0] & 0x1fU : n == 3 ? p[0] & 0x0fU : p[0] & 0x07U;
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (p[i] & 0x3fU);
    return c;
}

bool tm_utf8_plain(const unsigned char *p, size_t n)
{
    static const struct {
        unsigned first, last;
    } hidden[] = {
        {0x80, 0x9f},       /* C1 */
        {0xad, 0xad},       /* soft hyphen */
        {0x61c, 0x61c},     /* Arabic letter mark */
        {0x180e, 0x180e},   /* Mongolian vowel separator */
        {0x200b, 0x200f},   /* zero width, left-to-right and right-to-left marks */
        {0x2028, 0x202e},   /* separators, embeddings, overrides */
        {0x2060, 0x206f},   /* word joiner, invisible operators, isolates */
        {0xfeff, 0xfeff},   /* zero width no-break space */
        {0xfff9, 0xfffb},   /* interlinear annotation */
        {0xe0000, 0xe0fff}, /* tags, variation selectors */
    };
    unsigned c = tm_utf8_code_point(p, n);
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
        if (c >= hidden[i].first && c <= hidden[i].last)
            return false;
    }
    return true;
}

/* How many bytes at p stand or fall together. */
static size_t next(const unsigned char *p, size_t left, bool *plain)
{
    size_t n = *p >= 0x80 ? tm_utf8_sequence(p, left) : 0;
    *plain = n > 0 ? tm_utf8_plain(p, n) : *p >= 0x20 && *p < 0x7f;
    return n > 0 ? n : 1;
}

bool tm_utf8_is_clean(const void *text, size_t len)
{
    const unsigned char *p = text;
    bool plain = true;
    while (len > 0 && plain) {
        size_t n = next(p, len, &plain);
        p += n;
        len -= n;
    }
    return plain;
}

void tm_utf8_clean(char *text)
{
    unsigned char *p = (unsigned char *)text;
    for (size_t left = strlen(text); left > 0;) {
        bool plain;
        size_t n = next(p, left, &plain);
        if (!plain)
            memset(p, '?', n);
        p += n;
        left -= n;
    }
}

void tm_utf8_put(struct tm_buf *out, const void *text, size_t len)
{
    const unsigned char *p = text;
    while (len > 0) {
        bool plain;
        size_t n = next(p, len, &plain);
        tm_buf_append(out, plain ? (const char *)p : "?", plain ? n : 1);
        p += n;
        len -= n;
    }
}
