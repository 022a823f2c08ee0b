/* The side that has the network: answers for one key, and for the one that follows it. */
#include <openssl/x509.h>
#include <stddef.h>
#include <stdlib.h>

#include "common/kms/lane_internal.h"
#include "common/offload.h"

#define KEYS_MAX 8 /* open at once: the present one, and those that still sign what was begun */
#define THREADS 2  /* one opens, one closes */
/* The struct that a task is a member of. */
#define CONTAINER(task, type, member) ((type *)(void *)((char *)(task)-offsetof(type, member)))

struct open_key {
    struct tm_kms_lane *lane;
    struct tm_kms *kms; /* NULL: free */
    uint64_t number;
    bool closing;
    struct tm_offload_task close;
    struct tm_ipc_task closed;
};

struct tm_kms_lane {
    struct tm_kms_lane_options o;
    struct tm_ipc_loop *loop;
    struct tm_ipc_channel *channel;
    struct open_key key[KEYS_MAX]; /* the loop's thread */
    uint64_t numbers;
    struct tm_offload *threads; /* what waits for the service takes seconds */
    bool opening;
    struct opening {
        struct tm_ipc_task task; /* when it is done; first */
        struct tm_offload_task begin;
        struct tm_kms_lane *lane;
        uint64_t id;
        struct tm_kms *kms;
        EVP_PKEY *public;
        struct tm_err e;
    } open;
};

static void send(struct tm_kms_lane *l, unsigned type, const void *msg)
{
    (void)tm_ipc_put(l->channel, type, msg, NULL);
    tm_ipc_loop_flush(l->loop, l->channel);
}

/* On a thread of the key's. */
static void on_change(void *ctx, bool away, const struct tm_err *why)
{
    const struct open_key *k = ctx;
    const struct tm_kms_state m = {k->number, away, away ? why->text : NULL};
    send(k->lane, LANE_STATE, &m);
    jlog(k->lane->o.jlog, away ? JLOG_ERROR : JLOG_INFO,
         away ? "key service: no signature" : "key service: it signs again",
         JLOG_STR("role", k->lane->o.role), JLOG_STR("detail", away ? why->text : ""), JLOG_END);
}

static struct open_key *find(struct tm_kms_lane *l, uint64_t number)
{
    for (size_t i = 0; i < KEYS_MAX; i++) {
        if (l->key[i].kms != NULL && !l->key[i].closing && l->key[i].number == number)
            return &l->key[i];
    }
    return NULL;
}

static struct open_key *place(struct tm_kms_lane *l)
{
    for (size_t i = 0; i < KEYS_MAX; i++) {
        if (l->key[i].kms == NULL)
            return &l->key[i];
    }
    return NULL;
}

/* On the loop's thread. There is a place: begin_open has looked, and nobody opens another. */
static void on_opened(struct tm_ipc_task *task)
{
    struct opening *o = (struct opening *)(void *)task;
    struct tm_kms_lane *l = o->lane;
    struct open_key *k = place(l);
    struct tm_kms_opened m = {.id = o->id};
    unsigned char *der = NULL;
    int len = o->public != NULL ? i2d_PUBKEY(o->public, &der) : 0;
    l->opening = false;
    if (len > 0) {
        *k = (struct open_key){.lane = l, .kms = o->kms, .number = ++l->numbers};
        o->kms = NULL;
        tm_kms_watch(k->kms, on_change, k);
        m.key = k->number;
        m.spki = (struct tm_ipc_bytes){der, (size_t)len};
    }
    m.why = m.spki.len == 0 ? o->e.text : NULL;
    send(l, LANE_OPENED, &m);
    OPENSSL_free(der);
    EVP_PKEY_free(o->public);
    tm_kms_free(o->kms);
    o->kms = NULL;
    o->public = NULL;
}

static void open_key(struct tm_offload_task *task)
{
    struct opening *o = CONTAINER(task, struct opening, begin);
    const struct tm_kms_lane *l = o->lane;
    struct tm_key_uri u = {0};
    if (l->o.where(l->o.ctx, &u, &o->e) == 0)
        o->kms = tm_kms_new(&u, &o->e);
    if (o->kms != NULL)
        o->public = tm_kms_public(o->kms, &o->e);
    tm_key_uri_free(&u);
    if (o->public == NULL) {
        tm_kms_free(o->kms);
        o->kms = NULL;
    }
    tm_ipc_loop_post(l->loop, &o->task);
}

