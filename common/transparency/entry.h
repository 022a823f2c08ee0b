/*
 * Log entries in the forms of the two read APIs: leaf_input and extra_data (RFC 6962 §3.4,
 * §4.6), and the TileLeaf of static-ct-api; and where static-ct-api keeps its tiles.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/bytes.h"
#include "common/err.h"
#include "common/transparency/merkle.h"
#include "common/transparency/sct.h"

#define ENTRY_FINGERPRINT 32 /* bytes: SHA-256 of an issuer's certificate */

struct tm_entry { /* pointers go into the parsed bytes */
    uint64_t timestamp_ms;
    struct tm_sct_entry logged;
    const unsigned char *extensions; /* CtExtensions, without the length before them */
    size_t extensions_len;
    const unsigned char *timestamped; /* the TimestampedEntry as it was read */
    size_t timestamped_len;

    const unsigned char *precert; /* SCT_PRECERT: what was submitted, with its poison; else NULL */
    size_t precert_len;
    /* The issuers: ENTRY_FINGERPRINT bytes each in a TileLeaf, certificates with three bytes of
     * length before each in extra_data. */
    const unsigned char *chain;
    size_t chain_len;

    /* An entry of a tlog-tiles log, as it is hashed: then nothing else of this is there. Or NULL.
     */
    const unsigned char *text;
    size_t text_len;
};

/* Takes the TileLeaf at the front of `tile`. 1: `out` is the entry, 0: `tile` is at its end,
 * -1: damaged. */
int tm_entry_take_tile_leaf(struct tm_bytes *tile, struct tm_entry *out, struct tm_err *e);

/* The same of tlog-tiles' entry bundles: 16 bits of length and the entry. */
int tm_entry_take_text(struct tm_bytes *tile, struct tm_entry *out, struct tm_err *e);

/* The two members of a get-entries answer, decoded. -1: damaged. */
int tm_entry_parse(const void *leaf_input, size_t leaf_len, const void *extra_data,
                   size_t extra_len, struct tm_entry *out, struct tm_err *e);

/* Appends; `timestamped` is not read, it is what these write. -1: a part is too long for its
 * length, or out of memory. */
int tm_entry_put_timestamped(const struct tm_entry *n, struct tm_buf *out, struct tm_err *e);
int tm_entry_put_tile_leaf(const struct tm_entry *n, struct tm_buf *out, struct tm_err *e);

/* The leaf hash of MerkleTreeLeaf{v1, timestamped_entry, n->timestamped}, or of the text. */
void tm_entry_leaf_hash(const struct tm_entry *n, struct tm_merkle_hash *out);

#define TILE_WIDTH 256        /* hashes or entries in a full tile */
#define TILE_LEVEL_DATA -1    /* entries instead of hashes: static-ct-api */
#define TILE_LEVEL_ENTRIES -2 /* likewise, of tlog-tiles */
#define TILE_PATH_MAX 64

/* "tile/0/x001/234", "tile/data/000.p/17", "tile/entries/000": width 1..TILE_WIDTH. */
void tm_tile_path(int level, uint64_t index, unsigned width, char out[TILE_PATH_MAX]);
