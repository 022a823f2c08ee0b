/*
 * Reading a tiled log: tiles, proofs, positions. Where tiles come from is a small
 * interface, so that the same code reads a directory (also one that a server is writing) and
 * another log over HTTP.
 */
#pragma once

#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/transparency/entry.h"
#include "common/transparency/merkle.h"
#include "common/transparency/note.h"

#define LOG_TILE_LEVELS 6 /* 0 to 5: static-ct-api */
#define LOG_SIZE_MAX ((uint64_t)1 << 40)
#define LOG_DATA_TILE_MAX ((size_t)64 * 1024 * 1024) /* bytes */

/* ---- tiles ---- */

/* The first `width` (1 to 256) elements of tile n. Both return exactly that or -1; neither
 * promises that what it returns is authentic: check against a checkpoint's root. */
struct ca_log_tiles {
    void *ctx;
    int (*hashes)(void *ctx, unsigned level, uint64_t n, unsigned width, struct tm_merkle_hash *out,
                  struct tm_err *e);
    /* Appends a tile of entries as it is stored: `width` entries or more. */
    int (*data)(void *ctx, uint64_t n, unsigned width, struct tm_buf *out, struct tm_err *e);
};

/* The reverse of tm_tile_path, strict; 0 or -1. */
int ca_log_tile_path_parse(const char *path, int *level, uint64_t *n, unsigned *width);

/* How many hashes tile n of `level` has in the tree of `size` (0 to 256). */
unsigned ca_log_tile_width(uint64_t size, unsigned level, uint64_t n);

/* A log's directory. `size` is the size of a checkpoint that was read from it. */
struct ca_log_dir {
    const char *path; /* borrowed */
    uint64_t size;
    int tile_level; /* of tiles of entries; 0: TILE_LEVEL_DATA */
};
struct ca_log_tiles ca_log_dir_tiles(struct ca_log_dir *d); /* `d` is the ctx */

/* Reads DIR/checkpoint. The signature is the caller's to verify (tm_note_verify). */
int ca_log_dir_checkpoint(const char *path, struct tm_buf *note, struct tm_checkpoint *out,
                          struct tm_err *e);

/* DIR/state/identity: what the directory says it is. */
struct ca_log_identity {
    char kind[64]; /* a format's */
    char origin[256];
    unsigned char log_id[32];
};
int ca_log_dir_identity(const char *path, struct ca_log_identity *out, struct tm_err *e);

/* An issuer's DER by fingerprint, checked against it. */
int ca_log_dir_issuer(const char *path, const unsigned char fingerprint[32], struct tm_buf *der,
                      struct tm_err *e);

/* Calls `add` with the DER of each root certificate in DIR/issuer, where all are that a chain of an
 * entry ends in, always in the same order. */
typedef void (*log_root_fn)(void *arg, const unsigned char *der, size_t len);
int ca_log_dir_roots(const char *path, log_root_fn add, void *arg, struct tm_err *e);

/* The position of a leaf in the first d->size entries. 1: found, 0: not there, -1: `e`. Without
 * an index (or where it lags) the tiles are searched, which takes longer. */
int ca_log_dir_find(struct ca_log_dir *d, const struct tm_merkle_hash *leaf, uint64_t *index,
                    struct tm_err *e);

/* The same for whoever looks up often: the index's runs stay open, at most LOG_RUNS_MAX
 * descriptors, and are opened anew when the tree outgrows them. Zeroed is closed; one thread at a
 * time. */
#define LOG_RUNS_MAX 64 /* more than an index ever has: four of each level are merged */
struct ca_log_runs {
    struct {
        int fd;
        uint64_t records;
    } run[LOG_RUNS_MAX];
    size_t count;
    uint64_t end; /* the entries before it are in the runs */
};
int ca_log_runs_find(struct ca_log_runs *r, struct ca_log_dir *d, const struct tm_merkle_hash *leaf,
                     uint64_t *index, struct tm_err *e);
void ca_log_runs_close(struct ca_log_runs *r);

/* ---- proofs (RFC 6962 §2.1) ---- */

struct ca_log_proof {
    struct tm_merkle_hash hash[MERKLE_PROOF_MAX];
    size_t count;
};

/* `size` is at most that of the checkpoint the tiles belong to. */
int ca_log_tree_root(const struct ca_log_tiles *t, uint64_t size, struct tm_merkle_hash *out,
                     struct tm_err *e);
int ca_log_tree_leaf(const struct ca_log_tiles *t, uint64_t index, uint64_t size,
                     struct tm_merkle_hash *out, struct tm_err *e);
int ca_log_tree_inclusion(const struct ca_log_tiles *t, uint64_t index, uint64_t size,
                          struct ca_log_proof *out, struct tm_err *e);
int ca_log_tree_consistency(const struct ca_log_tiles *t, uint64_t old_size, uint64_t new_size,
                            struct ca_log_proof *out, struct tm_err *e);
