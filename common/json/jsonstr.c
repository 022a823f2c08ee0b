#include "common/json/jsonstr.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/utf8.h"

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* The same of eight bytes at once. Borrows and carries between bytes come from a byte that is not
 * plain itself, so they never hide one. */
static bool all_plain(uint64_t v)
{
    const uint64_t each = 0x0101010101010101;
    const uint64_t high = 0x80 * each;
    uint64_t quote = v ^ '"' * each;
    uint64_t backslash = v ^ '\\' * each;
    uint64_t odd = v | (v - 0x20 * each) | (v + each) | (quote - each) | (backslash - each);
    return (odd & high) == 0;
}

size_t tm_jsonstr_plain(const unsigned char *p, size_t len)
{
    size_t n = 0;
    uint64_t v;
    for (; len - n >= sizeof(v); n += sizeof(v)) {
        memcpy(&v, p + n, sizeof(v));
        if (!all_plain(v))
            break;
    }
    while (n < len && is_plain(p[n]))
        n++;
    return n;
}

static void put_escaped(struct tm_buf *out, unsigned c)
{
    if (c < 0x10000) {
        tm_buf_printf(out, "\\u%04x", c);
        return;
    }
    c -= 0x10000;
    tm_buf_printf(out, "\\u%04x\\u%04x", 0xd800 + (c >> 10), 0xdc00 + (c & 0x3ff));
}

/* One character that is not plain; how many bytes it took. */
static size_t put_special(struct tm_buf *out, const unsigned char *p, size_t left)
{
    size_t n = 1;
    if (*p == '\n')
        tm_buf_append(out, "\\n", 2);
    else if (*p == '"' || *p == '\\')
        tm_buf_append(out, (const unsigned char[]){'\\', *p}, 2);
    else if (*p < 0x80)
        tm_buf_printf(out, "\\u%04x", *p);
    else if ((n = tm_utf8_sequence(p, left)) == 0)
        tm_buf_append(out, "\\ufffd", 6);
    else if (tm_utf8_plain(p, n))
        tm_buf_append(out, p, n);
    else
        put_escaped(out, tm_utf8_code_point(p, n));
    return n > 0 ? n : 1;
}

void tm_jsonstr_put(struct tm_buf *out, const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s;
    const unsigned char *end = p + len;
    buf_putc(out, '"');
    while (p < end) {
        const unsigned char *run = p + tm_jsonstr_plain(p, (size_t)(end - p));
        tm_buf_append(out, p, (size_t)(run - p));
        p = run < end ? run + put_special(out, run, (size_t)(end - run)) : run;
    }
    buf_putc(out, '"');
}
