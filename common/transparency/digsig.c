#include "common/transparency/digsig.h"

#include <ctype.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"

enum { HASH_SHA256 = 4, SIGNATURE_RSA = 1, SIGNATURE_ECDSA = 3 }; /* RFC 5246 §7.4.1.4.1 */

#define RSA_BITS_MIN 2048
#define KEY_FILE_MAX ((size_t)16 * 1024)

/* SIGNATURE_…, or 0 for a key that no log may have. */
static unsigned char algorithm_of(const EVP_PKEY *key)
{
    char group[32] = "";
    size_t n = 0;
    if (EVP_PKEY_is_a(key, "RSA"))
        return EVP_PKEY_get_bits(key) >= RSA_BITS_MIN ? SIGNATURE_RSA : 0;
    if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof(group), &n) == 1 &&
        strcmp(group, SN_X9_62_prime256v1) == 0)
        return SIGNATURE_ECDSA;
    return 0;
}

int tm_digsig_check_key(const EVP_PKEY *key, struct tm_err *e)
{
    if (algorithm_of(key) != 0)
        return 0;
    return tm_err_set(e, "a log's key is P-256, or RSA of at least %d bits (RFC 6962 §2.1.4)",
                      RSA_BITS_MIN);
}

static EVP_PKEY *key_from_der(const unsigned char *der, size_t len)
{
    const unsigned char *p = der;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)len);
    if (key != NULL && p != der + len) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

static EVP_PKEY *key_from_pem(const char *text, size_t len)
{
    BIO *bio = BIO_new_mem_buf(text, (int)len);
    char *name = NULL;
    char *header = NULL;
    unsigned char *der = NULL;
    long der_len = 0;
    EVP_PKEY *key = NULL;
    if (bio != NULL && PEM_read_bio(bio, &name, &header, &der, &der_len) == 1 &&
        strcmp(name, PEM_STRING_PUBLIC) == 0 && header[0] == '\0')
        key = key_from_der(der, (size_t)der_len);
    char *rest = NULL;
    long left = bio != NULL ? BIO_get_mem_data(bio, &rest) : 0;
    for (long i = 0; key != NULL && i < left; i++) {
        if (isspace((unsigned char)rest[i]))
            continue;
        EVP_PKEY_free(key);
        key = NULL;
    }
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    BIO_free(bio);
    return key;
}

EVP_PKEY *tm_digsig_key_read(const void *data, size_t len, struct tm_err *e)
{
    static const char begin[] = "-----BEGIN ";
    const char *text = data;
    EVP_PKEY *key = NULL;
    if (len > KEY_FILE_MAX)
        return tm_err_null(e, "a public key of %zu bytes", len);
    size_t blank = 0;
    while (blank < len && isspace((unsigned char)text[blank]))
        blank++;
    if (len - blank >= sizeof(begin) - 1 && memcmp(text + blank, begin, sizeof(begin) - 1) == 0)
        key = key_from_pem(text + blank, len - blank);
    else if (len > 0)
        key = key_from_der(data, len);
    if (key == NULL)
        tm_err_openssl(e, "not one PEM 'PUBLIC KEY' (or DER) with nothing after it");
    return key;
}

EVP_PKEY *tm_digsig_key_parse(const void *data, size_t len, struct tm_err *e)
{
    EVP_PKEY *key = tm_digsig_key_read(data, len, e);
    if (key == NULL || tm_digsig_check_key(key, e) == 0)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

int tm_digsig_log_id(EVP_PKEY *key, unsigned char id[DIGSIG_LOG_ID], struct tm_err *e)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    int ok = len > 0 && EVP_Digest(der, (size_t)len, id, NULL, EVP_sha256(), NULL) == 1;
    OPENSSL_free(der);
    return ok ? 0 : tm_err_openssl(e, "the log's id");
}

struct tm_digsig_signer {
    EVP_MD_CTX *prepared; /* copied for each signature */
    unsigned char algorithm;
    size_t max; /* bytes of a signature */
};

