#include "ca/log/engine/create.h"

#include <openssl/ec.h>
#include <openssl/pem.h>

#include "common/file.h"

static int write_public(const char *path, EVP_PKEY *key, struct tm_err *e)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    int rc = bio != NULL && PEM_write_bio_PUBKEY(bio, key) == 1 ? 0 : -1;
    long len = rc == 0 ? BIO_get_mem_data(bio, &data) : 0;
    rc = rc == 0 ? tm_file_create(path, 0644, data, (size_t)len, e)
                 : tm_err_openssl(e, "encode the log's public key");
    BIO_free(bio);
    return rc;
}

/* In memory and its file, or in the token, where *device opens it. */
static EVP_PKEY *make_key(const struct ca_log_new *n, struct tm_key **device, struct tm_err *e)
{
    if (n->device != NULL) {
        *device = tm_key_make(n->device, "p256", "log key", e);
        if (*device == NULL || EVP_PKEY_up_ref(tm_key_pkey(*device)) != 1)
            return NULL;
        return tm_key_pkey(*device);
    }
    EVP_PKEY *key = EVP_EC_gen("P-256");
    if (key == NULL)
        tm_err_openssl(e, "make the log key");
    else if (tm_key_write_file(n->key_file, key, n->password, e) == 0)
        return key;
    EVP_PKEY_free(key);
    return NULL;
}

int ca_log_create_new(const struct ca_log_new *n,
                      int (*create)(const struct ca_log_options *o, struct tm_err *e),
                      struct tm_err *e)
{
    struct ca_log_options o;
    struct tm_key *device = NULL;
    if (ca_log_origin_check(n->origin, e) != 0)
        return -1;
    EVP_PKEY *key = make_key(n, &device, e);
    ca_log_options_default(&o);
    o.directory = n->directory;
    o.origin = n->origin;
    o.key = key;
    int rc = key != NULL ? write_public(n->public_file, key, e) : -1;
    if (rc == 0)
        rc = create(&o, e);
    EVP_PKEY_free(key);
    tm_key_free(device);
    return rc;
}
