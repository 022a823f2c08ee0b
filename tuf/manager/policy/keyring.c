#include "tuf/manager/policy/keyring.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "common/pem.h"
#include "common/json/strictjson.h"
#include "tuf/metadata/key.h"
#include "tuf/manager/policy/policy.h"

#define PUBLIC_MAX ((size_t)64 * 1024)

static int key_path(const char *dir, const char *holder, char *out, size_t size, struct err *e)
{
    char name[POLICY_NAME_MAX + 8];
    if (!policy_name_ok(holder))
        return err_set(e, "'%.80s' is no name for a holder: letters, digits and ._-@, at most %d",
                       holder, POLICY_NAME_MAX);
    snprintf(name, sizeof(name), "%s.pub", holder);
    return file_join(dir, name, out, size, e);
}

json_t *keyring_key(EVP_PKEY *pkey, const char *holder, struct err *e)
{
    json_t *key = tuf_key_from_pkey(pkey, e);
    if (key != NULL && json_object_set_new(key, KEYRING_OWNER, json_string(holder)) != 0) {
        json_decref(key);
        err_set(e, "out of memory");
        return NULL;
    }
    return key;
}

json_t *keyring_load(const char *dir, const char *holder, struct err *e)
{
    char path[PATH_MAX];
    if (key_path(dir, holder, path, sizeof(path), e) != 0)
        return NULL;
    EVP_PKEY *pkey = keyring_read_public(path, e);
    json_t *key = pkey != NULL ? keyring_key(pkey, holder, e) : NULL;
    EVP_PKEY_free(pkey);
    if (key == NULL)
        err_wrap(e, "public key of '%s'", holder);
    return key;
}

int keyring_save(const char *dir, const char *holder, EVP_PKEY *pkey, bool replace, struct err *e)
{
    char path[PATH_MAX];
    json_t *key = keyring_key(pkey, holder, e); /* refuses what TUF has no scheme for */
    BIO *bio = key != NULL ? BIO_new(BIO_s_mem()) : NULL;
    char *text = NULL;
    int rc = -1;
    json_decref(key);
    if (key == NULL)
        return -1;
    if (bio == NULL || PEM_write_bio_PUBKEY(bio, pkey) != 1)
        err_openssl(e, "encode the public key of '%s'", holder);
    else if (file_mkdirs(dir, 0755, e) == 0 && key_path(dir, holder, path, sizeof(path), e) == 0) {
        size_t len = (size_t)BIO_get_mem_data(bio, &text);
        rc = replace ? file_write_atomic(path, 0644, text, len, e)
                     : file_create(path, 0644, text, len, e);
    }
    BIO_free(bio);
    return rc;
}

const char *keyring_owner(const json_t *key)
{
    static const char *const fields[] = {KEYRING_OWNER, "x-tuf-on-ci-keyowner",
                                         "x-tuf-on-ci-online-uri"};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        const char *owner = strictjson_str(key, fields[i]);
        if (owner != NULL)
            return owner;
    }
    return "";
}

int keyring_fingerprint(const json_t *key, char hex[65], struct err *e)
{
    struct tuf_key k = {0};
    if (tuf_key_decode(key, &k, e) != 0)
        return -1;
    for (size_t i = 0; i < sizeof(k.fingerprint); i++)
        snprintf(hex + 2 * i, 3, "%02x", k.fingerprint[i]);
    tuf_key_free(&k);
    return 0;
}

static EVP_PKEY *from_pem(const struct buf *text)
{
    BIO *in = BIO_new_mem_buf(text->data, (int)text->len);
    EVP_PKEY *k = in != NULL ? PEM_read_bio_PUBKEY(in, NULL, pem_no_password, NULL) : NULL;
    BIO_free(in);
    if (k != NULL)
        return k;
    in = BIO_new_mem_buf(text->data, (int)text->len);
    X509 *cert = in != NULL ? PEM_read_bio_X509(in, NULL, pem_no_password, NULL) : NULL;
    BIO_free(in);
    k = cert != NULL ? X509_get_pubkey(cert) : NULL;
    X509_free(cert);
    ERR_clear_error();
    return k;
}

static EVP_PKEY *from_json(const struct buf *text)
{
    struct tuf_key k = {0};
    json_t *v = strictjson_parse((const char *)text->data, text->len, PUBLIC_MAX, NULL);
    EVP_PKEY *pkey = NULL;
    if (v != NULL && tuf_key_decode(v, &k, NULL) == 0 && EVP_PKEY_up_ref(k.pkey) == 1)
        pkey = k.pkey;
    tuf_key_free(&k);
    json_decref(v);
    return pkey;
}

EVP_PKEY *keyring_read_public(const char *path, struct err *e)
{
    struct buf text = {0};
    EVP_PKEY *k = NULL;
    if (file_read(path, PUBLIC_MAX, &text, e) == 0) {
        if (text.len > 0)
            k = text.data[0] == '{' ? from_json(&text) : from_pem(&text);
        if (k == NULL && text.len > 0 &&
            memmem(text.data, text.len, "PRIVATE KEY", strlen("PRIVATE KEY")) != NULL)
            err_set(e, "'%s' is a private key: it stays with its holder; import the public one",
                    path);
        else if (k == NULL)
            err_set(e, "'%s' holds no PEM public key, certificate or TUF key", path);
    }
    buf_free(&text);
    return k;
}
