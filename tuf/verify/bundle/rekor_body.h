/*
 * The bodies of a log's entries, as far as they say what an entry is about. Source: Rekor's
 * hashedrekord, dsse and intoto types; rekor-tiles' hashedrekord and dsse of version 0.0.2.
 */
#pragma once

#include "common/buf.h"
#include "common/err.h"

struct tuf_rekor_signature {
    struct tm_buf content;
    struct tm_buf pem;         /* Rekor v1: of a certificate or a key */
    struct tm_buf certificate; /* Rekor v2: DER, one of both */
    struct tm_buf key;
};

struct tuf_rekor_body {
    char *kind;
    char *version;
    char *payload_type; /* intoto alone; else NULL */
    char *algorithm;    /* of the digest: "sha256", "SHA2_256" */
    struct tm_buf digest;
    struct tuf_rekor_signature signature;
    struct {
        struct tuf_rekor_signature *item;
        size_t count;
    } signatures; /* while it is read */
};

enum tuf_rekor_kind {
    REKOR_HASHEDREKORD_1,
    REKOR_HASHEDREKORD_2,
    REKOR_DSSE_1,
    REKOR_DSSE_2,
    REKOR_INTOTO_2,
    REKOR_KIND_COUNT
};

/* Reads a body that must say that it is of the kind `name` and `version`, as the bundle has them.
 * Fills `out`, zeros; after a failure it is zeros again. */
int tuf_rekor_body_parse(enum tuf_rekor_kind kind, const char *name, const char *version,
                         const void *json, size_t len, struct tuf_rekor_body *out,
                         struct tm_err *e);
void tuf_rekor_body_free(struct tuf_rekor_body *body);
