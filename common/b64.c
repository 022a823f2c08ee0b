#include "common/b64.h"

#include <stdbool.h>

/* A character that is in no alphabet has both marks, and so has a text that mixes alphabets. */
#define MARK_STD 0x40 /* '+' '/' */
#define MARK_URL 0x80 /* '-' '_' */
#define MARKS (MARK_STD | MARK_URL)
#define VALUE 0x3f

static const char std_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Both alphabets at once: six bits of value and the marks above. */
static const unsigned char symbols[256] = {
    192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192,
    192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192,
    192, 192, 192, 192, 192, 126, 192, 190, 192, 127, 52,  53,  54,  55,  56,  57,  58,  59,  60,
    61,  192, 192, 192, 192, 192, 192, 192, 0,   1,   2,   3,   4,   5,   6,   7,   8,   9,   10,
    11,  12,  13,  14,  15,  16,  17,  18,  19,  20,  21,  22,  23,  24,  25,  192, 192, 192, 192,
    191, 192, 26,  27,  28,  29,  30,  31,  32,  33,  34,  35,  36,  37,  38,  39,  40,  41,  42,
    43,  44,  45,  46,  47,  48,  49,  50,  51,  192, 192, 192, 192, 192, 192, 192, 192, 192, 192,
    192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192,
    192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192,
    192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192,
    192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192,
    192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192,
    192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192, 192,
    192, 192, 192, 192, 192, 192, 192, 192, 192,
};

/* What one character of a text may not be. */
static const unsigned char refused[] = {
    [B64_STD] = MARK_URL, [B64_URL_BARE] = MARK_STD, [B64_ANY] = 0};

/* Removes valid padding from *len; false when there is padding where none belongs. */
static bool strip_padding(enum tm_b64_kind kind, const char *text, size_t *len)
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

/* `len` characters, not 1 modulo 4, to bytes. False: not canonical base64 of this kind. One pass
 * without a decision until its end: every token, key and proof comes this way. */
static bool decode(enum tm_b64_kind kind, const unsigned char *p, size_t len, unsigned char *to)
{
    unsigned seen = 0; /* of all symbols */
    unsigned v = 0;
    for (; len >= 4; p += 4, to += 3, len -= 4) {
        unsigned a = symbols[p[0]];
        unsigned b = symbols[p[1]];
        unsigned c = symbols[p[2]];
        unsigned d = symbols[p[3]];
        seen |= a | b | c | d;
        v = (a & VALUE) << 18 | (b & VALUE) << 12 | (c & VALUE) << 6 | (d & VALUE);
        to[0] = (unsigned char)(v >> 16);
        to[1] = (unsigned char)(v >> 8);
        to[2] = (unsigned char)v;
    }
    unsigned stray = 0; /* bits of the last symbol that no byte takes */
    if (len >= 2) {
        unsigned c = len == 3 ? symbols[p[2]] : 0;
        seen |= symbols[p[0]] | symbols[p[1]] | c;
        v = (symbols[p[0]] & VALUE) << 18 | (symbols[p[1]] & VALUE) << 12 | (c & VALUE) << 6;
        to[0] = (unsigned char)(v >> 16);
        if (len == 3)
            to[1] = (unsigned char)(v >> 8);
        stray = v & (len == 3 ? 0xff : 0xffff); /* two texts would decode to the same bytes */
    }
    return (seen & MARKS) != MARKS && (seen & refused[kind]) == 0 && stray == 0;
}

int tm_b64_decode(enum tm_b64_kind kind, const char *text, size_t len, struct tm_buf *out)
{
    if (!strip_padding(kind, text, &len) || len % 4 == 1)
        return -1;
    size_t n = len * 3 / 4;
    unsigned char *to = tm_buf_reserve(out, n);
    if (to == NULL || !decode(kind, (const unsigned char *)text, len, to))
        return -1;
    out->len += n;
    return 0;
}

void tm_b64_encode(enum tm_b64_kind kind, const void *data, size_t len, struct tm_buf *out)
{
    const char *alphabet = kind == B64_STD ? std_alphabet : url_alphabet;
    const unsigned char *p = data;
    unsigned char *to = tm_buf_reserve(out, (len + 2) / 3 * 4);
    if (to == NULL)
        return;
    unsigned char *start = to;
    for (; len >= 3; p += 3, to += 4, len -= 3) {
        unsigned v = (unsigned)p[0] << 16 | (unsigned)p[1] << 8 | p[2];
        to[0] = (unsigned char)alphabet[v >> 18];
        to[1] = (unsigned char)alphabet[v >> 12 & VALUE];
        to[2] = (unsigned char)alphabet[v >> 6 & VALUE];
        to[3] = (unsigned char)alphabet[v & VALUE];
    }
    if (len > 0) {
        unsigned v = (unsigned)p[0] << 16 | (len == 2 ? (unsigned)p[1] << 8 : 0);
        *to++ = (unsigned char)alphabet[v >> 18];
        *to++ = (unsigned char)alphabet[v >> 12 & VALUE];
        if (len == 2)
            *to++ = (unsigned char)alphabet[v >> 6 & VALUE];
        for (; kind == B64_STD && len < 3; len++)
            *to++ = '=';
    }
    out->len += (size_t)(to - start);
}
