/*
 * A token's key as an OpenSSL key that outlives its token's absence: it holds the public half, and
 * each signature is made by libp11's key of the module's present life.
 */
#include <openssl/rsa.h>

#include "common/key/internal.h"

struct use {
    const struct tm_key_ask *ask;
    struct tm_buf *sig;
};

static int set_padding(EVP_PKEY_CTX *ctx, enum tm_key_scheme scheme)
{
    if (scheme == KEY_SIGN_ECDSA)
        return 1;
    if (scheme == KEY_SIGN_PKCS1)
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING);
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

static int use_key(EVP_PKEY *pkey, void *arg)
{
    const struct use *u = arg;
    const EVP_MD *md = EVP_get_digestbyname(tm_key_hash_name(u->ask->hash));
    size_t len = (size_t)EVP_PKEY_get_size(pkey);
    unsigned char *to = tm_buf_reserve(u->sig, len);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
    int ok = to != NULL && ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
             set_padding(ctx, u->ask->scheme) == 1 && EVP_PKEY_CTX_set_signature_md(ctx, md) == 1 &&
             EVP_PKEY_sign(ctx, to, &len, u->ask->data, u->ask->len) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (ok)
        u->sig->len += len;
    return ok ? 0 : -1;
}

static int sign(void *slot, const struct tm_key_ask *ask, struct tm_buf *sig, struct tm_err *e)
{
    struct use u = {ask, sig};
    return tm_key_module_use(slot, use_key, &u) == 0 ? 0 : tm_err_openssl(e, "the token");
}

EVP_PKEY *tm_key_device_wrap(struct tm_key_slot *s, struct tm_err *e)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(s->pkey, &der);
    const unsigned char *p = der;
    EVP_PKEY *public = len > 0 ? d2i_PUBKEY(NULL, &p, len) : NULL; /* without the token's methods */
    EVP_PKEY *outer = NULL;
    if (public != NULL)
        outer = tm_key_elsewhere(public, sign, s, e);
    else
        tm_err_openssl(e, "use key '%s' of token '%s'", s->label, s->token);
    OPENSSL_free(der);
    EVP_PKEY_free(public);
    return outer;
}
