#include "ca/log/engine/sequencer.h"

#include <errno.h>

#define GROUP_SPACING_US 2000 /* between groups while entries come in company */
#define JOURNAL_ROTATE ((off_t)16 * 1024 * 1024)

/*
 * When the last group had more than one entry, the next is not begun until a moment after it was:
 * a sync costs the same for many entries as for few, and so do the wakes around it. A lone
 * submitter never waits.
 */
static void await_company(const struct ca_log_sequencer *s)
{
    struct timespec until = s->last_began;
    if (s->last_count > 1) {
        until.tv_nsec += GROUP_SPACING_US * 1000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    }
}

/* Drops the tickets that were cancelled while they queued. */
static struct ca_log_ticket *drop_cancelled(struct ca_log_ticket *list, size_t *count)
{
    static const struct tm_err gone = {.text = "the submitter is gone"};
    struct ca_log_ticket **at = &list;
    while (*at != NULL) {
        struct ca_log_ticket *t = *at;
        if (!atomic_load(&t->cancelled)) {
            at = &t->next;
            continue;
        }
        *at = t->next;
        --*count;
        ca_log_ticket_finish(t, LOG_FAILED, &gone);
    }
    return list;
}

/* Not before the last entry's, unless that one is excused. */
static int group_timestamp(struct ca_log_sequencer *s, uint64_t *timestamp, struct tm_err *e)
{
    int64_t wall = 0;
    if (ca_log_now(s->site, &wall, e) != 0)
        return -1;
    uint64_t now = (uint64_t)wall;
    *timestamp = s->last_ms;
    if (now < s->last_ms && !ca_log_is_ahead(s->last_ms, wall))
        return 0;
    if (ca_log_is_ahead(s->last_ms, wall) && !ca_log_excused(&s->site->excuse, s->last_ms))
        return tm_err_set(e, "the clock is %llu s behind the log's last entry",
                          (unsigned long long)(s->last_ms - now) / 1000);
    s->last_ms = now;
    *timestamp = now;
    return 0;
}

/* Room in the tree, and a journal to write to. */
static int make_ready(struct ca_log_sequencer *s, struct tm_err *e)
{
    struct ca_journal *j = &s->journal;
    if (ca_log_growing_await_room(s->growing, s->verdict, s->site->o.merge_delay_ms, e) != 0)
        return -1;
    bool full = j->end - j->made > JOURNAL_ROTATE && ca_log_growing_settled(s->growing) > j->base;
    if (j->fd >= 0 && !full)
        return 0;
    int rc = ca_log_growing_rewrite(s->growing, j, s->site->directory, e);
    return j->fd >= 0 ? 0 : rc; /* the old one still serves */
}

static int write_group(struct ca_log_sequencer *s, struct ca_log_ticket *list, size_t count,
                       struct tm_err *e)
{
    const struct ca_log_format *f = s->site->format;
    uint64_t index = s->journal.next;
    uint64_t timestamp = 0;
    int64_t synced_us = 0;
    if (group_timestamp(s, &timestamp, e) != 0)
        return -1;
    ca_journal_group_begin(&s->group);
    for (struct ca_log_ticket *t = list; t != NULL; t = t->next) {
        t->index = index++;
        t->timestamp_ms = timestamp;
        if (f->seal != NULL)
            f->seal(&t->draft, timestamp, t->index);
        f->hash(&t->draft, &t->hash);
        tm_buf_append(&s->group, t->draft.bytes.data, t->draft.bytes.len);
    }
    if (buf_failed(&s->group))
        return tm_err_set(e, "out of memory");
    if (ca_journal_append(&s->journal, &s->group, (uint32_t)count, &synced_us, e) != 0) {
        ca_journal_close(&s->journal);
        return -1;
    }
    ca_log_count_group(s->counts, count, synced_us);
    return 0;
}

static void log_group(struct ca_log_sequencer *s, struct ca_log_ticket *list, size_t count)
{
    struct tm_err e = {0};
    int rc = make_ready(s, &e);
    if (rc == 0)
        rc = write_group(s, list, count, &e);
    if (rc == 0)
        ca_log_growing_take(s->growing, list);
    else
        ca_log_say(s->site, JLOG_ERROR, "entries could not be logged", &e);
    ca_log_count_outcome(s->counts, count, rc != 0);
    while (list != NULL) {
        struct ca_log_ticket *t = list;
        list = t->next;
        ca_log_ticket_finish(t, rc == 0 ? LOG_DONE : LOG_FAILED, &e);
    }
}

static struct ca_log_ticket *next_group(struct ca_log_sequencer *s, size_t *count)
{
    await_company(s);
    return ca_log_queue_take(s->queue, LOG_GROUP_ENTRIES, JOURNAL_GROUP_MAX, count);
}

static void *run(void *arg)
{
    struct ca_log_sequencer *s = arg;
    size_t count = 0;
    for (struct ca_log_ticket *list; (list = next_group(s, &count)) != NULL;) {
        list = drop_cancelled(list, &count);
        s->last_count = count;
        (void)clock_gettime(CLOCK_MONOTONIC, &s->last_began);
        if (count > 0)
            log_group(s, list, count);
    }
    return NULL;
}

int ca_log_sequencer_start(struct ca_log_sequencer *s, struct tm_err *e)
{
    errno = pthread_create(&s->thread, NULL, run, s);
    if (errno != 0)
        return tm_err_errno(e, "start a thread");
    s->running = true;
    return 0;
}

void ca_log_sequencer_stop(struct ca_log_sequencer *s)
{
    ca_log_queue_stop(s->queue);
    if (s->running)
        pthread_join(s->thread, NULL);
    s->running = false;
}

void ca_log_sequencer_free(struct ca_log_sequencer *s)
{
    ca_journal_close(&s->journal);
    tm_buf_free(&s->group);
}
