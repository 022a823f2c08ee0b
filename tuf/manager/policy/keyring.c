#include "tuf/manager/policy/keyring.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "common/pem.h"
#include "tuf/metadata/key.h"
#include "tuf/metadata/typesjson.h"
#include "tuf/manager/policy/policy.h"

#define PUBLIC_MAX ((size_t)64 * 1024)

static int key_path(const char *dir, const char *holder, char *out, size_t size, struct tm_err *e)
{
    char name[POLICY_NAME_MAX + 8];
    if (!tuf_policy_name_ok(holder))
        return tm_err_set(e,
                          "'%.80s' is no name for a holder: letters, digits and ._-@, at most %d",
                          holder, POLICY_NAME_MAX);
    snprintf(name, sizeof(name), "%s.pub", holder);
    return tm_file_join(dir, name, out, size, e);
}

int tuf_keyring_make(EVP_PKEY *pkey, const char *holder, struct tuf_public_key *out,
                     struct tm_err *e)
{
    if (tuf_key_of(pkey, out, e) != 0)
        return -1;
    if (tuf_text_set(&out->owner, holder) == 0)
        return 0;
    tuf_free_key(out);
    return tm_err_set(e, "out of memory");
}

int tuf_keyring_read(const char *dir, const char *holder, struct tuf_public_key *out,
                     struct tm_err *e)
{
    char path[PATH_MAX];
    if (key_path(dir, holder, path, sizeof(path), e) != 0)
        return -1;
    EVP_PKEY *pkey = tuf_keyring_read_public(path, e);
    int rc = pkey != NULL ? tuf_keyring_make(pkey, holder, out, e) : -1;
    EVP_PKEY_free(pkey);
    return rc == 0 ? 0 : tm_err_wrap(e, "public key of '%s'", holder);
}

int tuf_keyring_save(const char *dir, const char *holder, EVP_PKEY *pkey, bool replace,
                     struct tm_err *e)
{
    char path[PATH_MAX];
    struct tuf_public_key key = {0};
    char *text = NULL;
    int rc = -1;
    if (tuf_keyring_make(pkey, holder, &key, e) != 0) /* TUF has no scheme for it */
        return -1;
    tuf_free_key(&key);
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL || PEM_write_bio_PUBKEY(bio, pkey) != 1)
        tm_err_openssl(e, "encode the public key of '%s'", holder);
    else if (tm_file_mkdirs(dir, 0755, e) == 0 &&
             key_path(dir, holder, path, sizeof(path), e) == 0) {
        size_t len = (size_t)BIO_get_mem_data(bio, &text);
        rc = replace ? tm_file_write_atomic(path, 0644, text, len, e)
                     : tm_file_create(path, 0644, text, len, e);
    }
    BIO_free(bio);
    return rc;
}

static EVP_PKEY *from_pem(const struct tm_buf *text)
{
    BIO *in = BIO_new_mem_buf(text->data, (int)text->len);
    EVP_PKEY *k = in != NULL ? PEM_read_bio_PUBKEY(in, NULL, tm_pem_no_password, NULL) : NULL;
    BIO_free(in);
    if (k != NULL)
        return k;
    in = BIO_new_mem_buf(text->data, (int)text->len);
    X509 *cert = in != NULL ? PEM_read_bio_X509(in, NULL, tm_pem_no_password, NULL) : NULL;
    BIO_free(in);
    k = cert != NULL ? X509_get_pubkey(cert) : NULL;
    X509_free(cert);
    ERR_clear_error();
    return k;
}

static EVP_PKEY *from_json(const struct tm_buf *text)
{
    struct tuf_public_key key = {0};
    struct tuf_key k = {0};
    EVP_PKEY *pkey = NULL;
    if (tm_jsonmap_parse((const char *)text->data, text->len, PUBLIC_MAX, &tuf_key_map, NULL, &key,
                         NULL) == 0 &&
        tuf_key_open(&key, &k, NULL) == 0 && EVP_PKEY_up_ref(k.pkey) == 1)
        pkey = k.pkey;
    tuf_key_free(&k);
    tuf_free_key(&key);
    return pkey;
}

/* The holder that a file of the folder is of; false: it is no key's file. */
static bool owner_of_file(const char *file, char name[KEYRING_NAME_MAX + 1])
{
    size_t len = strlen(file);
    if (len < 5 || strcmp(file + len - 4, ".pub") != 0 || len - 4 > KEYRING_NAME_MAX)
        return false;
    snprintf(name, KEYRING_NAME_MAX + 1, "%.*s", (int)(len - 4), file);
    return tuf_policy_name_ok(name);
}

int tuf_keyring_twin(const char *dir, const char *holder, EVP_PKEY *pkey,
                     char name[KEYRING_NAME_MAX + 1], struct tm_err *e)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    bool found = false;
    if (d == NULL)
        return errno == ENOENT ? 0 : tm_err_errno(e, "read '%s'", dir);
    while (!found && (entry = readdir(d)) != NULL) {
        char path[PATH_MAX];
        if (!owner_of_file(entry->d_name, name) || strcmp(name, holder) == 0 ||
            tm_file_join(dir, entry->d_name, path, sizeof(path), NULL) != 0)
            continue;
        EVP_PKEY *other = tuf_keyring_read_public(path, NULL);
        found = other != NULL && EVP_PKEY_eq(other, pkey) == 1;
        EVP_PKEY_free(other);
    }
    closedir(d);
    return found;
}

EVP_PKEY *tuf_keyring_read_public(const char *path, struct tm_err *e)
{
    struct tm_buf text = {0};
    EVP_PKEY *k = NULL;
    if (tm_file_read_text(path, PUBLIC_MAX, &text, e) == 0) {
        if (text.len > 0)
            k = text.data[0] == '{' ? from_json(&text) : from_pem(&text);
        if (k == NULL && text.len > 0 &&
            memmem(text.data, text.len, "PRIVATE KEY", strlen("PRIVATE KEY")) != NULL)
            tm_err_set(e, "'%s' is a private key: it stays with its holder; import the public one",
                       path);
        else if (k == NULL)
            tm_err_set(e, "'%s' holds no PEM public key, certificate or TUF key", path);
    }
    tm_buf_free(&text);
    return k;
}
