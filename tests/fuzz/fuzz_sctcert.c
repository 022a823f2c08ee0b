/* SCT lists out of certificates: where OpenSSL parses the certificate too, both must agree. */
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/transparency/sct.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* OpenSSL's view: the certificate without its SCT list, encoded anew. */
static void compare(const uint8_t *data, size_t size, const struct tm_buf *tbs)
{
    const unsigned char *p = data;
    X509 *cert = d2i_X509(NULL, &p, (long)size);
    if (cert == NULL)
        return;
    int at = X509_get_ext_by_NID(cert, NID_ct_precert_scts, -1);
    if (at < 0)
        abort();
    X509_EXTENSION_free(X509_delete_ext(cert, at));
    unsigned char *theirs = NULL;
    int len = i2d_re_X509_tbs(cert, &theirs);
    /* OpenSSL's encoder does not keep what its decoder tolerates, so only sane inputs compare. */
    const unsigned char *q = data;
    X509 *whole = d2i_X509(NULL, &q, (long)size);
    unsigned char *again = NULL;
    int whole_len = i2d_re_X509_tbs(whole, &again);
    if (len > 0 && whole_len > 0 && memmem(data, size, again, (size_t)whole_len) != NULL &&
        ((size_t)len != tbs->len || memcmp(theirs, tbs->data, tbs->len) != 0))
        abort();
    OPENSSL_free(theirs);
    OPENSSL_free(again);
    X509_free(cert);
    X509_free(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tm_err e = {0};
    struct tm_buf tbs = {0};
    const unsigned char *list = NULL;
    size_t len = 0;
    if (tm_sct_from_certificate(data, size, &list, &len, &tbs, &e) == 1) {
        struct tm_sct s;
        size_t at = 0;
        while (tm_sct_list_next(list, len, &at, &s, &e) == 1)
            ;
        compare(data, size, &tbs);
    }
    tm_buf_reset(&tbs);
    (void)tm_sct_from_precertificate(data, size, &tbs, &e);
    tm_buf_free(&tbs);
    return 0;
}
