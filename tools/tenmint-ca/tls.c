#include "tools/tenmint-ca/tls.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <time.h>

#include "common/certs.h"
#include "common/file.h"
#include "common/key/key.h"

#define TLS_FILE_MAX ((size_t)256 * 1024)

static int end_of(X509 *cert, int64_t *not_after, struct tm_err *e)
{
    struct tm end;
    if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &end) != 1)
        return tm_err_openssl(e, "read the certificate's end");
    *not_after = timegm(&end);
    return 0;
}

static int check_pair(const char *certificate, const char *key, int64_t *not_after,
                      struct tm_err *e)
{
    struct tm_key_source source = {.file = key};
    STACK_OF(X509) *chain = tm_certs_load(certificate, e);
    struct tm_key *k = chain != NULL ? tm_key_open(&source, "TLS key", e) : NULL;
    int rc = -1;
    if (chain != NULL && k == NULL && tm_file_stamp(key).ino != 0)
        tm_err_wrap(e, "a PEM key that is not encrypted is needed");
    else if (k != NULL && X509_check_private_key(sk_X509_value(chain, 0), tm_key_pkey(k)) != 1)
        tm_err_set(e, "'%s' is not the key of the first certificate in '%s' (leaf first)", key,
                   certificate);
    else if (k != NULL)
        rc = end_of(sk_X509_value(chain, 0), not_after, e);
    ERR_clear_error();
    tm_key_free(k);
    sk_X509_pop_free(chain, X509_free);
    return rc;
}

int tls_read(const char *certificate, const char *key, struct tls_pair *out, struct tm_err *e)
{
    *out = (struct tls_pair){0};
    if (check_pair(certificate, key, &out->not_after, e) != 0 ||
        tm_file_read_text(certificate, TLS_FILE_MAX, &out->certificate, e) != 0 ||
        tm_file_read_secret(key, TLS_FILE_MAX, &out->key, e) != 0)
        return tm_err_wrap(e, "tls");
    return tm_buf_str(&out->certificate) != NULL && tm_buf_str(&out->key) != NULL
               ? 0
               : tm_err_set(e, "out of memory");
}

void tls_free(struct tls_pair *p)
{
    tm_buf_free(&p->certificate);
    tm_buf_free_secret(&p->key);
}
