/*
 * OpenSSL's certificate transparency as an independent judge of ours.
 */
#pragma once

#include <openssl/ct.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdint.h>

/* How OpenSSL validates the one SCT embedded in `cert`, or the worst of several. A fault of the
 * test itself ends the program. */
sct_validation_status_t ctpeer_embedded(X509 *cert, X509 *issuer, EVP_PKEY *log_key,
                                        uint64_t now_ms);

/* The same for an SCT (RFC 6962 §3.2 bytes) over the final certificate. */
sct_validation_status_t ctpeer_detached(X509 *cert, X509 *issuer, const unsigned char *sct,
                                        size_t sct_len, EVP_PKEY *log_key, uint64_t now_ms);
