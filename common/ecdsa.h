/*
 * ECDSA signatures as r||s (RFC 7518 §3.4, WebCrypto, PKCS#11) for OpenSSL, which wants DER.
 */
#pragma once

#include <stddef.h>

/* DER of the signature whose halves are `width` bytes each; OPENSSL_free() it. NULL: out of memory.
 */
unsigned char *tm_ecdsa_raw_to_der(const unsigned char *raw, size_t width, size_t *der_len);
