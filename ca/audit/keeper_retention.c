/* Records that are older than they are to be kept: exported, then taken out. What is left begins
 * where they end, with their last hash; only what a head vouches for goes. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "ca/audit/export.h"
#include "ca/audit/keeper_internal.h"
#include "common/clock.h"

#define AT_ONCE_MAX 50000 /* records that are taken out in one go */
#define ENOUGH 1          /* the rest is to be kept */

struct removal {
    struct ca_audit_keeper *keeper;
    int64_t before_ms;
    struct ca_audit_tip floor, upto;
    struct ca_audit_export export;
    bool exporting;
    char path[PATH_MAX];
};

static int take(void *arg, const struct ca_audit_row *row, struct tm_err *e)
{
    struct removal *r = arg;
    const struct ca_audit_keeper *k = r->keeper;
    if (row->record.time_ms >= r->before_ms || row->record.seq >= k->tip.seq ||
        (k->o.heads != NULL && row->record.seq > k->headed) ||
        row->record.seq - r->floor.seq > AT_ONCE_MAX)
        return ENOUGH;
    if (row->damaged)
        return tm_err_set(e,
                          "record %" PRIu64 " was altered: it stays for `tenmint-ca audit verify`",
                          row->record.seq);
    if (r->exporting && ca_audit_export_record(&r->export, row, e) != 0)
        return -1;
    r->upto = (struct ca_audit_tip){row->record.seq, row->hash};
    return 0;
}

static int begin_export(struct removal *r, struct tm_err *e)
{
    const struct ca_audit_keeper *k = r->keeper;
    if (k->o.archive == NULL)
        return 0;
    if (snprintf(r->path, sizeof(r->path), "%s/%s-%" PRIu64 ".jsonl", k->o.archive, k->o.node,
                 r->floor.seq + 1) >= (int)sizeof(r->path))
        return tm_err_set(e, "'%s': the path is too long", k->o.archive);
    r->exporting = true;
    return ca_audit_export_begin(&r->export, r->path, k->o.node, &r->floor, e);
}

/* A file of that name is of a chain that began anew (its database was lost), or of a removal that
 * was cut off: it stays. With the last record's hash in its name one has only these records. */
static int end_export(struct removal *r, struct tm_err *e)
{
    const struct ca_audit_keeper *k = r->keeper;
    char hash[AUDIT_HASH_TEXT];
    if (!r->exporting)
        return 0;
    if (access(r->path, F_OK) == 0) {
        ca_audit_hash_text(&r->upto.hash, hash);
        if (snprintf(r->path, sizeof(r->path), "%s/%s-%" PRIu64 "-%s.jsonl", k->o.archive,
                     k->o.node, r->floor.seq + 1, hash) >= (int)sizeof(r->path))
            return tm_err_set(e, "'%s': the path is too long", k->o.archive);
        jlog(k->o.jlog, JLOG_ERROR,
             "the archive has an export that begins with the same record: it stays",
             JLOG_INT("from", r->floor.seq + 1), JLOG_STR("export", r->path), JLOG_END);
    } else if (errno != ENOENT) {
        return tm_err_errno(e, "look at '%s'", r->path);
    }
    return ca_audit_export_commit_as(&r->export, r->path, e);
}

/* The removal, and the record of it, in one transaction. */
static int cut(struct removal *r, struct tm_err *e)
{
    struct ca_audit_keeper *k = r->keeper;
    char before[64];
    char after[AUDIT_HASH_TEXT];
    snprintf(before, sizeof(before), "records %" PRIu64 " to %" PRIu64, r->floor.seq + 1,
             r->upto.seq);
    ca_audit_hash_text(&r->upto.hash, after);
    struct ca_audit_record record = {
        .time_ms = tm_clock_wall_ms(),
        .process = "audit",
        .kind = ca_audit_kinds[AUDIT_RETENTION].name,
        .event = {.detail = r->path, .before = before, .after = after}};
    k->maybe = k->tip;
    if (ca_audit_store_begin(k->store, e) != 0 || ca_audit_store_cut(k->store, &r->upto, e) != 0 ||
        ca_audit_store_add(k->store, &record, &k->maybe, e) != 0 ||
        ca_audit_store_commit(k->store, e) != 0)
        return -1;
    k->tip = k->maybe;
    jlog(k->o.jlog, JLOG_INFO, "old records of the audit trail were taken out",
         JLOG_INT("from", r->floor.seq + 1), JLOG_INT("to", r->upto.seq),
         JLOG_STR("export", r->path), JLOG_END);
    return 0;
}

static int remove_old(struct removal *r, struct tm_err *e)
{
    const struct ca_audit_keeper *k = r->keeper;
    if (ca_audit_store_floor(k->store, k->o.node, &r->floor, e) != 0)
        return -1;
    r->upto = r->floor;
    int rc = begin_export(r, e);
    if (rc == 0)
        rc = ca_audit_store_chain(k->store, k->o.node, r->floor.seq + 1, take, r, e);
    if (rc < 0 || r->upto.seq == r->floor.seq)
        return rc < 0 ? -1 : 0;
    return end_export(r, e) == 0 ? cut(r, e) : -1;
}

/* By a clock that jumped ahead the whole trail would be old. */
static bool is_trusted(struct ca_audit_keeper *k, int64_t *now_ms)
{
    struct tm_err e = {0};
    if (tm_checked_clock_now(&k->clock, now_ms, &e) == 0)
        return true;
    jlog(k->o.jlog, JLOG_ERROR, "old records of the audit trail are not taken out",
         JLOG_STR("detail", e.text), JLOG_END);
    return false;
}

void ca_audit_keeper_retention(struct ca_audit_keeper *k)
{
    struct tm_err e = {0};
    struct removal r = {.keeper = k};
    int64_t now = 0;
    if (k->o.retention_ms == 0 || k->store == NULL || !is_trusted(k, &now))
        return;
    r.before_ms = now - k->o.retention_ms;
    int rc = remove_old(&r, &e);
    if (r.exporting)
        ca_audit_export_abort(&r.export);
    if (rc == 0)
        return;
    jlog(k->o.jlog, JLOG_ERROR, "old records of the audit trail are not taken out",
         JLOG_STR("detail", e.text), JLOG_END);
    ca_audit_store_close(k->store); /* with its transaction; it is opened again */
    k->store = NULL;
}
