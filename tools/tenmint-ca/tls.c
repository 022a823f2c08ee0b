#include "tools/tenmint-ca/tls.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include "common/certs.h"
#include "common/file.h"
#include "common/key/key.h"

#define TLS_FILE_MAX ((size_t)256 * 1024)

static int check_pair(const char *certificate, const char *key, struct err *e)
{
    struct key_source source = {.file = key};
    STACK_OF(X509) *chain = certs_load(certificate, e);
    struct key *k = chain != NULL ? key_open(&source, "TLS key", e) : NULL;
    int rc = -1;
    if (chain != NULL && k == NULL && file_stamp(key).ino != 0)
        err_wrap(e, "a PEM key that is not encrypted is needed");
    else if (k != NULL && X509_check_private_key(sk_X509_value(chain, 0), key_pkey(k)) != 1)
        err_set(e, "'%s' is not the key of the first certificate in '%s' (leaf first)", key,
                certificate);
    else if (k != NULL)
        rc = 0;
    ERR_clear_error();
    key_free(k);
    sk_X509_pop_free(chain, X509_free);
    return rc;
}

int tls_read(const char *certificate, const char *key, struct buf *certificate_out,
             struct buf *key_out, struct err *e)
{
    if (check_pair(certificate, key, e) != 0 ||
        file_read(certificate, TLS_FILE_MAX, certificate_out, e) != 0 ||
        file_read_secret(key, TLS_FILE_MAX, key_out, e) != 0)
        return err_wrap(e, "tls");
    return buf_str(certificate_out) != NULL && buf_str(key_out) != NULL
               ? 0
               : err_set(e, "out of memory");
}
