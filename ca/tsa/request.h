/*
 * What a timestamp is asked for: RFC 3161's TimeStampReq (§2.4.1), or the JSON that sigstore's
 * clients post. Read here, judged by the authority.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

#define TSA_QUERY_MAX ((size_t)4096) /* bytes of a request; real ones have about 60 */
#define TSA_NONCE_MAX 20             /* bytes: 160 bits */
#define TSA_POLICY_MAX 64            /* bytes of an object identifier in DER */

struct ca_tsa_request {
    int hash_nid; /* SHA-256, SHA-384 or SHA-512 */
    unsigned char digest[64];
    size_t digest_len;
    unsigned char nonce[TSA_NONCE_MAX]; /* an INTEGER's value, as it came */
    size_t nonce_len;                   /* 0: none */
    unsigned char policy[TSA_POLICY_MAX];
    size_t policy_len; /* 0: the authority's */
    bool certificates; /* put the chain into the token */
};

/* A whole TimeStampReq of version 1, in DER. -1: none, or one that asks for what nobody could
 * grant here: another hash, a digest of another length, extensions. */
int ca_tsa_request_read(const unsigned char *der, size_t len, struct ca_tsa_request *out,
                        struct tm_err *e);

/* {"artifactHash", "hashAlgorithm", "nonce", "certificates", "tsaPolicyOID"}: the same. */
int ca_tsa_request_read_json(const char *text, size_t len, struct ca_tsa_request *out,
                             struct tm_err *e);
