#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/key/internal.h"

/*
 * C_Initialize, C_Finalize and a token's login belong to the process, and libp11 ends every
 * session of a slot when one user of it goes. So there is one list for the process: the CA key
 * that a reload opens and the old one it replaces then share their module.
 */
struct tm_key_module {
    struct tm_key_module *next;
    char *path;
    PKCS11_CTX *ctx;
    PKCS11_SLOT *slots;
    unsigned slot_count;
    unsigned refs;
    bool loaded;
};

static struct {
    pthread_mutex_t lock; /* guards the list, the counts, and libp11's lists of keys */
    struct tm_key_module *first;
} modules = {PTHREAD_MUTEX_INITIALIZER, NULL};

static void module_close(struct tm_key_module *m)
{
    if (m->slots != NULL)
        PKCS11_release_all_slots(m->ctx, m->slots, m->slot_count);
    if (m->loaded)
        PKCS11_CTX_unload(m->ctx);
    if (m->ctx != NULL)
        PKCS11_CTX_free(m->ctx);
    free(m->path);
    free(m);
}

/* libp11 prints why it could not load, so what it will do is tried first. The caller closes the
 * handle, after libp11 has its own. */
static void *try_load(const char *path, struct tm_err *e)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        tm_err_set(e, "PKCS#11 module: %s", dlerror());
    } else if (dlsym(handle, "C_GetFunctionList") == NULL) {
        tm_err_set(e, "PKCS#11 module: '%s' has no C_GetFunctionList: another kind of library",
                   path);
        dlclose(handle);
        handle = NULL;
    }
    return handle;
}

static struct tm_key_module *module_load(const char *path, struct tm_err *e)
{
    struct tm_key_module *m = calloc(1, sizeof(*m));
    void *handle = NULL;
    int rc = -1;
    if (m == NULL || (m->path = strdup(path)) == NULL || (m->ctx = PKCS11_CTX_new()) == NULL) {
        tm_err_set(e, "out of memory");
    } else if ((handle = try_load(path, e)) != NULL && PKCS11_CTX_load(m->ctx, path) != 0) {
        tm_err_openssl(e, "PKCS#11 module '%s'", path);
    } else if (handle != NULL) {
        m->loaded = true;
        rc = PKCS11_enumerate_slots(m->ctx, &m->slots, &m->slot_count) == 0
                 ? 0
                 : tm_err_openssl(e, "list the slots of PKCS#11 module '%s'", path);
    }
    if (handle != NULL)
        dlclose(handle);
    if (rc != 0 && m != NULL) {
        module_close(m);
        m = NULL;
    }
    return m;
}

struct tm_key_module *tm_key_module_acquire(const char *path, struct tm_err *e)
{
    pthread_mutex_lock(&modules.lock);
    struct tm_key_module *m = modules.first;
    while (m != NULL && strcmp(m->path, path) != 0)
        m = m->next;
    if (m == NULL && (m = module_load(path, e)) != NULL) {
        m->next = modules.first;
        modules.first = m;
    }
    if (m != NULL)
        m->refs++;
    pthread_mutex_unlock(&modules.lock);
    return m;
}

void tm_key_module_release(struct tm_key_module *m)
{
    if (m == NULL)
        return;
    pthread_mutex_lock(&modules.lock);
    if (--m->refs == 0) {
        struct tm_key_module **at = &modules.first;
        while (*at != m)
            at = &(*at)->next;
        *at = m->next;
        module_close(m);
    }
    pthread_mutex_unlock(&modules.lock);
}

static PKCS11_SLOT *find_token(struct tm_key_module *m, const char *label, struct tm_err *e)
{
    PKCS11_SLOT *found = NULL;
    for (unsigned i = 0; i < m->slot_count; i++) {
        const PKCS11_TOKEN *t = m->slots[i].token;
        if (t == NULL || !t->initialized || t->label == NULL || strcmp(t->label, label) != 0)
            continue;
        if (found != NULL) {
            tm_err_set(e, "two tokens are labelled '%s': make the label unique", label);
            return NULL;
        }
        found = &m->slots[i];
    }
    if (found == NULL)
        tm_err_set(e, "no token is labelled '%s' (%u slots seen)", label, m->slot_count);
    return found;
}

static PKCS11_KEY *find_key(PKCS11_TOKEN *token, const char *label, struct tm_err *e)
{
    PKCS11_KEY *keys = NULL;
    PKCS11_KEY *found = NULL;
    unsigned count = 0;
    if (PKCS11_enumerate_keys(token, &keys, &count) != 0) {
        tm_err_openssl(e, "list the private keys of token '%s'", token->label);
        return NULL;
    }
    for (unsigned i = 0; i < count; i++) {
        if (keys[i].label == NULL || strcmp(keys[i].label, label) != 0)
            continue;
        if (found != NULL) {
            tm_err_set(e, "two private keys are labelled '%s': make the label unique", label);
            return NULL;
        }
        found = &keys[i];
    }
    if (found == NULL)
        tm_err_set(e, "no private key of token '%s' is labelled '%s' (%u keys seen)", token->label,
                   label, count);
    return found;
}

static EVP_PKEY *find_locked(struct tm_key_module *m, const struct tm_key_source *source,
                             const char *pin, struct tm_err *e)
{
    PKCS11_SLOT *slot = find_token(m, source->pkcs11_token, e);
    if (slot == NULL)
        return NULL;
    /* Sessions are opened as needed, from a pool that signing threads share. */
    if (pin[0] != '\0' && PKCS11_login(slot, 0, pin) != 0) {
        tm_err_openssl(e, "log in to token '%s'", source->pkcs11_token);
        return NULL;
    }
    PKCS11_KEY *key = find_key(slot->token, source->pkcs11_key, e);
    EVP_PKEY *pkey = key != NULL ? PKCS11_get_private_key(key) : NULL;
    if (key != NULL && pkey == NULL)
        tm_err_openssl(e,
                       "use key '%s' of token '%s' (EC and RSA keys, with their public halves, can "
                       "be used)",
                       source->pkcs11_key, source->pkcs11_token);
    return pkey;
}

EVP_PKEY *tm_key_module_find(struct tm_key_module *m, const struct tm_key_source *source,
                             struct tm_err *e)
{
    struct tm_buf pin = {0};
    EVP_PKEY *pkey = NULL;
    if (tm_key_source_pin(source, &pin, e) == 0) {
        pthread_mutex_lock(&modules.lock);
        pkey = find_locked(m, source, tm_buf_str(&pin), e);
        pthread_mutex_unlock(&modules.lock);
    }
    tm_buf_free_secret(&pin);
    return pkey;
}
