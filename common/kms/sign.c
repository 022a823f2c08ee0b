/* Signatures under way: any number at once, each tried again until it is there or too late. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/fetch/again.h"
#include "common/kms/internal.h"

#define PROBE_MS \
    1000             /* while the service is away, one call in so long looks whether it is back \
                      */
#define LOGIN_MS 250 /* until a new credential may be there */

struct call {
    struct tm_kms *k;
    struct tm_key_ask ask;
    tm_kms_done_fn *done;
    void *arg;
    int64_t begun_ms;
    unsigned tried;
    bool probe;   /* one try only */
    bool refused; /* as the service would: not sent, which says nothing of the service */
    unsigned char data[];
};

/* Answers, and keeps in mind whether the service can be asked at all. */
static void end(struct call *c, int rc, const struct tm_buf *sig, struct tm_err *e)
{
    struct tm_kms *k = c->k;
    int64_t now = tm_clock_mono_ms();
    if (rc != 0)
        tm_err_wrap(e, "%s:%s", tm_key_uri_scheme(&k->uri), k->uri.path);
    pthread_mutex_lock(&k->lock);
    bool away = c->refused ? k->away : rc != 0;
    bool news = k->away != away;
    void (*changed)(void *, bool, const struct tm_err *) = news ? k->changed : NULL;
    void *ctx = k->changed_ctx;
    k->away = away;
    k->probing = k->probing && !c->probe;
    if (rc != 0) {
        if (!c->refused)
            k->why = *e;
        k->probe_ms = now + PROBE_MS;
        pthread_cond_broadcast(&k->wake);
    }
    pthread_mutex_unlock(&k->lock);
    if (changed != NULL)
        changed(ctx, away, e);
    c->done(c->arg, rc, sig, e);
    OPENSSL_cleanse(c->data, c->ask.len);
    free(c);
}

static void on_answer(void *arg, int rc, struct tm_fetch_response *r, const struct tm_err *why);

/* With the lock. What the keeper signs, too, to see whether the service is back. */
static void remember(struct tm_kms *k, const struct tm_key_ask *ask)
{
    k->pattern = *ask;
    k->pattern.data = NULL;
    if (ask->hash == KEY_NO_HASH)
        k->pattern.len = 0;
}

/* Sends it `delay_ms` from now. -1: it was not, and `e` says why. */
static int start(struct call *c, int64_t delay_ms, struct tm_err *e)
{
    struct tm_kms *k = c->k;
    const char *list[KMS_HEADERS_MAX + 1];
    struct tm_kms_request r = {0};
    struct tm_fetch_request q;
    int64_t left = c->begun_ms + KMS_DEADLINE_MS - tm_clock_mono_ms() - delay_ms;
    pthread_mutex_lock(&k->lock);
    int rc = k->has_login ? k->service->ask_sign(k, &k->login, &c->ask, &r, e)
                          : tm_err_set(e, "%s", k->why.text);
    c->refused = k->has_login && rc != 0;
    if (rc == 0)
        rc = tm_kms_request_check(&r, e);
    if (rc == 0) {
        remember(k, &c->ask);
        tm_kms_fetch_form(k, &r, &q, list);
        q.delay_ms = delay_ms;
        q.timeout_ms = left < KMS_TRY_MS ? (long)left : KMS_TRY_MS;
        c->tried++;
        rc = tm_fetch_pool_start(k->pool, &q, on_answer, c, e);
    }
    pthread_mutex_unlock(&k->lock);
    tm_kms_request_free(&r);
    return rc;
}

static void want_login(struct tm_kms *k)
{
    pthread_mutex_lock(&k->lock);
    k->stale = true;
    pthread_cond_broadcast(&k->wake);
    pthread_mutex_unlock(&k->lock);
}

/* 0: it was sent again. */
static int try_again(struct call *c, enum tm_kms_verdict verdict, int64_t retry_after_s,
                     struct tm_err *e)
{
    int64_t pause = verdict == KMS_LOGIN ? LOGIN_MS : tm_fetch_pause_ms(c->tried, retry_after_s);
    int64_t left = c->begun_ms + KMS_DEADLINE_MS - tm_clock_mono_ms();
    if (verdict == KMS_LOGIN)
        want_login(c->k);
    if (verdict == KMS_FAIL || c->probe || c->tried >= c->k->tries_max || pause + LOGIN_MS > left)
        return c->tried > 1 ? tm_err_wrap(e, "tried %u times", c->tried) : -1;
    return start(c, pause, e);
}

static void on_answer(void *arg, int rc, struct tm_fetch_response *r, const struct tm_err *why)
{
    struct call *c = arg;
    struct tm_err e = *why;
    struct tm_buf sig = {0};
    int made = -1;
    if (rc == 0 && r->status == 200) {
        made = c->k->service->read_sign(c->k, &c->ask, &r->body, &sig, &e);
        if (made == 0)
            made = tm_kms_verify(c->k->public, &c->ask, &sig, &e);
    } else {
        enum tm_kms_verdict verdict = tm_kms_judge(c->k, rc, r, &e);
        if (try_again(c, verdict, r->retry_after_s, &e) == 0)
            return;
    }
    end(c, made, &sig, &e);
    tm_buf_free(&sig);
}

static struct call *call_new(struct tm_kms *k, const struct tm_key_ask *ask, tm_kms_done_fn *done,
                             void *arg)
{
    struct call *c = calloc(1, sizeof(*c) + ask->len);
    if (c == NULL)
        return NULL;
    *c = (struct call){.k = k, .ask = *ask, .done = done, .arg = arg};
    if (ask->data != NULL)
        memcpy(c->data, ask->data, ask->len);
    c->ask.data = c->data;
    c->begun_ms = tm_clock_mono_ms();
    return c;
}

/* Whether the service may be asked: while it is away only the keeper does. */
static bool may_ask(struct tm_kms *k, struct tm_err *e)
{
    pthread_mutex_lock(&k->lock);
    bool may = !k->away;
    if (!may)
        *e = k->why;
    pthread_mutex_unlock(&k->lock);
    return may;
}

void tm_kms_sign(struct tm_kms *k, const struct tm_key_ask *ask, tm_kms_done_fn *done, void *arg)
{
    struct tm_err e = {0};
    bool may = tm_key_ask_check(ask, &e) == 0 && may_ask(k, &e);
    struct call *c = may ? call_new(k, ask, done, arg) : NULL;
    if (c == NULL) {
        if (may)
            tm_err_set(&e, "out of memory");
        done(arg, -1, NULL, &e);
    } else if (start(c, 0, &e) != 0) {
        end(c, -1, NULL, &e);
    }
}

static void forget(void *arg, int rc, const struct tm_buf *sig, const struct tm_err *e)
{
    (void)arg, (void)rc, (void)sig, (void)e; /* `end` has seen what matters */
}

/* Signs a digest of zeros, which is none of anything; Ed25519: the empty message. */
void tm_kms_probe(struct tm_kms *k)
{
    struct tm_err e = {0};
    pthread_mutex_lock(&k->lock);
    const struct tm_key_ask ask = k->pattern;
    pthread_mutex_unlock(&k->lock);
    struct call *c = call_new(k, &ask, forget, NULL);
    if (c == NULL) {
        pthread_mutex_lock(&k->lock);
        k->probing = false;
        k->probe_ms = tm_clock_mono_ms() + PROBE_MS;
        pthread_mutex_unlock(&k->lock);
        return;
    }
    c->probe = true;
    if (start(c, 0, &e) != 0)
        end(c, -1, NULL, &e);
}
