#include <dlfcn.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/key/internal.h"
#include "common/thread.h"

#define RETRY_S 1         /* between two lives of a module whose token is away */
#define FIRST_WAIT_MS 800 /* whoever notices the loss waits so long for the next life */

/*
 * C_Initialize, C_Finalize and a token's login belong to the process, and libp11 ends every
 * session of a slot when one user of it goes. So there is one list for the process: the CA key
 * that a reload opens and the old one it replaces then share their module.
 *
 * A token that was removed, restarted or lost its sessions is only seen again by a module that was
 * finalized and initialized. That takes all its keys at once, and no call into it under way.
 */
struct life { /* between C_Initialize and C_Finalize */
    PKCS11_CTX *ctx;
    PKCS11_SLOT *slots;
    unsigned slot_count;
    bool loaded;
};

struct tm_key_module {
    struct tm_key_module *next;
    char *path;
    void *handle; /* of the shared object, which stays from life to life */
    unsigned refs;

    pthread_rwlock_t calls;  /* read: calls into the module; write: its lives */
    pthread_mutex_t finding; /* inside `calls`: guards `keys`, and libp11's lists of keys */
    struct life life;
    struct tm_key_slot *keys;

    pthread_mutex_t lock; /* guards what follows; nothing is locked inside it */
    pthread_cond_t changed;
    pthread_t keeper;
    bool away, stop;
    unsigned lives;
    bool pin_refused; /* never tried again by itself: tokens lock after a few */
    struct tm_err why;
};

static struct {
    pthread_mutex_t lock; /* guards the list and the counts; before `calls` */
    struct tm_key_module *first;
} modules = {PTHREAD_MUTEX_INITIALIZER, NULL};

static void life_end(struct life *l)
{
    if (l->slots != NULL)
        PKCS11_release_all_slots(l->ctx, l->slots, l->slot_count);
    if (l->loaded)
        PKCS11_CTX_unload(l->ctx);
    if (l->ctx != NULL)
        PKCS11_CTX_free(l->ctx);
    *l = (struct life){0};
}

/* libp11 prints why it could not load, so what it will do is tried first. */
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

static int life_begin(struct life *l, const char *path, struct tm_err *e)
{
    l->ctx = PKCS11_CTX_new();
    if (l->ctx == NULL)
        return tm_err_set(e, "out of memory");
    if (PKCS11_CTX_load(l->ctx, path) != 0)
        return tm_err_openssl(e, "PKCS#11 module '%s'", path);
    l->loaded = true;
    if (PKCS11_enumerate_slots(l->ctx, &l->slots, &l->slot_count) != 0)
        return tm_err_openssl(e, "list the slots of PKCS#11 module '%s'", path);
    return 0;
}

static PKCS11_SLOT *find_token(const struct life *m, const char *label, struct tm_err *e)
{
    PKCS11_SLOT *found = NULL;
    for (unsigned i = 0; i < m->slot_count; i++) {
        const PKCS11_TOKEN *t = m->slots[i].token;
        if (t == NULL || !t->initialized || t->label == NULL || strcmp(t->label, label) != 0)
            continue;
        if (found != NULL)
            return tm_err_null(e, "two tokens are labelled '%s': make the label unique", label);
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
        tm_err_openssl(e,
                       "list the private keys of token '%s' (libp11 before 0.4.13 cannot where "
                       "one of them is Ed25519)",
                       token->label);
        return NULL;
    }
    for (unsigned i = 0; i < count; i++) {
        if (keys[i].label == NULL || strcmp(keys[i].label, label) != 0)
            continue;
        if (found != NULL)
            return tm_err_null(e, "two private keys are labelled '%s': make the label unique",
                               label);
        found = &keys[i];
    }
    if (found == NULL)
        tm_err_set(e, "no private key of token '%s' is labelled '%s' (%u keys seen)", token->label,
                   label, count);
    return found;
}

/* Whether OpenSSL's last error says that another try with this PIN would only bring the lock. */
static bool pin_is_refused(void)
{
    unsigned reason = (unsigned)ERR_GET_REASON(ERR_peek_last_error());
    return reason == CKR_PIN_INCORRECT || reason == CKR_PIN_LOCKED || reason == CKR_PIN_EXPIRED;
}

