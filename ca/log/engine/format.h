/*
 * What makes a log one of its kind: how an entry lies in its tile, where the tiles of entries are,
 * who may sign. The engine knows no more of an entry than this table tells; ca/log/ct fills one in
 * for certificates (RFC 6962, static-ct-api). A log of signatures (tlog-tiles) fills in another.
 */
#pragma once

#include <openssl/evp.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/bytes.h"
#include "common/err.h"
#include "common/transparency/merkle.h"
#include "common/transparency/note.h"

/* An entry on its way into the log. */
struct ca_log_draft {
    struct tm_buf bytes; /* as it will lie in its tile, its length before it if it has one; owned */
    size_t hashed;       /* the kind's own: which part of `bytes` is hashed */
};

struct ca_log_leaf { /* an entry that lies in a tile or in the journal */
    struct tm_merkle_hash hash;
    uint64_t timestamp_ms; /* 0: entries of this kind have none */
};

struct ca_log_format {
    const char *kind; /* first line of state/identity: "tenmint log 1" */
    int tile_level;   /* of tiles of entries: TILE_LEVEL_DATA or TILE_LEVEL_ENTRIES */
    size_t entry_max; /* bytes of one entry in its tile */

    /* -1: no log of this kind may have this key. */
    int (*check_key)(const EVP_PKEY *key, struct tm_err *e);
    EVP_PKEY *(*parse_key)(const void *data, size_t len, struct tm_err *e); /* public; PEM or DER */
    /* What signatures of checkpoints are verified with, and the log's id. */
    int (*note_key)(struct tm_note_key *out, const char *origin, EVP_PKEY *key, struct tm_err *e);
    int (*log_id)(unsigned char id[32], const char *origin, EVP_PKEY *key, struct tm_err *e);

    /* Writes into the draft what is known only when it has its place. NULL: nothing is. */
    void (*seal)(struct ca_log_draft *d, uint64_t timestamp_ms, uint64_t index);
    void (*hash)(const struct ca_log_draft *d, struct tm_merkle_hash *out); /* when sealed */
    /* Takes entry `index` off the front of a tile. -1: it is damaged, or another one. */
    int (*take)(struct tm_bytes *tile, uint64_t index, struct ca_log_leaf *out, struct tm_err *e);
};
