/*
 * Signed tree heads: whose checkpoints are believed, and what a believed one says.
 */
#pragma once

#include <openssl/evp.h>
#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/transparency/note.h"

#define HEAD_WITNESSES_MAX 16

struct ca_head_trust {
    EVP_PKEY *log_key; /* owned; NULL: the log's signature is not checked */
    char *origin;      /* owned; NULL: whatever the checkpoint says */
    struct tm_note_key witness[HEAD_WITNESSES_MAX]; /* their EVP_PKEY is owned */
    size_t witnesses;
    size_t quorum; /* cosignatures that a checkpoint needs, at most `witnesses` */
};

void ca_head_trust_free(struct ca_head_trust *t);

/* A log's public key: PEM or DER in a file, or the base64 of its DER as lists of logs have it. */
int ca_head_trust_log_key(struct ca_head_trust *t, const char *key, struct tm_err *e);

/* One witness by its verifier key, or a file with one on each line ('#' begins a comment). */
int ca_head_trust_witness(struct ca_head_trust *t, const char *vkey, struct tm_err *e);

struct ca_head {
    struct tm_checkpoint tree;
    bool verified;         /* the log's signature was checked */
    uint64_t timestamp_ms; /* of the log's signature; 0 when it was not checked, or says no time */
    unsigned char key_id[4]; /* of the signature line in the origin's name; zeros without one */
    size_t signatures;       /* lines in all, the log's own among them */
    size_t cosigned;         /* by this many of the trusted witnesses */
    uint64_t cosigned_ms;    /* the newest of those */
    struct tm_buf note;      /* as it was read */
};

/* Whether the log's own signature is a plain one, as logs of signatures make them, and not one of
 * RFC 6962 with its time. False also of what is no checkpoint. */
bool ca_head_is_plain(const void *note, size_t len);

/*
 * Parses and verifies; copies `note`. -1: it is no checkpoint, is another log's, its signature
 * does not verify, is from the future (more than five minutes), or the quorum is not reached.
 */
int ca_head_read(const struct ca_head_trust *t, const void *note, size_t len, int64_t now_ms,
                 struct ca_head *out, struct tm_err *e);
void ca_head_free(struct ca_head *h);
