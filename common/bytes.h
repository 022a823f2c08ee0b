/*
 * Reads the TLS presentation language (RFC 8446 §3): big-endian numbers and vectors with a
 * length before them. A read beyond the end sets `failed` and gives zero or NULL; so do all
 * later ones, so that a caller checks once. tm_buf_put_be is the writer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tm_bytes {
    const unsigned char *p; /* borrowed: what is left */
    size_t left;
    bool failed;
};

static inline struct tm_bytes bytes_of(const void *data, size_t len)
{
    return (struct tm_bytes){data, len, false};
}

/* The next `n` bytes, or NULL. */
const unsigned char *tm_bytes_take(struct tm_bytes *b, size_t n);
uint64_t tm_bytes_be(struct tm_bytes *b, unsigned n); /* number of 1 to 8 bytes */

/* A vector whose length has `length_bytes` bytes: its content, *len bytes; or NULL. */
const unsigned char *tm_bytes_vector(struct tm_bytes *b, unsigned length_bytes, size_t *len);

/* Everything was there and nothing is left. */
bool tm_bytes_end(const struct tm_bytes *b);
