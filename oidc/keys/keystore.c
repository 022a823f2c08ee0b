#include "oidc/keys/keystore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/file.h"
#include "oidc/keys/issuer_keys.h"

#define BUCKETS 256
#define CA_FILE_MAX ((size_t)256 * 1024)
#define TICK_MS 500

struct keystore {
    struct issuer_keys_env env; /* its gate is for readers of the table, too */
    pthread_mutex_t lock;       /* guards `trust` and changes of the table */
    struct oidc_trust *trust;
    struct issuer_keys *_Atomic bucket[BUCKETS];
    unsigned count;
    pthread_t refresher;
    bool refresher_runs;
};

static unsigned hash(const char *s)
{
    unsigned h = 2166136261u;
    for (; *s != '\0'; s++)
        h = (h ^ (unsigned char)*s) * 16777619u;
    return h % BUCKETS;
}

static struct issuer_keys *find(struct keystore *k, const char *iss)
{
    unsigned at = gate_enter(&k->env.gate);
    struct issuer_keys *p = atomic_load(&k->bucket[hash(iss)]);
    while (p != NULL && strcmp(p->iss, iss) != 0)
        p = atomic_load(&p->next);
    if (p != NULL)
        issuer_keys_ref(p);
    gate_leave(&k->env.gate, at);
    return p;
}

/* With k->lock held. Its `next` stays, for readers who stand on it. */
static void take_out(struct keystore *k, struct issuer_keys *_Atomic *at)
{
    struct issuer_keys *p = atomic_load(at);
    atomic_store(at, atomic_load(&p->next));
    k->count--;
    gate_wait(&k->env.gate);
    issuer_keys_unref(p);
}

/* With k->lock held: drops one wildcard's issuer. */
static void make_room(struct keystore *k)
{
    struct issuer_keys *_Atomic *least = NULL;
    int64_t least_worth = INT64_MAX;
    int64_t now = clock_mono_ms();
    for (unsigned b = 0; b < BUCKETS; b++) {
        for (struct issuer_keys *_Atomic *at = &k->bucket[b]; *at != NULL; at = &(*at)->next) {
            int64_t worth = issuer_keys_keep_worth(*at, now);
            if (worth < 0 || worth >= least_worth)
                continue;
            least = at;
            least_worth = worth;
        }
    }
    if (least != NULL)
        take_out(k, least);
}

/* With k->lock held. The caller gets a reference. */
static struct issuer_keys *insert(struct keystore *k, const struct oidc_issuer *issuer,
                                  const char *iss)
{
    if (k->count >= KEYSTORE_ISSUERS_MAX)
        make_room(k);
    struct issuer_keys *p =
        k->count < KEYSTORE_ISSUERS_MAX ? issuer_keys_new(&k->env, iss, issuer) : NULL;
    if (p == NULL)
        return NULL;
    unsigned b = hash(iss);
    p->next = k->bucket[b];
    k->bucket[b] = p;
    k->count++;
    issuer_keys_ref(p);
    return p;
}

struct issuer_keys *keystore_issuer(struct keystore *k, const char *iss)
{
    struct issuer_keys *p = find(k, iss);
    if (p != NULL) {
        if (!atomic_load_explicit(&p->used, memory_order_relaxed))
            atomic_store_explicit(&p->used, true, memory_order_relaxed);
        return p;
    }
    pthread_mutex_lock(&k->lock);
    p = find(k, iss);
    const struct oidc_issuer *issuer =
        p == NULL && k->trust != NULL ? oidc_trust_find(k->trust, iss, strlen(iss)) : NULL;
    if (issuer != NULL)
        p = insert(k, issuer, iss);
    pthread_mutex_unlock(&k->lock);
    return p;
}

static void apply_all(struct keystore *k)
{
    for (unsigned b = 0; b < BUCKETS; b++) {
        struct issuer_keys *_Atomic *at = &k->bucket[b];
        while (*at != NULL) {
            struct issuer_keys *p = *at;
            const struct oidc_issuer *issuer = oidc_trust_find(k->trust, p->iss, strlen(p->iss));
            if (issuer == NULL || issuer_keys_apply(p, issuer) != 0)
                take_out(k, at); /* forgotten, or made anew at its next use */
            else
                at = &p->next;
        }
    }
}

void keystore_set_trust(struct keystore *k, struct oidc_trust *trust)
{
    pthread_mutex_lock(&k->lock);
    struct oidc_trust *old = k->trust;
    k->trust = oidc_trust_ref(trust);
    oidc_trust_unref(old);
    apply_all(k);
    pthread_mutex_unlock(&k->lock);
    for (size_t i = 0; i < oidc_trust_count(trust); i++) {
        const struct oidc_issuer *issuer = oidc_trust_at(trust, i);
        struct issuer_keys *p = issuer->wildcard ? NULL : keystore_issuer(k, issuer->url);
        if (p != NULL)
            issuer_keys_prefetch(p);
        issuer_keys_unref(p);
    }
}

