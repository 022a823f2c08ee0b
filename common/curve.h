/*
 * The EC curves that keys of signers may be on, and the SubjectPublicKeyInfo (RFC 5480) of a point
 * on them. It differs between keys in the point only: to recognise the fixed head and hand the
 * point to OpenSSL costs a twentieth of its general decoder.
 */
#pragma once

#include <openssl/evp.h>
#include <stddef.h>

#define CURVE_COUNT 3 /* P-256, P-384, P-521 */

struct tm_curve {
    const char *group; /* OpenSSL's name */
    const char *head;  /* the DER before the point */
    size_t head_len;
    size_t point_len; /* bytes, uncompressed */
};

extern const struct tm_curve tm_curves[CURVE_COUNT];

/* The curve when `der` is the one DER form of a named curve and an uncompressed point (whether
 * that is on the curve is not checked), which then begins at der + head_len. Else NULL. */
const struct tm_curve *tm_curve_of_spki(const void *der, size_t len);

/* A public key of that type ("EC", "RSA") from its parameters. NULL: they make none, are NULL, or
 * out of memory. The caller's. */
EVP_PKEY *tm_curve_public(const char *type, OSSL_PARAM *params);
/* A public key. NULL: the point is not on the curve, or out of memory. */
EVP_PKEY *tm_curve_key(const struct tm_curve *c, const void *point);
