/* What all services' answers have: a public key, and of which key it is. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>
#include <strings.h>

#include "common/kms/internal.h"
#include "common/pem.h"

int tm_kms_answers(const char *what, const char *said, const char *asked, struct tm_err *e)
{
    if (said == NULL || asked == NULL || strcasecmp(said, asked) == 0)
        return 0;
    return tm_err_set(e, "it is of another %s, '%.200s' in place of '%.200s'", what, said, asked);
}

EVP_PKEY *tm_kms_key_der(const struct tm_buf *der, struct tm_err *e)
{
    const unsigned char *p = der->data;
    EVP_PKEY *key = der->len > 0 ? d2i_PUBKEY(NULL, &p, (long)der->len) : NULL;
    if (key != NULL && p == der->data + der->len)
        return key;
    EVP_PKEY_free(key);
    tm_err_openssl(e, "its answer holds no public key that is used here");
    return NULL;
}

EVP_PKEY *tm_kms_key_pem(const char *pem, struct tm_err *e)
{
    struct tm_buf der = {0};
    EVP_PKEY *key = NULL;
    if (tm_pem_body("PUBLIC KEY", pem, strlen(pem), &der) == 0)
        key = tm_kms_key_der(&der, e);
    else
        tm_err_set(e, "its answer holds no public key in PEM");
    tm_buf_free(&der);
    return key;
}

static bool verifies_whole(EVP_PKEY *public, const struct tm_key_ask *a, const struct tm_buf *sig)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL &&
              EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, public, NULL) == 1 &&
              EVP_DigestVerify(ctx, sig->data, sig->len, a->data, a->len) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

static bool verifies_digest(EVP_PKEY *public, const struct tm_key_ask *a, const struct tm_buf *sig)
{
    static const int paddings[] = {
        [KEY_SIGN_PKCS1] = RSA_PKCS1_PADDING, [KEY_SIGN_PSS] = RSA_PKCS1_PSS_PADDING};
    const EVP_MD *md = EVP_get_digestbyname(tm_key_hash_name(a->hash));
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, public, NULL);
    bool rsa = a->scheme == KEY_SIGN_PKCS1 || a->scheme == KEY_SIGN_PSS;
    bool ok = ctx != NULL && md != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
              (!rsa || EVP_PKEY_CTX_set_rsa_padding(ctx, paddings[a->scheme]) == 1) &&
              EVP_PKEY_CTX_set_signature_md(ctx, md) == 1 &&
              (a->scheme != KEY_SIGN_PSS ||
               EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1) &&
              EVP_PKEY_verify(ctx, sig->data, sig->len, a->data, a->len) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

int tm_kms_verify(EVP_PKEY *public, const struct tm_key_ask *a, const struct tm_buf *sig,
                  struct tm_err *e)
{
    if (a->hash == KEY_NO_HASH ? verifies_whole(public, a, sig) : verifies_digest(public, a, sig))
        return 0;
    ERR_clear_error();
    return tm_err_set(e, "what came back is no signature by this key");
}
