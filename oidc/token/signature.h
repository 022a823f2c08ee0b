/*
 * Does this key's owner vouch for this token? Two engines, one answer (tests hold them to it):
 * OpenSSL with the key decoded once, and libjwt, which decodes a PEM key at every call.
 */
#ifndef TENMINT_OIDC_SIGNATURE_H
#define TENMINT_OIDC_SIGNATURE_H

#include "oidc/keys/jwk.h"
#include "oidc/token/token.h"

/* `engine` libjwt serves the algorithms it knows; the rest go to the decoded key. */
bool oidc_signature_verify(enum oidc_engine engine, const struct oidc_token *t,
                           const struct oidc_jwk *key);

/* libjwt's own answer; only for algorithms with oidc_alg_table[].libjwt. */
bool oidc_signature_verify_libjwt(const struct oidc_token *t, const struct oidc_jwk *key);

#endif
