/*
 * The body of add-checkpoint (C2SP tlog-witness): an old size, a consistency proof, a checkpoint.
 */
#ifndef TENMINT_CA_WITNESS_REQUEST_H
#define TENMINT_CA_WITNESS_REQUEST_H

#include "common/buf.h"
#include "common/transparency/note.h"

#define WITNESS_PROOF_MAX 63
#define WITNESS_REQUEST_MAX (NOTE_BYTES_MAX + (size_t)8192) /* bytes */

struct witness_request {
    uint64_t old_size;
    struct merkle_hash proof[WITNESS_PROOF_MAX];
    size_t count;
    const char *note; /* points into the body */
    size_t note_len;
};

/* Strict; the note itself is not looked into. */
int witness_request_parse(const void *body, size_t len, struct witness_request *out, struct err *e);
void witness_request_put(const struct witness_request *r, struct buf *out);

/* A decimal number without leading zeros, and all of `text`. -1: another thing. */
int witness_size_parse(const char *text, size_t len, uint64_t *out);

#endif
