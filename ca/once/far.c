/* The side that issues: a struct ca_once whose store is asked by another process. */
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "ca/once/internal.h"
#include "common/promtext.h"

struct question { /* a claim that waits: a ticket */
    struct question *next;
    uint64_t number;
    enum ca_once_status status; /* ONCE_WAIT: not answered yet */
    bool given_up;
    int64_t now_s;               /* when it was asked */
    struct ca_once_claim *claim; /* of who waits; not once that has given up */
    struct oidc_waiter waiter;
    struct tm_err why;
};

enum { CLAIMS_FIRST, CLAIMS_USED, CLAIMS_UNKNOWN, CLAIMS };
static const char *const claims_names[CLAIMS] = {"first", "used", "unknown"};
static const char *const evicts_values[] = {
    [REDIS_EVICTS_UNKNOWN] = "NaN", [REDIS_EVICTS_NOT] = "0", [REDIS_EVICTS] = "1"};

struct ca_once_far {
    struct ca_once as_store;
    const struct ca_once *memory; /* what this server has let in */
    bool lenient;
    struct tm_jlog *log;
    struct tm_ipc_loop *loop;
    struct tm_ipc_channel *channel;

    pthread_mutex_t lock;           /* guards what follows */
    struct question *first, **last; /* in the order in which they were asked, and are answered */
    size_t waiting;
    uint64_t numbers;
    bool over, up;
    struct tm_err why; /* with over, or without up */
    enum ca_redis_evicts evicts;
    uint64_t claims[CLAIMS];
};

/* With the lock. NULL: nobody asked that. */
static struct question *remove_question(struct ca_once_far *f, uint64_t number)
{
    struct question **at = &f->first;
    while (*at != NULL && (*at)->number != number)
        at = &(*at)->next;
    struct question *q = *at;
    if (q == NULL)
        return NULL;
    *at = q->next;
    if (f->last == &q->next)
        f->last = at;
    f->waiting--;
    return q;
}

/* With the lock. What is answered its owner may free once the lock is gone: whom to wake is
 * returned. */
static struct oidc_waiter answer(struct ca_once_far *f, struct question *q,
                                 enum ca_once_status status, const char *why)
{
    const struct oidc_waiter w = q->waiter;
    unsigned kind = status == ONCE_FIRST  ? CLAIMS_FIRST
                    : status == ONCE_USED ? CLAIMS_USED
                                          : CLAIMS_UNKNOWN;
    f->claims[kind]++;
    if (q->given_up) {
        free(q);
        return w;
    }
    q->status = status;
    tm_err_set(&q->why, "%s", why != NULL ? why : "");
    return w;
}

/* Of a claim that nobody waits for any more. */
static void tell_late(const struct ca_once_far *f, enum ca_once_status status, const char *why)
{
    if (status == ONCE_USED)
        jlog(f->log, JLOG_ERROR,
             "a token that was let in while its use was unknown was used at another server, too",
             JLOG_END);
    else
        jlog(f->log, JLOG_WARN, "a token could not be given back: it counts as used",
             JLOG_STR("detail", why), JLOG_END);
}

static void on_outcome(struct ca_once_far *f, const struct ca_once_outcome *m)
{
    struct oidc_waiter w = {0};
    enum ca_once_status status = m->status <= ONCE_YOUNG || m->status == ONCE_USED
                                     ? (enum ca_once_status)m->status
                                     : ONCE_UNKNOWN;
    pthread_mutex_lock(&f->lock);
    struct question *q = remove_question(f, m->number);
    if (q != NULL)
        w = answer(f, q, status, m->why);
    pthread_mutex_unlock(&f->lock);
    if (q == NULL)
        tell_late(f, status, m->why != NULL ? m->why : "it does not say why");
    if (w.wake != NULL)
        w.wake(w.arg);
}

static void tell_evicts(const struct ca_once_far *f, enum ca_redis_evicts evicts, const char *how)
{
    if (evicts == REDIS_EVICTS)
        jlog(f->log, f->lenient ? JLOG_WARN : JLOG_ERROR,
             "the store of used tokens may evict keys: its maxmemory-policy must be noeviction",
             JLOG_STR("detail", how), JLOG_END);
    else if (evicts == REDIS_EVICTS_UNKNOWN)
        jlog(f->log, JLOG_WARN,
             "whether the store of used tokens evicts keys cannot be seen: its user needs +info",
             JLOG_STR("detail", how), JLOG_END);
}

