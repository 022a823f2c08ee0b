#include "tools/tenmint-ca/serve/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <time.h>

#include "common/certs.h"
#include "common/file.h"
#include "common/pem.h"
#include "common/secret.h"

#define TLS_FILE_MAX ((size_t)256 * 1024)

static int end_of(X509 *cert, int64_t *not_after, struct tm_err *e)
{
    struct tm end;
    if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &end) != 1)
        return tm_err_openssl(e, "read the certificate's end");
    *not_after = timegm(&end);
    return 0;
}

static EVP_PKEY *parse_key(struct tm_buf *pem)
{
    BIO *in = BIO_new_mem_buf(pem->data, (int)pem->len);
    EVP_PKEY *key = in != NULL ? PEM_read_bio_PrivateKey(in, NULL, tm_pem_no_password, NULL) : NULL;
    BIO_free(in);
    return key;
}

/* Whether what was read is a pair; and its end. */
static int judge(const char *certificate, const char *key, struct tls_pair *p, struct tm_err *e)
{
    STACK_OF(X509) *chain = tm_certs_parse(p->certificate.data, p->certificate.len, e);
    int rc = -1;
    tm_secret_begin();
    EVP_PKEY *k = chain != NULL ? parse_key(&p->key) : NULL;
    if (chain == NULL)
        tm_err_wrap(e, "'%s'", certificate);
    else if (k == NULL)
        tm_err_set(e, "'%s': a PEM key that is not encrypted is needed", key);
    else if (X509_check_private_key(sk_X509_value(chain, 0), k) != 1)
        tm_err_set(e, "'%s' is not the key of the first certificate in '%s' (leaf first)", key,
                   certificate);
    else
        rc = end_of(sk_X509_value(chain, 0), &p->not_after, e);
    ERR_clear_error();
    EVP_PKEY_free(k);
    tm_secret_end();
    sk_X509_pop_free(chain, X509_free);
    if (rc == 0 && (tm_buf_str(&p->certificate) == NULL || tm_buf_str(&p->key) == NULL))
        rc = tm_err_set(e, "out of memory");
    return rc == 0 ? 0 : tm_err_wrap(e, "tls");
}

int tls_read(const char *certificate, const char *key, struct tls_pair *out, struct tm_err *e)
{
    *out = (struct tls_pair){0};
    if (tm_file_read(certificate, TLS_FILE_MAX, &out->certificate, e) != 0 ||
        tm_file_read_secret(key, TLS_FILE_MAX, &out->key, e) != 0)
        return tm_err_wrap(e, "tls");
    return judge(certificate, key, out, e);
}

int tls_read_open(const struct tls_files *f, struct tls_pair *out, struct tm_err *e)
{
    *out = (struct tls_pair){0};
    if (tm_file_read_open(f->certificate_fd, f->certificate, TLS_FILE_MAX, 0, &out->certificate,
                          e) != 0 ||
        tm_file_read_open(f->key_fd, f->key, TLS_FILE_MAX, 0, &out->key, e) != 0)
        return tm_err_wrap(e, "tls");
    return judge(f->certificate, f->key, out, e);
}

void tls_free(struct tls_pair *p)
{
    tm_buf_free(&p->certificate);
    tm_buf_free_secret(&p->key);
}
