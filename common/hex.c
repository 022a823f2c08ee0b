#include "common/hex.h"

void tm_hex_encode(const void *data, size_t len, char *out)
{
    static const char digit[] = "0123456789abcdef";
    const unsigned char *p = data;
    for (size_t i = 0; i < len; i++) {
        *out++ = digit[p[i] >> 4];
        *out++ = digit[p[i] & 15];
    }
    *out = '\0';
}

int tm_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int tm_hex_decode(const char *text, size_t len, struct tm_buf *out)
{
    for (size_t i = 0; i < len; i++) {
        if (tm_hex_digit(text[i]) < 0)
            return -1;
    }
    if (len % 2 != 0)
        return -1;
    for (size_t i = 0; i < len; i += 2)
        buf_putc(out, (unsigned char)(tm_hex_digit(text[i]) << 4 | tm_hex_digit(text[i + 1])));
    return buf_failed(out) ? -1 : 0;
}
