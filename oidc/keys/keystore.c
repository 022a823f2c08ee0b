#include "oidc/keys/keystore.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/file.h"
#include "oidc/keys/discovery.h"
#include "oidc/keys/issuer_keys.h"

#define BUCKETS 256
#define CA_FILE_MAX ((size_t)256 * 1024)
#define TICK_MS 500

struct oidc_keystore {
    struct oidc_issuer_keys_env env; /* its gate is for readers of the table, too */
    pthread_mutex_t lock;            /* guards `trust` and changes of the table */
    struct oidc_trust *trust;
    struct oidc_issuer_keys *_Atomic bucket[BUCKETS];
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

static struct oidc_issuer_keys *find(struct oidc_keystore *k, const char *iss)
{
    unsigned at = tm_gate_enter(&k->env.gate);
    struct oidc_issuer_keys *p = atomic_load(&k->bucket[hash(iss)]);
    while (p != NULL && strcmp(p->iss, iss) != 0)
        p = atomic_load(&p->next);
    if (p != NULL)
        oidc_issuer_keys_ref(p);
    tm_gate_leave(&k->env.gate, at);
    return p;
}

/* With k->lock held. Its `next` stays, for readers who stand on it. */
static void take_out(struct oidc_keystore *k, struct oidc_issuer_keys *_Atomic *at)
{
    struct oidc_issuer_keys *p = atomic_load(at);
    atomic_store(at, atomic_load(&p->next));
    tm_gate_wait(&k->env.gate);
    oidc_issuer_keys_unref(p);
}

/* Who of a class there is, and who of them would go first. */
struct census {
    unsigned count;
    struct oidc_issuer_keys *_Atomic *first; /* where it hangs in the table; NULL: nobody can go */
    int64_t first_ms;
};

static void take_down(struct census *c, struct oidc_issuer_keys *_Atomic *at,
                      const struct oidc_issuer_keys_standing *s)
{
    c->count++;
    if (s->busy || (c->first != NULL && s->last_ms >= c->first_ms))
        return;
    c->first = at;
    c->first_ms = s->last_ms;
}

/* With k->lock held. `wildcard` NULL: of all. */
static struct census count_class(struct oidc_keystore *k, enum oidc_issuer_keys_class class,
                                 const struct oidc_wildcard *wildcard)
{
    struct census c = {0};
    for (unsigned b = 0; b < BUCKETS; b++) {
        for (struct oidc_issuer_keys *_Atomic *at = &k->bucket[b]; *at != NULL; at = &(*at)->next) {
            struct oidc_issuer_keys_standing s = oidc_issuer_keys_standing(*at);
            if (s.class == class && (wildcard == NULL || s.wildcard == wildcard))
                take_down(&c, at, &s);
        }
    }
    return c;
}

/* With k->lock held: room for one more on trial under this wildcard. Only others on trial give way:
 * who makes up issuers cannot drive out those that work. */
static bool make_room(struct oidc_keystore *k, const struct oidc_wildcard *wildcard)
{
    struct census own = count_class(k, ISSUER_TRIAL, wildcard);
    struct census all = count_class(k, ISSUER_TRIAL, NULL);
    if (own.count < WILDCARD_TRIALS_MAX && all.count < WILDCARDS_TRIALS_MAX)
        return true;
    struct oidc_issuer_keys *_Atomic *first =
        own.count >= WILDCARD_TRIALS_MAX ? own.first : all.first;
    if (first == NULL)
        return false;
    take_out(k, first);
    return true;
}

/* With k->lock held. The caller gets a reference. */
static struct oidc_issuer_keys *insert(struct oidc_keystore *k, const struct oidc_issuer *issuer,
                                       const char *iss)
{
    struct oidc_issuer_keys *p = oidc_issuer_keys_new(&k->env, iss, issuer);
    if (p == NULL)
        return NULL;
    if (p->wildcard != NULL && !make_room(k, p->wildcard)) {
        oidc_issuer_keys_unref(p);
        return NULL;
    }
    unsigned b = hash(iss);
    p->next = k->bucket[b];
    k->bucket[b] = p;
    oidc_issuer_keys_ref(p);
    return p;
}

struct oidc_issuer_keys *oidc_keystore_issuer(struct oidc_keystore *k, const char *iss)
{
    struct oidc_issuer_keys *p = find(k, iss);
    if (p != NULL) {
        if (!atomic_load_explicit(&p->used, memory_order_relaxed))
            atomic_store_explicit(&p->used, true, memory_order_relaxed);
        return p;
    }
    pthread_mutex_lock(&k->lock);
    p = find(k, iss);
    const struct oidc_issuer *issuer =
        p == NULL && k->trust != NULL ? oidc_trust_find(k->trust, iss, strlen(iss)) : NULL;
    if (issuer != NULL && !issuer->disabled)
        p = insert(k, issuer, iss);
    pthread_mutex_unlock(&k->lock);
    return p;
}

static void apply_all(struct oidc_keystore *k)
{
    for (unsigned b = 0; b < BUCKETS; b++) {
        struct oidc_issuer_keys *_Atomic *at = &k->bucket[b];
        while (*at != NULL) {
            struct oidc_issuer_keys *p = *at;
            const struct oidc_issuer *issuer = oidc_trust_find(k->trust, p->iss, strlen(p->iss));
            if (issuer == NULL || issuer->disabled || oidc_issuer_keys_apply(p, issuer) != 0)
                take_out(k, at); /* forgotten, or made anew at its next use */
            else
                at = &p->next;
        }
    }
}

void oidc_keystore_set_trust(struct oidc_keystore *k, struct oidc_trust *trust)
{
    pthread_mutex_lock(&k->lock);
    struct oidc_trust *old = k->trust;
    k->trust = oidc_trust_ref(trust);
    oidc_trust_unref(old);
    apply_all(k);
    pthread_mutex_unlock(&k->lock);
    for (size_t i = 0; i < oidc_trust_count(trust) && !k->env.options.on_demand; i++) {
        const struct oidc_issuer *issuer = oidc_trust_at(trust, i);
        struct oidc_issuer_keys *p = issuer->wildcard ? NULL : oidc_keystore_issuer(k, issuer->url);
        if (p != NULL)
            oidc_issuer_keys_prefetch(p);
        oidc_issuer_keys_unref(p);
    }
}

/* With k->lock held. */
static void limit_proven(struct oidc_keystore *k)
{
    struct census c = count_class(k, ISSUER_PROVEN, NULL);
    while (c.count > KEYSTORE_PROVEN_MAX && c.first != NULL) {
        take_out(k, c.first);
        c = count_class(k, ISSUER_PROVEN, NULL);
    }
}

/* With k->lock held: drops what is over, lists what is due, each with a reference. */
static struct oidc_issuer_keys *list_due(struct oidc_keystore *k)
{
    struct oidc_issuer_keys *due = NULL;
    int64_t now = tm_clock_mono_ms();
    for (unsigned b = 0; b < BUCKETS; b++) {
        struct oidc_issuer_keys *_Atomic *at = &k->bucket[b];
        while (*at != NULL) {
            struct oidc_issuer_keys *p = *at;
            oidc_issuer_keys_expire(p, now);
            if (oidc_issuer_keys_is_over(p, now)) {
                take_out(k, at);
                continue;
            }
            at = &p->next;
            if (!oidc_issuer_keys_claim_if_due(p, now))
                continue;
            oidc_issuer_keys_ref(p);
            p->due = due;
            due = p;
        }
    }
    return due;
}

/* Those to fetch are listed first: a fetch reads files, and the table's lock is not for that. */
static void refresh(struct oidc_keystore *k)
{
    pthread_mutex_lock(&k->lock);
    limit_proven(k);
    struct oidc_issuer_keys *due = list_due(k);
    pthread_mutex_unlock(&k->lock);
    while (due != NULL) {
        struct oidc_issuer_keys *p = due;
        due = p->due;
        oidc_issuer_keys_begin_fetch(p);
        oidc_issuer_keys_unref(p);
    }
}

static void *refresh_loop(void *arg)
{
    struct oidc_keystore *k = arg;
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

static int start(struct oidc_keystore *k, struct tm_err *e)
{
    if (keep_path(&k->env.options.kubernetes_ca_file, &k->env.kubernetes_ca) != 0 ||
        keep_path(&k->env.options.kubernetes_token_file, &k->env.kubernetes_token) != 0)
        return tm_err_set(e, "out of memory");
    if (k->env.options.ca_file != NULL) {
        struct tm_buf pem = {0};
        int rc = tm_file_read_text(k->env.options.ca_file, CA_FILE_MAX, &pem, e);
        const char *text = tm_buf_str(&pem);
        k->env.ca_pem = rc == 0 && text != NULL ? strdup(text) : NULL;
        tm_buf_free(&pem);
        if (k->env.ca_pem == NULL)
            return tm_err_wrap(e, "issuers' CA file");
        k->env.options.ca_file = NULL; /* the caller's string */
    }
    if (oidc_discovery_fetcher(k->env.options.fetch_hub, &k->env.fetcher, e) != 0)
        return -1;
    errno = pthread_create(&k->refresher, NULL, refresh_loop, k);
    if (errno != 0)
        return tm_err_errno(e, "start the key refresher");
    k->refresher_runs = true;
    return 0;
}

struct oidc_keystore *oidc_keystore_new(const struct oidc_options *o, struct tm_jlog *log,
                                        struct tm_err *e)
{
    struct oidc_keystore *k = calloc(1, sizeof(*k));
    if (k == NULL)
        return tm_err_null(e, "out of memory");
    k->env.options = *o;
    k->env.log = log;
    pthread_mutex_init(&k->lock, NULL);
    if (start(k, e) != 0) {
        oidc_keystore_free(k);
        return NULL;
    }
    return k;
}

void oidc_keystore_free(struct oidc_keystore *k)
{
    if (k == NULL)
        return;
    atomic_store(&k->env.stopping, true);
    if (k->refresher_runs)
        pthread_join(k->refresher, NULL);
    if (k->env.fetcher.ctx != NULL)
        k->env.fetcher.stop(k->env.fetcher.ctx);
    for (unsigned b = 0; b < BUCKETS; b++) {
        while (k->bucket[b] != NULL)
            take_out(k, &k->bucket[b]);
    }
    oidc_wildcards_free(&k->env.wildcards);
    oidc_trust_unref(k->trust);
    pthread_mutex_destroy(&k->lock);
    free(k->env.ca_pem);
    free(k->env.kubernetes_ca);
    free(k->env.kubernetes_token);
    free(k);
}

void oidc_keystore_stats(struct oidc_keystore *k,
                         void (*fn)(void *arg, const struct oidc_issuer_stats *s), void *arg)
{
    pthread_mutex_lock(&k->lock);
    for (unsigned b = 0; b < BUCKETS; b++) {
        for (struct oidc_issuer_keys *p = k->bucket[b]; p != NULL; p = p->next) {
            struct oidc_issuer_stats s;
            if (oidc_issuer_keys_stats(p, &s))
                fn(arg, &s);
        }
    }
    pthread_mutex_unlock(&k->lock);
}
