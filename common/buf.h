/*
 * A growable byte buffer. Zero-initialise (`struct tm_buf b = {0};`), append,
 * free. A failed append (out of memory, or over BUF_MAX) is sticky: later
 * appends do nothing and buf_failed() tells, so callers check once at the end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUF_MAX ((size_t)1 << 31) /* bytes; more is a bug or an attack */

struct tm_buf {
    unsigned char *data; /* NULL when empty; owned */
    size_t len;          /* bytes used */
    size_t cap;          /* bytes owned */
    bool failed;
};

void tm_buf_append(struct tm_buf *b, const void *data, size_t len);
void tm_buf_puts(struct tm_buf *b, const char *s);
static inline void buf_putc(struct tm_buf *b, unsigned char c)
{
    if (b->len < b->cap && !b->failed)
        b->data[b->len++] = c;
    else
        tm_buf_append(b, &c, 1);
}
void tm_buf_printf(struct tm_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Decimal. Every log line has several, and printf takes ten times as long. */
void tm_buf_put_int(struct tm_buf *b, int64_t v);

/* Big-endian integer of `bytes` (1..8) bytes, as TLS presentation language has it. */
void tm_buf_put_be(struct tm_buf *b, unsigned long long v, unsigned bytes);

/* Makes room for `len` more bytes without changing b->len; NULL on failure. */
unsigned char *tm_buf_reserve(struct tm_buf *b, size_t len);

/* NUL-terminates (the NUL is not counted in len) and returns the text, "" for an
 * empty buffer, NULL if the buffer failed. Valid until the next change. */
const char *tm_buf_str(struct tm_buf *b);

static inline bool buf_failed(const struct tm_buf *b)
{
    return b->failed;
}
/* For a text of any size that is parsed once: what stands before `to` is not needed any more. Its
 * memory goes back to the system by whole pages, whatever stands there then; `from` is the `to` of
 * the call before, or 0. */
void tm_buf_forget(struct tm_buf *b, size_t from, size_t to);
void tm_buf_reset(struct tm_buf *b); /* len = 0, keeps the memory */
/* Takes the first `n` bytes away; an empty buffer holds no memory then. */
void tm_buf_drop(struct tm_buf *b, size_t n);
void tm_buf_free(struct tm_buf *b);
void tm_buf_free_secret(struct tm_buf *b); /* zeroes the memory first */
