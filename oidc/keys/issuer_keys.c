/* One issuer: its keys, when they came, who waits for them, and how they are fetched. */
#include "oidc/keys/issuer_keys.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "oidc/keys/incluster.h"

#define WAITERS_MAX 1024 /* as many as there are connections by default */
#define FAILED_PAUSE_MAX_S 60

struct waiting {
    struct waiting *next;
    struct oidc_waiter waiter;
};

static void set_keys(struct oidc_issuer_keys *p, struct oidc_jwks *keys)
{
    struct oidc_jwks *old = atomic_exchange(&p->keys, keys);
    tm_gate_wait(&p->env->gate);
    oidc_jwks_unref(old);
}

struct oidc_jwks *oidc_issuer_keys_get(struct oidc_issuer_keys *p)
{
    unsigned at = tm_gate_enter(&p->env->gate);
    struct oidc_jwks *keys = atomic_load(&p->keys);
    if (keys != NULL)
        (void)oidc_jwks_ref(keys);
    tm_gate_leave(&p->env->gate, at);
    return keys;
}

void oidc_issuer_keys_why(struct oidc_issuer_keys *p, struct tm_err *e)
{
    pthread_mutex_lock(&p->lock);
    *e = p->why;
    pthread_mutex_unlock(&p->lock);
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

/* 0 to 99, by address. */
static int64_t spread(const char *iss)
{
    unsigned h = 0;
    for (; *iss != '\0'; iss++)
        h = h * 31 + (unsigned char)*iss;
    return (int64_t)(h % 100);
}

/* How long keys stay fresh: the issuer's max-age within our bounds, less a little jitter by
 * address so that many issuers are not asked in the same second. */
static int64_t fresh_ms(const struct oidc_issuer_keys *p, int64_t max_age_s)
{
    int64_t s = p->env->options.jwks_refresh_s;
    if (max_age_s >= 60 && max_age_s < s)
        s = max_age_s;
    return s * 1000 - s * spread(p->iss);
}

/* A failed fetch is tried again soon, for who was away for a moment; never later than a good one.
 */
static int64_t pause_ms(const struct oidc_issuer_keys *p)
{
    int64_t most = p->env->options.jwks_min_interval_s;
    int64_t s = p->failed < 7 ? (int64_t)1 << (p->failed - 1) : FAILED_PAUSE_MAX_S;
    if (most > FAILED_PAUSE_MAX_S)
        most = FAILED_PAUSE_MAX_S;
    return (s < most ? s : most) * 1000;
}

/* Ends a fetch; keys NULL: it failed. */
static void settle(struct oidc_issuer_keys *p, struct oidc_jwks *keys, int64_t max_age_s,
                   const struct tm_err *e)
{
    int64_t now = tm_clock_mono_ms();
    if (keys == NULL)
        jlog(p->env->log, JLOG_WARN, "issuer keys not fetched", JLOG_STR("issuer", p->iss),
             JLOG_STR("error", e->text), JLOG_END);
    pthread_mutex_lock(&p->lock);
    p->fetching = false;
    bool current = p->fetched_with == p->settings; /* else a reload wants it done in another way */
    p->failures += keys == NULL;
    p->why = keys == NULL ? *e : (struct tm_err){0};
    if (keys == NULL && current) {
        p->failed++;
        p->next_ms = now + pause_ms(p);
    } else if (current) {
        set_keys(p, keys);
        p->had_ms = now;
        p->failed = 0;
        p->fresh_until_ms = now + fresh_ms(p, max_age_s);
        atomic_store_explicit(&p->used, false, memory_order_relaxed);
    } else {
        oidc_jwks_unref(keys);
    }
    struct waiting *list = p->waiters;
    if (p->place != NULL) {
        oidc_wildcard_woken(p->place, p->waiter_count);
        oidc_wildcard_leave(&p->env->wildcards, p->place);
    }
    p->place = NULL;
    p->waiters = NULL;
    p->waiter_count = 0;
    pthread_mutex_unlock(&p->lock);
    wake_all(list);
}

/* What an operator would look for when tokens of some of the keys are refused. */
static void report(const struct oidc_issuer_keys *p, const struct oidc_jwks_report *r)
{
    if (r->cut > 0)
        jlog(p->env->log, JLOG_WARN,
             "issuer publishes more keys than are held: the last are ignored",
             JLOG_STR("issuer", p->iss), JLOG_INT("keys", r->listed), JLOG_INT("ignored", r->cut),
             JLOG_END);
    if (r->damaged > 0)
        jlog(p->env->log, JLOG_WARN, "issuer keys left out", JLOG_STR("issuer", p->iss),
             JLOG_INT("keys", r->listed), JLOG_INT("left_out", r->damaged),
             JLOG_STR("error", r->why.text), JLOG_END);
}

static void on_fetched(void *arg, const struct oidc_fetched *answer, const struct tm_err *fault)
{
    struct oidc_issuer_keys *p = arg;
    struct oidc_jwks_report r = {0};
    struct tm_err e = *fault;
    struct oidc_jwks *keys =
        answer != NULL ? oidc_jwks_parse(answer->jwks, answer->len, &r, &e) : NULL;
    if (answer != NULL && keys == NULL)
        tm_err_wrap(&e, "key set");
    if (keys != NULL)
        report(p, &r);
    settle(p, keys, answer != NULL ? answer->max_age_s : -1, &e);
    oidc_issuer_keys_unref(p);
}

/* Keys that the operator has pinned. Only bytes that are read once, so no fetch is under way. */
static void read_file(struct oidc_issuer_keys *p, const char *path)
{
    struct tm_buf text = {0};
    struct tm_err e = {0};
    int rc = tm_file_read(path, JWKS_BYTES_MAX, &text, &e);
    const struct oidc_fetched answer = {tm_buf_str(&text), text.len, -1};
    oidc_issuer_keys_ref(p);
    on_fetched(p, rc == 0 && answer.jwks != NULL ? &answer : NULL, &e);
    tm_buf_free(&text);
}

/* What a fetch needs beside the options. */
struct means {
    struct tm_buf file; /* empty: fetched */
    struct tm_buf ca_pem;
    struct tm_buf bearer;
    bool allow_http;
};

static int gather(struct oidc_issuer_keys *p, struct means *m, struct tm_err *e)
{
    const struct oidc_issuer_keys_env *env = p->env;
    pthread_mutex_lock(&p->lock);
    bool in_cluster = p->in_cluster;
    m->allow_http = p->allow_http || env->options.allow_http;
    if (p->jwks_file != NULL) {
        tm_buf_puts(&m->file, p->jwks_file);
        p->file_seen = tm_file_stamp(p->jwks_file);
    }
    if (p->ca_pem != NULL) {
        tm_buf_puts(&m->ca_pem, p->ca_pem);
        buf_putc(&m->ca_pem, '\n');
    }
    p->fetched_with = p->settings;
    pthread_mutex_unlock(&p->lock);
    if (in_cluster && (oidc_incluster_ca(env->kubernetes_ca, &m->ca_pem, e) != 0 ||
                       oidc_incluster_token(env->kubernetes_token, &m->bearer, e) != 0))
        return -1;
    if (m->ca_pem.len == 0 && env->ca_pem != NULL)
        tm_buf_puts(&m->ca_pem, env->ca_pem);
    return tm_buf_str(&m->ca_pem) != NULL && tm_buf_str(&m->bearer) != NULL &&
                   tm_buf_str(&m->file) != NULL
               ? 0
               : tm_err_set(e, "out of memory");
}

void oidc_issuer_keys_begin_fetch(struct oidc_issuer_keys *p)
{
    struct means m = {{0}, {0}, {0}, false};
    struct tm_err e = {0};
    if (gather(p, &m, &e) != 0) {
        settle(p, NULL, -1, &e);
    } else if (m.file.len > 0) {
        read_file(p, tm_buf_str(&m.file));
    } else {
        struct oidc_fetch req = {
            .iss = p->iss,
            .ca_pem = m.ca_pem.len > 0 ? tm_buf_str(&m.ca_pem) : NULL,
            .bearer = m.bearer.len > 0 ? tm_buf_str(&m.bearer) : NULL,
            .allow_http = m.allow_http,
            .timeout_ms = p->env->options.fetch_timeout_ms,
        };
        oidc_issuer_keys_ref(p);
        p->env->fetcher.begin(p->env->fetcher.ctx, &req, on_fetched, p);
    }
    tm_buf_free(&m.file);
    tm_buf_free(&m.ca_pem);
    tm_buf_free_secret(&m.bearer);
}

static bool claim_fetch(struct oidc_issuer_keys *p)
{
    struct oidc_wildcard *trial = p->had_ms == 0 ? p->wildcard : NULL;
    if (p->fetching || atomic_load(&p->env->stopping) ||
        (trial != NULL && !oidc_wildcard_enter(&p->env->wildcards, trial)))
        return false;
    p->place = trial;
    p->fetching = true;
    p->tried_ms = tm_clock_mono_ms();
    p->next_ms = p->tried_ms + p->env->options.jwks_min_interval_s * 1000;
    return true;
}

void oidc_issuer_keys_prefetch(struct oidc_issuer_keys *p)
{
    pthread_mutex_lock(&p->lock);
    bool mine = p->next_ms == 0 && claim_fetch(p);
    pthread_mutex_unlock(&p->lock);
    if (mine)
        oidc_issuer_keys_begin_fetch(p);
}

static bool add_waiter(struct oidc_issuer_keys *p, const struct oidc_waiter *waiter)
{
    if (waiter == NULL || p->waiter_count == WAITERS_MAX ||
        (p->place != NULL && !oidc_wildcard_wait(p->place)))
        return false;
    struct waiting *w = malloc(sizeof(*w));
    if (w == NULL) {
        if (p->place != NULL)
            oidc_wildcard_woken(p->place, 1);
        return false;
    }
    w->waiter = *waiter;
    w->next = p->waiters;
    p->waiters = w;
    p->waiter_count++;
    return true;
}

enum oidc_issuer_keys_answer oidc_issuer_keys_want(struct oidc_issuer_keys *p,
                                                   const struct oidc_jwks *seen,
                                                   const struct oidc_waiter *waiter,
                                                   int64_t *retry_after_s)
{
    enum oidc_issuer_keys_answer answer = ISSUER_KEYS_NONE;
    bool mine = false;
    pthread_mutex_lock(&p->lock);
    int64_t now = tm_clock_mono_ms();
    if (atomic_load(&p->keys) != seen) {
        answer = ISSUER_KEYS_CHANGED;
    } else {
        if (now >= p->next_ms)
            mine = claim_fetch(p);
        if (p->fetching && add_waiter(p, waiter))
            answer = ISSUER_KEYS_WAIT;
        else
            *retry_after_s = p->fetching || p->next_ms <= now ? 1 : (p->next_ms - now + 999) / 1000;
    }
    pthread_mutex_unlock(&p->lock);
    if (mine)
        oidc_issuer_keys_begin_fetch(p);
    return answer;
}

struct oidc_issuer_keys_standing oidc_issuer_keys_standing(struct oidc_issuer_keys *p)
{
    pthread_mutex_lock(&p->lock);
    bool proven = p->had_ms != 0;
    struct oidc_issuer_keys_standing s = {
        .class = p->configured ? ISSUER_EXACT
                 : proven      ? ISSUER_PROVEN
                               : ISSUER_TRIAL,
        .wildcard = p->wildcard,
        .busy = p->fetching,
        .last_ms = proven ? p->fresh_until_ms : p->tried_ms,
    };
    pthread_mutex_unlock(&p->lock);
    return s;
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* A copy of a text that may be NULL. False: out of memory. */
static bool copy_text(const char *text, char **out)
{
    *out = text != NULL ? strdup(text) : NULL;
    return text == NULL || *out != NULL;
}

/* Another way to the keys: those that came by the old one are dropped. -1: out of memory. */
static int change_way(struct oidc_issuer_keys *p, const struct oidc_issuer *issuer)
{
    char *ca_pem = NULL;
    char *jwks_file = NULL;
    if (!copy_text(issuer->ca_cert, &ca_pem) || !copy_text(issuer->jwks_file, &jwks_file)) {
        free(ca_pem);
        return -1;
    }
    free(p->ca_pem);
    free(p->jwks_file);
    p->ca_pem = ca_pem;
    p->jwks_file = jwks_file;
    p->file_seen = (struct tm_file_stamp){0};
    p->allow_http = issuer->allow_http;
    p->in_cluster = oidc_incluster_is(issuer);
    p->settings++;
    p->next_ms = 0;
    p->failed = 0;
    p->fresh_until_ms = 0;
    p->had_ms = 0;
    set_keys(p, NULL);
    return 0;
}

int oidc_issuer_keys_apply(struct oidc_issuer_keys *p, const struct oidc_issuer *issuer)
{
    struct oidc_wildcard *wildcard =
        issuer->wildcard ? oidc_wildcards_at(&p->env->wildcards, issuer->url) : NULL;
    if (issuer->wildcard && wildcard == NULL)
        return -1;
    pthread_mutex_lock(&p->lock);
    bool same = same_text(p->ca_pem, issuer->ca_cert) &&
                same_text(p->jwks_file, issuer->jwks_file) && p->allow_http == issuer->allow_http &&
                p->in_cluster == oidc_incluster_is(issuer);
    int rc = same ? 0 : change_way(p, issuer);
    p->configured = !issuer->wildcard;
    p->wildcard = wildcard;
    pthread_mutex_unlock(&p->lock);
    return rc;
}

struct oidc_issuer_keys *oidc_issuer_keys_new(struct oidc_issuer_keys_env *env, const char *iss,
                                              const struct oidc_issuer *issuer)
{
    struct oidc_issuer_keys *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return NULL;
    pthread_mutex_init(&p->lock, NULL);
    atomic_init(&p->refs, 1);
    p->env = env;
    p->tried_ms = tm_clock_mono_ms(); /* who just came is not the first to go */
    p->iss = strdup(iss);
    if (p->iss == NULL || oidc_issuer_keys_apply(p, issuer) != 0) {
        oidc_issuer_keys_unref(p);
        return NULL;
    }
    return p;
}

void oidc_issuer_keys_ref(struct oidc_issuer_keys *p)
{
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
}

void oidc_issuer_keys_unref(struct oidc_issuer_keys *p)
{
    if (p == NULL || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
        return;
    wake_all(p->waiters);
    oidc_jwks_unref(p->keys);
    pthread_mutex_destroy(&p->lock);
    free(p->iss);
    free(p->ca_pem);
    free(p->jwks_file);
    free(p);
}

/* With p->lock held: a file that is absent at two looks in a row was taken away, and its keys with
 * it; at one look only it may be about to be replaced. */
static bool drop_if_gone(struct oidc_issuer_keys *p, bool changed)
{
    if (changed || p->fetching || p->file_seen.ino != 0 || atomic_load(&p->keys) == NULL)
        return false;
    set_keys(p, NULL);
    p->had_ms = 0;
    return true;
}

bool oidc_issuer_keys_claim_if_due(struct oidc_issuer_keys *p, int64_t now_ms)
{
    pthread_mutex_lock(&p->lock);
    bool due;
    bool gone = false;
    if (p->jwks_file != NULL) {
        bool changed = !p->fetching && tm_file_stamp_renew(p->jwks_file, &p->file_seen);
        gone = drop_if_gone(p, changed);
        due = changed && (p->file_seen.ino != 0 || p->had_ms == 0) && claim_fetch(p);
    } else {
        due = (p->configured || p->had_ms != 0) && now_ms >= p->fresh_until_ms &&
              now_ms >= p->next_ms && claim_fetch(p);
    }
    pthread_mutex_unlock(&p->lock);
    if (gone)
        jlog(p->env->log, JLOG_ERROR, "issuer keys dropped: their file is gone",
             JLOG_STR("issuer", p->iss), JLOG_END);
    return due;
}

void oidc_issuer_keys_expire(struct oidc_issuer_keys *p, int64_t now_ms)
{
    int64_t limit_ms = p->env->options.jwks_max_age_s * 1000;
    pthread_mutex_lock(&p->lock);
    bool expired = limit_ms > 0 && p->had_ms != 0 && p->jwks_file == NULL &&
                   now_ms - p->had_ms > limit_ms && atomic_load(&p->keys) != NULL;
    int64_t age_s = (now_ms - p->had_ms) / 1000;
    if (expired)
        set_keys(p, NULL);
    pthread_mutex_unlock(&p->lock);
    if (expired)
        jlog(p->env->log, JLOG_ERROR,
             "issuer keys dropped: no fetch has confirmed them for too long",
             JLOG_STR("issuer", p->iss), JLOG_INT("age_s", age_s), JLOG_END);
}

bool oidc_issuer_keys_is_over(struct oidc_issuer_keys *p, int64_t now_ms)
{
    pthread_mutex_lock(&p->lock);
    bool over = !p->configured && !p->fetching && p->had_ms != 0 && now_ms >= p->fresh_until_ms &&
                !atomic_load_explicit(&p->used, memory_order_relaxed);
    pthread_mutex_unlock(&p->lock);
    return over;
}

bool oidc_issuer_keys_stats(struct oidc_issuer_keys *p, struct oidc_issuer_stats *s)
{
    struct oidc_jwks *keys = oidc_issuer_keys_get(p);
    s->issuer = p->iss;
    s->keys = keys != NULL ? oidc_jwks_count(keys) : 0;
    oidc_jwks_unref(keys);
    pthread_mutex_lock(&p->lock);
    s->jwks_age_s = p->had_ms != 0 ? (tm_clock_mono_ms() - p->had_ms) / 1000 : -1;
    s->failures = p->failures;
    s->entry = p->wildcard != NULL ? p->wildcard->pattern : p->iss;
    bool known = p->configured || p->had_ms != 0;
    pthread_mutex_unlock(&p->lock);
    return known;
}
