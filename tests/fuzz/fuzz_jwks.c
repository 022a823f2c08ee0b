/* Key sets: each key that is taken is public, strong enough, and fits the algorithms that it is
 * offered for. */
#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oidc/keys/jwks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_key(const struct oidc_jwks *s, const struct oidc_jwk *k, int alg)
{
    size_t at = 0;
    must(oidc_alg_fits(alg, k->key) && k->pem != NULL && strstr(k->pem, "PRIVATE KEY") == NULL);
    must(!EVP_PKEY_is_a(k->key, "RSA") || EVP_PKEY_get_bits(k->key) >= 2048);
    if (k->kid != NULL)
        must(oidc_jwks_has_kid(s, k->kid) && oidc_jwks_next(s, k->kid, alg, &at) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tm_err e = {0};
    struct oidc_jwks *s = oidc_jwks_parse((const char *)data, size, NULL, &e);
    const struct oidc_jwk *k;
    if (s == NULL) {
        must(e.text[0] != '\0');
        return 0;
    }
    must(oidc_jwks_count(s) >= 1 && oidc_jwks_count(s) <= JWKS_KEYS_MAX);
    for (int alg = 0; alg < ALG_COUNT; alg++) {
        for (size_t at = 0; (k = oidc_jwks_next(s, NULL, alg, &at)) != NULL;)
            check_key(s, k, alg);
    }
    oidc_jwks_unref(s);
    return 0;
}
