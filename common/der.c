#include "common/der.h"

#include <string.h>

#include "common/clock.h"

static size_t length_bytes(size_t len)
{
    size_t n = 0;
    for (; len > 0; len >>= 8)
        n++;
    return n;
}

size_t tm_der_open(struct tm_buf *b, unsigned char tag)
{
    buf_putc(b, tag);
    buf_putc(b, 0);
    return b->len;
}

void tm_der_close(struct tm_buf *b, size_t mark)
{
    if (b->failed)
        return;
    size_t len = b->len - mark;
    if (len < 0x80) {
        b->data[mark - 1] = (unsigned char)len;
        return;
    }
    /* The long form needs room that tm_der_open did not know of. */
    size_t extra = length_bytes(len);
    if (tm_buf_reserve(b, extra) == NULL)
        return;
    memmove(b->data + mark + extra, b->data + mark, len);
    b->data[mark - 1] = (unsigned char)(0x80 | extra);
    for (size_t i = 0; i < extra; i++)
        b->data[mark + i] = (unsigned char)(len >> (8 * (extra - 1 - i)));
    b->len += extra;
}

void tm_der_put(struct tm_buf *b, unsigned char tag, const void *data, size_t len)
{
    size_t mark = tm_der_open(b, tag);
    tm_buf_append(b, data, len);
    tm_der_close(b, mark);
}

void tm_der_put_unsigned(struct tm_buf *b, const unsigned char *be, size_t len)
{
    while (len > 1 && be[0] == 0) {
        be++;
        len--;
    }
    size_t mark = tm_der_open(b, DER_INTEGER);
    if (len == 0 || (be[0] & 0x80) != 0)
        buf_putc(b, 0);
    tm_buf_append(b, be, len);
    tm_der_close(b, mark);
}

void tm_der_put_time(struct tm_buf *b, int64_t seconds)
{
    char iso[21]; /* YYYY-MM-DDTHH:MM:SSZ */
    char der[15];
    tm_clock_format(seconds, iso);
    static const unsigned char digit_at[] = {0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18};
    for (size_t i = 0; i < sizeof(digit_at); i++)
        der[i] = iso[digit_at[i]];
    der[14] = 'Z';
    bool utc = strncmp(iso, "1950", 4) >= 0 && strncmp(iso, "2050", 4) < 0;
    if (utc)
        tm_der_put(b, DER_UTC_TIME, der + 2, 13);
    else
        tm_der_put(b, DER_GENERALIZED_TIME, der, 15);
}

/* The length octets (X.690 §10.1) of an element whose tag is at *p. */
static int take_length(const unsigned char *p, size_t left, size_t *head, size_t *len)
{
    if (left < 2)
        return -1;
    *head = 2;
    *len = p[1];
    if (p[1] < 0x80)
        return 0;
    size_t n = p[1] & 0x7f;
    if (n == 0 || n > 4 || left < 2 + n || p[2] == 0)
        return -1;
    *len = 0;
    for (size_t i = 0; i < n; i++)
        *len = *len << 8 | p[2 + i];
    *head += n;
    return *len < 0x80 ? -1 : 0;
}

int tm_der_take(const unsigned char **p, size_t *left, struct tm_der_element *out)
{
    size_t head = 0;
    size_t len = 0;
    if (*left == 0 || (**p & 0x1f) == 0x1f || take_length(*p, *left, &head, &len) != 0 ||
        len > *left - head)
        return -1;
    *out = (struct tm_der_element){**p, *p, head + len, *p + head, len};
    *p += head + len;
    *left -= head + len;
    return 0;
}

bool tm_der_take_tag(const unsigned char **p, size_t *left, unsigned char tag,
                     struct tm_der_element *out)
{
    return tm_der_take(p, left, out) == 0 && out->tag == tag;
}
