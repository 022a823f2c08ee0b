#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/key/internal.h"
#include "common/secret.h"
#include "common/utf8.h"

#define KEY_BYTES_MAX ((size_t)16 * 1024)

/* 16 MiB and about a quarter second to try a password; more memory than that is refused by
 * OpenSSL's own decoder. */
#define SCRYPT_N 16384
#define SCRYPT_R 8
#define SCRYPT_P 5

struct password {
    const struct tm_buf *text;
    bool asked;
};

static int give_password(char *to, int size, int rwflag, void *arg)
{
    (void)rwflag;
    struct password *p = arg;
    p->asked = true;
    if (p->text->len == 0 || p->text->len > (size_t)size)
        return -1;
    memcpy(to, p->text->data, p->text->len);
    return (int)p->text->len;
}

static EVP_PKEY *decode(const struct tm_buf *pem, const struct tm_buf *password, struct tm_err *e)
{
    struct password p = {password, false};
    size_t mark = pem->len > 0 ? tm_utf8_mark(pem->data, pem->len) : 0;
    BIO *in = pem->len > mark ? BIO_new_mem_buf(pem->data + mark, (int)(pem->len - mark)) : NULL;
    EVP_PKEY *key = in != NULL ? PEM_read_bio_PrivateKey(in, NULL, give_password, &p) : NULL;
    BIO_free(in);
    if (key != NULL)
        return key;
    if (pem->len == 0)
        tm_err_set(e, "the key is empty");
    else if (p.asked && password->len == 0)
        tm_err_set(e, "the key is encrypted: give its password by file or environment");
    else if (p.asked)
        tm_err_set(e, "the key cannot be decrypted: wrong password?");
    else
        tm_err_set(e, "not a PEM private key");
    ERR_clear_error();
    return NULL;
}

static int read_pem(const struct tm_key_source *source, struct tm_buf *pem, struct tm_err *e)
{
    if (source->file != NULL)
        return tm_file_read_secret(source->file, KEY_BYTES_MAX, pem, e);
    const char *value = getenv(source->env);
    if (value == NULL)
        return tm_err_set(e, "the environment variable is not set");
    if (strlen(value) > KEY_BYTES_MAX)
        return tm_err_set(e, "longer than %zu bytes", KEY_BYTES_MAX);
    tm_buf_puts(pem, value);
    return buf_failed(pem) ? tm_err_set(e, "out of memory") : 0;
}

EVP_PKEY *tm_key_pem_open(const struct tm_key_source *source, const char *what, struct tm_err *e)
{
    struct tm_buf pem = {0};
    struct tm_buf password = {0};
    EVP_PKEY *key = NULL;
    tm_secret_begin();
    int rc = tm_key_source_password(source, &password, e);
    if (rc == 0)
        rc = read_pem(source, &pem, e);
    if (rc == 0)
        key = decode(&pem, &password, e);
    if (key == NULL)
        tm_err_wrap(e, "%s '%s'", what, source->file != NULL ? source->file : source->env);
    tm_buf_free_secret(&pem);
    tm_buf_free_secret(&password);
    tm_secret_end();
    return key;
}

/* PKCS#8 under PBES2 with scrypt (RFC 7914 §7), which OpenSSL's PEM writer cannot choose. */
static X509_SIG *encrypt(PKCS8_PRIV_KEY_INFO *plain, const char *password)
{
    X509_ALGOR *pbe =
        PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), NULL, 0, NULL, SCRYPT_N, SCRYPT_R, SCRYPT_P);
    X509_SIG *out =
        pbe != NULL ? PKCS8_set0_pbe(password, (int)strlen(password), plain, pbe) : NULL;
    if (out == NULL)
        X509_ALGOR_free(pbe);
    return out;
}

/* A token's key encodes without complaint, and without its private half. */
static bool is_whole(const PKCS8_PRIV_KEY_INFO *plain)
{
    EVP_PKEY *again = EVP_PKCS82PKEY(plain);
    EVP_PKEY_CTX *ctx = again != NULL ? EVP_PKEY_CTX_new_from_pkey(NULL, again, NULL) : NULL;
    bool whole = ctx != NULL && EVP_PKEY_pairwise_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(again);
    return whole;
}

static int write_pem(BIO *bio, EVP_PKEY *pkey, const char *password)
{
    PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(pkey);
    X509_SIG *sealed = plain != NULL && password != NULL ? encrypt(plain, password) : NULL;
    int ok;
    if (plain == NULL || !is_whole(plain) || (password != NULL && sealed == NULL))
        ok = 0;
    else if (sealed != NULL)
        ok = PEM_write_bio_PKCS8(bio, sealed);
    else
        ok = PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio, plain);
    X509_SIG_free(sealed);
    PKCS8_PRIV_KEY_INFO_free(plain);
    return ok;
}

int tm_key_write_file(const char *path, EVP_PKEY *pkey, const char *password, struct tm_err *e)
{
    int rc = -1;
    tm_secret_begin();
    BIO *bio = BIO_new(BIO_s_secmem());
    if (password != NULL && password[0] == '\0') {
        tm_err_set(e, "write key '%s': the password is empty", path);
    } else if (bio == NULL || write_pem(bio, pkey, password) != 1) {
        tm_err_openssl(e, "encode key '%s'", path);
    } else {
        char *data = NULL;
        long len = BIO_get_mem_data(bio, &data);
        rc = tm_file_create(path, 0600, data, (size_t)len, e);
    }
    BIO_free(bio);
    tm_secret_end();
    return rc;
}
