/* The approved issuer list, renewed on a schedule by a thread of its own. */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/promtext.h"
#include "common/thread.h"
#include "tools/tenmint-ca/serve/approved.h"

struct approved_keeper {
    struct approved_keeper_options o;
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t wake;
    bool stop, now;
    uint64_t failures;
    int64_t version, expires_s;
    char signers[sizeof(((struct approved_list *)NULL)->signers)];
};

static void say(struct tm_jlog *log, const struct approved_list *l)
{
    char until[21];
    tm_clock_format(l->expires_s, until);
    jlog(log, JLOG_INFO, "approved issuer list in force", JLOG_INT("version", l->version),
         JLOG_STR("signers", l->signers), JLOG_STR("role", l->role), JLOG_STR("valid_until", until),
         JLOG_END);
}

int approved_first(const struct approved_keeper_options *o, struct approved_list *out,
                   struct tm_err *e)
{
    struct tm_err why = {0};
    if (approved_read(o->config, o->hub, false, out, &why) == 0) {
        say(o->log, out);
        return 0;
    }
    approved_free(out);
    if (why.kind == ERR_DANGER || approved_read(o->config, o->hub, true, out, e) != 0) {
        *e = why; /* what was wrong first */
        return -1;
    }
    jlog(o->log, JLOG_ERROR, "approved issuer list not renewed: the last good one is taken",
         JLOG_STR("detail", why.text), JLOG_END);
    say(o->log, out);
    return 0;
}

/* With the lock held. */
static bool note(struct approved_keeper *k, const struct approved_list *l)
{
    bool other = k->version != l->version || strcmp(k->signers, l->signers) != 0;
    k->version = l->version;
    k->expires_s = l->expires_s;
    memcpy(k->signers, l->signers, sizeof(k->signers));
    return other;
}

static void refresh(struct approved_keeper *k)
{
    struct approved_list l;
    struct tm_err e = {0};
    int rc = approved_read(k->o.config, k->o.hub, false, &l, &e);
    if (rc == 0)
        rc = k->o.apply(k->o.ctx, &l, &e);
    pthread_mutex_lock(&k->lock);
    bool other = rc == 0 && note(k, &l);
    k->failures += rc != 0;
    pthread_mutex_unlock(&k->lock);
    if (other)
        say(k->o.log, &l);
    if (rc != 0)
        jlog(k->o.log, JLOG_ERROR, "approved issuer list not renewed: the last good one stays",
             JLOG_STR("detail", e.text), JLOG_END);
    approved_free(&l);
}

/* False: to stop. */
static bool wait_for_turn(struct approved_keeper *k)
{
    int64_t until = tm_clock_mono_ms() + (int64_t)k->o.config->refresh;
    pthread_mutex_lock(&k->lock);
    while (!k->stop && !k->now && tm_cond_wait(&k->wake, &k->lock, until))
        continue;
    k->now = false;
    bool go_on = !k->stop;
    pthread_mutex_unlock(&k->lock);
    return go_on;
}

static void *keep(void *arg)
{
    while (wait_for_turn(arg))
        refresh(arg);
    return NULL;
}

struct approved_keeper *approved_keeper_start(const struct approved_keeper_options *o,
                                              const struct approved_list *first, struct tm_err *e)
{
    struct approved_keeper *k = calloc(1, sizeof(*k));
    if (k == NULL)
        return tm_err_null(e, "out of memory");
    k->o = *o;
    (void)note(k, first);
    pthread_mutex_init(&k->lock, NULL);
    tm_cond_init(&k->wake);
    errno = pthread_create(&k->thread, NULL, keep, k);
    if (errno == 0)
        return k;
    tm_err_errno(e, "start the keeper of the approved issuer list");
    pthread_cond_destroy(&k->wake);
    pthread_mutex_destroy(&k->lock);
    free(k);
    return NULL;
}

static void tell(struct approved_keeper *k, bool stop)
{
    pthread_mutex_lock(&k->lock);
    k->now = true;
    k->stop = stop;
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->lock);
}

void approved_keeper_wake(struct approved_keeper *k)
{
    if (k != NULL)
        tell(k, false);
}

void approved_keeper_stop(struct approved_keeper *k)
{
    if (k == NULL)
        return;
    tell(k, true);
    pthread_join(k->thread, NULL);
    pthread_cond_destroy(&k->wake);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

void approved_metrics(struct approved_keeper *k, struct tm_buf *out)
{
    if (k == NULL)
        return;
    pthread_mutex_lock(&k->lock);
    tm_promtext_head(out, "tenmint_issuers_approved_version", "gauge",
                     "Version of the signed metadata that the issuer list in force is of, with "
                     "its signers.");
    tm_buf_puts(out, "tenmint_issuers_approved_version{signers=\"");
    tm_promtext_label(out, k->signers);
    tm_buf_printf(out, "\"} %" PRId64 "\n", k->version);
    tm_promtext_head(out, "tenmint_issuers_approved_expiry_seconds", "gauge",
                     "When the signed metadata of the issuer list expires, Unix time: then no "
                     "token is taken.");
    tm_buf_printf(out, "tenmint_issuers_approved_expiry_seconds %" PRId64 "\n", k->expires_s);
    tm_promtext_head(out, "tenmint_issuers_approved_failures_total", "counter",
                     "Refreshes of the approved issuer list that failed.");
    tm_buf_printf(out, "tenmint_issuers_approved_failures_total %" PRIu64 "\n", k->failures);
    pthread_mutex_unlock(&k->lock);
}
