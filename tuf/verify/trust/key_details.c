#include "tuf/verify/trust/key_details.h"

#include <openssl/x509.h>
#include <string.h>

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192

/* Deprecated and experimental names are read, since live roots hold some, and never written. */
#define KEY_DETAILS(ROW) \
    ROW("PKIX_ECDSA_P256_SHA_256", 5, "EC", "prime256v1", 0, true, false) \
    ROW("PKIX_ECDSA_P384_SHA_384", 12, "EC", "secp384r1", 0, true, false) \
    ROW("PKIX_ECDSA_P521_SHA_512", 13, "EC", "secp521r1", 0, true, false) \
    ROW("PKIX_ED25519", 7, "ED25519", NULL, 0, true, false) \
    ROW("PKIX_RSA_PKCS1V15_2048_SHA256", 9, "RSA", NULL, 2048, true, false) \
    ROW("PKIX_RSA_PKCS1V15_3072_SHA256", 10, "RSA", NULL, 3072, true, false) \
    ROW("PKIX_RSA_PKCS1V15_4096_SHA256", 11, "RSA", NULL, 4096, true, false) \
    ROW("PKIX_RSA_PSS_2048_SHA256", 16, "RSA", NULL, 2048, false, false) \
    ROW("PKIX_RSA_PSS_3072_SHA256", 17, "RSA", NULL, 3072, false, false) \
    ROW("PKIX_RSA_PSS_4096_SHA256", 18, "RSA", NULL, 4096, false, false) \
    ROW("PKIX_ECDSA_P384_SHA_256", 19, "EC", "secp384r1", 0, false, false) \
    ROW("PKIX_ECDSA_P521_SHA_256", 20, "EC", "secp521r1", 0, false, false) \
    ROW("PKIX_RSA_PKCS1V5", 3, "RSA", NULL, 0, false, false) \
    ROW("PKIX_RSA_PSS", 4, "RSA", NULL, 0, false, false) \
    ROW("PKCS1_RSA_PKCS1V5", 1, "RSA", NULL, 0, false, true) \
    ROW("PKCS1_RSA_PSS", 2, "RSA", NULL, 0, false, true) \
    ROW("PKIX_ED25519_PH", 8, NULL, NULL, 0, false, false) \
    ROW("PKIX_ECDSA_P256_HMAC_SHA_256", 6, NULL, NULL, 0, false, false) \
    ROW("LMS_SHA256", 14, NULL, NULL, 0, false, false) \
    ROW("LMOTS_SHA256", 15, NULL, NULL, 0, false, false) \
    ROW("ML_DSA_44", 23, NULL, NULL, 0, false, false) \
    ROW("ML_DSA_65", 21, NULL, NULL, 0, false, false) \
    ROW("ML_DSA_87", 22, NULL, NULL, 0, false, false)

#define AS_DETAILS(name, number, type, group, bits, log_may, pkcs1) \
    {name, number, type, group, bits, log_may, pkcs1},
#define AS_NAME(name, number, type, group, bits, log_may, pkcs1) {name, number, number},

static const struct tuf_key_details table[] = {KEY_DETAILS(AS_DETAILS)};
const struct tm_jsonmap_name tuf_key_details_names[] = {KEY_DETAILS(AS_NAME){NULL, 0, 0}};
#define COUNT (sizeof(table) / sizeof(table[0]))

const struct tuf_key_details *tuf_key_details_by_number(int number)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (table[i].number == number)
            return &table[i];
    }
    return NULL;
}

static bool fits(const struct tuf_key_details *d, const EVP_PKEY *key)
{
    char group[32] = "";
    int bits = EVP_PKEY_get_bits(key);
    if (d->key_type == NULL || !EVP_PKEY_is_a(key, d->key_type))
        return false;
    if (d->group != NULL)
        return EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
               strcmp(group, d->group) == 0;
    if (strcmp(d->key_type, "RSA") == 0)
        return d->bits != 0 ? bits == d->bits : bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX;
    return true;
}

const struct tuf_key_details *tuf_key_details_for_log(const EVP_PKEY *key, struct tm_err *e)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (table[i].log_may && fits(&table[i], key))
            return &table[i];
    }
    return tm_err_null(
        e, "clients accept no log key of this kind: use ECDSA P-256, P-384 or P-521, Ed25519, "
           "or RSA of 2048, 3072 or 4096 bits");
}

/* policy-controller 0.13.1, pkg/reconciler/trustroot: the keys of tlogs must be ECDSA, those of
 * ctlogs need not. */
const char *tuf_log_key_refused(const EVP_PKEY *key)
{
    return key != NULL && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC
               ? NULL
               : "has no ECDSA key: policy-controller refuses the whole trusted root";
}

int tuf_key_details_read(const struct tuf_key_details *d, const unsigned char *der, size_t len,
                         EVP_PKEY **key, struct tm_err *e)
{
    const unsigned char *p = der;
    *key = NULL;
    if (d->key_type == NULL)
        return 0;
    *key = d->pkcs1 ? d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, (long)len)
                    : d2i_PUBKEY(NULL, &p, (long)len);
    if (*key == NULL)
        return tm_err_openssl(e, "the public key cannot be parsed");
    if (p == der + len && fits(d, *key))
        return 0;
    EVP_PKEY_free(*key);
    *key = NULL;
    return tm_err_set(e,
                      p != der + len ? "trailing bytes follow the public key"
                                     : "the public key is not of the type %s",
                      d->name);
}
