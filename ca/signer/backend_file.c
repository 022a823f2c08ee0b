#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "ca/signer/internal.h"
#include "common/certs.h"
#include "common/file.h"

#define KEY_BYTES_MAX (16 * 1024)
#define SECRET_MAX 1024

int signer_read_secret(const char *file, const char *env, const char *what, struct buf *out,
                       struct err *e)
{
    if (file != NULL) {
        if (file_read_secret(file, SECRET_MAX, out, e) != 0)
            return err_wrap(e, "%s", what);
        if (out->len > 0 && out->data[out->len - 1] == '\n')
            out->len--;
    } else if (env != NULL) {
        const char *value = getenv(env);
        if (value == NULL)
            return err_set(e, "%s: environment variable %s is not set", what, env);
        buf_puts(out, value);
    }
    if (out->len > SECRET_MAX || (out->len > 0 && memchr(out->data, '\0', out->len) != NULL))
        return err_set(e, "%s: longer than %d bytes, or holds a NUL", what, SECRET_MAX);
    return buf_str(out) != NULL ? 0 : err_set(e, "out of memory");
}

struct password {
    const struct buf *text;
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

static EVP_PKEY *decode_key(const struct buf *pem, const struct buf *password, struct err *e)
{
    struct password p = {password, false};
    BIO *in = BIO_new_mem_buf(pem->data, (int)pem->len);
    EVP_PKEY *key = in != NULL ? PEM_read_bio_PrivateKey(in, NULL, give_password, &p) : NULL;
    BIO_free(in);
    if (key != NULL)
        return key;
    if (p.asked && password->len == 0)
        err_set(e, "the key is encrypted: set password-file or password-env");
    else if (p.asked)
        err_set(e, "the key cannot be decrypted: wrong password?");
    else
        err_set(e, "not a PEM private key");
    ERR_clear_error();
    return NULL;
}

int signer_open_file(const struct signer_options *o, int64_t now_s, struct signer_material *m,
                     struct err *e)
{
    (void)now_s;
    struct buf pem = {0};
    struct buf password = {0};
    int rc = -1;
    if (o->chain_file == NULL || o->key_file == NULL)
        return err_set(e, "CA backend 'file' needs chain and key");
    m->chain = certs_load(o->chain_file, e);
    if (m->chain == NULL)
        return -1;
    if (signer_read_secret(o->password_file, o->password_env, "CA key password", &password, e) != 0)
        goto out;
    if (file_read_secret(o->key_file, KEY_BYTES_MAX, &pem, e) != 0)
        goto out;
    m->key = pem.len > 0 ? decode_key(&pem, &password, e) : NULL;
    if (pem.len == 0)
        err_set(e, "the file is empty");
    rc = m->key != NULL ? 0 : err_wrap(e, "CA key '%s'", o->key_file);
out:
    buf_free_secret(&pem);
    buf_free_secret(&password);
    return rc;
}
