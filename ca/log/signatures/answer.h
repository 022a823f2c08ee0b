/*
 * What a submitter gets: sigstore's TransparencyLogEntry in proto-JSON.
 */
#pragma once

#include "ca/log/engine/reader.h"
#include "ca/log/signatures/request.h"

struct ca_sig_answer { /* borrowed */
    enum ca_sig_kind kind;
    uint64_t index;
    const unsigned char *log_id; /* 32 bytes */
    const struct ca_log_proof *proof;
    const struct tm_checkpoint *checkpoint;
    const struct tm_buf *note; /* the checkpoint as it is signed */
    const void *body;
    size_t body_len;
};

void ca_sig_answer_write(const struct ca_sig_answer *a, struct tm_buf *out);
