#include "oidc/token/alg.h"

#include <string.h>

const struct oidc_alg oidc_alg_table[ALG_COUNT] = {
    {"RS256", "RSA", "SHA256", 0, false, true},  {"RS384", "RSA", "SHA384", 0, false, true},
    {"RS512", "RSA", "SHA512", 0, false, true},  {"ES256", "EC", "SHA256", 256, false, true},
    {"ES384", "EC", "SHA384", 384, false, true}, {"ES512", "EC", "SHA512", 521, false, true},
    {"PS256", "RSA", "SHA256", 0, true, false},  {"PS384", "RSA", "SHA384", 0, true, false},
    {"PS512", "RSA", "SHA512", 0, true, false},  {"EdDSA", "ED25519", NULL, 0, false, false},
};

int oidc_alg_find(const char *name)
{
    for (int i = 0; i < ALG_COUNT; i++) {
        if (strcmp(oidc_alg_table[i].name, name) == 0)
            return i;
    }
    return -1;
}

bool oidc_alg_fits(int i, const EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, oidc_alg_table[i].key_type) &&
           (oidc_alg_table[i].ec_bits == 0 || oidc_alg_table[i].ec_bits == EVP_PKEY_get_bits(key));
}
