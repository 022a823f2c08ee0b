/*
 * A small log of its own making: certificates made up, a tree in memory, tiles on disk. It shares
 * no code with ca/log, and can be told to lie.
 */
#pragma once

#include <openssl/evp.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/transparency/merkle.h"
#include "common/transparency/note.h"

struct testlog {
    char dir[256]; /* made by testlog_init, removed by testlog_free */
    char origin[64];
    EVP_PKEY *key;
    struct tm_note_key note_key;
    struct tm_buf *leaf; /* TileLeafs */
    struct tm_merkle_hash *hash;
    size_t count;
    struct tm_buf issuer; /* DER of the issuing certificate */
    unsigned char fingerprint[32], issuer_key_hash[32];
    uint64_t now_ms; /* of the next entry; goes up by one with each */
};

void testlog_init(struct testlog *t, const char *origin);
void testlog_free(struct testlog *t);

/* A precertificate for the URI `identity` from the token issuer `issuer`, for `repository`. */
void testlog_add(struct testlog *t, const char *identity, const char *repository);
/* `n` of them, for https://example.com/NUMBER. */
void testlog_add_many(struct testlog *t, size_t n);
/* The last entries go, as a log that forks or rolls back does. */
void testlog_cut(struct testlog *t, size_t count);

/* Writes tiles, issuer and checkpoint for the entries there are. */
void testlog_publish(struct testlog *t);
/* Appends the checkpoint note of the first `size` entries. */
void testlog_checkpoint(const struct testlog *t, size_t size, struct tm_buf *note);

/* A checkpoint as get-sth has it; entries first..last as get-entries has them; a proof. */
void testlog_get_sth(const struct testlog *t, struct tm_buf *out);
void testlog_get_entries(const struct testlog *t, size_t first, size_t last, struct tm_buf *out);
void testlog_get_consistency(const struct testlog *t, size_t old_size, size_t new_size,
                             struct tm_buf *out);
void testlog_get_entry_and_proof(const struct testlog *t, size_t index, size_t size,
                                 struct tm_buf *out);

/* XORs a byte of a file under t->dir. */
void testlog_damage(const struct testlog *t, const char *path, size_t at);
