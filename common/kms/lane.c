/* The side that has the network: answers for one key, and for the one that follows it. */
#include <errno.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "common/kms/lane_internal.h"

#define KEYS_MAX 8 /* open at once: the present one, and those that still sign what was begun */

struct open_key {
    struct tm_kms_lane *lane;
    struct tm_kms *kms; /* NULL: free */
    uint64_t number;
};

struct tm_kms_lane {
    struct tm_kms_lane_options o;
    struct tm_ipc_loop *loop;
    struct tm_ipc_channel *channel;
    struct open_key key[KEYS_MAX]; /* the loop's thread, but for the one that `opener` fills */
    uint64_t numbers;
    pthread_t opener; /* asks for a public half, which may take seconds */
    bool opening;     /* `opener` is to be joined */
    struct opening {
        struct tm_ipc_task task; /* when it is done; first */
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
        if (l->key[i].kms != NULL && l->key[i].number == number)
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

/* On the loop's thread: the opener has ended. */
static void on_opened(struct tm_ipc_task *task)
{
    struct opening *o = (struct opening *)(void *)task;
    struct tm_kms_lane *l = o->lane;
    struct open_key *k = place(l);
    struct tm_kms_opened m = {.id = o->id};
    unsigned char *der = NULL;
    int len = o->public != NULL ? i2d_PUBKEY(o->public, &der) : 0;
    pthread_join(l->opener, NULL);
    l->opening = false;
    if (len > 0 && k != NULL) {
        *k = (struct open_key){l, o->kms, ++l->numbers};
        o->kms = NULL;
        tm_kms_watch(k->kms, on_change, k);
        m.key = k->number;
        m.spki = (struct tm_ipc_bytes){der, (size_t)len};
    } else if (o->public != NULL) {
        tm_err_set(&o->e, "more than %d keys are open", KEYS_MAX);
    }
    m.why = m.spki.len == 0 ? o->e.text : NULL;
    send(l, LANE_OPENED, &m);
    OPENSSL_free(der);
    EVP_PKEY_free(o->public);
    tm_kms_free(o->kms);
    o->public = NULL;
    o->kms = NULL;
}

static void *open_key(void *arg)
{
    struct tm_kms_lane *l = arg;
    struct opening *o = &l->open;
    struct tm_key_uri u = {0};
    if (l->o.where(l->o.ctx, &u, &o->e) == 0)
        o->kms = tm_kms_new(&u, &o->e);
    if (o->kms != NULL)
        o->public = tm_kms_public(o->kms, &o->e);
    tm_key_uri_free(&u);
    tm_ipc_loop_post(l->loop, &o->task);
    return NULL;
}

static void begin_open(struct tm_kms_lane *l, const struct tm_kms_open *m)
{
    struct tm_err e = {0};
    sigset_t all, old;
    int rc = EBUSY;
    if (!l->opening) {
        l->open = (struct opening){.task.run = on_opened, .lane = l, .id = m->id};
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        rc = pthread_create(&l->opener, NULL, open_key, l);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        l->opening = rc == 0;
    }
    if (rc == 0)
        return;
    tm_err_set(&e, "the key is being opened already, or there is no thread for it");
    const struct tm_kms_opened refused = {.id = m->id, .why = e.text};
    send(l, LANE_OPENED, &refused);
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

static void end_key(struct tm_kms_lane *l, uint64_t number)
{
    struct open_key *k = find(l, number);
    if (k == NULL)
        return;
    tm_kms_free(k->kms);
    k->kms = NULL;
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
        tm_err_set(e, "out of memory");
        return NULL;
    }
    l->o = *o;
    l->loop = loop;
    l->channel = c;
    tm_ipc_channel_hear(c, IPC_HEAR(LANE_OPEN) | IPC_HEAR(LANE_SIGN) | IPC_HEAR(LANE_CLOSE));
    const struct tm_ipc_port port = {.channel = c, .message = on_message, .ctx = l};
    if (tm_ipc_loop_add(loop, &port, e) == 0)
        return l;
    tm_kms_lane_free(l);
    return NULL;
}

void tm_kms_lane_free(struct tm_kms_lane *l)
{
    if (l == NULL)
        return;
    if (l->opening) { /* nobody runs its task any more */
        pthread_join(l->opener, NULL);
        EVP_PKEY_free(l->open.public);
        tm_kms_free(l->open.kms);
    }
    for (size_t i = 0; i < KEYS_MAX; i++)
        tm_kms_free(l->key[i].kms);
    tm_ipc_channel_free(l->channel);
    free(l);
}
