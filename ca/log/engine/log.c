/* Opening, making and closing a log; what it tells of itself. */
#include "ca/log/engine/log.h"

#include <stdlib.h>

#include "ca/log/engine/publisher.h"
#include "ca/log/engine/recover.h"
#include "ca/log/engine/sequencer.h"
#include "ca/log/engine/view.h"

/*
 * An entry goes queue -> journal -> growing tree in memory -> tiles -> checkpoint. Each part is
 * one owner's: it has its own lock inside, or belongs to one thread, or is only read.
 *
 * The order of locks: queue, growing, shown, counts, then those of the format (issuers) and the
 * indexer. Today no thread holds two of them: no part calls another with its own held. One that
 * must, may take only locks that come later here.
 */
struct ca_log {
    struct ca_log_site site;           /* only read */
    struct ca_log_verdict verdict;     /* an atomic: without a lock, under any lock */
    struct ca_log_queue queue;         /* submitters put, the sequencer takes */
    struct ca_log_growing growing;     /* the sequencer adds, the publisher takes off */
    struct ca_log_shown shown;         /* the publisher writes, anybody reads */
    struct ca_log_counts counts;       /* sequencer and publisher count */
    struct ca_log_sequencer sequencer; /* its thread's */
    struct ca_log_publisher publisher; /* its thread's */
    struct ca_log_indexer *indexer;
};

static void log_free(struct ca_log *l)
{
    ca_log_indexer_stop(l->indexer);
    ca_log_sequencer_free(&l->sequencer);
    ca_log_publisher_free(&l->publisher);
    ca_log_queue_free(&l->queue);
    ca_log_growing_free(&l->growing);
    ca_log_shown_free(&l->shown);
    ca_log_counts_free(&l->counts);
    ca_log_site_free(&l->site);
    free(l);
}

static struct ca_log *log_new(const struct ca_log_options *o, struct tm_err *e)
{
    struct ca_log *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return tm_err_null(e, "out of memory");
    if (ca_log_site_init(&l->site, o, e) != 0) {
        free(l);
        return NULL;
    }
    ca_log_queue_init(&l->queue);
    ca_log_growing_init(&l->growing);
    ca_log_shown_init(&l->shown);
    ca_log_counts_init(&l->counts);
    l->sequencer = (struct ca_log_sequencer){.site = &l->site,
                                             .verdict = &l->verdict,
                                             .queue = &l->queue,
                                             .growing = &l->growing,
                                             .counts = &l->counts,
                                             .journal = {.fd = -1}};
    l->publisher = (struct ca_log_publisher){
        .site = &l->site,
        .verdict = &l->verdict,
        .growing = &l->growing,
        .shown = &l->shown,
        .counts = &l->counts,
        .tiles = {.dir = l->site.directory, .tmp = LOG_STATE "/tile.tmp"}};
    return l;
}

static int create(struct ca_log *l, struct tm_err *e)
{
    const char *dir = l->site.directory;
    if (ca_log_site_prepare(&l->site, e) != 0 || ca_log_site_lock(&l->site, e) != 0 ||
        ca_journal_create(&l->sequencer.journal, dir, 0, NULL, 0, e) != 0 ||
        ca_log_publish(&l->publisher, true, e) != 0)
        return -1;
    return ca_log_site_write_identity(&l->site, e);
}

int ca_log_create(const struct ca_log_options *o, struct tm_err *e)
{
    struct ca_log *l = log_new(o, e);
    if (l == NULL)
        return tm_err_wrap(e, "make a log");
    int rc = create(l, e);
    log_free(l);
    return rc == 0 ? 0 : tm_err_wrap(e, "make a log");
}

static int start(struct ca_log *l, struct tm_err *e)
{
    l->indexer = ca_log_indexer_start(l->site.directory, e);
    if (l->indexer == NULL)
        return -1;
    ca_log_indexer_advance(l->indexer, ca_log_growing_settled(&l->growing));
    l->publisher.indexer = l->indexer;
    return ca_log_publisher_start(&l->publisher, e) == 0 ? ca_log_sequencer_start(&l->sequencer, e)
                                                         : -1;
}

