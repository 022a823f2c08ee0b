/* The issuer's side: a struct ca_issue_log whose log is in another process. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "ca/ct/far_internal.h"
#include "common/clock.h"
#include "common/transparency/sct.h"

#define HELLO_MS 60000   /* it opened its log before we were started */
#define STATE_MS 10000   /* without an answer whether it is ready: it hangs */
#define AT_ONCE_MAX 8192 /* entries that are asked for; requests are fewer */

enum progress { ASKED, ANSWERED, GIVEN_UP };

struct asked { /* one entry: a ticket */
    enum progress progress;
    struct oidc_waiter waiter;
    struct tm_buf sct;
    struct tm_err why;
};

struct slot {
    struct asked *asked; /* NULL: free */
    uint32_t turn;       /* how often it was used: part of the id */
    uint32_t next_free;  /* index + 1; 0: the end */
};

struct ca_ct_far {
    struct ca_issue_log as_log;
    struct tm_ipc_loop *loop;
    struct tm_ipc_channel *channel;
    unsigned char id[SCT_LOG_ID];
    bool batch;         /* set before there are entries */
    atomic_bool unsent; /* with `batch`: an entry waits for the end of the round */

    pthread_mutex_t lock; /* guards what follows */
    bool over;
    struct tm_err how; /* with it */
    struct slot slot[AT_ONCE_MAX];
    uint32_t used, first_free;
    struct tm_buf chain; /* that was sent last */
    uint64_t asked_n;    /* of the last CT_FAR_ASK, and when it was sent; answered when equal */
    uint64_t state_n;
    int64_t asked_ms;
    bool ready;
    struct tm_err why; /* with !ready */
};

static void asked_free(struct asked *a)
{
    tm_buf_free(&a->sct);
    free(a);
}

/* With the lock. NULL: no such entry waits. */
static struct asked *release_slot(struct ca_ct_far *f, uint64_t id)
{
    uint32_t at = (uint32_t)id;
    if (at >= f->used || f->slot[at].asked == NULL || f->slot[at].turn != id >> 32)
        return NULL;
    struct slot *s = &f->slot[at];
    struct asked *a = s->asked;
    s->asked = NULL;
    s->turn++;
    s->next_free = f->first_free;
    f->first_free = at + 1;
    return a;
}

/* With the lock. */
static int claim_slot(struct ca_ct_far *f, struct asked *a, uint64_t *id, struct tm_err *e)
{
    uint32_t at;
    if (f->over)
        return tm_err_set(e, "%s", f->how.text);
    if (f->first_free > 0) {
        at = f->first_free - 1;
        f->first_free = f->slot[at].next_free;
    } else if (f->used < AT_ONCE_MAX) {
        at = f->used++;
    } else {
        return tm_err_set(e, "%d entries wait for the log already", AT_ONCE_MAX);
    }
    f->slot[at].asked = a;
    *id = (uint64_t)f->slot[at].turn << 32 | at;
    return 0;
}

/* Takes an entry to its end, with the SCT or with why there is none. What is ANSWERED its owner may
 * free at once: whom to wake is copied before. */
static void finish(struct ca_ct_far *f, uint64_t id, struct tm_ipc_bytes sct, const char *why)
{
    pthread_mutex_lock(&f->lock);
    struct asked *a = release_slot(f, id);
    const struct oidc_waiter w = a != NULL ? a->waiter : (struct oidc_waiter){0};
    bool given_up = a != NULL && a->progress == GIVEN_UP;
    if (a != NULL && !given_up) {
        tm_buf_append(&a->sct, sct.data, sct.len);
        if (sct.len == 0)
            tm_err_set(&a->why, "%s", why);
        a->progress = ANSWERED;
    }
    pthread_mutex_unlock(&f->lock);
    if (given_up)
        asked_free(a);
    if (a != NULL)
        w.wake(w.arg);
}

static void on_message(void *ctx, struct tm_ipc_channel *c, unsigned type, void *msg)
{
    (void)c;
    struct ca_ct_far *f = ctx;
    const struct ca_ct_far_state *s = msg;
    const struct ca_ct_far_sct *given = msg;
    if (type == CT_FAR_SCT) {
        finish(f, given->id, given->sct, given->why != NULL ? given->why : "the log gave no SCT");
    } else if (type == CT_FAR_STATE) {
        pthread_mutex_lock(&f->lock);
        f->state_n = s->n;
        f->ready = s->ready != 0;
        tm_err_set(&f->why, "%s", s->why != NULL ? s->why : "the log is not ready");
        pthread_mutex_unlock(&f->lock);
    }
}

/* The log's process has ended, and the service will: until then nothing waits. */
static void on_over(void *ctx, struct tm_ipc_channel *c, const struct tm_err *why)
{
    (void)c;
    struct ca_ct_far *f = ctx;
    pthread_mutex_lock(&f->lock);
    f->over = true;
    tm_err_set(&f->how, "the log's process: %s", why->text);
    uint32_t used = f->used;
    pthread_mutex_unlock(&f->lock);
    for (uint32_t at = 0; at < used; at++) /* turns change in this thread alone */
        finish(f, (uint64_t)f->slot[at].turn << 32 | at, (struct tm_ipc_bytes){0}, f->how.text);
}

