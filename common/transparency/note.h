/*
 * Signed notes and tree heads: C2SP signed-note, tlog-checkpoint, tlog-cosignature, and the
 * RFC 6962 note signature of static-ct-api.
 */
#pragma once

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/transparency/merkle.h"

#define NOTE_BYTES_MAX ((size_t)64 * 1024)
#define NOTE_SIGNATURES_MAX 64

enum tm_note_type { /* C2SP signed-note, "signature types" */
                    NOTE_ED25519 = 0x01,
                    NOTE_ECDSA = 0x02, /* Rekor v1: key id is the start of SHA-256 of the SPKI */
                    NOTE_COSIGNATURE = 0x04, /* tlog-cosignature, Ed25519, timestamped */
                    NOTE_RFC6962 = 0x05, /* static-ct-api: a TreeHeadSignature with its timestamp */
};

struct tm_note_key { /* who may have signed */
    char name[256];
    enum tm_note_type type;
    unsigned char id[4];
    EVP_PKEY *key; /* borrowed */
};

/* Name, type and key to note_key; computes the id. -1: the key does not suit the type. */
int tm_note_key_init(struct tm_note_key *k, const char *name, enum tm_note_type type, EVP_PKEY *key,
                     struct tm_err *e);

/* "name+hex id+base64", C2SP signed-note "verifier keys", of the Ed25519 types. k->key is the
 * caller's to free. */
int tm_note_vkey_parse(const char *text, size_t len, struct tm_note_key *k, struct tm_err *e);
int tm_note_vkey_put(const struct tm_note_key *k, struct tm_buf *out, struct tm_err *e);

struct tm_note_signature {
    const char *name; /* points into the note; name_len bytes */
    size_t name_len;
    unsigned char id[4];
    const unsigned char *sig; /* points into note.decoded */
    size_t sig_len;
};

struct tm_note {
    const char *text; /* points into the input; ends with its newline */
    size_t text_len;
    struct tm_note_signature signature[NOTE_SIGNATURES_MAX];
    size_t count;
    struct tm_buf decoded; /* owned */
};

/* Strict: text, blank line, one or more signature lines, nothing after. Points into `data`. */
int tm_note_parse(const void *data, size_t len, struct tm_note *out, struct tm_err *e);
void tm_note_free(struct tm_note *n);

struct tm_checkpoint { /* tlog-checkpoint */
    char origin[256];
    uint64_t size; /* up to INT64_MAX */
    struct tm_merkle_hash root;
    bool extended; /* extension lines follow: NOTE_RFC6962 does not sign those */
};
int tm_checkpoint_parse(const struct tm_note *n, struct tm_checkpoint *out, struct tm_err *e);
void tm_checkpoint_text(const struct tm_checkpoint *c, struct tm_buf *out);

/* 0: the note has signature lines of this key and each of them verifies. *time_ms (may be NULL):
 * when, for the types that are timestamped (NOTE_COSIGNATURE in whole seconds, NOTE_RFC6962), the
 * latest of several; else 0. */
int tm_note_verify(const struct tm_note *n, const struct tm_note_key *k, uint64_t *time_ms,
                   struct tm_err *e);

/* Appends one signature line over `text`; time_ms is used by the timestamped types. A note is its
 * text, an empty line and the signature lines. */
int tm_note_sign(const char *text, size_t text_len, const struct tm_note_key *k, uint64_t time_ms,
                 struct tm_buf *out, struct tm_err *e);
