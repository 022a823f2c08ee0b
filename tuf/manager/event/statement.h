/*
 * What a holder says beside the signatures: the event, its digest and the version and hash of each
 * role as it was reviewed. Signed by the same key, it is evidence of what was seen.
 *
 *   {"signed": {"_type", "event", "digest", "keyid", "holder", "time", "roles"}, "signatures": [1]}
 */
#pragma once

#include <openssl/evp.h>

#include "common/json/jsonmap.h"
#include "tuf/metadata/types.h"

struct tuf_reviewed { /* a role */
    char *role;
    int64_t version;
    char *sha256; /* of its signed part, hex */
};

struct tuf_reviewed_list {
    struct tuf_reviewed *item; /* in the order of names */
    size_t count;
};

struct tuf_statement { /* what it points to is its own */
    char *event;       /* its name */
    char *digest;      /* tuf_event_digest() */
    char *keyid;       /* of the key that signs it */
    char *holder;
    int64_t time; /* Unix seconds */
    struct tuf_reviewed_list roles;
    struct tm_buf signature; /* raw */
    struct tm_buf bytes;     /* canonical(signed): what the signature is over */
};

/* A statement in a file, and a list of roles in one: for tables. */
extern const struct tm_jsonmap_type tuf_statement_type;
extern const struct tm_jsonmap_member tuf_reviewed_each; /* JSONMAP_NAMED */

int tuf_statement_copy(const struct tuf_statement *from, struct tuf_statement *to,
                       struct tm_err *e);
void tuf_statement_free(struct tuf_statement *s);

/* Fills `bytes` from the members, and `signature` with the private half of `key`. */
int tuf_statement_sign(struct tuf_statement *s, const struct tuf_public_key *key, EVP_PKEY *pkey,
                       struct tm_err *e);

/* The signature is good, by `key` (a KEY object). */
int tuf_statement_verify(const struct tuf_statement *s, const struct tuf_public_key *key,
                         struct tm_err *e);

/* Adds one, which is taken over, also on failure. */
int tuf_reviewed_add(struct tuf_reviewed_list *l, const char *role, int64_t version,
                     const char sha256[65], struct tm_err *e);
bool tuf_reviewed_equal(const struct tuf_reviewed_list *a, const struct tuf_reviewed_list *b);
void tuf_reviewed_free(struct tuf_reviewed_list *l);
