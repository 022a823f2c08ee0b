/* What all services' answers have: a public key, and of which key it is. */
#include <openssl/err.h>
#include <openssl/pem.h>
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
