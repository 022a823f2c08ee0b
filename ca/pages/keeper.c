#include "ca/pages/keeper.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ca/log/monitor/scan.h"
#include "common/clock.h"
#include "common/thread.h"

#define ROUND_MS 1000

struct follower { /* of one log */
    struct ca_keeper *keeper;
    struct ca_shelf *shelf;
    struct ca_book_log log;
    bool open;                 /* its place was read from the book */
    struct ca_book_log wanted; /* with what the transaction under way adds */
    bool writing;
    struct ca_keeper_place place; /* under the keeper's lock */
    struct tm_err said;           /* the trouble that was logged last */
};

struct ca_keeper {
    struct ca_book *book;
    struct tm_jlog *jlog;
    struct follower *follower; /* count of them */
    size_t count;
    pthread_t thread;
    bool started, stop; /* stop: under the lock */
    pthread_mutex_t lock;
    pthread_cond_t wake;
};

static bool stopping(struct ca_keeper *k)
{
    pthread_mutex_lock(&k->lock);
    bool stop = k->stop;
    pthread_mutex_unlock(&k->lock);
    return stop;
}

static void show(struct follower *f)
{
    pthread_mutex_lock(&f->keeper->lock);
    f->place = (struct ca_keeper_place){f->log.id, f->log.at.size, f->log.damaged};
    pthread_mutex_unlock(&f->keeper->lock);
}

/* ---- a log's new entries ---- */

struct putting {
    struct follower *f;
    uint64_t index;
    int rc;
    struct tm_err *e;
};

static void put(void *ctx, enum ca_term_kind kind, int64_t value)
{
    struct putting *p = ctx;
    if (p->rc == 0)
        p->rc = ca_book_put(p->f->keeper->book, p->f->log.id, kind, value, p->index, p->e);
}

static int on_entry(void *ctx, uint64_t index, const struct tm_entry *n, struct tm_err *e)
{
    struct follower *f = ctx;
    struct putting p = {f, index, 0, e};
    struct tm_err why = {0};
    if (!f->writing) {
        if (ca_book_begin(f->keeper->book, e) != 0)
            return -1;
        f->writing = true;
        f->wanted = f->log;
    }
    if (ca_terms_of_entry(n, put, &p, &why) != 0)
        f->wanted.damaged++; /* it is counted, and found by its leaf hash */
    return p.rc;
}

static int on_advance(void *ctx, const struct tm_frontier *at, struct tm_err *e)
{
    struct follower *f = ctx;
    if (!f->writing)
        return 0;
    f->wanted.at = *at;
    f->writing = false;
    if (ca_book_end(f->keeper->book, &f->wanted, e) != 0)
        return -1;
    f->log = f->wanted;
    show(f);
    return stopping(f->keeper) ? tm_err_set(e, "stopped") : 0;
}

static int follow(struct follower *f, struct tm_err *e)
{
    const struct ca_scan_sink sink = {f, on_entry, on_advance};
    if (ca_shelf_look(f->shelf, e) != 0)
        return -1;
    const struct ca_head *head = ca_shelf_head(f->shelf);
    if (!f->open) {
        if (ca_book_log(f->keeper->book, head->tree.origin, &f->log, e) != 0)
            return -1;
        f->open = true;
        show(f);
    }
    struct ca_log_source *source = ca_shelf_source(f->shelf);
    if (f->log.at.size == head->tree.size)
        return 0;
    /* Another tree than the one in the book: a log that began anew. What the log did is for its
     * monitors to say; here it is only read again. */
    if ((f->log.at.size > head->tree.size ||
         (f->log.at.size > 0 && ca_scan_prove(source, &head->tree, &f->log.at, NULL) != 0)) &&
        ca_book_forget(f->keeper->book, &f->log, e) != 0)
        return -1;
    struct tm_frontier at = f->log.at; /* moves before the book has what it passed */
    int rc = ca_scan_run(source, &head->tree, &at, head->tree.size, &sink, e);
    if (f->writing)
        ca_book_undo(f->keeper->book);
    f->writing = false;
    return rc;
}

/* The same trouble is logged once. */
static void say(struct follower *f, const struct tm_err *e)
{
    if (strcmp(f->said.text, e->text) == 0)
        return;
    f->said = *e;
    if (e->text[0] != '\0' && f->keeper->jlog != NULL && !stopping(f->keeper))
        jlog(f->keeper->jlog, JLOG_WARN, "pages: a log cannot be followed",
             JLOG_STR("log", ca_shelf_options_of(f->shelf)->name), JLOG_STR("detail", e->text),
             JLOG_END);
}

int ca_keeper_round(struct ca_keeper *k, struct tm_err *e)
{
    int rc = 0;
    for (size_t i = 0; i < k->count && !stopping(k); i++) {
        struct tm_err why = {0};
        if (follow(&k->follower[i], &why) != 0) {
            rc = -1;
            if (e != NULL)
                *e = why;
        }
        say(&k->follower[i], &why);
    }
    return rc;
}

/* ---- the thread ---- */

static void rest(struct ca_keeper *k)
{
    int64_t until = tm_clock_mono_ms() + ROUND_MS;
    pthread_mutex_lock(&k->lock);
    while (!k->stop && tm_cond_wait(&k->wake, &k->lock, until))
        ;
    pthread_mutex_unlock(&k->lock);
}

static void *keep(void *arg)
{
    struct ca_keeper *k = arg;
    while (!stopping(k)) {
        (void)ca_keeper_round(k, NULL);
        rest(k);
    }
    return NULL;
}

struct ca_keeper *ca_keeper_new(struct ca_book *book, const struct ca_shelf_options *logs,
                                size_t count, struct tm_jlog *jlog, struct tm_err *e)
{
    struct ca_keeper *k = calloc(1, sizeof(*k));
    if (k != NULL)
        k->follower = calloc(count + 1, sizeof(*k->follower));
    if (k == NULL || k->follower == NULL) {
        free(k);
        return tm_err_null(e, "out of memory");
    }
    k->book = book;
    k->jlog = jlog;
    pthread_mutex_init(&k->lock, NULL);
    tm_cond_init(&k->wake);
    for (; k->count < count; k->count++) {
        struct follower *f = &k->follower[k->count];
        f->keeper = k;
        f->shelf = ca_shelf_open(&logs[k->count], e);
        if (f->shelf == NULL) {
            ca_keeper_free(k);
            return NULL;
        }
    }
    return k;
}

int ca_keeper_start(struct ca_keeper *k, struct tm_err *e)
{
    if (pthread_create(&k->thread, NULL, keep, k) != 0)
        return tm_err_set(e, "cannot start a thread");
    k->started = true;
    return 0;
}

void ca_keeper_free(struct ca_keeper *k)
{
    if (k == NULL)
        return;
    pthread_mutex_lock(&k->lock);
    k->stop = true;
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->lock);
    if (k->started)
        pthread_join(k->thread, NULL);
    for (size_t i = 0; i < k->count; i++)
        ca_shelf_free(k->follower[i].shelf);
    free(k->follower);
    pthread_mutex_destroy(&k->lock);
    pthread_cond_destroy(&k->wake);
    free(k);
}

struct ca_keeper_place ca_keeper_place(struct ca_keeper *k, size_t log)
{
    pthread_mutex_lock(&k->lock);
    struct ca_keeper_place p = k->follower[log].place;
    pthread_mutex_unlock(&k->lock);
    return p;
}
