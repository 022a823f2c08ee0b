#include "oidc/keys/keystore.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/gate.h"
#include "oidc/keys/discovery.h"
#include "oidc/keys/incluster.h"

#define BUCKETS 256
#define WAITERS_MAX 4096
#define CA_FILE_MAX ((size_t)256 * 1024)
#define TICK_MS 500

struct waiting {
    struct waiting *next;
    struct oidc_waiter waiter;
};

struct provider {
    atomic_uint refs;              /* the table's, each user's, and a fetch's */
    struct provider *_Atomic next; /* in its bucket */
    struct keystore *store;
    char *iss;
    struct jwks *_Atomic keys; /* through store->gate */
    atomic_bool used;          /* looked up since its keys came */
    pthread_mutex_t lock;      /* guards all below */
    char *ca_pem;
    bool allow_http;
    bool in_cluster;
    bool configured;       /* exact issuer: refreshed whether it is used or not */
    unsigned settings;     /* counts changes of the three before */
    unsigned fetched_with; /* the count when the latest fetch began */
    struct provider *due;  /* the refresher's list */
    bool fetching;
    bool tried;
    int64_t tried_ms; /* monotonic; when the last fetch began */
    int64_t fresh_until_ms;
    int64_t had_ms; /* when the keys came; 0: never */
    struct waiting *waiters;
    unsigned waiter_count;
    uint64_t fetches;
    uint64_t failures;
};

struct keystore {
    struct oidc_options options;
    char *ca_pem;        /* options.ca_file's content */
    char *kubernetes_ca; /* paths; or NULL */
    char *kubernetes_token;
    struct jlog *log;
    struct fetch_pool *pool;
    struct gate gate;     /* for readers of the table and of the providers' keys */
    pthread_mutex_t lock; /* guards `trust` and changes of the table */
    struct oidc_trust *trust;
    struct provider *_Atomic bucket[BUCKETS];
    unsigned count;
    pthread_t refresher;
    bool refresher_runs;
    atomic_bool stopping;
};

static unsigned hash(const char *s)
{
    unsigned h = 2166136261u;
    for (; *s != '\0'; s++)
        h = (h ^ (unsigned char)*s) * 16777619u;
    return h % BUCKETS;
}

static void set_keys(struct provider *p, struct jwks *keys)
{
    struct jwks *old = atomic_exchange(&p->keys, keys);
    gate_wait(&p->store->gate);
    jwks_unref(old);
}

struct jwks *provider_keys(struct provider *p)
{
    unsigned at = gate_enter(&p->store->gate);
    struct jwks *keys = atomic_load(&p->keys);
    if (keys != NULL)
        (void)jwks_ref(keys);
    gate_leave(&p->store->gate, at);
    return keys;
}

static void wake_all(struct waiting *list)
{
    while (list != NULL) {
        struct waiting *next = list->next;
        list->waiter.wake(list->waiter.arg);
        free(list);
        list = next;
    }
}

/* How long keys stay fresh: the issuer's max-age within our bounds, less a little jitter by
 * address so that many issuers are not asked in the same second. */
static int64_t fresh_ms(const struct provider *p, int64_t max_age_s)
{
    int64_t s = p->store->options.jwks_refresh_s;
    if (max_age_s >= 60 && max_age_s < s)
        s = max_age_s;
    return s * 1000 - s * (int64_t)(hash(p->iss) % 100);
}

/* Ends a fetch; keys NULL: it failed. */
static void settle(struct provider *p, struct jwks *keys, int64_t max_age_s, const struct err *e)
{
    int64_t now = clock_mono_ms();
    if (keys == NULL)
        jlog(p->store->log, JLOG_WARN, "issuer keys not fetched", JLOG_STR("issuer", p->iss),
             JLOG_STR("error", e->text), JLOG_END);
    pthread_mutex_lock(&p->lock);
    p->fetching = false;
    if (keys == NULL) {
        p->failures++;
    } else if (p->fetched_with == p->settings) {
        set_keys(p, keys);
        p->had_ms = now;
        p->fresh_until_ms = now + fresh_ms(p, max_age_s);
        atomic_store_explicit(&p->used, false, memory_order_relaxed);
    } else {
        jwks_unref(keys); /* had in a way that a reload has forbidden since */
    }
    struct waiting *list = p->waiters;
    p->waiters = NULL;
    p->waiter_count = 0;
    pthread_mutex_unlock(&p->lock);
    wake_all(list);
}