/* With the lock. The chain travels when it is another one than before. */
static int send_chain(struct ca_ct_far *f, const struct ca_signer_chain *chain, struct tm_err *e)
{
    struct tm_buf *now = &f->chain;
    size_t at = 0;
    bool same = now->len > 0;
    for (size_t i = 0; i < chain->count && same; i++) {
        same = now->len - at >= 3 + chain->der_len[i] &&
               memcmp(now->data + at + 3, chain->der[i], chain->der_len[i]) == 0;
        at += 3 + chain->der_len[i];
    }
    if (same && at == now->len)
        return 0;
    tm_buf_reset(now);
    for (size_t i = 0; i < chain->count; i++) {
        tm_buf_put_be(now, chain->der_len[i], 3);
        tm_buf_append(now, chain->der[i], chain->der_len[i]);
    }
    const struct ca_ct_far_certificates m = {{now->data, now->len}};
    int rc = buf_failed(now) ? tm_err_set(e, "out of memory")
                             : tm_ipc_put(f->channel, CT_FAR_CHAIN, &m, e);
    if (rc != 0)
        tm_buf_reset(now);
    return rc;
}

static enum ca_issue_log_status submit(void *ctx, const struct ca_issue_log_entry *entry,
                                       const struct oidc_waiter *waiter, void **ticket,
                                       struct tm_buf *sct_list, struct tm_err *e)
{
    (void)sct_list; /* never at once */
    struct ca_ct_far *f = ctx;
    bool detached = entry->certificate != NULL;
    const struct tm_buf *cert = detached ? entry->certificate : entry->tbs;
    struct ca_ct_far_entry m = {.detached = detached,
                                .cert = {cert->data, cert->len},
                                .issuer_key_hash = {entry->issuer_key_hash, SCT_KEY_HASH}};
    if (entry->precert != NULL)
        m.precert = (struct tm_ipc_bytes){entry->precert->data, entry->precert->len};
    struct asked *a = calloc(1, sizeof(*a));
    if (a == NULL) {
        tm_err_set(e, "out of memory");
        return ISSUE_LOG_FAILED;
    }
    a->waiter = *waiter;
    *ticket = a;
    pthread_mutex_lock(&f->lock);
    int rc = claim_slot(f, a, &m.id, e);
    if (rc == 0 &&
        (send_chain(f, entry->chain, e) != 0 || tm_ipc_put(f->channel, CT_FAR_ENTRY, &m, e) != 0)) {
        (void)release_slot(f, m.id);
        rc = -1;
    }
    pthread_mutex_unlock(&f->lock);
    if (rc != 0) {
        asked_free(a);
        return ISSUE_LOG_FAILED;
    }
    if (f->batch)
        atomic_store(&f->unsent, true);
    else
        tm_ipc_loop_flush(f->loop, f->channel);
    return ISSUE_LOG_WAIT;
}

void ca_ct_far_batch(struct ca_ct_far *f)
{
    f->batch = true;
}

void ca_ct_far_round(void *far)
{
    struct ca_ct_far *f = far;
    if (atomic_load_explicit(&f->unsent, memory_order_relaxed) &&
        atomic_exchange(&f->unsent, false))
        tm_ipc_loop_flush(f->loop, f->channel);
}

/* It must be the log's own: another id would make the certificate worthless for whom it is for. */
static int check_sct(const struct ca_ct_far *f, const struct tm_buf *sct, struct tm_err *e)
{
    struct tm_sct s;
    if (tm_sct_parse(sct->data, sct->len, &s, e) != 0)
        return tm_err_wrap(e, "the log's SCT");
    return memcmp(s.log_id, f->id, sizeof(f->id)) == 0
               ? 0
               : tm_err_set(e, "the log's SCT is another log's");
}

static enum ca_issue_log_status collect(void *ctx, void *ticket, const struct oidc_waiter *waiter,
                                        struct tm_buf *sct_list, struct tm_err *e)
{
    (void)waiter; /* the wake has come, so the outcome is there */
    const struct ca_ct_far *f = ctx;
    struct asked *a = ticket;
    bool ok = a->sct.len > 0 && !buf_failed(&a->sct);
    if (!ok)
        tm_err_set(e, "%s", a->why.text);
    ok = ok && check_sct(f, &a->sct, e) == 0 && tm_sct_list_put(&a->sct, 1, sct_list, e) == 0;
    asked_free(a);
    return ok ? ISSUE_LOG_DONE : ISSUE_LOG_FAILED;
}

static void cancel(void *ctx, void *ticket)
{
    struct ca_ct_far *f = ctx;
    struct asked *a = ticket;
    pthread_mutex_lock(&f->lock);
    bool answered = a->progress == ANSWERED;
    if (!answered)
        a->progress = GIVEN_UP;
    pthread_mutex_unlock(&f->lock);
    if (answered)
        asked_free(a);
}

