/*
 * A token's key as an OpenSSL key that outlives its token's absence: it holds the public half, and
 * each signature is made by libp11's key of the module's present life.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* keys with methods of their own have no other interface */
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <pthread.h>

#include "common/key/internal.h"

static struct {
    pthread_once_t once;
    RSA_METHOD *rsa;
    EC_KEY_METHOD *ec;
    int rsa_at, ec_at; /* where such a key has its tm_key_slot */
} method = {.once = PTHREAD_ONCE_INIT};

struct ec_use {
    const unsigned char *digest;
    int len;
    ECDSA_SIG *sig;
};

static int use_ec(EVP_PKEY *pkey, void *arg)
{
    struct ec_use *u = arg;
    u->sig = ECDSA_do_sign(u->digest, u->len, (EC_KEY *)EVP_PKEY_get0_EC_KEY(pkey));
    return u->sig != NULL ? 0 : -1;
}

static ECDSA_SIG *sign_ec(const unsigned char *digest, int len, const BIGNUM *kinv, const BIGNUM *r,
                          EC_KEY *key)
{
    (void)kinv, (void)r;
    struct tm_key_slot *s = EC_KEY_get_ex_data(key, method.ec_at);
    struct ec_use u = {digest, len, NULL};
    return s != NULL && tm_key_module_use(s, use_ec, &u) == 0 ? u.sig : NULL;
}

struct rsa_use {
    const unsigned char *from;
    unsigned char *to;
    int len, padding, made;
};

static int use_rsa(EVP_PKEY *pkey, void *arg)
{
    struct rsa_use *u = arg;
    u->made =
        RSA_private_encrypt(u->len, u->from, u->to, (RSA *)EVP_PKEY_get0_RSA(pkey), u->padding);
    return u->made > 0 ? 0 : -1;
}

static int sign_rsa(int len, const unsigned char *from, unsigned char *to, RSA *key, int padding)
{
    struct tm_key_slot *s = RSA_get_ex_data(key, method.rsa_at);
    struct rsa_use u = {from, to, len, padding, -1};
    return s != NULL && tm_key_module_use(s, use_rsa, &u) == 0 ? u.made : -1;
}

/* It signs; what is encrypted to it stays so. */
static int decrypt_rsa(int len, const unsigned char *from, unsigned char *to, RSA *key, int padding)
{
    (void)len, (void)from, (void)to, (void)key, (void)padding;
    return -1;
}

static void make_methods(void)
{
    int (*sign)(int, const unsigned char *, int, unsigned char *, unsigned int *, const BIGNUM *,
                const BIGNUM *, EC_KEY *) = NULL;
    method.rsa = RSA_meth_dup(RSA_get_default_method());
    method.ec = EC_KEY_METHOD_new(EC_KEY_get_default_method());
    method.rsa_at = RSA_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    method.ec_at = EC_KEY_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    if (method.rsa == NULL || method.ec == NULL)
        return;
    RSA_meth_set_priv_enc(method.rsa, sign_rsa);
    RSA_meth_set_priv_dec(method.rsa, decrypt_rsa);
    EC_KEY_METHOD_get_sign(method.ec, &sign, NULL, NULL);
    EC_KEY_METHOD_set_sign(method.ec, sign, NULL, sign_ec);
}

static int wrap_ec(EVP_PKEY *outer, const EVP_PKEY *inner, struct tm_key_slot *s)
{
    const EC_KEY *from = EVP_PKEY_get0_EC_KEY(inner);
    EC_KEY *to = EC_KEY_new();
    int ok = to != NULL && EC_KEY_set_group(to, EC_KEY_get0_group(from)) == 1 &&
             EC_KEY_set_public_key(to, EC_KEY_get0_public_key(from)) == 1 &&
             EC_KEY_set_method(to, method.ec) == 1 && EVP_PKEY_set1_EC_KEY(outer, to) == 1 &&
             EC_KEY_set_ex_data(to, method.ec_at, s) == 1;
    EC_KEY_free(to);
    return ok ? 0 : -1;
}

static int wrap_rsa(EVP_PKEY *outer, const EVP_PKEY *inner, struct tm_key_slot *s)
{
    const RSA *from = EVP_PKEY_get0_RSA(inner);
    RSA *to = RSA_new();
    BIGNUM *n = BN_dup(RSA_get0_n(from));
    BIGNUM *e = BN_dup(RSA_get0_e(from));
    int ok = to != NULL && n != NULL && e != NULL && RSA_set0_key(to, n, e, NULL) == 1;
    if (!ok) {
        BN_free(n);
        BN_free(e);
    }
    ok = ok && RSA_set_method(to, method.rsa) == 1 && EVP_PKEY_set1_RSA(outer, to) == 1 &&
         RSA_set_ex_data(to, method.rsa_at, s) == 1;
    RSA_free(to);
    return ok ? 0 : -1;
}

EVP_PKEY *tm_key_device_wrap(struct tm_key_slot *s, struct tm_err *e)
{
    pthread_once(&method.once, make_methods);
    EVP_PKEY *outer = EVP_PKEY_new();
    int rc = -1;
    if (outer != NULL && method.rsa != NULL && method.ec != NULL)
        rc = EVP_PKEY_get0_EC_KEY(s->pkey) != NULL ? wrap_ec(outer, s->pkey, s)
                                                   : wrap_rsa(outer, s->pkey, s);
    if (rc != 0) {
        EVP_PKEY_free(outer);
        tm_err_openssl(e, "use key '%s' of token '%s'", s->label, s->token);
        return NULL;
    }
    return outer;
}
