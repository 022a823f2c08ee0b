/*
 * A log's side of C2SP tlog-witness: asks witnesses to cosign each checkpoint before it is
 * published. It never stands in the way: a witness that does not answer in time is left out, and
 * after a failure is not asked for a while.
 *
 * One thing a witness can do: show a checkpoint that the log itself has signed and that the log,
 * as it is now, does not continue. Then the log has been rolled back, or has forked. A witness
 * that only says so proves nothing, and is left out like one that fails.
 */
#pragma once

#include "common/jlog.h"
#include "common/transparency/merkle.h"
#include "common/transparency/note.h"

struct ca_witness_client; /* one thread at a time */

struct ca_witness_peer { /* as the configuration has it */
    char *name;          /* the configuration's for it */
    char *url;           /* submission prefix */
    char *vkey;          /* its verifier key, type 4 */
    char *monitoring;    /* monitoring prefix; NULL: the same as url */
};

struct ca_witness_client_options { /* borrowed during the call, but for jlog and ctx */
    const struct ca_witness_peer *peer;
    size_t count;
    const struct tm_note_key *log_key; /* the log's name, and how it signs; its EVP_PKEY for good */
    size_t quorum;      /* fewer cosignatures are a warning in the log; the checkpoint goes out */
    int64_t timeout_ms; /* for all of them together, 0: 2000 */
    int64_t rest_ms;    /* how long one that failed is left alone, 0: 30000 */
    const char *ca_pem; /* further CAs for https, or NULL */
    bool allow_http;
    struct tm_jlog *jlog;           /* or NULL */
    struct tm_fetch_hub *fetch_hub; /* whose process asks; outlives the client; NULL: ours */
    /* The proof from the tree of old_size to that of new_size, for a witness. */
    int (*proof)(void *ctx, uint64_t old_size, uint64_t new_size, struct tm_merkle_hash *proof,
                 size_t *count, struct tm_err *e);
    void *ctx;
};

struct ca_witness_client *ca_witness_client_new(const struct ca_witness_client_options *o,
                                                struct tm_err *e);
void ca_witness_client_free(struct ca_witness_client *c); /* NULL is fine */

/* Appends the cosignatures that could be had to `note`, a signed checkpoint; *got tells how many.
 * -1: a witness has shown that the log is not the one that it signed before; `e` says how, and what
 * to do. */
int ca_witness_client_cosign(struct ca_witness_client *c, struct tm_buf *note, int64_t now_ms,
                             size_t *got, struct tm_err *e);
