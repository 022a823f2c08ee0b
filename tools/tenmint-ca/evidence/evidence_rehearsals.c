/* Drills in the pack: the records of both programs as they are, and a table of those of the period.
 * Those of the CA are in the audit trail by the digests of their lines. */
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/csv.h"
#include "common/file.h"
#include "common/hex.h"
#include "common/rehearsal.h"
#include "tools/tenmint-ca/evidence/evidence.h"

static const struct program {
    const char *name, *file;
} programs[] = {{"tenmint-ca", "rehearsals/ca.jsonl"}, {"tenmint-tuf", "rehearsals/tuf.jsonl"}};
#define PROGRAMS (sizeof(programs) / sizeof(programs[0]))

static int copy_record(const char *from, const char *dir, const struct program *p, struct tm_err *e)
{
    return access(from, F_OK) == 0 ? evidence_copy_into(from, dir, p->file, e) : 0;
}

int evidence_rehearsals_copy(const char *record, const char *workspace, const char *dir,
                             struct tm_err *e)
{
    char path[PATH_MAX];
    if (copy_record(record, dir, &programs[0], e) != 0)
        return -1;
    return workspace == NULL ? 0
           : tm_file_join(workspace, REHEARSALS_FILE, path, sizeof(path), e) == 0
               ? copy_record(path, dir, &programs[1], e)
               : -1;
}

/* ---- the audit trail ---- */

bool evidence_rehearsal_of(const struct ca_audit_record *r, struct evidence_rehearsal *out)
{
    if (ca_audit_kind_find(r->kind) != AUDIT_REHEARSAL)
        return false;
    out->time_ms = r->time_ms;
    snprintf(out->kind, sizeof(out->kind), "%s", ca_audit_text(&r->event, AUDIT_FIELD_reason));
    snprintf(out->sha256, sizeof(out->sha256), "%s", ca_audit_text(&r->event, AUDIT_FIELD_after));
    snprintf(out->node, sizeof(out->node), "%s", r->node);
    return true;
}

static int missing(const struct evidence_rehearsal *r, struct tm_err *e)
{
    char when[21];
    tm_clock_format(r->time_ms / 1000, when);
    return tm_err_set(e,
                      "the audit trail has a rehearsal, '%s' of %s, whose record is not in the "
                      "pack",
                      r->kind, when);
}

static int digest_of(const unsigned char *line, size_t len, char hex[65], struct tm_err *e)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    size_t size = 0;
    if (EVP_Q_digest(NULL, "SHA256", NULL, line, len, digest, &size) != 1)
        return tm_err_openssl(e, "SHA-256");
    tm_hex_encode(digest, size, hex);
    return 0;
}

/* Each vouches for one line: a copy of a line is another rehearsal, which was not done. */
static bool is_told(struct evidence_rehearsal *trail, size_t count, const char *sha256)
{
    for (size_t i = 0; i < count; i++) {
        if (!trail[i].found && strcmp(trail[i].sha256, sha256) == 0)
            return trail[i].found = true;
    }
    return false;
}

/* Whether the record should have what `node` rehearsed. */
static bool is_of_record(const struct evidence_trail *t, const char *node)
{
    bool is = t->here != NULL && strcmp(t->here, node) == 0;
    for (size_t i = 0; i < t->count && !is; i++)
        is = t->item[i].found && strcmp(t->item[i].node, node) == 0;
    return is;
}

/* What the trail has and the record has not. */
static int look_for_missing(const struct evidence_trail *t, struct evidence_rehearsed *out,
                            struct tm_err *e)
{
    for (size_t i = 0; i < t->count; i++) {
        if (t->item[i].found)
            continue;
        if (is_of_record(t, t->item[i].node))
            return missing(&t->item[i], e);
        out->elsewhere++;
    }
    return 0;
}

/* ---- the table ---- */

struct table {
    const struct program *program;
    const struct evidence_period *period;
    struct evidence_trail *trail;
    struct evidence_rehearsed *found;
    struct tm_buf out;
};

static void put_cells(struct tm_buf *out, const char *const *cell, size_t count)
{
    for (size_t i = 0; i < count; i++)
        tm_csv_field(out, cell[i], i == 0);
    tm_csv_end(out);
}

/* The trail has those of this program only. */
static int put_row(void *arg, const struct tm_rehearsal_read *r, struct tm_err *e)
{
    struct table *t = arg;
    char hex[65], when[21], steps[24], skipped[24];
    bool told = false;
    if (t->program == &programs[0]) {
        if (digest_of((const unsigned char *)r->line, r->len, hex, e) != 0)
            return -1;
        told = is_told(t->trail->item, t->trail->count, hex);
    }
    if (r->time < t->period->since_ms / 1000 || r->time * 1000 >= t->period->until_ms)
        return 0;
    t->found->lines++;
    t->found->failed += !r->passed;
    t->found->skipped += r->skipped;
    t->found->untold += t->program == &programs[0] && !told;
    t->found->tuf += t->program != &programs[0];
    tm_clock_format(r->time, when);
    snprintf(steps, sizeof(steps), "%zu", r->steps);
    snprintf(skipped, sizeof(skipped), "%zu", r->skipped);
    const char *const cells[] = {when,
                                 t->program->name,
                                 r->kind,
                                 r->by,
                                 r->passed ? "passed" : "failed",
                                 steps,
                                 skipped,
                                 told ? "audit trail" : "nobody"};
    put_cells(&t->out, cells, sizeof(cells) / sizeof(cells[0]));
    return buf_failed(&t->out) ? tm_err_set(e, "out of memory") : 0;
}

/* From the records in the pack. */
static int fill_table(struct table *t, const char *dir, struct tm_err *e)
{
    static const char *const names[] = {"time",   "program", "kind",    "by",
                                        "result", "steps",   "skipped", "vouched for by"};
    int rc = 0;
    put_cells(&t->out, names, sizeof(names) / sizeof(names[0]));
    for (size_t i = 0; i < PROGRAMS && rc == 0; i++) {
        char path[PATH_MAX];
        t->program = &programs[i];
        rc = tm_file_join(dir, programs[i].file, path, sizeof(path), e);
        if (rc == 0)
            rc = tm_rehearsals_read(path, put_row, t, e);
    }
    return rc == 0 ? look_for_missing(t->trail, t->found, e) : -1;
}

int evidence_rehearsals_table(const char *dir, const struct evidence_period *period,
                              struct evidence_trail *trail, struct tm_buf *out,
                              struct evidence_rehearsed *found, struct tm_err *e)
{
    struct table t = {.period = period, .trail = trail, .found = found};
    *found = (struct evidence_rehearsed){0};
    int rc = fill_table(&t, dir, e);
    *out = t.out;
    return rc;
}