/* Finds s->pkey in the present life. With `finding`, or `calls` for writing. */
static int find(struct tm_key_module *m, struct tm_key_slot *s, struct tm_err *e)
{
    PKCS11_SLOT *slot = find_token(&m->life, s->token, e);
    if (slot == NULL)
        return -1;
    /* Sessions are opened as needed, from a pool that signing threads share. */
    if (s->pin[0] != '\0' && PKCS11_login(slot, 0, s->pin) != 0) {
        pthread_mutex_lock(&m->lock);
        m->pin_refused = pin_is_refused();
        pthread_mutex_unlock(&m->lock);
        return tm_err_openssl(e, "log in to token '%s'", s->token);
    }
    PKCS11_KEY *key = find_key(slot->token, s->label, e);
    if (key == NULL)
        return -1;
    s->pkey = PKCS11_get_private_key(key);
    return s->pkey != NULL
               ? 0
               : tm_err_openssl(e,
                                "use key '%s' of token '%s' (EC and RSA keys, with their public "
                                "halves, can be used)",
                                s->label, s->token);
}

/* Ends the module's life, and begins one in which every key is there. With `calls` for writing. */
static int renew(struct tm_key_module *m, struct tm_err *e)
{
    for (struct tm_key_slot *s = m->keys; s != NULL; s = s->next) {
        EVP_PKEY_free(s->pkey);
        s->pkey = NULL;
    }
    life_end(&m->life);
    int rc = life_begin(&m->life, m->path, e);
    for (struct tm_key_slot *s = rc == 0 ? m->keys : NULL; s != NULL && !m->pin_refused;
         s = s->next)
        rc = find(m, s, e) == 0 ? rc : -1;
    ERR_clear_error();
    return rc;
}

static void set_away(struct tm_key_module *m, bool away, const struct tm_err *why)
{
    pthread_mutex_lock(&m->lock);
    m->away = away;
    m->why = *why;
    if (!away)
        m->lives++;
    pthread_cond_broadcast(&m->changed);
    pthread_mutex_unlock(&m->lock);
}

static void try_renew(struct tm_key_module *m)
{
    struct tm_err e = {0};
    pthread_rwlock_wrlock(&m->calls);
    int rc = renew(m, &e);
    pthread_rwlock_unlock(&m->calls);
    set_away(m, rc != 0, &e);
}

static void *keep(void *arg)
{
    struct tm_key_module *m = arg;
    pthread_mutex_lock(&m->lock);
    while (!m->stop) {
        if (!m->away || m->pin_refused) {
            pthread_cond_wait(&m->changed, &m->lock);
            continue;
        }
        pthread_mutex_unlock(&m->lock);
        try_renew(m);
        pthread_mutex_lock(&m->lock);
        if (m->away && !m->stop)
            (void)tm_cond_wait(&m->changed, &m->lock, tm_clock_mono_ms() + RETRY_S * 1000);
    }
    pthread_mutex_unlock(&m->lock);
    return NULL;
}

static void module_free(struct tm_key_module *m)
{
    life_end(&m->life);
    if (m->handle != NULL)
        dlclose(m->handle);
    pthread_rwlock_destroy(&m->calls);
    pthread_cond_destroy(&m->changed);
    pthread_mutex_destroy(&m->lock);
    pthread_mutex_destroy(&m->finding);
    free(m->path);
    free(m);
}

