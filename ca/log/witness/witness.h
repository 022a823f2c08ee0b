/*
 * A witness (C2SP tlog-witness): cosigns a log's checkpoint only when it extends the last one
 * that it cosigned for that log, so that a log it watches cannot show two trees.
 */
#pragma once

#include <openssl/evp.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/transparency/note.h"

struct ca_witness; /* any thread */

struct ca_witness_log { /* a log that is witnessed */
    const char *origin;
    EVP_PKEY *key; /* P-256 or RSA, of a CT log */
};

/* `directory` keeps one checkpoint for each log; it is made, and locked against another witness
 * process. `key` (Ed25519) and `logs` are borrowed. */
struct ca_witness *ca_witness_open(const char *directory, const struct tm_note_key *key,
                                   const struct ca_witness_log *logs, size_t count,
                                   struct tm_err *e);
void ca_witness_close(struct ca_witness *w); /* NULL is fine */

/*
 * One add-checkpoint. Returns the HTTP status: 200 with the cosignature line in `reply`, 409 with
 * the size that was cosigned last, else `e` says why (400 malformed, 403 signature, 404 origin,
 * 422 proof, 500 storage). What is returned has been made durable before.
 */
unsigned ca_witness_add_checkpoint(struct ca_witness *w, const void *body, size_t len,
                                   int64_t now_ms, struct tm_buf *reply, struct tm_err *e);

/* The checkpoint cosigned last for the log whose origin has this SHA-256, in hex. 200 or 404. */
unsigned ca_witness_checkpoint(struct ca_witness *w, const char *origin_hash, struct tm_buf *reply);

/* SHA-256 of an origin, in hex. */
#define WITNESS_HASH_TEXT 65
void ca_witness_origin_hash(const char *origin, char out[WITNESS_HASH_TEXT]);
