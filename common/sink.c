#include "common/sink.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/sink_out.h"
#include "common/thread.h"

#define BYTES_DEFAULT ((size_t)1 << 20)
#define PATIENCE_DEFAULT_MS 2000
#define RETRY_MS 250
#define END_MS 1000

struct tm_sink_promise {
    struct tm_sink_promise *next;
    atomic_uint refs;   /* the caller's and the sink's */
    atomic_int outcome; /* enum tm_sink_status */
    uint64_t end;       /* of its line, as a place in all that was ever queued */
    void (*wake)(void *arg);
    void *arg;
    char why[64];
};

struct tm_sink {
    pthread_mutex_t lock; /* guards all of it; the thread has the batch and `out` for itself while
                             `busy` */
    pthread_cond_t changed;
    pthread_t thread;
    struct tm_sink_out out;
    struct tm_buf queue; /* behind the batch */
    struct tm_buf batch; /* being written; `done` bytes are */
    size_t done;
    uint64_t queued, written, synced; /* places: bytes since the beginning */
    struct tm_sink_promise *first, **last;
    bool busy, broken, stop, ended;
    int64_t stop_by_ms;
    int error;           /* of the last write or sync; 0: it worked */
    int64_t progress_ms; /* when something got out, or when the first line began to wait */
    size_t max_bytes;
    int64_t patience_ms;
    bool gather;
    struct tm_sink_stats stats;
};

static void promise_unref(struct tm_sink_promise *p)
{
    if (p != NULL && atomic_fetch_sub(&p->refs, 1) == 1)
        free(p);
}

void tm_sink_promise_free(struct tm_sink_promise *p)
{
    promise_unref(p);
}

static size_t waiting(const struct tm_sink *s)
{
    return s->batch.len - s->done + s->queue.len;
}

static bool works(const struct tm_sink *s)
{
    return s->error == 0 &&
           (s->written == s->queued || tm_clock_mono_ms() - s->progress_ms < s->patience_ms);
}

static void say_why(const struct tm_sink *s, char *why, size_t size)
{
    if (s->broken)
        snprintf(why, size, "the server is shutting down");
    else if (s->error != 0)
        snprintf(why, size, "%s", strerrordesc_np(s->error));
    else
        snprintf(why, size, "its reader takes nothing");
}

/* Takes the promises that are settled off the list: those up to `synced`, or all of them when
 * nothing gets out. */
static struct tm_sink_promise *settle(struct tm_sink *s, bool all)
{
    struct tm_sink_promise *settled = s->first;
    struct tm_sink_promise **at = &s->first;
    while (*at != NULL && (all || (*at)->end <= s->synced)) {
        bool kept = (*at)->end <= s->synced;
        if (!kept) {
            say_why(s, (*at)->why, sizeof((*at)->why));
            s->stats.broken++;
        }
        atomic_store(&(*at)->outcome, kept ? SINK_KEPT : SINK_BROKEN);
        at = &(*at)->next;
    }
    if (at == &s->first)
        return NULL;
    s->first = *at;
    *at = NULL;
    if (s->first == NULL)
        s->last = &s->first;
    return settled;
}

/* Without the lock: who is woken may come back at once. */
static void wake_all(struct tm_sink_promise *p)
{
    while (p != NULL) {
        struct tm_sink_promise *next = p->next;
        p->wake(p->arg);
        promise_unref(p);
        p = next;
    }
}

static bool queue_line(struct tm_sink *s, const void *line, size_t len)
{
    if (s->written == s->queued)
        s->progress_ms = tm_clock_mono_ms(); /* the wait begins */
    tm_buf_append(&s->queue, line, len);
    if (buf_failed(&s->queue))
        return false;
    s->queued += len;
    return true;
}

/* What the kernel takes without a wait. 0 too when something is on its way already. */
static size_t write_now(struct tm_sink *s, const void *data, size_t len)
{
    if (!s->out.direct || s->busy || s->error != 0)
        return 0;
    ssize_t n = tm_sink_out_write(&s->out, data, len);
    if (n < 0 && errno != EAGAIN)
        s->error = errno;
    return n > 0 ? (size_t)n : 0;
}

/* Straight out, if nothing waits before it and the kernel takes it without a wait. What it does
 * not take is queued. */
static bool add_line(struct tm_sink *s, const char *line, size_t len)
{
    size_t sent = s->written == s->queued ? write_now(s, line, len) : 0;
    if (sent > 0) {
        s->queued += sent;
        s->written = s->synced = s->queued;
    }
    if (sent == len)
        return true;
    pthread_cond_signal(&s->changed);
    return queue_line(s, line + sent, len - sent);
}

