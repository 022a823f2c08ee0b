#include "ca/signer/algorithm.h"

#include <string.h>

#define RSA_BITS_MADE 4096
#define RSA_BITS_MIN 2048

static const unsigned char ecdsa_sha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                             0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
static const unsigned char ecdsa_sha384[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                             0x48, 0xce, 0x3d, 0x04, 0x03, 0x03};
static const unsigned char ecdsa_sha512[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                             0x48, 0xce, 0x3d, 0x04, 0x03, 0x04};
static const unsigned char rsa_sha256[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                           0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00};
static const unsigned char ed25519[] = {0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70};

static const struct ca_signer_algorithm_row rows[] = {
    {"p256", "EC", "prime256v1", "SHA256", ecdsa_sha256, sizeof(ecdsa_sha256)},
    {"p384", "EC", "secp384r1", "SHA384", ecdsa_sha384, sizeof(ecdsa_sha384)},
    {"p521", "EC", "secp521r1", "SHA512", ecdsa_sha512, sizeof(ecdsa_sha512)},
    {"rsa", "RSA", NULL, "SHA256", rsa_sha256, sizeof(rsa_sha256)},
    {"ed25519", "ED25519", NULL, NULL, ed25519, sizeof(ed25519)},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

const struct ca_signer_algorithm_row *ca_signer_algorithm_for(const EVP_PKEY *key, struct tm_err *e)
{
    char group[64] = "";
    size_t len = 0;
    if (EVP_PKEY_is_a(key, "EC") &&
        EVP_PKEY_get_group_name((EVP_PKEY *)key, group, sizeof(group), &len) != 1)
        group[0] = '\0';
    if (EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) < RSA_BITS_MIN)
        return tm_err_null(e, "an RSA key of %d bits is too weak for a CA: use at least %d",
                           EVP_PKEY_get_bits(key), RSA_BITS_MIN);
    for (size_t i = 0; i < ROWS; i++) {
        if (EVP_PKEY_is_a(key, rows[i].key_type) &&
            (rows[i].group == NULL || strcmp(rows[i].group, group) == 0))
            return &rows[i];
    }
    return tm_err_null(e, "a CA key must be P-256, P-384, P-521, RSA or Ed25519");
}

EVP_PKEY *ca_signer_algorithm_generate(const char *name, struct tm_err *e)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].name, name) != 0)
            continue;
        EVP_PKEY *key = NULL;
        if (rows[i].group != NULL)
            key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", rows[i].group);
        else if (strcmp(rows[i].key_type, "RSA") == 0)
            key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)RSA_BITS_MADE);
        else
            key = EVP_PKEY_Q_keygen(NULL, NULL, rows[i].key_type);
        if (key == NULL)
            tm_err_openssl(e, "generate a %s key", name);
        return key;
    }
    return tm_err_null(e, "unknown key type '%s': use p256, p384, p521, rsa or ed25519", name);
}
