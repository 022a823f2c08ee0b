/*
 * A Sigstore bundle: a signature with all that its verification needs beside the trusted root.
 * Source: sigstore/protobuf-specs sigstore_bundle.proto, sigstore_rekor.proto.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/transparency/merkle.h"
#include "tuf/verify/bundle/artifact.h"

#define BUNDLE_BYTES_MAX ((size_t)32 << 20)
#define BUNDLE_ENTRIES_MAX 16
#define BUNDLE_TIMESTAMPS_MAX 16

struct tuf_log_entry { /* TransparencyLogEntry; text is owned and never NULL */
    int64_t log_index;
    struct tm_buf log_id;
    char *kind; /* "hashedrekord", "dsse", "intoto" */
    char *version;
    int64_t integrated_time; /* Unix seconds; 0: none. Worth nothing without a promise */
    struct tm_buf promise;   /* signed entry timestamp; empty: none */
    bool has_proof;
    int64_t proof_index;
    int64_t tree_size;
    struct tm_merkle_hash root;
    struct {
        struct tm_merkle_hash *item; /* owned; from leaf to root */
        size_t count;
    } hashes;
    char *checkpoint;
    struct tm_buf body; /* what the log stores, byte for byte */
};

enum tuf_bundle_content { BUNDLE_CERTIFICATE_ONLY, BUNDLE_MESSAGE, BUNDLE_DSSE };

struct tuf_bundle { /* a bundle file's, or made of a certificate and a signature file */
    X509 *leaf;     /* NULL: signed by a key that the verifier has */
    enum tuf_bundle_content content;
    struct tm_buf signature;
    bool has_digest; /* messageDigest: a hint, which must not lie */
    enum tuf_digest_algorithm digest_algorithm;
    struct tm_buf digest;
    char *payload_type; /* BUNDLE_DSSE */
    struct tm_buf payload;
    struct {
        struct tuf_log_entry *item; /* owned */
        size_t count;               /* up to BUNDLE_ENTRIES_MAX */
    } entries;
    struct tm_buf timestamp[BUNDLE_TIMESTAMPS_MAX]; /* DER TimeStampResp */
    size_t timestamp_count;
};

struct tuf_bundle *tuf_bundle_new(struct tm_err *e);

/* Unknown members are ignored, as protobuf has it; a message digest of an unknown kind hints at
 * nothing. */
struct tuf_bundle *tuf_bundle_parse(const void *json, size_t len, struct tm_err *e);
struct tuf_bundle *tuf_bundle_load(const char *path, struct tm_err *e);
void tuf_bundle_free(struct tuf_bundle *b); /* NULL is fine */

/* Appends the entry in `json`, a TransparencyLogEntry as a log answers with; nothing is verified.
 */
int tuf_bundle_add_entry(struct tuf_bundle *b, const void *json, size_t len, struct tm_err *e);

/* Appends a version 0.3 bundle: its leaf, message signature (with digest) or envelope, timestamps
 * and log entries, as far as it has them. */
int tuf_bundle_write(const struct tuf_bundle *b, struct tm_buf *out, struct tm_err *e);
