#include <libp11.h>
#include <stdlib.h>
#include <string.h>

#include "ca/signer/internal.h"
#include "common/certs.h"

struct device {
    PKCS11_CTX *ctx;
    PKCS11_SLOT *slots;
    unsigned slot_count;
    bool loaded;
};

static void device_close(void *handle)
{
    struct device *d = handle;
    if (d->slots != NULL)
        PKCS11_release_all_slots(d->ctx, d->slots, d->slot_count);
    if (d->loaded)
        PKCS11_CTX_unload(d->ctx);
    if (d->ctx != NULL)
        PKCS11_CTX_free(d->ctx);
    free(d);
}

static PKCS11_SLOT *find_token(struct device *d, const char *label, struct err *e)
{
    PKCS11_SLOT *found = NULL;
    for (unsigned i = 0; i < d->slot_count; i++) {
        const PKCS11_TOKEN *t = d->slots[i].token;
        if (t == NULL || t->label == NULL || strcmp(t->label, label) != 0)
            continue;
        if (found != NULL) {
            err_set(e, "two tokens are labelled '%s': make the label unique", label);
            return NULL;
        }
        found = &d->slots[i];
    }
    if (found == NULL)
        err_set(e, "no token is labelled '%s' (%u slots seen)", label, d->slot_count);
    return found;
}

static PKCS11_KEY *find_key(PKCS11_TOKEN *token, const char *label, struct err *e)
{
    PKCS11_KEY *keys = NULL;
    PKCS11_KEY *found = NULL;
    unsigned count = 0;
    if (PKCS11_enumerate_keys(token, &keys, &count) != 0) {
        err_openssl(e, "list the token's private keys");
        return NULL;
    }
    for (unsigned i = 0; i < count; i++) {
        if (keys[i].label == NULL || strcmp(keys[i].label, label) != 0)
            continue;
        if (found != NULL) {
            err_set(e, "two private keys are labelled '%s': make the label unique", label);
            return NULL;
        }
        found = &keys[i];
    }
    if (found == NULL)
        err_set(e, "no private key is labelled '%s' (%u keys seen)", label, count);
    return found;
}

static EVP_PKEY *open_key(struct device *d, const struct signer_options *o, const char *pin,
                          struct err *e)
{
    d->ctx = PKCS11_CTX_new();
    if (d->ctx == NULL || PKCS11_CTX_load(d->ctx, o->pkcs11_module) != 0) {
        err_openssl(e, "load PKCS#11 module '%s'", o->pkcs11_module);
        return NULL;
    }
    d->loaded = true;
    if (PKCS11_enumerate_slots(d->ctx, &d->slots, &d->slot_count) != 0) {
        err_openssl(e, "list the slots of '%s'", o->pkcs11_module);
        return NULL;
    }
    PKCS11_SLOT *slot = find_token(d, o->pkcs11_token, e);
    if (slot == NULL)
        return NULL;
    if (PKCS11_open_session(slot, 0) != 0 || (pin[0] != '\0' && PKCS11_login(slot, 0, pin) != 0)) {
        err_openssl(e, "log in to token '%s'", o->pkcs11_token);
        return NULL;
    }
    PKCS11_KEY *key = find_key(slot->token, o->pkcs11_key, e);
    EVP_PKEY *pkey = key != NULL ? PKCS11_get_private_key(key) : NULL;
    if (key != NULL && pkey == NULL)
        err_openssl(e, "use key '%s' of token '%s'", o->pkcs11_key, o->pkcs11_token);
    return pkey;
}

int signer_open_pkcs11(const struct signer_options *o, int64_t now_s, struct signer_material *m,
                       struct err *e)
{
    (void)now_s;
    if (o->chain_file == NULL || o->pkcs11_module == NULL || o->pkcs11_token == NULL ||
        o->pkcs11_key == NULL)
        return err_set(e, "CA backend 'pkcs11' needs chain, pkcs11-module, pkcs11-token and "
                          "pkcs11-key");
    m->chain = certs_load(o->chain_file, e);
    if (m->chain == NULL)
        return -1;
    struct device *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return err_set(e, "out of memory");
    m->handle = d;
    m->close = device_close;
    m->serialise = true; /* one session: tokens do not sign in parallel on it */
    struct buf pin = {0};
    if (signer_read_secret(o->pkcs11_pin_file, o->pkcs11_pin_env, "PKCS#11 PIN", &pin, e) == 0)
        m->key = open_key(d, o, buf_str(&pin), e);
    buf_free_secret(&pin);
    return m->key != NULL ? 0 : -1;
}
