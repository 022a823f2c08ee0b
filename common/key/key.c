#include "common/key/key.h"

#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/key/internal.h"
#include "common/secret.h"

#define LOOK_MS 5000 /* between two signatures that only show that the token is there */

struct tm_key {
    EVP_PKEY *pkey;
    atomic_llong looked_ms;  /* monotonic; of the last of these */
    struct tm_key_slot slot; /* where the token has it; its module is NULL for other keys */
    struct tm_key_far far;   /* of a key beyond a network; without `close`: it is none */
    void *far_key;
};

static int check_source(const struct tm_key_source *s, struct tm_err *e)
{
    int ways = (s->file != NULL) + (s->env != NULL) + (s->pkcs11_module != NULL) +
               (s->uri != NULL) + (s->uri_file != NULL);
    if (ways != 1)
        return tm_err_set(e, "give exactly one of a key file, an environment variable, a PKCS#11 "
                             "module and a key's URI");
    if (s->pkcs11_module != NULL && (s->pkcs11_token == NULL || s->pkcs11_key == NULL))
        return tm_err_set(e, "a key in a token needs the token's and the key's label");
    return 0;
}

static int copy_names(struct tm_key_slot *s, const struct tm_key_source *source, struct tm_err *e)
{
    struct tm_buf pin = {0};
    int rc = tm_key_source_pin(source, &pin, e);
    if (rc == 0) {
        s->token = strdup(source->pkcs11_token);
        s->label = strdup(source->pkcs11_key);
        s->pin = OPENSSL_secure_zalloc(pin.len + 1);
        if (s->token == NULL || s->label == NULL || s->pin == NULL)
            rc = tm_err_set(e, "out of memory");
        else if (pin.len > 0)
            memcpy(s->pin, pin.data, pin.len);
    }
    tm_buf_free_secret(&pin);
    return rc;
}

static int open_device(struct tm_key *k, const struct tm_key_source *source, struct tm_err *e)
{
    if (copy_names(&k->slot, source, e) != 0)
        return -1;
    struct tm_key_module *module = tm_key_module_acquire(source->pkcs11_module, e);
    if (module == NULL || tm_key_module_add(module, &k->slot, e) != 0)
        return -1;
    k->pkey = tm_key_device_wrap(&k->slot, e);
    return k->pkey != NULL ? 0 : -1;
}

static void close_device(struct tm_key *k)
{
    struct tm_key_slot *s = &k->slot;
    tm_key_module_remove(s);
    if (s->pin != NULL)
        OPENSSL_secure_clear_free(s->pin, strlen(s->pin));
    free(s->token);
    free(s->label);
}

static int open_far(struct tm_key *k, const struct tm_key_source *source,
                    const struct tm_key_uri *u, struct tm_err *e)
{
    if (source->far == NULL)
        return tm_err_set(e, "a key of %s cannot be used here", tm_key_uri_scheme(u));
    EVP_PKEY *public = source->far->open(source->far->ctx, u, &k->far_key, e);
    if (public == NULL)
        return -1;
    k->far = *source->far;
    k->pkey = tm_key_elsewhere(public, k->far.sign, k->far_key, e);
    EVP_PKEY_free(public);
    return k->pkey != NULL ? 0 : -1;
}

/* pkcs11: is another spelling of the source's own members. */
static int open_token_uri(struct tm_key *k, const struct tm_key_source *source,
                          const struct tm_key_uri *u, struct tm_err *e)
{
    const char *pin = u->option[KEY_URI_PIN_SOURCE];
    const char *value = pin != NULL ? strchr(pin, ':') + 1 : NULL;
    bool file = pin != NULL && pin[0] == 'f';
    const struct tm_key_source token = {.pkcs11_module = u->option[KEY_URI_MODULE],
                                        .pkcs11_token = u->option[KEY_URI_TOKEN],
                                        .pkcs11_key = u->option[KEY_URI_OBJECT],
                                        .pin_file = file ? value : source->pin_file,
                                        .pin_env = pin == NULL ? source->pin_env
                                                   : file      ? NULL
                                                               : value,
                                        .secret = source->secret};
    return open_device(k, &token, e);
}