bool tm_sink_put(struct tm_sink *s, const void *line, size_t len)
{
    pthread_mutex_lock(&s->lock);
    bool taken = waiting(s) + len <= s->max_bytes / 2 && add_line(s, line, len);
    if (!taken)
        s->stats.dropped++;
    pthread_mutex_unlock(&s->lock);
    return taken;
}

static struct tm_sink_promise *promise_new(void (*wake)(void *arg), void *arg)
{
    struct tm_sink_promise *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return NULL;
    p->wake = wake;
    p->arg = arg;
    atomic_init(&p->refs, 2);
    atomic_init(&p->outcome, SINK_WAIT);
    return p;
}

/* With the lock. */
static enum tm_sink_status promise_line(struct tm_sink *s, const char *line, size_t len,
                                        void (*wake)(void *arg), void *arg,
                                        struct tm_sink_promise **promise, struct tm_err *e)
{
    char why[64] = "the queue is full";
    if (s->broken || !works(s)) {
        say_why(s, why, sizeof(why));
        tm_err_set(e, "%s", why);
        return SINK_BROKEN;
    }
    if (waiting(s) + len > s->max_bytes ||
        !(s->gather ? queue_line(s, line, len) : add_line(s, line, len))) {
        tm_err_set(e, "%s", why);
        return SINK_BROKEN;
    }
    if (s->error != 0) {
        say_why(s, why, sizeof(why));
        tm_err_set(e, "%s", why);
        return SINK_BROKEN;
    }
    if (s->synced == s->queued)
        return SINK_KEPT;
    *promise = promise_new(wake, arg);
    if (*promise == NULL) {
        tm_err_set(e, "out of memory");
        return SINK_BROKEN;
    }
    (*promise)->end = s->queued;
    *s->last = *promise;
    s->last = &(*promise)->next;
    return SINK_WAIT;
}

enum tm_sink_status tm_sink_promise(struct tm_sink *s, const void *line, size_t len,
                                    void (*wake)(void *arg), void *arg,
                                    struct tm_sink_promise **promise, struct tm_err *e)
{
    *promise = NULL;
    pthread_mutex_lock(&s->lock);
    enum tm_sink_status st = promise_line(s, line, len, wake, arg, promise, e);
    if (st == SINK_BROKEN)
        s->stats.broken++;
    pthread_mutex_unlock(&s->lock);
    return st;
}

/* With the lock: all that was gathered, by one write. */
static void write_queue(struct tm_sink *s)
{
    if (s->done < s->batch.len || s->queue.len == 0)
        return;
    size_t sent = write_now(s, s->queue.data, s->queue.len);
    s->written += sent;
    if (sent == s->queue.len) {
        s->synced = s->written;
        tm_buf_reset(&s->queue);
        return;
    }
    struct tm_buf empty = s->batch;
    s->batch = s->queue;
    s->queue = empty;
    tm_buf_reset(&s->queue);
    s->done = sent;
    s->progress_ms = sent > 0 ? tm_clock_mono_ms() : s->progress_ms;
}

void tm_sink_flush(struct tm_sink *s)
{
    struct tm_sink_promise *settled = NULL;
    pthread_mutex_lock(&s->lock);
    if (s->written < s->queued) {
        if (!s->busy)
            write_queue(s);
        if (s->written < s->queued)
            pthread_cond_signal(&s->changed);
        else
            settled = settle(s, false);
    }
    pthread_mutex_unlock(&s->lock);
    wake_all(settled);
}

enum tm_sink_status tm_sink_kept(const struct tm_sink_promise *p, struct tm_err *e)
{
    enum tm_sink_status st = (enum tm_sink_status)atomic_load(&p->outcome);
    if (st == SINK_BROKEN)
        tm_err_set(e, "%s", p->why);
    return st;
}

bool tm_sink_works(struct tm_sink *s, struct tm_err *e)
{
    char why[64];
    pthread_mutex_lock(&s->lock);
    bool ok = works(s);
    if (!ok)
        say_why(s, why, sizeof(why));
    pthread_mutex_unlock(&s->lock);
    if (!ok)
        tm_err_set(e, "%s", why);
    return ok;
}

void tm_sink_stats(struct tm_sink *s, struct tm_sink_stats *out)
{
    pthread_mutex_lock(&s->lock);
    *out = s->stats;
    out->waiting = waiting(s);
    pthread_mutex_unlock(&s->lock);
}

/* Where the line begins that a place of the batch is in. */
static size_t line_begin(const struct tm_buf *batch, size_t at)
{
    while (at > 0 && batch->data[at - 1] != '\n')
        at--;
    return at;
}

