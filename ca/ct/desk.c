/* The log's side: enters what the issuer sends, and answers with the SCT. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "ca/ct/far_internal.h"
#include "ca/log/ct/ctlog.h"
#include "common/bytes.h"
#include "common/offload.h"

#define SIGNERS 64 /* SCTs that a slow key signs at once */

struct ca_ct_desk {
    struct ca_ct_embedded *embedded;
    struct ca_ctlog *log;
    struct tm_ipc_loop *loop;
    struct tm_ipc_channel *channel;
    struct tm_offload *signing; /* where a key that takes its time signs SCTs; NULL: here */
    atomic_uint pending;        /* entries whose wake is to come */
    /* The chain of the entries that follow; on the loop's thread. */
    struct tm_buf chain;
    const unsigned char *issuer[LOG_ISSUERS_MAX];
    size_t issuer_len[LOG_ISSUERS_MAX];
    size_t issuers;
    pthread_mutex_t lock; /* guards `root` */
    struct tm_buf root;
};

struct entry {
    struct tm_ipc_task task; /* first */
    struct tm_offload_task signing;
    struct ca_ct_desk *desk;
    uint64_t id;
    struct ca_log_ticket *ticket;
};

static void answer(const struct ca_ct_desk *d, uint64_t id, const struct tm_buf *sct,
                   const struct tm_err *why)
{
    struct ca_ct_far_sct m = {.id = id};
    if (sct != NULL)
        m.sct = (struct tm_ipc_bytes){sct->data, sct->len};
    else
        m.why = why->text;
    (void)tm_ipc_put(d->channel, CT_FAR_SCT, &m, NULL);
}

/* It is durable, or has failed; an SCT is signed here. */
static void settle(struct entry *n)
{
    struct ca_ct_desk *d = n->desk;
    struct tm_buf sct = {0};
    struct tm_err e = {0};
    uint64_t index = 0;
    bool done =
        ca_ctlog_collect(d->log, n->ticket, &sct, &index, &e) == LOG_DONE && !buf_failed(&sct);
    answer(d, n->id, done ? &sct : NULL, &e);
    ca_log_ticket_free(n->ticket);
    tm_buf_free(&sct);
    free(n);
    if (d->signing != NULL)
        tm_ipc_loop_flush(d->loop, d->channel);
    atomic_fetch_sub(&d->pending, 1);
}

static void sign_elsewhere(struct tm_offload_task *task)
{
    settle((struct entry *)(void *)((char *)task - offsetof(struct entry, signing)));
}

/* On the loop's thread. */
static void on_outcome(struct tm_ipc_task *task)
{
    struct entry *n = (struct entry *)(void *)task;
    n->signing.run = sign_elsewhere;
    if (n->desk->signing != NULL)
        tm_offload_put(n->desk->signing, &n->signing);
    else
        settle(n);
}

static void on_wake(void *arg)
{
    struct entry *n = arg;
    tm_ipc_loop_post(n->desk->loop, &n->task);
}

static int add(struct ca_ct_desk *d, const struct ca_ct_far_entry *m, struct tm_err *e)
{
    bool detached = m->detached != 0;
    if (m->issuer_key_hash.len != SCT_KEY_HASH || m->cert.len == 0 || d->issuers == 0)
        return tm_err_set(e, "an entry without its certificate or its issuers");
    const struct ca_log_entry le = {.signed_entry = {.type = detached ? SCT_X509 : SCT_PRECERT,
                                                     .cert = m->cert.data,
                                                     .cert_len = m->cert.len,
                                                     .issuer_key_hash = m->issuer_key_hash.data},
                                    .precert = m->precert.len > 0 ? m->precert.data : NULL,
                                    .precert_len = m->precert.len,
                                    .issuer = d->issuer,
                                    .issuer_len = d->issuer_len,
                                    .issuer_count = d->issuers};
    struct entry *n = calloc(1, sizeof(*n));
    if (n == NULL)
        return tm_err_set(e, "out of memory");
    n->task.run = on_outcome;
    n->desk = d;
    n->id = m->id;
    atomic_fetch_add(&d->pending, 1);
    /* Its outcome is a task of this thread, so the ticket is in its place before that runs. */
    if (ca_ctlog_add(d->log, &le, on_wake, n, &n->ticket, e) == 0)
        return 0;
    atomic_fetch_sub(&d->pending, 1);
    free(n);
    return -1;
}

static void on_entry(struct ca_ct_desk *d, const struct ca_ct_far_entry *m)
{
    struct tm_err e = {0};
    if (add(d, m, &e) != 0)
        answer(d, m->id, NULL, &e);
}