static void on_keys(void *arg, struct jwks *keys, int64_t max_age_s, const struct err *e)
{
    struct provider *p = arg;
    settle(p, keys, max_age_s, e);
    provider_unref(p);
}

/* What a fetch needs beside the options. */
struct means {
    struct buf ca_pem;
    struct buf bearer;
    bool allow_http;
};

static int gather(struct provider *p, struct means *m, struct err *e)
{
    const struct keystore *k = p->store;
    pthread_mutex_lock(&p->lock);
    bool in_cluster = p->in_cluster;
    m->allow_http = p->allow_http || k->options.allow_http;
    if (p->ca_pem != NULL) {
        buf_puts(&m->ca_pem, p->ca_pem);
        buf_putc(&m->ca_pem, '\n');
    }
    p->fetched_with = p->settings;
    pthread_mutex_unlock(&p->lock);
    if (in_cluster && (incluster_ca(k->kubernetes_ca, &m->ca_pem, e) != 0 ||
                       incluster_token(k->kubernetes_token, &m->bearer, e) != 0))
        return -1;
    if (m->ca_pem.len == 0 && k->ca_pem != NULL)
        buf_puts(&m->ca_pem, k->ca_pem);
    return buf_str(&m->ca_pem) != NULL && buf_str(&m->bearer) != NULL ? 0
                                                                      : err_set(e, "out of memory");
}

/* With p->fetching already set by the caller, outside p->lock. */
static void begin_fetch(struct provider *p)
{
    struct means m = {{0}, {0}, false};
    struct err e = {0};
    if (gather(p, &m, &e) != 0) {
        settle(p, NULL, -1, &e);
    } else {
        struct discovery_request req = {
            .iss = p->iss,
            .ca_pem = m.ca_pem.len > 0 ? buf_str(&m.ca_pem) : NULL,
            .bearer = m.bearer.len > 0 ? buf_str(&m.bearer) : NULL,
            .allow_http = m.allow_http,
            .timeout_ms = p->store->options.fetch_timeout_ms,
        };
        atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
        discovery_start(p->store->pool, &req, on_keys, p);
    }
    buf_free(&m.ca_pem);
    buf_free_secret(&m.bearer);
}

static bool claim_fetch(struct provider *p)
{
    if (p->fetching || atomic_load(&p->store->stopping))
        return false;
    p->fetching = true;
    p->tried = true;
    p->tried_ms = clock_mono_ms();
    p->fetches++;
    return true;
}

static void prefetch(struct provider *p)
{
    pthread_mutex_lock(&p->lock);
    bool mine = !p->tried && claim_fetch(p);
    pthread_mutex_unlock(&p->lock);
    if (mine)
        begin_fetch(p);
}

static bool add_waiter(struct provider *p, const struct oidc_waiter *waiter)
{
    struct waiting *w = waiter != NULL && p->waiter_count < WAITERS_MAX ? malloc(sizeof(*w)) : NULL;
    if (w == NULL)
        return false;
    w->waiter = *waiter;
    w->next = p->waiters;
    p->waiters = w;
    p->waiter_count++;
    return true;
}

enum provider_answer provider_want(struct provider *p, const struct jwks *seen,
                                   const struct oidc_waiter *waiter)
{
    enum provider_answer answer = PROVIDER_NONE;
    bool mine = false;
    pthread_mutex_lock(&p->lock);
    int64_t since = clock_mono_ms() - p->tried_ms;
    if (atomic_load(&p->keys) != seen) {
        answer = PROVIDER_CHANGED;
    } else {
        if (!p->tried || since >= p->store->options.jwks_min_interval_s * 1000)
            mine = claim_fetch(p);
        if (p->fetching && add_waiter(p, waiter))
            answer = PROVIDER_WAIT;
    }
    pthread_mutex_unlock(&p->lock);
    if (mine)
        begin_fetch(p);
    return answer;
}