static void on_state(struct ca_once_far *f, const struct ca_once_state *m)
{
    const char *why = m->why != NULL ? m->why : "it does not say why";
    enum ca_redis_evicts evicts =
        m->evicts <= REDIS_EVICTS ? (enum ca_redis_evicts)m->evicts : REDIS_EVICTS_UNKNOWN;
    pthread_mutex_lock(&f->lock);
    f->up = m->up != 0;
    f->evicts = evicts;
    tm_err_set(&f->why, "%s", why);
    pthread_mutex_unlock(&f->lock);
    if (m->up != 0)
        jlog(f->log, JLOG_INFO, "the store of used tokens is there", JLOG_END);
    else
        jlog(f->log, JLOG_ERROR, "the store of used tokens is away", JLOG_STR("detail", why),
             JLOG_END);
    if (m->how != NULL)
        tell_evicts(f, evicts, m->how);
}

static void on_message(void *ctx, struct tm_ipc_channel *c, unsigned type, void *msg)
{
    (void)c;
    if (type == ONCE_STATE)
        on_state(ctx, msg);
    else
        on_outcome(ctx, msg);
}

/* Nobody will answer any more. */
static void end(struct ca_once_far *f, const char *why)
{
    pthread_mutex_lock(&f->lock);
    f->over = true;
    tm_err_set(&f->why, "%s", why);
    struct question *q;
    while ((q = f->first) != NULL) {
        (void)remove_question(f, q->number);
        const struct oidc_waiter w = answer(f, q, ONCE_UNKNOWN, why);
        pthread_mutex_unlock(&f->lock);
        w.wake(w.arg);
        pthread_mutex_lock(&f->lock);
    }
    pthread_mutex_unlock(&f->lock);
}

static void on_over(void *ctx, struct tm_ipc_channel *c, const struct tm_err *why)
{
    (void)c;
    end(ctx, why->text);
}

/* With the lock. */
static int put_claim(struct ca_once_far *f, struct question *q, const struct ca_once_claim *claim,
                     int64_t now_s, struct tm_err *e)
{
    const struct ca_once_ask m = {.number = q->number,
                                  .id = {claim->use->id, sizeof(claim->use->id)},
                                  .from_s = claim->use->from_s,
                                  .until_s = claim->use->until_s,
                                  .now_s = now_s};
    if (f->over)
        return tm_err_set(e, "%s", f->why.text);
    if (f->waiting == ONCE_AT_ONCE_MAX)
        return tm_err_set(e, "too many tokens wait for the store");
    if (tm_ipc_put(f->channel, ONCE_CLAIM, &m, e) != 0)
        return -1;
    *f->last = q;
    f->last = &q->next;
    f->waiting++;
    return 0;
}

static enum ca_once_status ask(struct ca_once_far *f, struct ca_once_claim *claim, int64_t now_s,
                               const struct oidc_waiter *waiter, void **ticket, struct tm_err *e)
{
    struct question *q = calloc(1, sizeof(*q));
    if (q == NULL) {
        tm_err_set(e, "out of memory");
        return ONCE_UNKNOWN;
    }
    *q = (struct question){.status = ONCE_WAIT, .claim = claim, .now_s = now_s, .waiter = *waiter};
    *ticket = q;
    pthread_mutex_lock(&f->lock);
    claim->number = q->number = ++f->numbers;
    int rc = put_claim(f, q, claim, now_s, e);
    pthread_mutex_unlock(&f->lock);
    if (rc != 0) {
        free(q);
        return ONCE_UNKNOWN;
    }
    tm_ipc_loop_flush(f->loop, f->channel);
    return ONCE_WAIT;
}

/* What is let in is remembered here, too: of two requests with one token, of whom the store cannot
 * tell, or which it has forgotten in between, this knows. Until then it does not: the first of them
 * may come to nothing. A memory that is full, or young, says nothing: the store does. */
static enum ca_once_status settle(const struct ca_once_far *f, struct ca_once_claim *claim,
                                  int64_t now_s, enum ca_once_status st)
{
    struct tm_err own = {0};
    bool let_in = st == ONCE_FIRST || st == ONCE_YOUNG || (st == ONCE_UNKNOWN && f->lenient);
    return let_in && f->memory->claim(f->memory->ctx, claim, now_s, NULL, NULL, &own) == ONCE_USED
               ? ONCE_USED
               : st;
}

static enum ca_once_status claim(void *far, struct ca_once_claim *claim, int64_t now_s,
                                 const struct oidc_waiter *waiter, void **ticket, struct tm_err *e)
{
    struct ca_once_far *f = far;
    if (!ca_once_memory_knows(f->memory, claim->use, now_s))
        return settle(f, claim, now_s, ask(f, claim, now_s, waiter, ticket, e));
    pthread_mutex_lock(&f->lock);
    f->claims[CLAIMS_USED]++;
    pthread_mutex_unlock(&f->lock);
    return ONCE_USED;
}

