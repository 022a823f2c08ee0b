/*
 * What was signed: a file, standard input, or only its digest.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

enum tuf_digest_algorithm { DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512, DIGEST_COUNT };

struct tuf_digest_row {
    const char *name;       /* "sha256": command lines, in-toto, Rekor v1 */
    const char *proto_name; /* "SHA2_256": enum HashAlgorithm */
    const char *openssl;    /* "SHA256" */
    size_t len;             /* bytes */
};
extern const struct tuf_digest_row tuf_digest_table[DIGEST_COUNT];

/* By either name; -1: unknown. */
int tuf_digest_by_name(const char *name, enum tuf_digest_algorithm *out, struct tm_err *e);

#define ARTIFACT_WHOLE_MAX ((size_t)1 << 30) /* Ed25519 needs the bytes themselves */

struct tuf_artifact {
    bool has[DIGEST_COUNT];
    unsigned char digest[DIGEST_COUNT][64];
    bool whole; /* `content` is the artifact */
    struct tm_buf content;
};

/* "-" is standard input. */
int tuf_artifact_open(const char *path, bool keep, struct tuf_artifact *out, struct tm_err *e);

/* The digest alone; its length of 32, 48 or 64 bytes says which. */
void tuf_artifact_from_digest(const unsigned char *digest, size_t len, struct tuf_artifact *out);

/* Bytes in memory (copied). */
int tuf_artifact_from_bytes(const void *data, size_t len, struct tuf_artifact *out,
                            struct tm_err *e);

void tuf_artifact_free(struct tuf_artifact *a);
