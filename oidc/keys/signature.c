#include "oidc/keys/signature.h"
#include "common/ecdsa.h"

#include <openssl/err.h>

static bool verify_bytes(const struct oidc_token *t, const struct oidc_jwk *key,
                         const unsigned char *sig, size_t len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_MD_CTX_copy_ex(ctx, key->prepared[t->alg]) == 1 &&
              EVP_DigestVerify(ctx, sig, len, (const unsigned char *)t->text, t->signed_len) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}

/* JOSE has r||s of fixed width (RFC 7518 §3.4), OpenSSL wants DER. */
static bool verify_ec(const struct oidc_token *t, const struct oidc_jwk *key)
{
    size_t width = ((size_t)oidc_alg_table[t->alg].ec_bits + 7) / 8;
    if (t->signature.len != 2 * width)
        return false;
    size_t der_len = 0;
    unsigned char *der = tm_ecdsa_raw_to_der(t->signature.data, width, &der_len);
    bool ok = der != NULL && verify_bytes(t, key, der, der_len);
    OPENSSL_free(der);
    return ok;
}

bool oidc_signature_verify(enum oidc_engine engine, const struct oidc_token *t,
                           const struct oidc_jwk *key)
{
    if (key->prepared[t->alg] == NULL)
        return false;
    if (engine == OIDC_ENGINE_LIBJWT && oidc_alg_table[t->alg].libjwt) {
        enum oidc_signature_verdict v = oidc_signature_verify_libjwt(t, key);
        if (v != SIGNATURE_UNREADABLE)
            return v == SIGNATURE_GOOD;
    }
    if (oidc_alg_table[t->alg].ec_bits != 0)
        return verify_ec(t, key);
    return verify_bytes(t, key, t->signature.data, t->signature.len);
}