static enum ca_once_status collect(void *far, void *ticket, const struct oidc_waiter *waiter,
                                   struct tm_err *e)
{
    (void)waiter; /* the wake has come, so the outcome is there */
    struct ca_once_far *f = far;
    struct question *q = ticket;
    pthread_mutex_lock(&f->lock);
    enum ca_once_status status = q->status;
    pthread_mutex_unlock(&f->lock);
    tm_err_set(e, "%s", q->why.text);
    status = settle(f, q->claim, q->now_s, status);
    free(q);
    return status;
}

/* The store hears of it first: who gets the token from this server's memory asks it afterwards. */
static void release(void *far, const struct ca_once_claim *claim, int64_t now_s)
{
    struct ca_once_far *f = far;
    const struct ca_once_ask m = {.number = claim->number,
                                  .id = {claim->use->id, sizeof(claim->use->id)},
                                  .until_s = claim->use->until_s,
                                  .now_s = now_s};
    (void)tm_ipc_put(f->channel, ONCE_RELEASE, &m, NULL);
    tm_ipc_loop_flush(f->loop, f->channel);
    f->memory->release(f->memory->ctx, claim, now_s);
}

/* The release is behind the claim, wherever that is now. */
static void cancel(void *far, const struct ca_once_claim *claim, void *ticket, int64_t now_s)
{
    struct ca_once_far *f = far;
    struct question *q = ticket;
    pthread_mutex_lock(&f->lock);
    bool answered = q->status != ONCE_WAIT;
    q->given_up = true;
    pthread_mutex_unlock(&f->lock);
    if (answered)
        free(q);
    release(far, claim, now_s);
}

struct ca_once_far *ca_once_far_new(int fd, const struct ca_once *memory, bool lenient,
                                    struct tm_jlog *log, struct tm_err *e)
{
    struct tm_ipc_channel *c = tm_ipc_channel_new(fd, &ca_once_protocol, e);
    struct ca_once_far *f = c != NULL ? calloc(1, sizeof(*f)) : NULL;
    if (f == NULL) {
        tm_ipc_channel_free(c);
        return tm_err_null(e, "out of memory");
    }
    f->as_store = (struct ca_once){
        .ctx = f, .claim = claim, .collect = collect, .cancel = cancel, .release = release};
    f->memory = memory;
    f->lenient = lenient;
    f->log = log;
    f->channel = c;
    f->last = &f->first;
    f->up = true; /* what it says now comes in a moment */
    pthread_mutex_init(&f->lock, NULL);
    tm_ipc_channel_hear(c, IPC_HEAR(ONCE_OUTCOME) | IPC_HEAR(ONCE_STATE));
    f->loop = tm_ipc_loop_new(NULL, NULL, 0, e);
    const struct tm_ipc_port port = {
        .channel = c, .message = on_message, .over = on_over, .ctx = f};
    if (f->loop != NULL && tm_ipc_loop_add(f->loop, &port, e) == 0 &&
        tm_ipc_loop_start(f->loop, e) == 0)
        return f;
    ca_once_far_free(f);
    return NULL;
}

void ca_once_far_stop(struct ca_once_far *f)
{
    if (f == NULL)
        return;
    tm_ipc_loop_join(f->loop);
    end(f, "the server stops");
}

void ca_once_far_free(struct ca_once_far *f)
{
    if (f == NULL)
        return;
    ca_once_far_stop(f);
    tm_ipc_loop_free(f->loop);
    tm_ipc_channel_free(f->channel);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

const struct ca_once *ca_once_far_store(const struct ca_once_far *f)
{
    return &f->as_store;
}

int ca_once_far_look(void *far, struct tm_err *e)
{
    struct ca_once_far *f = far;
    pthread_mutex_lock(&f->lock);
    int rc = f->up && !f->over ? 0 : tm_err_set(e, "%s", f->why.text);
    pthread_mutex_unlock(&f->lock);
    return rc;
}

void ca_once_far_metrics(struct ca_once_far *f, struct tm_buf *out)
{
    pthread_mutex_lock(&f->lock);
    tm_promtext_head(out, "tenmint_token_store_up", "gauge",
                     "Whether the shared store of used tokens can be asked.");
    tm_buf_printf(out, "tenmint_token_store_up %d\n", f->up && !f->over);
    tm_promtext_head(
        out, "tenmint_token_store_evicts", "gauge",
        "Whether the shared store of used tokens may evict keys; NaN: it is not known.");
    tm_buf_printf(out, "tenmint_token_store_evicts %s\n", evicts_values[f->evicts]);
    tm_promtext_head(out, "tenmint_token_store_claims_total", "counter",
                     "Tokens that the shared store was asked of, by its answer.");
    for (size_t i = 0; i < CLAIMS; i++)
        tm_buf_printf(out, "tenmint_token_store_claims_total{answer=\"%s\"} %" PRIu64 "\n",
                      claims_names[i], f->claims[i]);
    pthread_mutex_unlock(&f->lock);
}
