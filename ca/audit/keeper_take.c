/* What commands left for the trail: each is queued once, and its file removed when it is recorded.
 */
#include <string.h>

#include "ca/audit/keeper_internal.h"
#include "ca/audit/spool.h"
#include "common/clock.h"

bool ca_audit_keeper_put(struct ca_audit_keeper *k, struct ca_audit_queued *q, bool must)
{
    size_t waiting = k->queue.bytes + k->group_bytes;
    if (q == NULL || waiting + q->bytes > (must ? k->o.max_bytes : k->o.max_bytes / 2)) {
        ca_audit_queued_free(q);
        k->dropped++;
        return false;
    }
    if (waiting == 0)
        k->progress_ms = tm_clock_mono_ms();
    ca_audit_queue_put(&k->queue, q);
    pthread_cond_signal(&k->changed);
    return true;
}

static void name_actor(const struct ca_audit_spooled *s, const struct ca_audit_record *r,
                       struct tm_buf *out)
{
    tm_buf_printf(out, "uid %lu", (unsigned long)s->owner);
    if (r->event.actor != NULL)
        tm_buf_printf(out, " (%s)", r->event.actor);
}

static void take_spooled(void *arg, const struct ca_audit_spooled *s)
{
    struct ca_audit_keeper *k = arg;
    struct tm_buf actor = {0};
    if (s->line == NULL) {
        pthread_mutex_lock(&k->lock);
        k->unreadable++;
        pthread_mutex_unlock(&k->lock);
        jlog(k->o.jlog, JLOG_ERROR, "no event of the audit trail; set aside",
             JLOG_STR("file", s->name), JLOG_STR("detail", s->why.text), JLOG_END);
        ca_audit_spool_set_aside(k->o.spool, s->name);
        return;
    }
    const struct ca_audit_record *r = ca_audit_line_record(s->line);
    struct ca_audit_event ev = r->event;
    name_actor(s, r, &actor);
    ev.kind = (enum ca_audit_kind)ca_audit_kind_find(r->kind);
    ev.actor = tm_buf_str(&actor);
    struct ca_audit_queued *q = ca_audit_queued_new(&ev);
    if (q != NULL) {
        q->process = "command";
        q->spooled = strdup(s->name);
        q->time_ms = r->time_ms < tm_clock_wall_ms() ? r->time_ms : tm_clock_wall_ms();
    }
    pthread_mutex_lock(&k->lock);
    if (q != NULL && q->spooled != NULL && ca_audit_keeper_put(k, q, true))
        k->spooled++;
    pthread_mutex_unlock(&k->lock);
    tm_buf_free(&actor);
}

void ca_audit_keeper_spool(struct ca_audit_keeper *k)
{
    struct tm_err e = {0};
    if (k->o.spool == NULL || k->spooled > 0 ||
        tm_clock_mono_ms() - k->spool_ms < (k->stop ? 0 : AUDIT_SPOOL_MS))
        return;
    k->spool_ms = tm_clock_mono_ms();
    if (ca_audit_spool_each(k->o.spool, take_spooled, k, &e) != 0)
        jlog(k->o.jlog, JLOG_ERROR, "what commands left for the audit trail is not read",
             JLOG_STR("detail", e.text), JLOG_END);
}
