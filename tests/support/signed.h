/*
 * A private Sigstore in a test's process: CA, CT log, transparency logs of both versions, TSA, a
 * trusted root for them, and bundles signed under them. Knobs make one thing wrong at a time.
 * A fault ends the program.
 */
#pragma once

#include <jansson.h>
#include <openssl/x509.h>
#include <stdint.h>

#include "common/buf.h"
#include "tuf/verify/trust/trusted_root.h"
#include "tuf/verify/bundle/bundle.h"

#define SIGNED_NOW 1767225600LL /* 2026-01-01T00:00:00Z */
#define SIGNED_IDENTITY "https://github.com/org/app/.github/workflows/release.yml@refs/heads/main"
#define SIGNED_ISSUER "https://token.actions.githubusercontent.com"
#define SIGNED_SOURCE "https://github.com/org/app"
#define SIGNED_ARTIFACT "what was built\n"
#define SIGNED_PREDICATE "https://slsa.dev/provenance/v1"

struct signed_world {
    EVP_PKEY *root_key, *ca_key, *ct_key, *log_key, *log2_key, *tsa_root_key, *tsa_key;
    X509 *root, *ca, *tsa_root, *tsa;
    struct tuf_trusted_root *trust;
};

void signed_world_build(struct signed_world *w);
void signed_world_free(struct signed_world *w);

/* SHA-256 of the SubjectPublicKeyInfo: Rekor v1's log id. */
void signed_key_id(EVP_PKEY *key, unsigned char out[32]);

enum signed_log {
    LOG_NONE,
    LOG_HASHEDREKORD_1,
    LOG_HASHEDREKORD_2,
    LOG_DSSE_1,
    LOG_DSSE_2,
    LOG_INTOTO_2
};

struct signed_options {
    const char *key; /* NULL: "P-256" */
    int64_t issued;  /* the leaf is valid for ten minutes from here; 0: SIGNED_NOW */
    bool no_sct;
    EVP_PKEY *sct_by;      /* NULL: the CT log's key */
    int64_t sct_at;        /* seconds; 0: when issued */
    unsigned scts;         /* how many by the same log; 0: one */
    bool dsse;             /* an in-toto attestation, else a message signature */
    const char *statement; /* its text; NULL: one about the artifact */
    enum signed_log log;
    int64_t logged_at;    /* integrated time with its promise; 0: none (version 2 has none) */
    const char *origin;   /* of a version 1 log's checkpoint; NULL: of its address */
    int64_t stamped_at;   /* RFC 3161; 0: none */
    EVP_PKEY *issuer_key; /* NULL: the CA's */
    X509 *issuer;         /* NULL: the CA */
    const char *usage;    /* extended key usage; NULL: codeSigning */
    bool leaf_is_ca;
    const char *san; /* OpenSSL syntax; NULL: SIGNED_IDENTITY as URI */
};

struct signed_bundle {
    json_t *json; /* version 0.3 */
    X509 *leaf;
    EVP_PKEY *key;
};

void signed_make(const struct signed_world *w, const struct signed_options *o,
                 struct signed_bundle *out);
void signed_free(struct signed_bundle *b);

/* Appends a DER TimeStampResp over `data`. */
void signed_timestamp(X509 *tsa, EVP_PKEY *key, int64_t at, const void *data, size_t len,
                      struct tm_buf *out);

/* Appends what a TSA answers to a DER TimeStampReq: a refusal if it is none. */
void signed_reply(X509 *tsa, EVP_PKEY *key, int64_t at, const void *query, size_t len,
                  struct tm_buf *out);

/* The bundle as it is parsed; NULL with `e` set. */
struct tuf_bundle *signed_parse(const struct signed_bundle *b, struct tm_err *e);
