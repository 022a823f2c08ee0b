/* One certificate before all its logs. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "ca/ct/internal.h"
#include "common/clock.h"
#include "common/transparency/sct.h"

enum part_state {
    PART_NOT_ASKED, /* another shard, or its circuit is open */
    PART_PENDING,
    PART_READY, /* the embedded log has called: collect from it */
    PART_DONE,
    PART_FAILED,
};

struct part { /* one log's answer */
    struct submission *owner;
    enum part_state state;
    void *ticket;        /* the embedded log's, while PENDING or READY */
    struct tm_buf items; /* DONE: u16 length and SCT, once or more */
    struct tm_err why;   /* NOT_ASKED, FAILED */
};

struct submission {
    const struct ca_ct *ct; /* while there is a ticket; late calls must do without */
    size_t count;
    atomic_uint refs; /* the ticket's holder, and every call that is still to come */
    struct ca_ct_evidence *evidence;
    pthread_mutex_t lock; /* guards what follows */
    bool held;            /* `waiter` is to be called */
    struct oidc_waiter waiter;
    struct part part[]; /* as ct->source */
};

static void unref(struct submission *s)
{
    if (atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    for (size_t i = 0; i < s->count; i++)
        tm_buf_free(&s->part[i].items);
    ca_ct_evidence_unref(s->evidence);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static struct submission *submission_new(const struct ca_ct *ct)
{
    struct submission *s = calloc(1, sizeof(*s) + ct->count * sizeof(s->part[0]));
    if (s == NULL)
        return NULL;
    s->ct = ct;
    s->count = ct->count;
    atomic_init(&s->refs, 1);
    pthread_mutex_init(&s->lock, NULL);
    for (size_t i = 0; i < ct->count; i++)
        s->part[i].owner = s;
    return s;
}

/* SCTs, and distinct operators, among the logs whose answer is there, or may still come. */
static bool enough(const struct submission *s, bool may_still_come)
{
    const struct ca_ct *ct = s->ct;
    unsigned scts = 0;
    unsigned operators = 0;
    unsigned long long seen = 0;
    for (size_t i = 0; i < ct->count; i++) {
        enum part_state st = s->part[i].state;
        bool open = st == PART_PENDING || st == PART_READY;
        if (st != PART_DONE && !(open && may_still_come))
            continue;
        unsigned long long bit = 1ULL << ct->source[i].operator_id;
        scts++;
        operators += (seen & bit) == 0;
        seen |= bit;
    }
    return scts >= ct->scts_required && operators >= ct->operators_required;
}

static enum ca_issue_log_status evaluate(const struct submission *s)
{
    if (enough(s, false))
        return ISSUE_LOG_DONE;
    return enough(s, true) ? ISSUE_LOG_WAIT : ISSUE_LOG_FAILED;
}

/* Whether the waiter has something to come for; takes it. Under the lock. */
static bool take_waiter(struct submission *s, bool collectable, struct oidc_waiter *out)
{
    if (!s->held || (!collectable && evaluate(s) == ISSUE_LOG_WAIT))
        return false;
    s->held = false;
    *out = s->waiter;
    return true;
}

static void on_external(void *arg, const struct tm_buf *sct, const struct tm_err *e)
{
    struct part *p = arg;
    struct submission *s = p->owner;
    struct oidc_waiter waiter;
    pthread_mutex_lock(&s->lock);
    p->state = sct != NULL ? PART_DONE : PART_FAILED;
    if (sct != NULL) {
        tm_buf_put_be(&p->items, sct->len, 2);
        tm_buf_append(&p->items, sct->data, sct->len);
    } else {
        p->why = *e;
    }
    bool wake = take_waiter(s, false, &waiter);
    pthread_mutex_unlock(&s->lock);
    if (wake)
        waiter.wake(waiter.arg);
    unref(s);
}

static void on_embedded(void *arg)
{
    struct part *p = arg;
    struct submission *s = p->owner;
    struct oidc_waiter waiter;
    pthread_mutex_lock(&s->lock);
    if (p->state == PART_PENDING)
        p->state = PART_READY;
    bool wake = take_waiter(s, true, &waiter);
    pthread_mutex_unlock(&s->lock);
    if (wake)
        waiter.wake(waiter.arg);
    unref(s);
}

/* What the embedded log has said. Its waiter was handed over only for WAIT. */
static void take_embedded(struct part *p, enum ca_issue_log_status st, struct tm_buf *list)
{
    if (st == ISSUE_LOG_WAIT)
        return;
    struct submission *s = p->owner;
    pthread_mutex_lock(&s->lock);
    p->ticket = NULL;
    p->state = st == ISSUE_LOG_DONE && list->len > 2 ? PART_DONE : PART_FAILED;
    if (p->state == PART_DONE)
        tm_buf_append(&p->items, list->data + 2, list->len - 2);
    pthread_mutex_unlock(&s->lock);
    unref(s); /* the call that will not come */
}

static void submit_embedded(struct part *p, const struct ca_issue_log *log,
                            const struct ca_issue_log_entry *entry)
{
    struct tm_buf list = {0};
    struct oidc_waiter inner = {.wake = on_embedded, .arg = p};
    pthread_mutex_lock(&p->owner->lock);
    bool useful = evaluate(p->owner) != ISSUE_LOG_FAILED;
    if (!useful)
        p->state = PART_NOT_ASKED;
    pthread_mutex_unlock(&p->owner->lock);
    if (!useful) {
        tm_err_set(&p->why, "not asked, as the others cannot answer");
        return;
    }
    atomic_fetch_add(&p->owner->refs, 1);
    enum ca_issue_log_status st = log->submit(log->ctx, entry, &inner, &p->ticket, &list, &p->why);
    take_embedded(p, st, &list);
    tm_buf_free(&list);
}

static void collect_embedded(struct part *p, const struct ca_issue_log *log)
{
    struct tm_buf list = {0};
    struct oidc_waiter inner = {.wake = on_embedded, .arg = p};
    pthread_mutex_lock(&p->owner->lock);
    bool ready = p->state == PART_READY;
    if (ready)
        p->state = PART_PENDING;
    pthread_mutex_unlock(&p->owner->lock);
    if (!ready)
        return;
    atomic_fetch_add(&p->owner->refs, 1);
    take_embedded(p, log->collect(log->ctx, p->ticket, &inner, &list, &p->why), &list);
    tm_buf_free(&list);
}

static void submit_external(struct part *p, const struct ca_ct_source *source, int64_t not_after)
{
    struct submission *s = p->owner;
    if (!ca_ct_log_takes(source->external, not_after)) {
        tm_err_set(&p->why, "%s: another shard", ca_ct_log_name(source->external));
        return;
    }
    struct tm_err e = {0};
    pthread_mutex_lock(&s->lock);
    p->state = PART_PENDING;
    pthread_mutex_unlock(&s->lock);
    atomic_fetch_add(&s->refs, 1);
    if (ca_ct_log_submit(source->external, s->evidence, on_external, p, &e) == 0)
        return;
    pthread_mutex_lock(&s->lock);
    p->state = PART_NOT_ASKED;
    p->why = e;
    pthread_mutex_unlock(&s->lock);
    unref(s);
}

/* The embedded log comes last: what the others already make impossible is not entered in it. */
static void submit_all(struct submission *s, const struct ca_issue_log_entry *entry)
{
    const struct ca_ct *ct = s->ct;
    for (size_t i = 0; i < ct->count; i++)
        s->part[i].state = ct->source[i].embedded != NULL ? PART_PENDING : PART_NOT_ASKED;
    for (size_t i = 0; i < ct->count; i++) {
        if (ct->source[i].external != NULL)
            submit_external(&s->part[i], &ct->source[i], entry->not_after);
    }
    for (size_t i = 0; i < ct->count; i++) {
        if (ct->source[i].embedded != NULL)
            submit_embedded(&s->part[i], ct->source[i].embedded, entry);
    }
}

static void put_list(const struct submission *s, struct tm_buf *list, struct tm_err *e, bool *ok)
{
    size_t total = 0;
    for (size_t i = 0; i < s->ct->count; i++)
        total += s->part[i].items.len;
    *ok = total > 0 && total <= SCT_LIST_MAX;
    if (!*ok) {
        tm_err_set(e, "an SCT list of %zu bytes", total);
        return;
    }
    tm_buf_put_be(list, total, 2);
    for (size_t i = 0; i < s->ct->count; i++)
        tm_buf_append(list, s->part[i].items.data, s->part[i].items.len);
}

/* "2 SCTs are required: a: …; b: …" */
static void put_reasons(const struct submission *s, struct tm_err *e)
{
    const struct ca_ct *ct = s->ct;
    struct tm_buf b = {0};
    for (size_t i = 0; i < ct->count; i++) {
        if (s->part[i].state == PART_FAILED || s->part[i].state == PART_NOT_ASKED)
            tm_buf_printf(&b, "; %s%s", ct->source[i].embedded != NULL ? "embedded log: " : "",
                          s->part[i].why.text);
    }
    tm_err_set(e, "too few SCTs (%u of %u operators are required)%s", ct->scts_required,
               ct->operators_required, b.len > 0 ? tm_buf_str(&b) : "");
    tm_buf_free(&b);
}

/* The end of the ticket: nobody asks for this submission again. */
static void end(struct submission *s)
{
    ca_ct_evidence_abandon(s->evidence);
    for (size_t i = 0; i < s->ct->count; i++) {
        const struct ca_issue_log *log = s->ct->source[i].embedded;
        if (log != NULL && s->part[i].ticket != NULL)
            log->cancel(log->ctx, s->part[i].ticket);
        s->part[i].ticket = NULL;
    }
    unref(s);
}

/* Answers the request, or takes its waiter. */
static enum ca_issue_log_status conclude(struct submission *s, const struct oidc_waiter *waiter,
                                         struct tm_buf *sct_list, struct tm_err *e)
{
    bool ok = true;
    pthread_mutex_lock(&s->lock);
    enum ca_issue_log_status st = evaluate(s);
    bool collectable = false;
    for (size_t i = 0; i < s->ct->count; i++)
        collectable |= s->part[i].state == PART_READY;
    if (st == ISSUE_LOG_DONE)
        put_list(s, sct_list, e, &ok);
    else if (st == ISSUE_LOG_FAILED)
        put_reasons(s, e);
    else if (!collectable) {
        s->waiter = *waiter;
        s->held = true;
    }
    pthread_mutex_unlock(&s->lock);
    if (st == ISSUE_LOG_WAIT && collectable)
        waiter->wake(waiter->arg); /* it became ready meanwhile: come again at once */
    if (st != ISSUE_LOG_WAIT)
        end(s);
    return ok ? st : ISSUE_LOG_FAILED;
}

enum ca_issue_log_status ca_ct_submit(void *ctx, const struct ca_issue_log_entry *entry,
                                      const struct oidc_waiter *waiter, void **ticket,
                                      struct tm_buf *sct_list, struct tm_err *e)
{
    const struct ca_ct *ct = ctx;
    struct submission *s = submission_new(ct);
    if (s == NULL) {
        tm_err_set(e, "out of memory");
        return ISSUE_LOG_FAILED;
    }
    s->evidence = ca_ct_evidence_new(entry, tm_clock_mono_ms() + ct->deadline_ms, e);
    if (s->evidence == NULL) {
        unref(s);
        return ISSUE_LOG_FAILED;
    }
    submit_all(s, entry);
    enum ca_issue_log_status st = conclude(s, waiter, sct_list, e);
    if (st == ISSUE_LOG_WAIT)
        *ticket = s;
    return st;
}

enum ca_issue_log_status ca_ct_collect(void *ctx, void *ticket, const struct oidc_waiter *waiter,
                                       struct tm_buf *sct_list, struct tm_err *e)
{
    const struct ca_ct *ct = ctx;
    struct submission *s = ticket;
    for (size_t i = 0; i < ct->count; i++) {
        if (ct->source[i].embedded != NULL)
            collect_embedded(&s->part[i], ct->source[i].embedded);
    }
    return conclude(s, waiter, sct_list, e);
}

void ca_ct_cancel(void *ctx, void *ticket)
{
    (void)ctx;
    struct submission *s = ticket;
    pthread_mutex_lock(&s->lock);
    struct oidc_waiter waiter = s->waiter;
    bool held = s->held;
    s->held = false;
    pthread_mutex_unlock(&s->lock);
    end(s);
    if (held)
        waiter.wake(waiter.arg);
}
