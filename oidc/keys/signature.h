/*
 * Does this key's owner vouch for this token? Two engines, one answer (tests hold them to it):
 * OpenSSL with the key decoded once, and libjwt, which decodes a PEM key at every call.
 */
#pragma once

#include "oidc/keys/jwk.h"
#include "oidc/token/token.h"

/* `engine` libjwt serves the algorithms and the tokens that it can read; the rest go to the decoded
 * key. */
bool oidc_signature_verify(enum oidc_engine engine, const struct oidc_token *t,
                           const struct oidc_jwk *key);

enum oidc_signature_verdict {
    SIGNATURE_BAD,
    SIGNATURE_GOOD,
    SIGNATURE_UNREADABLE, /* no verdict: libjwt has rules of its own for `typ` and claims */
};

/* libjwt's own answer about the signature; only for algorithms with oidc_alg_table[].libjwt. */
enum oidc_signature_verdict oidc_signature_verify_libjwt(const struct oidc_token *t,
                                                         const struct oidc_jwk *key);