static void begin_open(struct tm_kms_lane *l, const struct tm_kms_open *m)
{
    if (l->opening || place(l) == NULL) {
        struct tm_err e = {0};
        if (l->opening)
            tm_err_set(&e, "the key is being opened already");
        else
            tm_err_set(&e, "more than %d keys are open", KEYS_MAX);
        const struct tm_kms_opened refused = {.id = m->id, .why = e.text};
        send(l, LANE_OPENED, &refused);
        return;
    }
    l->open =
        (struct opening){.task.run = on_opened, .begin.run = open_key, .lane = l, .id = m->id};
    l->opening = true;
    tm_offload_put(l->threads, &l->open.begin);
}

struct wanted { /* a signature under way */
    struct tm_kms_lane *lane;
    uint64_t id;
};

static void on_signed(void *arg, int rc, const struct tm_buf *sig, const struct tm_err *e)
{
    struct wanted *w = arg;
    struct tm_kms_signed m = {.id = w->id};
    if (rc == 0 && sig->len <= LANE_SIGNATURE_MAX)
        m.signature = (struct tm_ipc_bytes){sig->data, sig->len};
    else
        m.why = rc != 0 ? e->text : "a signature of odd length";
    send(w->lane, LANE_SIGNED, &m);
    free(w);
}

static void begin_sign(struct tm_kms_lane *l, const struct tm_kms_sign *m)
{
    const struct tm_key_ask ask = {(enum tm_key_scheme)m->scheme, (enum tm_key_hash)m->hash,
                                   m->data.data, m->data.len};
    struct open_key *k = find(l, m->key);
    struct wanted *w = k != NULL ? malloc(sizeof(*w)) : NULL;
    if (w == NULL || m->scheme >= KEY_SIGN_KINDS || m->hash > KEY_NO_HASH) {
        const struct tm_kms_signed refused = {.id = m->id, .why = "no such key, or out of memory"};
        send(l, LANE_SIGNED, &refused);
        free(w);
        return;
    }
    *w = (struct wanted){l, m->id};
    tm_kms_sign(k->kms, &ask, on_signed, w);
}

static void on_closed(struct tm_ipc_task *task)
{
    CONTAINER(task, struct open_key, closed)->kms = NULL;
}

/* Its own threads may be in the midst of a try. */
static void close_key(struct tm_offload_task *task)
{
    struct open_key *k = CONTAINER(task, struct open_key, close);
    tm_kms_free(k->kms);
    tm_ipc_loop_post(k->lane->loop, &k->closed);
}

static void end_key(struct tm_kms_lane *l, uint64_t number)
{
    struct open_key *k = find(l, number);
    if (k == NULL)
        return;
    k->closing = true;
    k->close.run = close_key;
    k->closed.run = on_closed;
    tm_offload_put(l->threads, &k->close);
}

static void on_message(void *ctx, struct tm_ipc_channel *c, unsigned type, void *msg)
{
    struct tm_kms_lane *l = ctx;
    (void)c;
    if (type == LANE_OPEN)
        begin_open(l, msg);
    else if (type == LANE_SIGN)
        begin_sign(l, msg);
    else
        end_key(l, ((const struct tm_kms_close *)msg)->key);
}

struct tm_kms_lane *tm_kms_lane_new(int fd, struct tm_ipc_loop *loop,
                                    const struct tm_kms_lane_options *o, struct tm_err *e)
{
    struct tm_ipc_channel *c = tm_ipc_channel_new(fd, &tm_kms_protocol, e);
    struct tm_kms_lane *l = c != NULL ? calloc(1, sizeof(*l)) : NULL;
    if (l == NULL) {
        tm_ipc_channel_free(c);
        return tm_err_null(e, "out of memory");
    }
    l->o = *o;
    l->loop = loop;
    l->channel = c;
    l->threads = tm_offload_new(THREADS, e);
    tm_ipc_channel_hear(c, IPC_HEAR(LANE_OPEN) | IPC_HEAR(LANE_SIGN) | IPC_HEAR(LANE_CLOSE));
    const struct tm_ipc_port port = {.channel = c, .message = on_message, .ctx = l};
    if (l->threads != NULL && tm_ipc_loop_add(loop, &port, e) == 0)
        return l;
    tm_kms_lane_free(l);
    return NULL;
}

void tm_kms_lane_free(struct tm_kms_lane *l)
{
    if (l == NULL)
        return;
    tm_offload_free(l->threads);
    tm_ipc_loop_tasks(l->loop); /* what these threads have left behind */
    for (size_t i = 0; i < KEYS_MAX; i++)
        tm_kms_free(l->key[i].kms);
    tm_ipc_channel_free(l->channel);
    free(l);
}
