#include "ca/api/ready.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json/jsonstr.h"
#include "common/promtext.h"
#include "common/thread.h"

struct finding {
    bool looked, ready, said;
    unsigned failed; /* looks in a row */
    int64_t at_ms;   /* of the last look */
    int64_t since_s; /* Unix time of the last change */
    struct tm_err detail;
};

struct ca_ready {
    struct ca_ready_check check[CA_READY_CHECKS_MAX];
    size_t count;
    struct tm_jlog *jlog;
    void (*told)(void *ctx, bool ready, int64_t now_ms); /* or NULL */
    void *told_ctx;
    pthread_t thread;
    bool runs;
    pthread_mutex_t lock; /* of what follows; never held during a look */
    pthread_cond_t wake;
    bool stopping;
    bool began;       /* a round has ended */
    int64_t round_ms; /* when the last one ended */
    struct finding found[CA_READY_CHECKS_MAX];
};

struct ca_ready *ca_ready_new(const struct ca_ready_check *checks, size_t count,
                              struct tm_jlog *jlog, struct tm_err *e)
{
    struct ca_ready *r = count <= CA_READY_CHECKS_MAX ? calloc(1, sizeof(*r)) : NULL;
    if (r == NULL)
        return tm_err_null(e, "out of memory");
    memcpy(r->check, checks, count * sizeof(*checks));
    r->count = count;
    r->jlog = jlog;
    pthread_mutex_init(&r->lock, NULL);
    tm_cond_init(&r->wake);
    return r;
}

void ca_ready_free(struct ca_ready *r)
{
    if (r == NULL)
        return;
    ca_ready_stop(r);
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* What fails once may only be late: logs that were not heard of yet, at the start. */
#define SAY_AFTER 3

/* Books one look; says what has changed for good. */
static void book(struct ca_ready *r, size_t i, bool ready, const struct tm_err *why, int64_t now_ms,
                 int64_t wall_s)
{
    struct finding *f = &r->found[i];
    pthread_mutex_lock(&r->lock);
    bool changed = !f->looked || f->ready != ready;
    if (changed)
        f->since_s = wall_s;
    f->looked = true;
    f->ready = ready;
    f->at_ms = now_ms;
    f->detail = *why;
    f->failed = ready ? 0 : f->failed + 1;
    pthread_mutex_unlock(&r->lock);
    if (ready ? !f->said : f->failed != SAY_AFTER)
        return;
    f->said = !ready;
    if (ready)
        jlog(r->jlog, JLOG_INFO, "ready again", JLOG_STR("check", r->check[i].name), JLOG_END);
    else
        jlog(r->jlog, JLOG_ERROR, "not ready", JLOG_STR("check", r->check[i].name),
             JLOG_STR("detail", why->text), JLOG_END);
}

void ca_ready_round(struct ca_ready *r, int64_t now_ms, int64_t wall_s)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct finding *f = &r->found[i]; /* written by this thread only */
        if (f->looked && f->ready && now_ms - f->at_ms < r->check[i].rest_ms)
            continue;
        struct tm_err why = {0};
        bool ready = r->check[i].look(r->check[i].ctx, &why) == 0;
        if (ready)
            why.text[0] = '\0';
        book(r, i, ready, &why, now_ms, wall_s);
    }
    pthread_mutex_lock(&r->lock);
    r->began = true;
    r->round_ms = now_ms;
    pthread_mutex_unlock(&r->lock);
    if (r->told != NULL)
        r->told(r->told_ctx, ca_ready_now(r, now_ms), now_ms);
}

void ca_ready_tell(struct ca_ready *r, void (*told)(void *ctx, bool ready, int64_t now_ms),
                   void *ctx)
{
    r->told = told;
    r->told_ctx = ctx;
}

/* Whether to go on. */
static bool rest(struct ca_ready *r)
{
    int64_t until = tm_clock_mono_ms() + CA_READY_ROUND_MS;
    pthread_mutex_lock(&r->lock);
    while (!r->stopping && tm_cond_wait(&r->wake, &r->lock, until))
        continue;
    bool on = !r->stopping;
    pthread_mutex_unlock(&r->lock);
    return on;
}

static void *run(void *arg)
{
    struct ca_ready *r = arg;
    do
        ca_ready_round(r, tm_clock_mono_ms(), tm_clock_wall_ms() / 1000);
    while (rest(r));
    return NULL;
}

int ca_ready_start(struct ca_ready *r, struct tm_err *e)
{
    errno = tm_thread_start(&r->thread, run, r);
    r->runs = errno == 0;
    return r->runs ? 0 : tm_err_errno(e, "start the thread that looks at readiness");
}

void ca_ready_stop(struct ca_ready *r)
{
    if (!r->runs)
        return;
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_cond_broadcast(&r->wake);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    r->runs = false;
}

/* With the lock held: the thread has come round lately. */
static bool is_fresh(const struct ca_ready *r, int64_t now_ms)
{
    return r->began && now_ms - r->round_ms < CA_READY_STALE_MS;
}

static bool all_ready(const struct ca_ready *r, int64_t now_ms)
{
    bool ready = is_fresh(r, now_ms);
    for (size_t i = 0; i < r->count; i++)
        ready = ready && r->found[i].ready;
    return ready;
}

bool ca_ready_now(struct ca_ready *r, int64_t now_ms)
{
    pthread_mutex_lock(&r->lock);
    bool ready = all_ready(r, now_ms);
    pthread_mutex_unlock(&r->lock);
    return ready;
}

void ca_ready_json(struct ca_ready *r, int64_t now_ms, struct tm_buf *out)
{
    pthread_mutex_lock(&r->lock);
    bool fresh = is_fresh(r, now_ms);
    tm_buf_printf(out, "{\"ready\":%s,\"checks\":[", all_ready(r, now_ms) ? "true" : "false");
    for (size_t i = 0; i < r->count; i++) {
        const struct finding *f = &r->found[i];
        const char *detail = fresh      ? f->detail.text
                             : r->began ? "not looked at lately: an earlier check does not end"
                                        : "not looked at yet";
        char since[21];
        tm_clock_format(f->since_s, since);
        tm_buf_printf(out, "%s{\"check\":\"%s\",\"ready\":%s", i > 0 ? "," : "", r->check[i].name,
                      fresh && f->ready ? "true" : "false");
        if (f->looked)
            tm_buf_printf(out, ",\"since\":\"%s\"", since);
        if (detail[0] != '\0') {
            tm_buf_puts(out, ",\"detail\":");
            tm_jsonstr_put(out, detail, strlen(detail));
        }
        tm_buf_puts(out, "}");
    }
    tm_buf_puts(out, "]}");
    pthread_mutex_unlock(&r->lock);
}

void ca_ready_metrics(struct ca_ready *r, int64_t now_ms, struct tm_buf *out)
{
    tm_promtext_head(out, "tenmint_ready", "gauge",
                     "1: this part of the service works; 0: /readyz is 503 for it.");
    pthread_mutex_lock(&r->lock);
    bool fresh = is_fresh(r, now_ms);
    for (size_t i = 0; i < r->count; i++)
        tm_buf_printf(out, "tenmint_ready{check=\"%s\"} %d\n", r->check[i].name,
                      fresh && r->found[i].ready);
    pthread_mutex_unlock(&r->lock);
}
