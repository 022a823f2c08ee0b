/* The side that has neither network nor credential. */
#include <inttypes.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/kms/lane_internal.h"
#include "common/promtext.h"
#include "common/thread.h"

#define OPEN_MS (KMS_OPEN_MS + 5000)
#define SIGN_MS (KMS_DEADLINE_MS + 2000)
#define BUCKETS 10

static const unsigned bucket_ms[BUCKETS] = {5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000};

struct far_key {
    struct far_key *next;
    struct tm_kms_asker *asker;
    uint64_t number;
    bool away;
    struct tm_err why;
};

struct question { /* on its asker's stack */
    struct question *next;
    uint64_t id;
    struct far_key *key; /* LANE_OPENED: what gets the number; else NULL */
    struct tm_buf *answer;
    struct tm_err *e;
    int rc; /* 1: not yet */
};

struct tm_kms_asker {
    struct tm_ipc_loop *loop;
    struct tm_ipc_channel *channel;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t answered;
    struct question *open;
    struct far_key *keys;
    uint64_t ids;
    bool over;
    uint64_t failed, total_ms, within[BUCKETS + 1]; /* the last: longer than all */
};

/* False: nobody waits for it any more. A key that is opened is known from here on: what comes next
 * may be its state. */
static bool settle(struct tm_kms_asker *a, uint64_t id, uint64_t key, struct tm_ipc_bytes bytes,
                   const char *why)
{
    pthread_mutex_lock(&a->lock);
    struct question *q = a->open;
    while (q != NULL && q->id != id)
        q = q->next;
    if (q != NULL) {
        tm_buf_append(q->answer, bytes.data, bytes.len);
        q->rc = bytes.len > 0 && !buf_failed(q->answer)
                    ? 0
                    : tm_err_set(q->e, "%s", why != NULL ? why : "no answer");
        if (q->rc == 0 && q->key != NULL) {
            q->key->number = key;
            q->key->next = a->keys;
            a->keys = q->key;
        }
        pthread_cond_broadcast(&a->answered);
    }
    pthread_mutex_unlock(&a->lock);
    return q != NULL;
}

/* A key at the other side is to be closed. Any thread. */
static void let_go(struct tm_kms_asker *a, uint64_t number)
{
    const struct tm_kms_close m = {number};
    (void)tm_ipc_put(a->channel, LANE_CLOSE, &m, NULL);
    tm_ipc_loop_flush(a->loop, a->channel);
}

static void on_state(struct tm_kms_asker *a, const struct tm_kms_state *m)
{
    pthread_mutex_lock(&a->lock);
    for (struct far_key *k = a->keys; k != NULL; k = k->next) {
        if (k->number != m->key)
            continue;
        k->away = m->away != 0;
        tm_err_set(&k->why, "%s", m->why != NULL ? m->why : "");
    }
    pthread_mutex_unlock(&a->lock);
}

static void on_message(void *ctx, struct tm_ipc_channel *c, unsigned type, void *msg)
{
    (void)c;
    if (type == LANE_STATE) {
        on_state(ctx, msg);
    } else if (type == LANE_OPENED) {
        const struct tm_kms_opened *m = msg;
        if (!settle(ctx, m->id, m->key, m->spki, m->why) && m->spki.len > 0)
            let_go(ctx, m->key);
    } else {
        const struct tm_kms_signed *m = msg;
        (void)settle(ctx, m->id, 0, m->signature, m->why);
    }
}

static void on_over(void *ctx, struct tm_ipc_channel *c, const struct tm_err *why)
{
    struct tm_kms_asker *a = ctx;
    (void)c;
    (void)why;
    pthread_mutex_lock(&a->lock);
    a->over = true;
    pthread_cond_broadcast(&a->answered);
    pthread_mutex_unlock(&a->lock);
}

struct tm_kms_asker *tm_kms_asker_new(int fd, struct tm_err *e)
{
    struct tm_ipc_channel *c = tm_ipc_channel_new(fd, &tm_kms_protocol, e);
    struct tm_kms_asker *a = c != NULL ? calloc(1, sizeof(*a)) : NULL;
    if (a == NULL) {
        tm_ipc_channel_free(c);
        return tm_err_null(e, "out of memory");
    }
    a->channel = c;
    pthread_mutex_init(&a->lock, NULL);
    tm_cond_init(&a->answered);
    tm_ipc_channel_hear(c, IPC_HEAR(LANE_OPENED) | IPC_HEAR(LANE_SIGNED) | IPC_HEAR(LANE_STATE));
    a->loop = tm_ipc_loop_new(NULL, NULL, 0, e);
    const struct tm_ipc_port port = {
        .channel = c, .message = on_message, .over = on_over, .ctx = a};
    if (a->loop != NULL && tm_ipc_loop_add(a->loop, &port, e) == 0 &&
        tm_ipc_loop_start(a->loop, e) == 0)
        return a;
    tm_kms_asker_free(a);
    return NULL;
}

