#include "common/jsonstr.h"

#include <stdbool.h>

#include "common/utf8.h"

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* One character that is not plain; how many bytes it took. */
static size_t put_special(struct buf *out, const unsigned char *p, size_t left)
{
    size_t n = 1;
    if (*p == '\n')
        buf_append(out, "\\n", 2);
    else if (*p == '"' || *p == '\\')
        buf_append(out, (const unsigned char[]){'\\', *p}, 2);
    else if (*p < 0x80)
        buf_printf(out, "\\u%04x", *p);
    else if ((n = utf8_sequence(p, left)) > 0)
        buf_append(out, p, n);
    else
        buf_append(out, "\\ufffd", 6);
    return n > 0 ? n : 1;
}

void jsonstr_put(struct buf *out, const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s;
    const unsigned char *end = p + len;
    buf_putc(out, '"');
    while (p < end) {
        const unsigned char *run = p;
        while (run < end && is_plain(*run))
            run++;
        buf_append(out, p, (size_t)(run - p));
        p = run < end ? run + put_special(out, run, (size_t)(end - run)) : run;
    }
    buf_putc(out, '"');
}