/* One write from *at on, and the sync after the batch's last; without the lock. 0, or an errno. */
static int write_some(struct tm_sink_out *out, const struct tm_buf *batch, bool sync, size_t *at)
{
    bool fresh = false;
    if (tm_sink_out_reopen(out, &fresh) != 0)
        return errno;
    if (fresh)
        *at = line_begin(batch, *at); /* the file that took its place has whole lines */
    if (*at < batch->len) {
        ssize_t n = tm_sink_out_wait(out, RETRY_MS)
                        ? tm_sink_out_write(out, batch->data + *at, batch->len - *at)
                        : 0;
        if (n < 0)
            return errno == EAGAIN || errno == EINTR ? 0 : errno;
        *at += (size_t)n;
    }
    return *at == batch->len && sync ? tm_sink_out_sync(out) : 0;
}

/* With the lock, which it gives away meanwhile. */
static void turn(struct tm_sink *s)
{
    if (s->done == s->batch.len) {
        struct tm_buf empty = s->batch;
        s->batch = s->queue;
        s->queue = empty;
        tm_buf_reset(&s->queue);
        s->done = 0;
    }
    bool sync = s->first != NULL || s->error != 0;
    size_t at = s->done;
    s->busy = true;
    pthread_mutex_unlock(&s->lock);
    int error = write_some(&s->out, &s->batch, sync, &at);
    pthread_mutex_lock(&s->lock);
    s->busy = false;
    s->error = error;
    if (at != s->done)
        s->progress_ms = tm_clock_mono_ms();
    s->written = s->written - s->done + at;
    s->done = at;
    if (error == 0 && s->done == s->batch.len && (sync || !s->out.regular))
        s->synced = s->written;
}

/* Whether the thread has something to write, or to sync for somebody. */
static bool has_work(const struct tm_sink *s)
{
    return s->written < s->queued || s->first != NULL || s->error != 0;
}

static void *run(void *arg)
{
    struct tm_sink *s = arg;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        while (!s->stop && !has_work(s))
            pthread_cond_wait(&s->changed, &s->lock);
        if (s->stop && (!has_work(s) || !works(s) || tm_clock_mono_ms() >= s->stop_by_ms))
            break;
        turn(s);
        struct tm_sink_promise *settled = settle(s, !works(s));
        if (settled != NULL) {
            pthread_mutex_unlock(&s->lock);
            wake_all(settled);
            pthread_mutex_lock(&s->lock);
        }
        if (s->error != 0 && !s->stop)
            (void)tm_cond_wait(&s->changed, &s->lock, tm_clock_mono_ms() + RETRY_MS);
    }
    s->ended = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void destroy(struct tm_sink *s)
{
    tm_sink_out_close(&s->out);
    tm_buf_free(&s->queue);
    tm_buf_free(&s->batch);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

struct tm_sink *tm_sink_new(const struct tm_sink_options *o, struct tm_err *e)
{
    struct tm_sink *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return tm_err_null(e, "out of memory");
    tm_cond_init(&s->changed);
    pthread_mutex_init(&s->lock, NULL);
    s->last = &s->first;
    s->max_bytes = o->max_bytes != 0 ? o->max_bytes : BYTES_DEFAULT;
    s->gather = o->gather;
    s->patience_ms = o->patience_ms != 0 ? o->patience_ms : PATIENCE_DEFAULT_MS;
    int rc = tm_sink_out_open(&s->out, o->fd, o->path, e);
    if (rc == 0 && (errno = tm_thread_start(&s->thread, run, s)) != 0)
        rc = tm_err_errno(e, "start the thread that writes log lines");
    if (rc != 0) {
        destroy(s);
        return NULL;
    }
    return s;
}

void tm_sink_break(struct tm_sink *s)
{
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    s->broken = true;
    struct tm_sink_promise *left = settle(s, true);
    pthread_mutex_unlock(&s->lock);
    wake_all(left);
}

void tm_sink_free(struct tm_sink *s)
{
    if (s == NULL)
        return;
    int64_t until = tm_clock_mono_ms() + END_MS + 2 * RETRY_MS;
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    s->stop_by_ms = tm_clock_mono_ms() + END_MS;
    pthread_cond_broadcast(&s->changed);
    while (!s->ended && tm_cond_wait(&s->changed, &s->lock, until))
        ;
    bool ended = s->ended;
    pthread_mutex_unlock(&s->lock);
    tm_sink_break(s);
    if (!ended) { /* held in a write: it must find its things when it comes back */
        pthread_detach(s->thread);
        return;
    }
    pthread_join(s->thread, NULL);
    destroy(s);
}
