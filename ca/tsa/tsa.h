/*
 * A timestamp authority (RFC 3161): says when a digest existed, by a clock that is checked. What it
 * says cannot be taken back, so where the time is in doubt it says nothing.
 */
#pragma once

#include <openssl/evp.h>

#include "ca/tsa/request.h"

struct ca_tsa; /* any thread */

/* The time as the caller's checked clock has it. 0 and *seconds since the epoch, or -1 with the
 * reason: the clock is not to be trusted now. */
typedef int ca_tsa_clock(void *ctx, int64_t *seconds, struct tm_err *e);

struct ca_tsa_options {
    const char *chain_pem; /* the signing certificate first; borrowed during the call */
    size_t chain_len;
    EVP_PKEY *key;      /* of the first certificate; kept by reference */
    const char *policy; /* object identifier in numbers; NULL: sigstore's 1.3.6.1.4.1.57264.2 */
    ca_tsa_clock *clock;
    void *clock_ctx;
};

/* NULL with `e` set: the key is not the certificate's, or the chain is one that verifiers refuse
 * (RFC 3161 §2.3: extended key usage timeStamping alone, critical, in the first; each certificate
 * signed by the next, all of them CAs; none ended at `now`, seconds since the epoch). */
struct ca_tsa *ca_tsa_new(const struct ca_tsa_options *o, int64_t now, struct tm_err *e);
void ca_tsa_free(struct ca_tsa *t); /* NULL is fine */

enum ca_tsa_status {
    TSA_GRANTED,
    TSA_BAD_REQUEST, /* the client's fault; `e` may be shown to it */
    TSA_NOT_NOW,     /* no trusted time, or the certificate is not valid now: 503 */
    TSA_INTERNAL,
};

/* Appends a TimeStampResp in DER. Serial numbers are 152 random bits: none is used twice, whatever
 * was lost in a crash. */
enum ca_tsa_status ca_tsa_answer(struct ca_tsa *t, const struct ca_tsa_request *r,
                                 struct tm_buf *out, struct tm_err *e);

/* 0: a request that is good would be granted now. */
int ca_tsa_ready(struct ca_tsa *t, struct tm_err *e);

/* The chain in PEM, leaf first; borrowed. */
const struct tm_buf *ca_tsa_chain(const struct ca_tsa *t);

/* When the first of the chain's certificates ends, seconds since the epoch. */
int64_t ca_tsa_not_after(const struct ca_tsa *t);
