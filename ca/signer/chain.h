/*
 * The CA's certificate chain: every rule a verifier will apply is checked before the first
 * certificate is issued under it.
 */
#pragma once

#include <openssl/x509.h>
#include <stdint.h>

#include "common/err.h"

/* Order, signatures, CA:TRUE, certSign, EKU nesting, path length, dates at now_s
 * (RFC 5280 §6.1), and that the first certificate is for `key`. */
int ca_chain_check(STACK_OF(X509) * chain, const EVP_PKEY *key, int64_t now_s, struct tm_err *e);
