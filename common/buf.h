/*
 * A growable byte buffer. Zero-initialise (`struct buf b = {0};`), append,
 * free. A failed append (out of memory, or over BUF_MAX) is sticky: later
 * appends do nothing and buf_failed() tells, so callers check once at the end.
 */
#ifndef TENMINT_COMMON_BUF_H
#define TENMINT_COMMON_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUF_MAX ((size_t)1 << 31) /* bytes; more is a bug or an attack */

struct buf {
    unsigned char *data; /* NULL when empty; owned */
    size_t len;          /* bytes used */
    size_t cap;          /* bytes owned */
    bool failed;
};

void buf_append(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
static inline void buf_putc(struct buf *b, unsigned char c)
{
    if (b->len < b->cap && !b->failed)
        b->data[b->len++] = c;
    else
        buf_append(b, &c, 1);
}
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Decimal. Every log line has several, and printf takes ten times as long. */
void buf_put_int(struct buf *b, int64_t v);

/* Big-endian integer of `bytes` (1..8) bytes, as TLS presentation language has it. */
void buf_put_be(struct buf *b, unsigned long long v, unsigned bytes);

/* Makes room for `len` more bytes without changing b->len; NULL on failure. */
unsigned char *buf_reserve(struct buf *b, size_t len);

/* NUL-terminates (the NUL is not counted in len) and returns the text, "" for an
 * empty buffer, NULL if the buffer failed. Valid until the next change. */
const char *buf_str(struct buf *b);

static inline bool buf_failed(const struct buf *b)
{
    return b->failed;
}
void buf_reset(struct buf *b); /* len = 0, keeps the memory */
void buf_free(struct buf *b);
void buf_free_secret(struct buf *b); /* zeroes the memory first */

#endif
