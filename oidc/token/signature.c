#include "oidc/token/signature.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>

static bool verify_bytes(const struct token *t, const struct jwk *key, const unsigned char *sig,
                         size_t len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_MD_CTX_copy_ex(ctx, key->prepared[t->alg]) == 1 &&
              EVP_DigestVerify(ctx, sig, len, (const unsigned char *)t->text, t->signed_len) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}

/* JOSE has r||s of fixed width (RFC 7518 §3.4), OpenSSL wants DER. */
static bool verify_ec(const struct token *t, const struct jwk *key)
{
    size_t width = ((size_t)alg_table[t->alg].ec_bits + 7) / 8;
    if (t->signature.len != 2 * width)
        return false;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(t->signature.data, (int)width, NULL);
    BIGNUM *s = BN_bin2bn(t->signature.data + width, (int)width, NULL);
    unsigned char *der = NULL;
    bool ok = false;
    if (sig == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(sig, r, s) != 1) {
        BN_free(r);
        BN_free(s);
    } else {
        int len = i2d_ECDSA_SIG(sig, &der);
        ok = len > 0 && verify_bytes(t, key, der, (size_t)len);
    }
    OPENSSL_free(der);
    ECDSA_SIG_free(sig);
    return ok;
}

bool signature_verify(enum oidc_engine engine, const struct token *t, const struct jwk *key)
{
    if (key->prepared[t->alg] == NULL)
        return false;
    if (engine == OIDC_ENGINE_LIBJWT && alg_table[t->alg].libjwt)
        return signature_verify_libjwt(t, key);
    if (alg_table[t->alg].ec_bits != 0)
        return verify_ec(t, key);
    return verify_bytes(t, key, t->signature.data, t->signature.len);
}
