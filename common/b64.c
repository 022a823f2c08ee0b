#include "common/b64.h"

#include <stdbool.h>

/* Symbol values plus the classes that decide what a kind allows. */
#define SYM_BAD 0xff

static const char std_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Both alphabets at once: '+' and '-' are 62, '/' and '_' are 63. */
static const unsigned char symbols[128] = {
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    255, 255, 255, 255, 255, 62,  255, 62,  255, 63,  52,  53,  54,  55,  56,  57,  58,  59,  60,
    61,  255, 255, 255, 255, 255, 255, 255, 0,   1,   2,   3,   4,   5,   6,   7,   8,   9,   10,
    11,  12,  13,  14,  15,  16,  17,  18,  19,  20,  21,  22,  23,  24,  25,  255, 255, 255, 255,
    63,  255, 26,  27,  28,  29,  30,  31,  32,  33,  34,  35,  36,  37,  38,  39,  40,  41,  42,
    43,  44,  45,  46,  47,  48,  49,  50,  51,  255, 255, 255, 255, 255,
};

static unsigned char symbol(unsigned char c, bool url)
{
    unsigned char v = c < sizeof(symbols) ? symbols[c] : SYM_BAD;
    if (v >= 62 && v != SYM_BAD && (c == '-' || c == '_') != url)
        return SYM_BAD;
    return v;
}

/* Which alphabet a text of kind B64_ANY uses: the first telling symbol decides. */
static bool looks_url(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '-' || text[i] == '_')
            return true;
        if (text[i] == '+' || text[i] == '/')
            return false;
    }
    return false;
}

/* Removes valid padding from *len; false when there is padding where none belongs. */
static bool strip_padding(enum b64_kind kind, const char *text, size_t *len)
{
    size_t pad = 0;
    while (pad < 2 && pad < *len && text[*len - 1 - pad] == '=')
        pad++;
    if (kind == B64_URL_BARE)
        return pad == 0;
    if (kind == B64_STD && *len % 4 != 0)
        return false;
    if (pad != 0 && *len % 4 != 0)
        return false;
    *len -= pad;
    return true;
}

int b64_decode(enum b64_kind kind, const char *text, size_t len, struct buf *out)
{
    bool url = kind == B64_URL_BARE || (kind == B64_ANY && looks_url(text, len));
    if (!strip_padding(kind, text, &len) || len % 4 == 1)
        return -1;
    unsigned char *to = buf_reserve(out, len / 4 * 3 + 2);
    if (to == NULL)
        return -1;
    unsigned acc = 0;
    unsigned bits = 0;
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char v = symbol((unsigned char)text[i], url);
        if (v == SYM_BAD)
            return -1;
        acc = (acc << 6) | v;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            to[n++] = (unsigned char)(acc >> bits);
        }
    }
    if ((acc & ((1u << bits) - 1)) != 0)
        return -1; /* two texts would decode to the same bytes */
    out->len += n;
    return 0;
}

void b64_encode(enum b64_kind kind, const void *data, size_t len, struct buf *out)
{
    const char *alphabet = kind == B64_STD ? std_alphabet : url_alphabet;
    const unsigned char *p = data;
    unsigned char *to = buf_reserve(out, (len + 2) / 3 * 4);
    if (to == NULL)
        return;
    size_t n = 0;
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        unsigned v = (unsigned)p[i] << 16;
        v |= left > 1 ? (unsigned)p[i + 1] << 8 : 0;
        v |= left > 2 ? p[i + 2] : 0;
        to[n++] = (unsigned char)alphabet[v >> 18];
        to[n++] = (unsigned char)alphabet[(v >> 12) & 63];
        if (left > 1)
            to[n++] = (unsigned char)alphabet[(v >> 6) & 63];
        if (left > 2)
            to[n++] = (unsigned char)alphabet[v & 63];
        for (; kind == B64_STD && left < 3; left++)
            to[n++] = '=';
    }
    out->len += n;
}
