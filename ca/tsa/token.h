/*
 * The TimeStampToken (RFC 3161 §2.4.2, a CMS SignedData of RFC 5652 §5.1) in DER. All of it that
 * does not depend on the request is laid out once; OpenSSL's builder takes longer than the
 * signature, and its reader holds what is written here to the standard in the tests.
 */
#pragma once

#include <openssl/x509.h>

#include "ca/tsa/request.h"

#define TSA_SERIAL 20 /* bytes: the 160 bits that clients must be able to take */

struct ca_tsa_token_maker; /* immutable, shared by threads */

/* `chain`: the signing certificate first; `key`: its private key, RSA, P-256 or P-384; both are
 * kept by reference. `policy`: an object identifier in numbers. NULL with `e` set. */
struct ca_tsa_token_maker *ca_tsa_token_maker_new(const STACK_OF(X509) * chain, EVP_PKEY *key,
                                                  const char *policy, struct tm_err *e);
void ca_tsa_token_maker_free(struct ca_tsa_token_maker *m); /* NULL is fine */

/* False: the request names a policy that is not the authority's. */
bool ca_tsa_policy_fits(const struct ca_tsa_token_maker *m, const struct ca_tsa_request *r);

/* Appends the TimeStampResp, granted. `seconds` since the epoch; `serial` positive, big endian. */
int ca_tsa_token_make(const struct ca_tsa_token_maker *m, const struct ca_tsa_request *r,
                      int64_t seconds, const unsigned char serial[TSA_SERIAL], struct tm_buf *out,
                      struct tm_err *e);