/* Without a good chain no entry is taken. */
static void on_chain(struct ca_ct_desk *d, const struct tm_ipc_bytes *der)
{
    tm_buf_reset(&d->chain);
    tm_buf_append(&d->chain, der->data, der->len);
    struct tm_bytes in = bytes_of(d->chain.data, d->chain.len);
    d->issuers = 0;
    while (in.left > 0 && d->issuers < LOG_ISSUERS_MAX) {
        size_t *len = &d->issuer_len[d->issuers];
        d->issuer[d->issuers++] = tm_bytes_vector(&in, 3, len);
    }
    if (!tm_bytes_end(&in) || buf_failed(&d->chain))
        d->issuers = 0;
}

static void on_root(struct ca_ct_desk *d, const struct tm_ipc_bytes *der)
{
    pthread_mutex_lock(&d->lock);
    tm_buf_reset(&d->root);
    tm_buf_append(&d->root, der->data, der->len);
    pthread_mutex_unlock(&d->lock);
}

static void on_ask(const struct ca_ct_desk *d, uint64_t n)
{
    struct tm_err e = {0};
    const struct ca_issue_log *log = ca_ct_embedded_issue_log(d->embedded);
    struct ca_ct_far_state m = {.n = n, .ready = log->ready(log->ctx, &e) == 0};
    m.why = m.ready == 0 ? e.text : NULL;
    (void)tm_ipc_put(d->channel, CT_FAR_STATE, &m, NULL);
}

static void on_message(void *ctx, struct tm_ipc_channel *c, unsigned type, void *msg)
{
    (void)c;
    struct ca_ct_desk *d = ctx;
    const struct ca_ct_far_certificates *certificates = msg;
    const struct ca_ct_far_ask *ask = msg;
    if (type == CT_FAR_ENTRY)
        on_entry(d, msg);
    else if (type == CT_FAR_CHAIN)
        on_chain(d, &certificates->der);
    else if (type == CT_FAR_ROOT)
        on_root(d, &certificates->der);
    else if (type == CT_FAR_ASK)
        on_ask(d, ask->n);
}

static int open_desk(struct ca_ct_desk *d, int fd, struct tm_err *e)
{
    const struct ca_ct_far_hello hello = {
        {ca_log_view_of(ca_ct_embedded_log(d->embedded)).id, SCT_LOG_ID}};
    d->channel = tm_ipc_channel_new(fd, &ca_ct_far_protocol, e);
    d->loop = d->channel != NULL ? tm_ipc_loop_new(NULL, NULL, 0, e) : NULL;
    const struct tm_ipc_port port = {.channel = d->channel, .message = on_message, .ctx = d};
    if (d->channel != NULL)
        tm_ipc_channel_hear(d->channel, IPC_HEAR(CT_FAR_CHAIN) | IPC_HEAR(CT_FAR_ENTRY) |
                                            IPC_HEAR(CT_FAR_ROOT) | IPC_HEAR(CT_FAR_ASK));
    if (d->loop == NULL || tm_ipc_put(d->channel, CT_FAR_HELLO, &hello, e) != 0)
        return -1;
    return tm_ipc_loop_add(d->loop, &port, e);
}

struct ca_ct_desk *ca_ct_desk_new(int fd, struct ca_ct_embedded *log, struct tm_err *e)
{
    struct ca_ct_desk *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return tm_err_null(e, "out of memory");
    pthread_mutex_init(&d->lock, NULL);
    d->embedded = log;
    d->log = ca_ct_embedded_ctlog(log);
    bool slow = ca_ct_embedded_is_slow(log);
    d->signing = slow ? tm_offload_new(SIGNERS, e) : NULL;
    if ((!slow || d->signing != NULL) && open_desk(d, fd, e) == 0)
        return d;
    ca_ct_desk_free(d);
    return NULL;
}

int ca_ct_desk_start(struct ca_ct_desk *d, struct tm_err *e)
{
    return tm_ipc_loop_start(d->loop, e);
}

void ca_ct_desk_free(struct ca_ct_desk *d)
{
    if (d == NULL)
        return;
    /* Each has its end: the log calls for every entry that it has taken. */
    while (atomic_load(&d->pending) > 0)
        (void)usleep(1000);
    tm_offload_free(d->signing);
    tm_ipc_loop_join(d->loop);
    tm_ipc_loop_free(d->loop);
    tm_ipc_channel_free(d->channel);
    tm_buf_free(&d->chain);
    tm_buf_free(&d->root);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

void ca_ct_desk_roots(void *desk, log_root_fn add_root, void *arg)
{
    struct ca_ct_desk *d = desk;
    struct tm_buf root = {0};
    pthread_mutex_lock(&d->lock);
    tm_buf_append(&root, d->root.data, d->root.len);
    pthread_mutex_unlock(&d->lock);
    if (root.len > 0)
        add_root(arg, root.data, root.len);
    tm_buf_free(&root);
}
