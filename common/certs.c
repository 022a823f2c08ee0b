#include "common/certs.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>

#include "common/b64.h"
#include "common/file.h"
#include "common/hex.h"

#define CERTS_BYTES_MAX ((size_t)64 * 1024)

static int push_block(STACK_OF(X509) * certs, const char *name, const unsigned char *der, long len,
                      struct tm_err *e)
{
    if (strcmp(name, PEM_STRING_X509) != 0)
        return tm_err_set(e, "holds a '%s' block: only CERTIFICATE blocks belong here", name);
    if (sk_X509_num(certs) >= CERTS_MAX)
        return tm_err_set(e, "has more than %d certificates", CERTS_MAX);
    const unsigned char *p = der;
    X509 *cert = d2i_X509(NULL, &p, len);
    if (cert == NULL)
        return tm_err_openssl(e, "certificate %d cannot be parsed", sk_X509_num(certs) + 1);
    if (p != der + len || sk_X509_push(certs, cert) == 0) {
        X509_free(cert);
        return tm_err_set(e, "certificate %d has trailing bytes", sk_X509_num(certs) + 1);
    }
    return 0;
}

static int push_blocks(BIO *in, STACK_OF(X509) * certs, struct tm_err *e)
{
    for (;;) {
        char *name = NULL;
        char *header = NULL;
        unsigned char *der = NULL;
        long len = 0;
        if (PEM_read_bio(in, &name, &header, &der, &len) != 1) {
            unsigned long code = ERR_peek_last_error();
            bool end =
                ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
            if (!end)
                return tm_err_openssl(e, "PEM block %d is damaged", sk_X509_num(certs) + 1);
            ERR_clear_error();
            return 0;
        }
        int rc = push_block(certs, name, der, len, e);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(der);
        if (rc != 0)
            return rc;
    }
}

/* How many lines look like the beginning or the end of a block. */
static int count_marks(const char *pem, size_t len)
{
    int marks = 0;
    for (size_t i = 0; i + 1 < len; i++)
        marks += (i == 0 || pem[i - 1] == '\n') && pem[i] == '-' && pem[i + 1] == '-';
    return marks;
}

STACK_OF(X509) * tm_certs_parse(const void *pem, size_t len, struct tm_err *e)
{
    if (len > CERTS_BYTES_MAX || memchr(pem, '\0', len) != NULL)
        return tm_err_null(e, "is not PEM, or is longer than %zu bytes", CERTS_BYTES_MAX);
    BIO *in = BIO_new_mem_buf(pem, (int)len);
    STACK_OF(X509) *certs = sk_X509_new_null();
    int rc = -1;
    if (in == NULL || certs == NULL)
        tm_err_set(e, "out of memory");
    else
        rc = push_blocks(in, certs, e);
    /* OpenSSL overlooks a block of which only the first line is there: a file half written. */
    if (rc == 0 && count_marks(pem, len) != 2 * sk_X509_num(certs))
        rc = tm_err_set(e, "PEM block %d is cut off", sk_X509_num(certs) + 1);
    if (rc == 0 && sk_X509_num(certs) == 0)
        rc = tm_err_set(e, "certificate chain must contain at least one certificate");
    BIO_free(in);
    if (rc != 0) {
        sk_X509_pop_free(certs, X509_free);
        return NULL;
    }
    return certs;
}

STACK_OF(X509) * tm_certs_parse_given(const void *text, size_t len, struct tm_err *e)
{
    struct tm_buf inner = {0};
    STACK_OF(X509) *certs = NULL;
    const char *given = text != NULL ? text : "";
    size_t end = len;
    while (end > 0 && (given[end - 1] == '\n' || given[end - 1] == '\r'))
        end--;
    if (end > 0 && tm_b64_decode(B64_STD, given, end, &inner) == 0 && tm_buf_str(&inner) != NULL &&
        strncmp((const char *)inner.data, "-----BEGIN ", 11) == 0)
        certs = tm_certs_parse(inner.data, inner.len, e);
    else
        certs = tm_certs_parse(given, len, e);
    tm_buf_free(&inner);
    return certs;
}

static STACK_OF(X509) * load(const char *path, bool given, struct tm_err *e)
{
    struct tm_buf pem = {0};
    STACK_OF(X509) *certs = NULL;
    if (tm_file_read_text(path, CERTS_BYTES_MAX, &pem, e) != 0) {
        tm_err_wrap(e, "certificate chain");
    } else {
        certs = given ? tm_certs_parse_given(pem.data, pem.len, e)
                      : tm_certs_parse(pem.data != NULL ? (const char *)pem.data : "", pem.len, e);
        if (certs == NULL)
            tm_err_wrap(e, "certificate chain '%s'", path);
    }
    tm_buf_free(&pem);
    return certs;
}

STACK_OF(X509) * tm_certs_load(const char *path, struct tm_err *e)
{
    return load(path, false, e);
}

STACK_OF(X509) * tm_certs_load_given(const char *path, struct tm_err *e)
{
    return load(path, true, e);
}

int tm_certs_check_ca(X509 *cert, int i, int below, struct tm_err *e)
{
    X509_check_purpose(cert, -1, 0); /* fills the cached extension values */
    uint32_t flags = X509_get_extension_flags(cert);
    if ((flags & EXFLAG_INVALID) != 0)
        return tm_err_set(e, "certificate %d has an extension that cannot be parsed", i + 1);
    if ((flags & EXFLAG_CRITICAL) != 0)
        return tm_err_set(e, "certificate %d has an unknown critical extension", i + 1);
    if ((flags & EXFLAG_CA) == 0)
        return tm_err_set(e, i == 0 ? "certificate is not a CA" : "certificate %d is not a CA",
                          i + 1);
    if ((flags & EXFLAG_KUSAGE) != 0 && (X509_get_key_usage(cert) & KU_KEY_CERT_SIGN) == 0)
        return tm_err_set(e, "certificate %d may not sign certificates (key usage)", i + 1);
    long pathlen = X509_get_pathlen(cert);
    if (pathlen >= 0 && pathlen < below)
        return tm_err_set(e, "certificate %d allows %ld CAs below it, but %d are", i + 1, pathlen,
                          below);
    return 0;
}

int tm_certs_check_link(X509 *cert, X509 *issuer, int i, struct tm_err *e)
{
    if (X509_NAME_cmp(X509_get_issuer_name(cert), X509_get_subject_name(issuer)) != 0)
        return tm_err_set(
            e,
            "certificate %d was not issued by the next one: order the chain issuing CA "
            "first, root last",
            i + 1);
    if (X509_verify(cert, X509_get0_pubkey(issuer)) != 1)
        return tm_err_openssl(e, "certificate %d's signature is not by the next certificate's key",
                              i + 1);
    return 0;
}

const char *tm_certs_fingerprint(const X509 *cert, char out[CERTS_FINGERPRINT_MAX])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    out[0] = '\0';
    if (X509_digest(cert, EVP_sha256(), digest, &len) == 1)
        tm_hex_encode(digest, len, out);
    return out;
}

void tm_certs_name(const X509_NAME *name, bool escaped, struct tm_buf *out)
{
    unsigned long form = escaped ? XN_FLAG_RFC2253 : XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB;
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    if (bio != NULL && X509_NAME_print_ex(bio, name, 0, form) >= 0) {
        long len = BIO_get_mem_data(bio, &text);
        tm_buf_append(out, text, (size_t)len);
    }
    BIO_free(bio);
}
