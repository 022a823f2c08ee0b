/* The keeper seen from outside. */
#include <inttypes.h>

#include "ca/audit/keeper_internal.h"
#include "common/promtext.h"

int ca_audit_keeper_ready(struct ca_audit_keeper *k, struct tm_err *e)
{
    pthread_mutex_lock(&k->lock);
    int rc = k->works ? 0 : tm_err_set(e, "%s", k->why.text);
    pthread_mutex_unlock(&k->lock);
    return rc;
}

static void gauge(struct tm_buf *out, const char *name, const char *type, const char *help,
                  uint64_t value)
{
    tm_promtext_head(out, name, type, help);
    tm_buf_printf(out, "%s %" PRIu64 "\n", name, value);
}

void ca_audit_keeper_metrics(struct ca_audit_keeper *k, struct tm_buf *out)
{
    pthread_mutex_lock(&k->lock);
    gauge(out, "tenmint_audit_store_working", "gauge",
          "0: the audit database takes no records, and certificates are refused.", k->works);
    gauge(out, "tenmint_audit_records_total", "counter", "Records that were written.", k->written);
    gauge(out, "tenmint_audit_groups_total", "counter", "Commits of records.", k->groups);
    gauge(out, "tenmint_audit_failures_total", "counter",
          "Groups of records that were not written "
          "at the first try.",
          k->failures);
    gauge(out, "tenmint_audit_dropped_total", "counter",
          "Events without a promise for which there was no room.", k->dropped);
    gauge(out, "tenmint_audit_unreadable_total", "counter",
          "Files in the spool that are no events.", k->unreadable);
    gauge(out, "tenmint_audit_waiting_bytes", "gauge", "Events that wait to be written.",
          k->queue.bytes + k->group_bytes);
    if (k->o.heads != NULL)
        gauge(
            out, "tenmint_audit_head_seconds", "gauge",
            "When the trail's head was last entered in its log, Unix time; 0: not since the start.",
            (uint64_t)k->headed_ms / 1000);
    pthread_mutex_unlock(&k->lock);
    if (k->o.heads != NULL)
        ca_audit_heads_metrics(k->o.heads, out);
}
