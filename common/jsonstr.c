#include "common/jsonstr.h"

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

size_t jsonstr_plain(const unsigned char *p, size_t len)
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

/* Beyond ASCII, what a terminal obeys or what turns text around for a reader: C1 controls,
 * U+061C, U+200E/F, U+2028-202E, U+2066-2069. 0: an ordinary character. */
static unsigned unsafe_to_show(const unsigned char *p, size_t n)
{
    if (n != 2 && n != 3)
        return 0;
    unsigned c = n == 2 ? (p[0] & 0x1fU) << 6 | (p[1] & 0x3fU)
                        : (p[0] & 0x0fU) << 12 | (p[1] & 0x3fU) << 6 | (p[2] & 0x3fU);
    bool unsafe = c < 0xa0 || c == 0x61c || c == 0x200e || c == 0x200f ||
                  (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
    return unsafe ? c : 0;
}

/* One character that is not plain; how many bytes it took. */
static size_t put_special(struct buf *out, const unsigned char *p, size_t left)
{
    size_t n = 1;
    unsigned unsafe;
    if (*p == '\n')
        buf_append(out, "\\n", 2);
    else if (*p == '"' || *p == '\\')
        buf_append(out, (const unsigned char[]){'\\', *p}, 2);
    else if (*p < 0x80)
        buf_printf(out, "\\u%04x", *p);
    else if ((n = utf8_sequence(p, left)) == 0)
        buf_append(out, "\\ufffd", 6);
    else if ((unsafe = unsafe_to_show(p, n)) != 0)
        buf_printf(out, "\\u%04x", unsafe);
    else
        buf_append(out, p, n);
    return n > 0 ? n : 1;
}

void jsonstr_put(struct buf *out, const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s;
    const unsigned char *end = p + len;
    buf_putc(out, '"');
    while (p < end) {
        const unsigned char *run = p + jsonstr_plain(p, (size_t)(end - p));
        buf_append(out, p, (size_t)(run - p));
        p = run < end ? run + put_special(out, run, (size_t)(end - run)) : run;
    }
    buf_putc(out, '"');
}
