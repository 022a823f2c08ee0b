/*
 * What a log of signatures is asked to take: the write API of Rekor v2 in proto-JSON.
 */
#pragma once

#include "ca/log/signatures/verifier.h"

#define SIG_REQUEST_MAX ((size_t)8 << 20) /* bytes: a DSSE payload comes whole */
#define SIG_SIGNATURES_MAX 10             /* of one envelope; as many verifiers */

enum ca_sig_kind { SIG_HASHEDREKORD, SIG_DSSE };

struct ca_sig_hashed { /* hashedRekordRequestV002 */
    struct tm_buf digest;
    struct tm_buf signature;
    struct ca_sig_verifier verifier;
};

struct ca_sig_signature {
    struct tm_buf sig;
    char *keyid; /* a hint that nobody may rely on; or NULL */
};

struct ca_sig_dsse { /* dsseRequestV002 */
    struct tm_buf payload;
    char *payload_type;
    struct {
        struct ca_sig_signature *item;
        size_t count;
    } signatures;
    struct {
        struct ca_sig_verifier *item;
        size_t count;
    } verifiers;
};

struct ca_sig_request {
    enum ca_sig_kind kind;
    struct ca_sig_hashed hashed;
    struct ca_sig_dsse dsse;
};

/* -1: not one of the two requests, whole, with nothing else in it. Free also then. */
int ca_sig_request_read(const char *text, size_t len, struct ca_sig_request *out, struct tm_err *e);
void ca_sig_request_free(struct ca_sig_request *r);
