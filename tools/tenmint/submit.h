/*
 * Putting a signature into a signature log: Rekor v2's write API. An attestation is the same kind
 * of entry, with the digest of its pre-authentication encoding.
 */
#pragma once

#include "tuf/verify/bundle/bundle.h"
#include "tuf/verify/trust/trusted_root.h"

struct submit_order { /* borrowed */
    const char *url;  /* the log's base URL */
    const char *tls_ca;
    bool allow_http;
    unsigned tries;                          /* 0: as common/fetch/again.h has it */
    const struct tuf_trusted_root *root;     /* a log of it must vouch for the answer */
    const struct tuf_artifact *signed_bytes; /* what the signature is over */
    enum tuf_digest_algorithm digest;
};

/* Appends the request for `b`'s leaf and signature. -1: the log takes no such key. */
int submit_request(const struct tuf_bundle *b, const struct submit_order *o, struct tm_buf *out,
                   struct tm_err *e);

/* Submits, verifies the answer's proof and appends it to the bundle's entries. */
int submit_entry(const struct submit_order *o, struct tuf_bundle *b, struct tm_err *e);