void tm_kms_asker_free(struct tm_kms_asker *a)
{
    if (a == NULL)
        return;
    tm_ipc_loop_join(a->loop);
    tm_ipc_loop_free(a->loop);
    tm_ipc_channel_free(a->channel);
    pthread_cond_destroy(&a->answered);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

/* Sends and waits for the answer, at most `wait_ms`. `id` is where the message has its own. */
static int ask(struct tm_kms_asker *a, unsigned type, void *msg, uint64_t *id, int64_t wait_ms,
               struct question *q)
{
    int64_t until = tm_clock_mono_ms() + wait_ms;
    q->rc = 1;
    pthread_mutex_lock(&a->lock);
    q->id = *id = ++a->ids;
    q->next = a->open;
    a->open = q;
    pthread_mutex_unlock(&a->lock);
    bool sent = tm_ipc_put(a->channel, type, msg, q->e) == 0;
    tm_ipc_loop_flush(a->loop, a->channel);
    pthread_mutex_lock(&a->lock);
    while (sent && q->rc == 1 && !a->over && tm_cond_wait(&a->answered, &a->lock, until))
        ;
    if (sent && q->rc == 1)
        tm_err_set(q->e, a->over ? "the process that asks the key service has ended"
                                 : "the process that asks the key service does not answer");
    struct question **p = &a->open;
    while (*p != q)
        p = &(*p)->next;
    *p = q->next;
    pthread_mutex_unlock(&a->lock);
    return q->rc == 0 ? 0 : -1;
}

static void far_close(void *key)
{
    struct far_key *k = key;
    struct tm_kms_asker *a = k->asker;
    let_go(a, k->number);
    pthread_mutex_lock(&a->lock);
    struct far_key **at = &a->keys;
    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    pthread_mutex_unlock(&a->lock);
    free(k);
}

static EVP_PKEY *far_open(void *ctx, const struct tm_key_uri *u, void **key, struct tm_err *e)
{
    struct tm_kms_asker *a = ctx;
    struct tm_buf spki = {0};
    struct tm_kms_open m = {0};
    struct far_key *k = calloc(1, sizeof(*k));
    struct question q = {.key = k, .answer = &spki, .e = e};
    EVP_PKEY *public = NULL;
    (void)u;
    if (k == NULL)
        return tm_err_null(e, "out of memory");
    k->asker = a;
    if (ask(a, LANE_OPEN, &m, &m.id, OPEN_MS, &q) == 0) {
        const unsigned char *p = spki.data;
        public = d2i_PUBKEY(NULL, &p, (long)spki.len);
        if (public == NULL) {
            tm_err_openssl(e, "the key service's public key");
            far_close(k);
        }
    } else {
        free(k);
    }
    if (public != NULL)
        *key = k;
    tm_buf_free(&spki);
    return public;
}

static void count(struct tm_kms_asker *a, int rc, int64_t ms)
{
    size_t i = 0;
    while (i < BUCKETS && ms > (int64_t)bucket_ms[i])
        i++;
    pthread_mutex_lock(&a->lock);
    if (rc == 0) {
        a->within[i]++;
        a->total_ms += (uint64_t)ms;
    } else {
        a->failed++;
    }
    pthread_mutex_unlock(&a->lock);
}

static int far_sign(void *key, const struct tm_key_ask *what, struct tm_buf *sig, struct tm_err *e)
{
    const struct far_key *k = key;
    struct tm_kms_sign m = {.key = k->number,
                            .scheme = what->scheme,
                            .hash = what->hash,
                            .data = {what->data, what->len}};
    struct question q = {.answer = sig, .e = e};
    int64_t begun = tm_clock_mono_ms();
    int rc = ask(k->asker, LANE_SIGN, &m, &m.id, SIGN_MS, &q);
    count(k->asker, rc, tm_clock_mono_ms() - begun);
    return rc;
}

static bool far_is_away(void *key, struct tm_err *e)
{
    struct far_key *k = key;
    pthread_mutex_lock(&k->asker->lock);
    bool away = k->away || k->asker->over;
    if (away && e != NULL)
        *e = k->why;
    pthread_mutex_unlock(&k->asker->lock);
    return away;
}

struct tm_key_far tm_kms_asker_far(struct tm_kms_asker *a)
{
    return (struct tm_key_far){a, far_open, far_sign, far_is_away, far_close};
}

/* "tenmint_log_key_service_seconds" */
static void head(struct tm_buf *out, char name[80], const char *whose, const char *what,
                 const char *type, const char *help)
{
    snprintf(name, 80, "tenmint_%s_key_service_%s", whose, what);
    tm_promtext_head(out, name, type, help);
}

void tm_kms_asker_metrics(struct tm_kms_asker *a, const char *whose, struct tm_buf *out)
{
    char name[80];
    uint64_t sum = 0;
    pthread_mutex_lock(&a->lock);
    bool works = !a->over;
    for (const struct far_key *k = a->keys; k != NULL; k = k->next)
        works = works && !k->away;
    head(out, name, whose, "seconds", "histogram",
         "How long the key service took for a signature, tries included.");
    for (size_t i = 0; i < BUCKETS; i++) {
        sum += a->within[i];
        tm_buf_printf(out, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, bucket_ms[i] / 1000.0, sum);
    }
    sum += a->within[BUCKETS];
    tm_buf_printf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %.3f\n%s_count %" PRIu64 "\n",
                  name, sum, name, (double)a->total_ms / 1000.0, name, sum);
    head(out, name, whose, "failures_total", "counter",
         "Signatures that the key service did not make, after every try.");
    tm_buf_printf(out, "%s %" PRIu64 "\n", name, a->failed);
    head(out, name, whose, "up", "gauge", "Whether the key service makes signatures.");
    tm_buf_printf(out, "%s %d\n", name, works);
    pthread_mutex_unlock(&a->lock);
}