struct tm_digsig_signer *tm_digsig_signer_new(EVP_PKEY *key, struct tm_err *e)
{
    struct tm_digsig_signer *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return tm_err_null(e, "out of memory");
    int max = EVP_PKEY_get_size(key);
    s->max = max > 0 ? (size_t)max : 0;
    s->algorithm = algorithm_of(key);
    s->prepared = EVP_MD_CTX_new();
    int rc = tm_digsig_check_key(key, e);
    if (rc == 0 && (s->prepared == NULL ||
                    EVP_DigestSignInit(s->prepared, NULL, EVP_sha256(), NULL, key) != 1))
        rc = tm_err_openssl(e, "prepare the log key for signing");
    if (rc == 0) {
        /* A copy signs once, so it need not copy itself again to sign. */
        EVP_MD_CTX_set_flags(s->prepared, EVP_MD_CTX_FLAG_FINALISE);
        return s;
    }
    tm_digsig_signer_free(s);
    return NULL;
}

void tm_digsig_signer_free(struct tm_digsig_signer *s)
{
    if (s == NULL)
        return;
    EVP_MD_CTX_free(s->prepared);
    free(s);
}

int tm_digsig_signer_sign(const struct tm_digsig_signer *s, const void *data, size_t len,
                          struct tm_buf *out, struct tm_err *e)
{
    unsigned char head[4] = {HASH_SHA256, s->algorithm, 0, 0};
    size_t sig_len = s->max;
    size_t at = out->len;
    tm_buf_append(out, head, sizeof(head));
    unsigned char *sig = tm_buf_reserve(out, sig_len);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int ok = sig != NULL && ctx != NULL && EVP_MD_CTX_copy_ex(ctx, s->prepared) == 1 &&
             EVP_DigestSign(ctx, sig, &sig_len, data, len) == 1 && sig_len <= UINT16_MAX;
    EVP_MD_CTX_free(ctx);
    if (!ok) {
        out->len = at < out->len ? at : out->len;
        return tm_err_openssl(e, "sign with the log key");
    }
    out->len += sig_len;
    out->data[at + 2] = (unsigned char)(sig_len >> 8);
    out->data[at + 3] = (unsigned char)sig_len;
    return 0;
}

int tm_digsig_sign(EVP_PKEY *key, const void *data, size_t len, struct tm_buf *out,
                   struct tm_err *e)
{
    struct tm_digsig_signer *s = tm_digsig_signer_new(key, e);
    int rc = s != NULL ? tm_digsig_signer_sign(s, data, len, out, e) : -1;
    tm_digsig_signer_free(s);
    return rc;
}

int tm_digsig_verify(EVP_PKEY *key, const void *data, size_t len, const void *ds, size_t ds_len,
                     struct tm_err *e)
{
    struct tm_bytes in = bytes_of(ds, ds_len);
    size_t sig_len = 0;
    unsigned hash = (unsigned)tm_bytes_be(&in, 1);
    unsigned algorithm = (unsigned)tm_bytes_be(&in, 1);
    const unsigned char *sig = tm_bytes_vector(&in, 2, &sig_len);
    if (!tm_bytes_end(&in) || sig_len == 0)
        return tm_err_set(e, "the log's signature is truncated, or bytes follow it");
    if (tm_digsig_check_key(key, e) != 0)
        return -1;
    if (hash != HASH_SHA256 || algorithm != algorithm_of(key))
        return tm_err_set(
            e, "the log's signature has hash %u and algorithm %u, its key wants %d and %d", hash,
            algorithm, HASH_SHA256, algorithm_of(key));
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int ok = ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
             EVP_DigestVerify(ctx, sig, sig_len, data, len) == 1;
    EVP_MD_CTX_free(ctx);
    return ok ? 0 : tm_err_openssl(e, "the log's signature does not verify with its public key");
}
