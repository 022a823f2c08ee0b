/*
 * Is the certificate that the CA answered with the one that this job asked for?
 */
#pragma once

#include <openssl/x509.h>
#include <stdint.h>

#include "common/err.h"
#include "oidc/token/token.h"

/* For `key`, signed by the chain's next certificate, for code signing, in force at `now_s` (ten
 * minutes of leeway for our clock), with one identity. One that is an email must be the token's;
 * for others, which only the CA's configuration tells, the token's issuer and subject must be in
 * the extensions (1.3.6.1.4.1.57264.1.8 and, where present, .24). */
int leaf_check(STACK_OF(X509) * chain, EVP_PKEY *key, const struct oidc_token *t, int64_t now_s,
               struct tm_err *e);
