#include "ca/log/signatures/admit.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "common/certs.h"
#include "common/file.h"

#define FILE_MAX ((size_t)256 * 1024) /* bytes */

static X509_STORE *parse_cas(const char *pem, size_t len, struct tm_err *e)
{
    STACK_OF(X509) *list = tm_certs_parse(pem, len, e);
    X509_STORE *cas = list != NULL ? X509_STORE_new() : NULL;
    bool ok = cas != NULL && X509_STORE_set_flags(cas, X509_V_FLAG_PARTIAL_CHAIN) == 1;
    for (int i = 0; ok && i < sk_X509_num(list); i++) {
        X509 *cert = sk_X509_value(list, i);
        if (X509_check_ca(cert) == 0) {
            tm_err_set(e, "certificate %d is not a CA's", i + 1);
            ok = false;
        } else if (X509_STORE_add_cert(cas, cert) != 1) {
            tm_err_openssl(e, "take certificate %d", i + 1);
            ok = false;
        }
    }
    if (list != NULL && cas == NULL)
        tm_err_set(e, "out of memory");
    sk_X509_pop_free(list, X509_free);
    if (ok)
        return cas;
    X509_STORE_free(cas);
    return NULL;
}

X509_STORE *ca_sig_admit_read(const char *path, struct tm_err *e)
{
    struct tm_buf text = {0};
    X509_STORE *cas = tm_file_read_text(path, FILE_MAX, &text, e) == 0
                          ? parse_cas((const char *)text.data, text.len, e)
                          : NULL;
    tm_buf_free(&text);
    return cas;
}

static int admit_one(X509_STORE *cas, const struct ca_sig_verifier *v, int64_t now,
                     struct tm_err *e)
{
    const unsigned char *p = v->certificate.data;
    if (v->certificate.len == 0)
        return tm_err_set(e, "this log takes certificates of its own CAs, and no bare keys");
    X509 *cert = d2i_X509(NULL, &p, (long)v->certificate.len);
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    int rc = -1;
    if (cert == NULL || ctx == NULL || X509_STORE_CTX_init(ctx, cas, cert, NULL) != 1) {
        ERR_clear_error();
        tm_err_set(e, "the verifier's certificate cannot be read");
    } else {
        X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), (time_t)now);
        rc = X509_verify_cert(ctx) == 1
                 ? 0
                 : tm_err_set(e, "this log takes certificates of its own CAs: %s",
                              X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
        ERR_clear_error();
    }
    X509_STORE_CTX_free(ctx);
    X509_free(cert);
    return rc;
}

int ca_sig_admit(X509_STORE *cas, const struct ca_sig_request *r, int64_t now, struct tm_err *e)
{
    if (r->kind == SIG_HASHEDREKORD)
        return admit_one(cas, &r->hashed.verifier, now, e);
    for (size_t i = 0; i < r->dsse.verifiers.count; i++) {
        if (admit_one(cas, &r->dsse.verifiers.item[i], now, e) != 0)
            return -1;
    }
    return 0;
}