static struct tm_key_module *module_load(const char *path, struct tm_err *e)
{
    struct tm_key_module *m = calloc(1, sizeof(*m));
    pthread_rwlockattr_t writers;
    if (m == NULL)
        return tm_err_null(e, "out of memory");
    tm_cond_init(&m->changed);
    pthread_mutex_init(&m->lock, NULL);
    pthread_mutex_init(&m->finding, NULL);
    pthread_rwlockattr_init(&writers); /* the keeper must not wait for ever behind signatures */
    pthread_rwlockattr_setkind_np(&writers, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&m->calls, &writers);
    pthread_rwlockattr_destroy(&writers);
    int rc = (m->path = strdup(path)) != NULL ? 0 : tm_err_set(e, "out of memory");
    if (rc == 0)
        rc = (m->handle = try_load(path, e)) != NULL ? life_begin(&m->life, path, e) : -1;
    if (rc == 0 && tm_thread_start(&m->keeper, keep, m) != 0)
        rc = tm_err_set(e, "start the thread that minds PKCS#11 module '%s'", path);
    if (rc != 0) {
        module_free(m);
        return NULL;
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

static void stop_keeper(struct tm_key_module *m)
{
    pthread_mutex_lock(&m->lock);
    m->stop = true;
    pthread_cond_broadcast(&m->changed);
    pthread_mutex_unlock(&m->lock);
    pthread_join(m->keeper, NULL);
}

static void module_release(struct tm_key_module *m)
{
    pthread_mutex_lock(&modules.lock);
    if (--m->refs == 0) {
        struct tm_key_module **at = &modules.first;
        while (*at != m)
            at = &(*at)->next;
        *at = m->next;
        stop_keeper(m);
        module_free(m);
    }
    pthread_mutex_unlock(&modules.lock);
}

static bool take_pin_refused(struct tm_key_module *m)
{
    pthread_mutex_lock(&m->lock);
    bool refused = m->pin_refused;
    m->pin_refused = false;
    pthread_mutex_unlock(&m->lock);
    return refused;
}

/* A token or key that is newer than the module's life is not in it. */
static int add_in_new_life(struct tm_key_module *m, struct tm_key_slot *s, struct tm_err *e)
{
    struct tm_err fine = {0};
    pthread_rwlock_wrlock(&m->calls);
    s->next = m->keys;
    m->keys = s;
    int rc = renew(m, e);
    bool found = s->pkey != NULL;
    if (!found)
        m->keys = s->next;
    bool others = m->keys != NULL;
    pthread_rwlock_unlock(&m->calls);
    set_away(m, rc != 0 && others, rc != 0 ? e : &fine);
    return found ? 0 : -1;
}

int tm_key_module_add(struct tm_key_module *m, struct tm_key_slot *s, struct tm_err *e)
{
    s->module = m;
    pthread_rwlock_rdlock(&m->calls);
    pthread_mutex_lock(&m->finding);
    int rc = find(m, s, e);
    if (rc == 0) {
        s->next = m->keys;
        m->keys = s;
    }
    pthread_mutex_unlock(&m->finding);
    pthread_rwlock_unlock(&m->calls);
    ERR_clear_error();
    if (rc == 0 || take_pin_refused(m))
        return rc;
    rc = add_in_new_life(m, s, e);
    (void)take_pin_refused(m);
    return rc;
}

void tm_key_module_remove(struct tm_key_slot *s)
{
    struct tm_key_module *m = s->module;
    if (m == NULL)
        return;
    pthread_rwlock_wrlock(&m->calls);
    struct tm_key_slot **at = &m->keys;
    while (*at != NULL && *at != s)
        at = &(*at)->next;
    if (*at != NULL)
        *at = s->next;
    EVP_PKEY_free(s->pkey);
    s->pkey = NULL;
    pthread_rwlock_unlock(&m->calls);
    module_release(m);
}

/* Whether the module is in use; then `calls` is held. */
static bool begin_call(struct tm_key_module *m, unsigned *life)
{
    pthread_mutex_lock(&m->lock);
    bool away = m->away;
    *life = m->lives;
    pthread_mutex_unlock(&m->lock);
    if (!away)
        pthread_rwlock_rdlock(&m->calls);
    return !away;
}

/* Tells the keeper, and waits a moment for it: a lost session is back at once. */
static bool next_life(struct tm_key_module *m, unsigned seen)
{
    int64_t until = tm_clock_mono_ms() + FIRST_WAIT_MS;
    pthread_mutex_lock(&m->lock);
    bool first = !m->away && m->lives == seen;
    if (first) {
        m->away = true;
        m->pin_refused = false;
        tm_err_set(&m->why, "the token made no signature");
        pthread_cond_broadcast(&m->changed);
    }
    while (first && m->away && tm_cond_wait(&m->changed, &m->lock, until))
        ;
    bool back = !m->away;
    pthread_mutex_unlock(&m->lock);
    return back;
}

static int use_once(struct tm_key_module *m, const struct tm_key_slot *s,
                    int (*use)(EVP_PKEY *pkey, void *arg), void *arg, unsigned *life)
{
    int rc = -1;
    if (!begin_call(m, life))
        return -1;
    if (s->pkey != NULL)
        rc = use(s->pkey, arg);
    pthread_rwlock_unlock(&m->calls);
    return rc;
}

int tm_key_module_use(struct tm_key_slot *s, int (*use)(EVP_PKEY *pkey, void *arg), void *arg)
{
    struct tm_key_module *m = s->module;
    unsigned life = 0;
    int rc = use_once(m, s, use, arg, &life);
    if (rc != 0 && next_life(m, life))
        rc = use_once(m, s, use, arg, &life);
    return rc;
}

bool tm_key_module_is_away(struct tm_key_module *m, struct tm_err *e)
{
    pthread_mutex_lock(&m->lock);
    bool away = m->away;
    if (away)
        tm_err_set(e, "%s", m->why.text);
    pthread_mutex_unlock(&m->lock);
    return away;
}
