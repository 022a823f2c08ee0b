#include "tools/tenmint-ca/rehearse/rehearse_standing.h"

#include <inttypes.h>
#include <string.h>

#include "common/promtext.h"

/* Why somebody must act; NULL: nobody. */
static const char *wanting(const struct tm_rehearsed *last, int64_t every_ms, int64_t now)
{
    if (last->time != 0 && !last->passed)
        return "FAILED";
    if (every_ms == 0)
        return NULL;
    return last->time == 0 ? "DUE" : now - last->time > every_ms / 1000 ? "OVERDUE" : NULL;
}

/* Of s->last. */
static void judge(const struct ca_config_rehearsals *c, int64_t now, struct rehearse_standing *s)
{
    s->every_ms[REHEARSE_ROTATE] = c->rotate;
    s->every_ms[REHEARSE_LOG] = c->log;
    s->every_ms[REHEARSE_ISSUER] = c->issuer;
    for (int k = 0; k < REHEARSE_KINDS; k++) {
        s->wants[k] = wanting(&s->last[k], s->every_ms[k], now);
        s->found |= s->wants[k] != NULL;
    }
}

int rehearse_look(const struct ca_config_rehearsals *c, int64_t now, struct rehearse_standing *out,
                  struct tm_err *e)
{
    *out = (struct rehearse_standing){0};
    int rc = tm_rehearsals_last(c->file, rehearse_names, REHEARSE_KINDS, out->last, e);
    if (rc >= 0)
        judge(c, now, out);
    return rc;
}

/* ---- metrics ---- */

void rehearse_watch_init(struct rehearse_watch *w, const struct ca_config_rehearsals *c)
{
    *w = (struct rehearse_watch){.config = c};
    pthread_mutex_init(&w->lock, NULL);
}

void rehearse_watch_end(struct rehearse_watch *w)
{
    if (w->config != NULL)
        pthread_mutex_destroy(&w->lock);
}

/* Of a file that it may not see, who reads it cannot tell whether it is another: it is read. A
 * server without a configuration has none. */
static void renew(struct rehearse_watch *w)
{
    if (w->config->file == NULL)
        return;
    if (tm_file_stamp_renew(w->config->file, &w->seen) || w->seen.ino == 0)
        w->unreadable =
            tm_rehearsals_last(w->config->file, rehearse_names, REHEARSE_KINDS, w->last, NULL) != 0;
}

void rehearse_watch_metrics(struct rehearse_watch *w, int64_t now, struct tm_buf *out)
{
    struct rehearse_standing s = {0};
    pthread_mutex_lock(&w->lock);
    renew(w);
    bool unreadable = w->unreadable;
    memcpy(s.last, w->last, sizeof(s.last));
    pthread_mutex_unlock(&w->lock);
    judge(w->config, now, &s);
    tm_promtext_head(out, "tenmint_rehearsal_age_seconds", "gauge",
                     "Time since a rotation was last rehearsed, by kind (tenmint-ca rehearse).");
    for (int k = 0; k < REHEARSE_KINDS; k++) {
        if (s.last[k].time != 0)
            tm_buf_printf(out, "tenmint_rehearsal_age_seconds{kind=\"%s\"} %" PRId64 "\n",
                          rehearse_names[k], now - s.last[k].time);
    }
    tm_promtext_head(out, "tenmint_rehearsal_due", "gauge",
                     "1: the last rehearsal of a kind failed, it is due by the configuration's "
                     "'rehearsals', or their record cannot be read.");
    for (int k = 0; k < REHEARSE_KINDS; k++)
        tm_buf_printf(out, "tenmint_rehearsal_due{kind=\"%s\"} %d\n", rehearse_names[k],
                      unreadable || s.wants[k] != NULL);
}
