#include "common/http/chunk.h"

#define SIZE_DIGITS_MAX 8

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum tm_http_chunk_part read_size(struct tm_http_chunk *c, char b)
{
    int v = hex_value(b);
    if (v < 0)
        return b == '\r' && c->digits > 0 ? CHUNK_SIZE_LF : CHUNK_BAD;
    if (++c->digits > SIZE_DIGITS_MAX)
        return CHUNK_BAD;
    c->left = c->left << 4 | (uint64_t)v;
    return CHUNK_SIZE;
}

/* What follows a byte outside of a chunk's data. */
static enum tm_http_chunk_part next_part(struct tm_http_chunk *c, char b)
{
    switch (c->part) {
    case CHUNK_SIZE:
        return read_size(c, b);
    case CHUNK_SIZE_LF:
        if (b != '\n')
            return CHUNK_BAD;
        return c->left > 0 ? CHUNK_DATA : CHUNK_LAST_CR;
    case CHUNK_DATA_CR:
        return b == '\r' ? CHUNK_DATA_LF : CHUNK_BAD;
    case CHUNK_DATA_LF:
        c->digits = 0;
        return b == '\n' ? CHUNK_SIZE : CHUNK_BAD;
    case CHUNK_LAST_CR:
        return b == '\r' ? CHUNK_LAST_LF : CHUNK_BAD;
    case CHUNK_LAST_LF:
        return b == '\n' ? CHUNK_END : CHUNK_BAD;
    case CHUNK_DATA:
    case CHUNK_END:
    case CHUNK_BAD:
        break;
    }
    return CHUNK_BAD;
}

size_t tm_http_chunk_read(struct tm_http_chunk *c, const char *data, size_t len, const char **piece,
                          size_t *piece_len)
{
    size_t at = 0;
    *piece = NULL;
    *piece_len = 0;
    while (at < len && c->part != CHUNK_DATA && c->part != CHUNK_END && c->part != CHUNK_BAD)
        c->part = next_part(c, data[at++]);
    if (c->part == CHUNK_DATA && at < len) {
        *piece = data + at;
        *piece_len = len - at < c->left ? len - at : (size_t)c->left;
        c->left -= *piece_len;
        at += *piece_len;
        if (c->left == 0)
            c->part = CHUNK_DATA_CR;
    }
    return at;
}
