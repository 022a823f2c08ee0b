#include "common/bytes.h"

const unsigned char *tm_bytes_take(struct tm_bytes *b, size_t n)
{
    if (b->failed || n > b->left) {
        b->failed = true;
        return NULL;
    }
    const unsigned char *at = b->p;
    if (n > 0)
        b->p += n;
    b->left -= n;
    return at;
}

uint64_t tm_bytes_be(struct tm_bytes *b, unsigned n)
{
    const unsigned char *at = tm_bytes_take(b, n);
    uint64_t v = 0;
    for (unsigned i = 0; at != NULL && i < n; i++)
        v = v << 8 | at[i];
    return v;
}

const unsigned char *tm_bytes_vector(struct tm_bytes *b, unsigned length_bytes, size_t *len)
{
    size_t n = (size_t)tm_bytes_be(b, length_bytes);
    const unsigned char *at = b->failed ? NULL : tm_bytes_take(b, n);
    *len = b->failed ? 0 : n;
    return at;
}

bool tm_bytes_end(const struct tm_bytes *b)
{
    return !b->failed && b->left == 0;
}