static int open_uri(struct tm_key *k, const struct tm_key_source *source, struct tm_err *e)
{
    struct tm_key_uri u;
    int rc = source->uri != NULL ? tm_key_uri_parse(source->uri, strlen(source->uri), &u, e)
                                 : tm_key_uri_load(source->uri_file, &u, e);
    if (rc == 0)
        rc = tm_key_uri_is_remote(&u) ? open_far(k, source, &u, e)
                                      : open_token_uri(k, source, &u, e);
    tm_key_uri_free(&u);
    return rc;
}

struct tm_key *tm_key_open(const struct tm_key_source *source, const char *what, struct tm_err *e)
{
    struct tm_key *k = calloc(1, sizeof(*k));
    int rc = -1;
    if (k == NULL)
        tm_err_set(e, "out of memory");
    else if (check_source(source, e) != 0)
        tm_err_wrap(e, "%s", what);
    else if (source->pkcs11_module != NULL)
        rc = open_device(k, source, e) == 0 ? 0 : tm_err_wrap(e, "%s", what);
    else if (source->uri != NULL || source->uri_file != NULL)
        rc = open_uri(k, source, e) == 0 ? 0 : tm_err_wrap(e, "%s", what);
    else
        rc = (k->pkey = tm_key_pem_open(source, what, e)) != NULL ? 0 : -1;
    if (rc != 0) {
        tm_key_free(k);
        return NULL;
    }
    return k;
}

bool tm_key_source_is_elsewhere(const struct tm_key_source *s)
{
    return s->pkcs11_module != NULL || s->uri != NULL || s->uri_file != NULL;
}

struct tm_key *tm_key_make(const struct tm_key_source *source, const char *type, const char *what,
                           struct tm_err *e)
{
    if (source->pkcs11_module != NULL && tm_key_pkcs11_generate(source, type, e) != 0)
        return NULL;
    return tm_key_open(source, what, e);
}

void tm_key_free(struct tm_key *k)
{
    if (k == NULL)
        return;
    tm_secret_begin();
    EVP_PKEY_free(k->pkey);
    tm_secret_end();
    close_device(k);
    if (k->far.close != NULL)
        k->far.close(k->far_key);
    free(k);
}

EVP_PKEY *tm_key_pkey(const struct tm_key *k)
{
    return k->pkey;
}

bool tm_key_is_device(const struct tm_key *k)
{
    return k->slot.module != NULL;
}

bool tm_key_is_slow(const struct tm_key *k)
{
    return k->slot.module != NULL || k->far.close != NULL;
}

bool tm_key_is_away(const struct tm_key *k, struct tm_err *e)
{
    if (k->far.close != NULL)
        return k->far.is_away(k->far_key, e);
    return k->slot.module != NULL && tm_key_module_is_away(k->slot.module, e);
}

/* A signature over what is in no use. */
static int try_out(const struct tm_key *k, struct tm_err *e)
{
    static const unsigned char probe[] = "tenmint: is the token there?";
    unsigned char sig[EVP_MAX_MD_SIZE * 16]; /* RSA of 8192 bits */
    size_t len = sizeof(sig);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int rc = ctx != NULL &&
                     EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, k->pkey, NULL) == 1 &&
                     EVP_DigestSign(ctx, sig, &len, probe, sizeof(probe)) == 1
                 ? 0
                 : tm_err_openssl(e, "make a signature in the token");
    EVP_MD_CTX_free(ctx);
    return rc;
}

int tm_key_look(struct tm_key *k, struct tm_err *e)
{
    long long now = tm_clock_mono_ms();
    long long last = atomic_load(&k->looked_ms);
    if (tm_key_is_away(k, e))
        return -1;
    if (k->slot.module == NULL || now - last < LOOK_MS ||
        !atomic_compare_exchange_strong(&k->looked_ms, &last, now))
        return 0;
    int rc = try_out(k, e);
    return tm_key_is_away(k, e) ? -1 : rc;
}
