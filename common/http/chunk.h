/*
 * The chunked coding of a body (RFC 9112 §7.1), decoded as it comes. Extensions, trailers, bare
 * line ends, blanks and signs around a size are refused: readers of HTTP differ about all of them,
 * and no client of ours sends any.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum tm_http_chunk_part {
    CHUNK_SIZE,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_LAST_CR,
    CHUNK_LAST_LF,
    CHUNK_END,
    CHUNK_BAD,
};

struct tm_http_chunk { /* zeros: at the start of a body */
    enum tm_http_chunk_part part;
    unsigned digits;
    uint64_t left; /* bytes of the chunk at hand */
};

/*
 * Reads on. The bytes consumed are returned; `*piece` and `*piece_len` are what of them belongs to
 * the body, perhaps nothing. Call again while anything is left and `part` is neither CHUNK_END nor
 * CHUNK_BAD.
 */
size_t tm_http_chunk_read(struct tm_http_chunk *c, const char *data, size_t len, const char **piece,
                          size_t *piece_len);