/* With the lock. */
static void ask_state(struct ca_ct_far *f)
{
    struct ca_ct_far_ask m = {f->asked_n + 1};
    if (f->asked_n != f->state_n || tm_ipc_put(f->channel, CT_FAR_ASK, &m, NULL) != 0)
        return;
    f->asked_n = m.n;
    f->asked_ms = tm_clock_mono_ms();
}

static int ready(void *ctx, struct tm_err *e)
{
    struct ca_ct_far *f = ctx;
    pthread_mutex_lock(&f->lock);
    int rc = f->ready ? 0 : tm_err_set(e, "%s", f->why.text);
    if (f->asked_n != f->state_n && tm_clock_mono_ms() - f->asked_ms > STATE_MS)
        rc = tm_err_set(e, "the log's process does not answer");
    ask_state(f);
    if (f->over)
        rc = tm_err_set(e, "%s", f->how.text);
    pthread_mutex_unlock(&f->lock);
    tm_ipc_loop_flush(f->loop, f->channel);
    return rc;
}

/* Before the loop runs. */
static int await_hello(struct ca_ct_far *f, struct tm_err *e)
{
    int64_t until = tm_clock_mono_ms() + HELLO_MS;
    _Alignas(max_align_t) unsigned char msg[IPC_MESSAGE_MAX];
    const struct ca_ct_far_hello *h = (const void *)msg;
    unsigned type = 0;
    int rc = 0;
    while ((rc = tm_ipc_next(f->channel, &type, msg, sizeof(msg), e)) == 0) {
        struct pollfd p = {.fd = tm_ipc_channel_fd(f->channel), .events = POLLIN};
        int64_t left = until - tm_clock_mono_ms();
        if (left <= 0)
            return tm_err_set(e, "the log's process does not answer");
        (void)poll(&p, 1, (int)left);
        if (tm_ipc_fill(f->channel, e) < 0)
            return tm_err_wrap(e, "the log's process");
    }
    if (rc < 0 || type != CT_FAR_HELLO || h->id.len != sizeof(f->id))
        return tm_err_set(e, "the log's process does not say which log it has");
    memcpy(f->id, h->id.data, sizeof(f->id));
    return 0;
}

static int open_far(struct ca_ct_far *f, int fd, struct tm_err *e)
{
    f->channel = tm_ipc_channel_new(fd, &ca_ct_far_protocol, e);
    f->loop = f->channel != NULL ? tm_ipc_loop_new(NULL, NULL, 0, e) : NULL;
    const struct tm_ipc_port port = {
        .channel = f->channel, .message = on_message, .over = on_over, .ctx = f};
    if (f->channel != NULL)
        tm_ipc_channel_hear(f->channel,
                            IPC_HEAR(CT_FAR_HELLO) | IPC_HEAR(CT_FAR_SCT) | IPC_HEAR(CT_FAR_STATE));
    if (f->loop == NULL || await_hello(f, e) != 0 || tm_ipc_loop_add(f->loop, &port, e) != 0)
        return -1;
    ask_state(f);
    f->ready = true; /* it has just opened its log; what it says now comes in a moment */
    return tm_ipc_loop_start(f->loop, e);
}

struct ca_ct_far *ca_ct_far_new(int fd, struct tm_err *e)
{
    struct ca_ct_far *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return tm_err_null(e, "out of memory");
    pthread_mutex_init(&f->lock, NULL);
    f->as_log = (struct ca_issue_log){.ctx = f,
                                      .needs_precert = true, /* PrecertExtraData, static-ct-api */
                                      .submit = submit,
                                      .collect = collect,
                                      .cancel = cancel,
                                      .ready = ready};
    if (open_far(f, fd, e) == 0)
        return f;
    ca_ct_far_free(f);
    return NULL;
}

void ca_ct_far_free(struct ca_ct_far *f)
{
    if (f == NULL)
        return;
    tm_ipc_loop_join(f->loop);
    for (uint32_t i = 0; i < f->used; i++) {
        if (f->slot[i].asked != NULL)
            asked_free(f->slot[i].asked);
    }
    tm_ipc_loop_free(f->loop);
    tm_ipc_channel_free(f->channel);
    tm_buf_free(&f->chain);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

const struct ca_issue_log *ca_ct_far_issue_log(const struct ca_ct_far *f)
{
    return &f->as_log;
}

const unsigned char *ca_ct_far_id(const struct ca_ct_far *f)
{
    return f->id;
}

void ca_ct_far_set_root(struct ca_ct_far *f, const unsigned char *der, size_t len)
{
    const struct ca_ct_far_certificates m = {{der, len}};
    (void)tm_ipc_put(f->channel, CT_FAR_ROOT, &m, NULL);
    tm_ipc_loop_flush(f->loop, f->channel);
}