/* With k->lock held: drops what is over, lists what is due, each with a reference. */
static struct issuer_keys *list_due(struct keystore *k)
{
    struct issuer_keys *due = NULL;
    int64_t now = clock_mono_ms();
    for (unsigned b = 0; b < BUCKETS; b++) {
        struct issuer_keys *_Atomic *at = &k->bucket[b];
        while (*at != NULL) {
            struct issuer_keys *p = *at;
            if (issuer_keys_is_over(p, now)) {
                take_out(k, at);
                continue;
            }
            at = &p->next;
            if (!issuer_keys_claim_if_due(p, now))
                continue;
            issuer_keys_ref(p);
            p->due = due;
            due = p;
        }
    }
    return due;
}

/* Those to fetch are listed first: a fetch reads files, and the table's lock is not for that. */
static void refresh(struct keystore *k)
{
    pthread_mutex_lock(&k->lock);
    struct issuer_keys *due = list_due(k);
    pthread_mutex_unlock(&k->lock);
    while (due != NULL) {
        struct issuer_keys *p = due;
        due = p->due;
        issuer_keys_begin_fetch(p);
        issuer_keys_unref(p);
    }
}

static void *refresh_loop(void *arg)
{
    struct keystore *k = arg;
    while (!atomic_load(&k->env.stopping)) {
        struct timespec tick = {0, TICK_MS * 1000000L};
        nanosleep(&tick, NULL);
        refresh(k);
    }
    return NULL;
}

/* -1: out of memory. */
static int keep_path(const char **option, char **own)
{
    *own = *option != NULL ? strdup(*option) : NULL;
    int rc = *option == NULL || *own != NULL ? 0 : -1;
    *option = NULL; /* the caller's string */
    return rc;
}

static int start(struct keystore *k, struct err *e)
{
    if (keep_path(&k->env.options.kubernetes_ca_file, &k->env.kubernetes_ca) != 0 ||
        keep_path(&k->env.options.kubernetes_token_file, &k->env.kubernetes_token) != 0)
        return err_set(e, "out of memory");
    if (k->env.options.ca_file != NULL) {
        struct buf pem = {0};
        int rc = file_read(k->env.options.ca_file, CA_FILE_MAX, &pem, e);
        const char *text = buf_str(&pem);
        k->env.ca_pem = rc == 0 && text != NULL ? strdup(text) : NULL;
        buf_free(&pem);
        if (k->env.ca_pem == NULL)
            return err_wrap(e, "issuers' CA file");
        k->env.options.ca_file = NULL; /* the caller's string */
    }
    k->env.pool = fetch_pool_new(e);
    if (k->env.pool == NULL)
        return -1;
    errno = pthread_create(&k->refresher, NULL, refresh_loop, k);
    if (errno != 0)
        return err_errno(e, "start the key refresher");
    k->refresher_runs = true;
    return 0;
}

struct keystore *keystore_new(const struct oidc_options *o, struct jlog *log, struct err *e)
{
    struct keystore *k = calloc(1, sizeof(*k));
    if (k == NULL) {
        err_set(e, "out of memory");
        return NULL;
    }
    k->env.options = *o;
    k->env.log = log;
    pthread_mutex_init(&k->lock, NULL);
    if (start(k, e) != 0) {
        keystore_free(k);
        return NULL;
    }
    return k;
}

void keystore_free(struct keystore *k)
{
    if (k == NULL)
        return;
    atomic_store(&k->env.stopping, true);
    if (k->refresher_runs)
        pthread_join(k->refresher, NULL);
    fetch_pool_free(k->env.pool);
    for (unsigned b = 0; b < BUCKETS; b++) {
        while (k->bucket[b] != NULL)
            take_out(k, &k->bucket[b]);
    }
    oidc_trust_unref(k->trust);
    pthread_mutex_destroy(&k->lock);
    free(k->env.ca_pem);
    free(k->env.kubernetes_ca);
    free(k->env.kubernetes_token);
    free(k);
}

void keystore_stats(struct keystore *k, void (*fn)(void *arg, const struct oidc_issuer_stats *s),
                    void *arg)
{
    pthread_mutex_lock(&k->lock);
    for (unsigned b = 0; b < BUCKETS; b++) {
        for (struct issuer_keys *p = k->bucket[b]; p != NULL; p = p->next) {
            struct oidc_issuer_stats s;
            if (issuer_keys_stats(p, &s))
                fn(arg, &s);
        }
    }
    pthread_mutex_unlock(&k->lock);
}