void provider_unref(struct provider *p)
{
    if (p == NULL || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
        return;
    wake_all(p->waiters);
    jwks_unref(p->keys);
    pthread_mutex_destroy(&p->lock);
    free(p->iss);
    free(p->ca_pem);
    free(p);
}

static struct provider *find(struct keystore *k, const char *iss)
{
    unsigned at = gate_enter(&k->gate);
    struct provider *p = atomic_load(&k->bucket[hash(iss)]);
    while (p != NULL && strcmp(p->iss, iss) != 0)
        p = atomic_load(&p->next);
    if (p != NULL)
        atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    gate_leave(&k->gate, at);
    return p;
}

/* With k->lock held. Its `next` stays, for readers who stand on it. */
static void take_out(struct keystore *k, struct provider *_Atomic *at)
{
    struct provider *p = atomic_load(at);
    atomic_store(at, atomic_load(&p->next));
    k->count--;
    gate_wait(&k->gate);
    provider_unref(p);
}

/* What is dropped first when the store is full: who never had keys, then whose keys age first;
 * -1: never, an exact issuer or one that is being asked. */
static int64_t keep_worth(struct provider *p, int64_t now)
{
    int64_t worth = -1;
    pthread_mutex_lock(&p->lock);
    bool settled = !p->configured && !p->fetching;
    if (settled && p->had_ms != 0)
        worth = p->fresh_until_ms;
    else if (settled && now - p->tried_ms >= p->store->options.jwks_min_interval_s * 1000)
        worth = 0;
    pthread_mutex_unlock(&p->lock);
    return worth;
}

/* With k->lock held: drops one wildcard's issuer. */
static void make_room(struct keystore *k)
{
    struct provider *_Atomic *least = NULL;
    int64_t least_worth = INT64_MAX;
    int64_t now = clock_mono_ms();
    for (unsigned b = 0; b < BUCKETS; b++) {
        for (struct provider *_Atomic *at = &k->bucket[b]; *at != NULL; at = &(*at)->next) {
            int64_t worth = keep_worth(*at, now);
            if (worth < 0 || worth >= least_worth)
                continue;
            least = at;
            least_worth = worth;
        }
    }
    if (least != NULL)
        take_out(k, least);
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* What the trust list says of this issuer now. -1: out of memory, nothing changed. */
static int apply(struct provider *p, const struct oidc_issuer *issuer)
{
    pthread_mutex_lock(&p->lock);
    bool in_cluster = incluster_is(issuer);
    bool same = same_text(p->ca_pem, issuer->ca_cert) && p->allow_http == issuer->allow_http &&
                p->in_cluster == in_cluster;
    char *ca_pem = !same && issuer->ca_cert != NULL ? strdup(issuer->ca_cert) : NULL;
    bool no_memory = !same && issuer->ca_cert != NULL && ca_pem == NULL;
    if (!same && !no_memory) {
        free(p->ca_pem);
        p->ca_pem = ca_pem;
        p->allow_http = issuer->allow_http;
        p->in_cluster = in_cluster;
        p->settings++;
        p->tried = false;
        p->fresh_until_ms = 0;
        p->had_ms = 0;
        set_keys(p, NULL);
    }
    p->configured = !issuer->wildcard;
    pthread_mutex_unlock(&p->lock);
    return no_memory ? -1 : 0;
}

/* With k->lock held. The caller gets a reference. */
static struct provider *insert(struct keystore *k, const struct oidc_issuer *issuer,
                               const char *iss)
{
    if (k->count >= KEYSTORE_ISSUERS_MAX)
        make_room(k);
    struct provider *p = k->count < KEYSTORE_ISSUERS_MAX ? calloc(1, sizeof(*p)) : NULL;
    if (p == NULL)
        return NULL;
    pthread_mutex_init(&p->lock, NULL);
    atomic_init(&p->refs, 1);
    p->store = k;
    p->iss = strdup(iss);
    if (p->iss == NULL || apply(p, issuer) != 0) {
        provider_unref(p);
        return NULL;
    }
    unsigned b = hash(iss);
    p->next = k->bucket[b];
    k->bucket[b] = p;
    k->count++;
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

struct provider *keystore_provider(struct keystore *k, const char *iss)
{
    struct provider *p = find(k, iss);
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
        struct provider *_Atomic *at = &k->bucket[b];
        while (*at != NULL) {
            struct provider *p = *at;
            const struct oidc_issuer *issuer = oidc_trust_find(k->trust, p->iss, strlen(p->iss));
            if (issuer == NULL || apply(p, issuer) != 0)
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
        struct provider *p = issuer->wildcard ? NULL : keystore_provider(k, issuer->url);
        if (p != NULL)
            prefetch(p);
        provider_unref(p);
    }
}

/* A provider is due when its keys age, or, after a failure, when the interval has passed. Who
 * never had keys is asked again by the next token only, unless it is an exact issuer. */
static bool claim_if_due(struct provider *p, int64_t now)
{
    int64_t interval_ms = p->store->options.jwks_min_interval_s * 1000;
    pthread_mutex_lock(&p->lock);
    bool due = (p->configured || p->had_ms != 0) && now >= p->fresh_until_ms &&
               (!p->tried || now - p->tried_ms >= interval_ms) && claim_fetch(p);
    pthread_mutex_unlock(&p->lock);
    return due;
}

/* A wildcard's issuer whose keys have aged while nobody asked for it: neither worth a fetch nor
 * to be trusted with old keys when somebody does. */
static bool is_over(struct provider *p, int64_t now)
{
    pthread_mutex_lock(&p->lock);
    bool over = !p->configured && !p->fetching && p->had_ms != 0 && now >= p->fresh_until_ms &&
                !atomic_load_explicit(&p->used, memory_order_relaxed);
    pthread_mutex_unlock(&p->lock);
    return over;
}

/* With k->lock held: drops what is over, lists what is due, each with a reference. */
static struct provider *list_due(struct keystore *k)
{
    struct provider *due = NULL;
    int64_t now = clock_mono_ms();
    for (unsigned b = 0; b < BUCKETS; b++) {
        struct provider *_Atomic *at = &k->bucket[b];
        while (*at != NULL) {
            struct provider *p = *at;
            if (is_over(p, now)) {
                take_out(k, at);
                continue;
            }
            at = &p->next;
            if (!claim_if_due(p, now))
                continue;
            atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
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
    struct provider *due = list_due(k);
    pthread_mutex_unlock(&k->lock);
    while (due != NULL) {
        struct provider *p = due;
        due = p->due;
        begin_fetch(p);
        provider_unref(p);
    }
}

static void *refresh_loop(void *arg)
{
    struct keystore *k = arg;
    while (!atomic_load(&k->stopping)) {
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
    if (keep_path(&k->options.kubernetes_ca_file, &k->kubernetes_ca) != 0 ||
        keep_path(&k->options.kubernetes_token_file, &k->kubernetes_token) != 0)
        return err_set(e, "out of memory");
    if (k->options.ca_file != NULL) {
        struct buf pem = {0};
        int rc = file_read(k->options.ca_file, CA_FILE_MAX, &pem, e);
        const char *text = buf_str(&pem);
        k->ca_pem = rc == 0 && text != NULL ? strdup(text) : NULL;
        buf_free(&pem);
        if (k->ca_pem == NULL)
            return err_wrap(e, "issuers' CA file");
        k->options.ca_file = NULL; /* the caller's string */
    }
    k->pool = fetch_pool_new(e);
    if (k->pool == NULL)
        return -1;
    if (pthread_create(&k->refresher, NULL, refresh_loop, k) != 0)
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
    k->options = *o;
    k->log = log;
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
    atomic_store(&k->stopping, true);
    if (k->refresher_runs)
        pthread_join(k->refresher, NULL);
    fetch_pool_free(k->pool);
    for (unsigned b = 0; b < BUCKETS; b++) {
        while (k->bucket[b] != NULL)
            take_out(k, &k->bucket[b]);
    }
    oidc_trust_unref(k->trust);
    pthread_mutex_destroy(&k->lock);
    free(k->ca_pem);
    free(k->kubernetes_ca);
    free(k->kubernetes_token);
    free(k);
}

/* False: an issuer that anybody can make up, and that never had keys, is no label. */
static bool provider_stats(struct provider *p, struct oidc_issuer_stats *s)
{
    struct jwks *keys = provider_keys(p);
    s->issuer = p->iss;
    s->keys = keys != NULL ? jwks_count(keys) : 0;
    jwks_unref(keys);
    pthread_mutex_lock(&p->lock);
    s->jwks_age_s = p->had_ms != 0 ? (clock_mono_ms() - p->had_ms) / 1000 : -1;
    s->fetches = p->fetches;
    s->failures = p->failures;
    bool known = p->configured || p->had_ms != 0;
    pthread_mutex_unlock(&p->lock);
    return known;
}

void keystore_stats(struct keystore *k, void (*fn)(void *arg, const struct oidc_issuer_stats *s),
                    void *arg)
{
    pthread_mutex_lock(&k->lock);
    for (unsigned b = 0; b < BUCKETS; b++) {
        for (struct provider *p = k->bucket[b]; p != NULL; p = p->next) {
            struct oidc_issuer_stats s;
            if (provider_stats(p, &s))
                fn(arg, &s);
        }
    }
    pthread_mutex_unlock(&k->lock);
}