struct ca_log *ca_log_open(const struct ca_log_options *o, struct tm_err *e)
{
    struct ca_log *l = log_new(o, e);
    if (l != NULL && ca_log_site_check(&l->site, e) == 0 && ca_log_site_lock(&l->site, e) == 0 &&
        ca_log_recover(&l->sequencer, &l->publisher, e) == 0 && start(l, e) == 0)
        return l;
    tm_err_wrap(e, "log '%s'", o->directory);
    ca_log_close(l);
    return NULL;
}

void ca_log_close(struct ca_log *l)
{
    if (l == NULL)
        return;
    ca_log_sequencer_stop(&l->sequencer);
    ca_log_publisher_stop(&l->publisher);
    log_free(l);
}

int ca_log_check(const struct ca_log *l, struct tm_err *e)
{
    return ca_log_verdict_check(&l->verdict, e);
}

int ca_log_append(struct ca_log *l, struct ca_log_draft *draft, void (*wake)(void *arg), void *arg,
                  struct ca_log_ticket **ticket, struct tm_err *e)
{
    if (draft->bytes.len > l->site.format->entry_max) {
        tm_buf_free(&draft->bytes);
        return tm_err_set(e, "log entry: it is larger than %zu bytes", l->site.format->entry_max);
    }
    struct ca_log_ticket *t = ca_log_ticket_new(draft, wake, arg);
    if (t == NULL)
        return tm_err_set(e, "out of memory");
    if (ca_log_check(l, e) != 0 || ca_log_queue_put(&l->queue, t, e) != 0) {
        ca_log_ticket_drop(t);
        return -1;
    }
    *ticket = t;
    return 0;
}

/* Two tries may have to end: one that was under way, and one that began after the call. */
int ca_log_sync(struct ca_log *l, struct tm_err *e)
{
    uint64_t rounds = ca_log_growing_rounds(&l->growing);
    uint64_t target = ca_log_growing_size(&l->growing);
    for (unsigned i = 0; i < 2 && ca_log_check(l, NULL) == 0; i++) {
        rounds = ca_log_growing_await_round(&l->growing, rounds);
        if (ca_log_shown_size(&l->shown) >= target)
            return 0;
    }
    return tm_err_set(e, "a checkpoint could not be published: see the log's messages");
}

uint64_t ca_log_checkpoint(struct ca_log *l, struct tm_buf *note)
{
    return ca_log_shown_get(&l->shown, note);
}

uint64_t ca_log_checkpoint_size(struct ca_log *l)
{
    return ca_log_shown_size(&l->shown);
}

EVP_PKEY *ca_log_key(const struct ca_log *l)
{
    return l->site.o.key;
}

const unsigned char *ca_log_id(const struct ca_log *l)
{
    return l->site.id;
}

const char *ca_log_directory(const struct ca_log *l)
{
    return l->site.directory;
}

static uint64_t newest_checkpoint(void *ctx, struct tm_buf *note)
{
    return ca_log_checkpoint(ctx, note);
}

struct ca_log_view ca_log_view_of(struct ca_log *l)
{
    return (struct ca_log_view){.directory = l->site.directory,
                                .origin = l->site.origin,
                                .id = l->site.id,
                                .key = l->site.o.key,
                                .checkpoint = newest_checkpoint,
                                .ctx = l};
}

void ca_log_stats_get(struct ca_log *l, struct ca_log_stats *out)
{
    *out = ca_log_counts_get(&l->counts);
    out->contradicted = ca_log_contradicted(&l->verdict);
    out->size = ca_log_growing_size(&l->growing);
    out->checkpoint_size = ca_log_shown_size(&l->shown);
    out->checkpoint_age_ms = ca_log_shown_age_ms(&l->shown);
}
