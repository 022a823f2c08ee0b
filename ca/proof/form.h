/*
 * Which of the accepted keys a SubjectPublicKeyInfo (RFC 5280 §4.1) is, told from its bytes alone,
 * without OpenSSL's decoders, which take longer than the signature check that follows.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What decides a key's permission and digest; its other bytes change nothing. */
enum ca_key_kind {
    KEY_OTHER,
    KEY_P256,
    KEY_P384,
    KEY_P521,
    KEY_RSA_2048,
    KEY_RSA_3072,
    KEY_RSA_4096,
    KEY_ED25519,
    KEY_KINDS
};

enum ca_spki_type { SPKI_OTHER, SPKI_EC, SPKI_RSA, SPKI_ED25519 };

struct ca_spki_form {
    enum ca_spki_type type;
    enum ca_key_kind kind;      /* KEY_OTHER: an RSA key of another size, too */
    const unsigned char *bytes; /* the point, the modulus, the raw key; into the input */
    size_t len;
    uint64_t exponent; /* of RSA; 0: too large for this */
};

/* SPKI_OTHER unless `der` is the one DER form of its key: for EC a named curve of ours and an
 * uncompressed point (which is not checked), for RSA PKCS#1 with NULL parameters, Ed25519. */
struct ca_spki_form ca_spki_read(const unsigned char *der, size_t len);
