/*
 * A Sigstore bundle: a signature with all that its verification needs beside the trusted root.
 * Source: sigstore/protobuf-specs sigstore_bundle.proto, sigstore_rekor.proto.
 */
#ifndef TENMINT_TUF_VERIFY_BUNDLE_H
#define TENMINT_TUF_VERIFY_BUNDLE_H

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
#define BUNDLE_LOG_ID_MAX 64

struct log_entry { /* TransparencyLogEntry; text is owned and never NULL */
    int64_t log_index;
    unsigned char log_id[BUNDLE_LOG_ID_MAX];
    size_t log_id_len;
    char *kind; /* "hashedrekord", "dsse", "intoto" */
    char *version;
    int64_t integrated_time; /* Unix seconds; 0: none. Worth nothing without a promise */
    struct buf promise;      /* signed entry timestamp; empty: none */
    bool has_proof;
    int64_t proof_index;
    int64_t tree_size;
    struct merkle_hash root;
    struct merkle_hash *hash; /* owned; from leaf to root */
    size_t hash_count;
    char *checkpoint;
    struct buf body; /* what the log stores, byte for byte */
};

enum bundle_content { BUNDLE_CERTIFICATE_ONLY, BUNDLE_MESSAGE, BUNDLE_DSSE };

struct bundle { /* a bundle file's, or made of a certificate and a signature file */
    X509 *leaf; /* NULL: signed by a key that the verifier has */
    enum bundle_content content;
    struct buf signature;
    bool has_digest; /* messageDigest: a hint, which must not lie */
    enum digest_algorithm digest_algorithm;
    struct buf digest;
    char *payload_type; /* BUNDLE_DSSE */
    struct buf payload;
    struct log_entry *entry[BUNDLE_ENTRIES_MAX]; /* owned */
    size_t entry_count;
    struct buf timestamp[BUNDLE_TIMESTAMPS_MAX]; /* DER TimeStampResp */
    size_t timestamp_count;
};

struct bundle *bundle_new(struct err *e);
struct bundle *bundle_parse(const void *json, size_t len, struct err *e);
struct bundle *bundle_load(const char *path, struct err *e);
void bundle_free(struct bundle *b); /* NULL is fine */

/* Appends a version 0.3 bundle with message signature and, if there are any, timestamps: the
 * leaf, the signature and the digest must be set; log entries are not written. */
int bundle_write(const struct bundle *b, struct buf *out, struct err *e);

#endif
