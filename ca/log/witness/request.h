/*
 * The body of add-checkpoint (C2SP tlog-witness): an old size, a consistency proof, a checkpoint.
 */
#pragma once

#include "common/buf.h"
#include "common/transparency/note.h"

#define WITNESS_PROOF_MAX 63
#define WITNESS_REQUEST_MAX (NOTE_BYTES_MAX + (size_t)8192) /* bytes */

struct ca_witness_request {
    uint64_t old_size;
    struct tm_merkle_hash proof[WITNESS_PROOF_MAX];
    size_t count;
    const char *note; /* points into the body */
    size_t note_len;
};

/* Strict; the note itself is not looked into. */
int ca_witness_request_parse(const void *body, size_t len, struct ca_witness_request *out,
                             struct tm_err *e);
void ca_witness_request_put(const struct ca_witness_request *r, struct tm_buf *out);

/* A decimal number without leading zeros, and all of `text`. -1: another thing. */
int ca_witness_size_parse(const char *text, size_t len, uint64_t *out);
