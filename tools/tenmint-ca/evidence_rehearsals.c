/* Drills in the pack: the records of both programs as they are, and a table of them. Those of the
 * CA are in the audit trail by the digests of their lines. */
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/csv.h"
#include "common/file.h"
#include "common/hex.h"
#include "common/rehearsal.h"
#include "tools/tenmint-ca/evidence.h"

#define TABLE "tables/rehearsals.csv"

static const struct program {
    const char *name, *file;
} programs[] = {{"tenmint-ca", "rehearsals/ca.jsonl"}, {"tenmint-tuf", "rehearsals/tuf.jsonl"}};
#define PROGRAMS (sizeof(programs) / sizeof(programs[0]))

struct table {
    const struct program *program;
    struct tm_buf out;
};

static int put_row(void *arg, const struct tm_rehearsal_read *r, struct tm_err *e)
{
    struct table *t = arg;
    char when[21], steps[24];
    tm_clock_format(r->time, when);
    snprintf(steps, sizeof(steps), "%zu", r->steps);
    const char *const cells[] = {
        when, t->program->name, r->kind, r->by, r->passed ? "passed" : "failed", steps};
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
        tm_csv_field(&t->out, cells[i], i == 0);
    tm_csv_end(&t->out);
    return buf_failed(&t->out) ? tm_err_set(e, "out of memory") : 0;
}

/* From the records in the pack. */
static int make_table(const char *dir, struct tm_buf *out, struct tm_err *e)
{
    static const char *const names[] = {"time", "program", "kind", "by", "result", "steps"};
    struct table t = {0};
    int rc = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        tm_csv_field(&t.out, names[i], i == 0);
    tm_csv_end(&t.out);
    for (size_t i = 0; i < PROGRAMS && rc == 0; i++) {
        char path[PATH_MAX];
        t.program = &programs[i];
        rc = tm_file_join(dir, programs[i].file, path, sizeof(path), e);
        if (rc == 0)
            rc = tm_rehearsals_read(path, put_row, &t, e);
    }
    *out = t.out;
    return rc;
}

static int copy_record(const char *from, const char *dir, const struct program *p, struct tm_err *e)
{
    return access(from, F_OK) == 0 ? evidence_copy_into(from, dir, p->file, e) : 0;
}

int evidence_rehearsals_write(const char *record, const char *workspace, const char *dir,
                              struct tm_err *e)
{
    char path[PATH_MAX];
    struct tm_buf table = {0};
    int rc = copy_record(record, dir, &programs[0], e);
    if (rc == 0 && workspace != NULL)
        rc = tm_file_join(workspace, REHEARSALS_FILE, path, sizeof(path), e) == 0
                 ? copy_record(path, dir, &programs[1], e)
                 : -1;
    if (rc == 0)
        rc = make_table(dir, &table, e);
    if (rc == 0)
        rc = tm_file_join(dir, TABLE, path, sizeof(path), e);
    if (rc == 0)
        rc = tm_file_write_passing(path, 0644, table.data, table.len, e);
    tm_buf_free(&table);
    return rc;
}

int evidence_rehearsals_check(const char *dir, struct tm_err *e)
{
    struct tm_buf made = {0};
    int rc = make_table(dir, &made, e);
    if (rc == 0)
        rc = evidence_compare(dir, TABLE, &made, "what the records of rehearsals say", e);
    tm_buf_free(&made);
    return rc;
}

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
static bool is_of_record(const struct evidence_rehearsal *trail, size_t count, const char *here,
                         const char *node)
{
    bool is = here != NULL && strcmp(here, node) == 0;
    for (size_t i = 0; i < count && !is; i++)
        is = trail[i].found && strcmp(trail[i].node, node) == 0;
    return is;
}

/* What the trail has and the record has not. */
static int look_for_missing(const struct evidence_rehearsal *trail, size_t count, const char *here,
                            struct evidence_rehearsed *out, struct tm_err *e)
{
    for (size_t i = 0; i < count; i++) {
        if (trail[i].found)
            continue;
        if (is_of_record(trail, count, here, trail[i].node))
            return missing(&trail[i], e);
        out->elsewhere++;
    }
    return 0;
}

static int compare_lines(const struct tm_buf *all, struct evidence_rehearsal *trail, size_t count,
                         struct evidence_rehearsed *out, struct tm_err *e)
{
    char hex[65];
    for (size_t at = 0; at < all->len; out->lines++) {
        const unsigned char *end = memchr(all->data + at, '\n', all->len - at);
        size_t len = end != NULL ? (size_t)(end - all->data) + 1 - at : all->len - at;
        if (digest_of(all->data + at, len, hex, e) != 0)
            return -1;
        out->untold += !is_told(trail, count, hex);
        at += len;
    }
    return 0;
}

int evidence_rehearsals_compare(const char *dir, const char *here, struct evidence_rehearsal *trail,
                                size_t count, struct evidence_rehearsed *out, struct tm_err *e)
{
    char path[PATH_MAX];
    struct tm_buf all = {0};
    *out = (struct evidence_rehearsed){0};
    int rc = tm_file_join(dir, programs[0].file, path, sizeof(path), e);
    if (rc == 0 && access(path, F_OK) == 0)
        rc = tm_file_read(path, EVIDENCE_FILE_MAX, &all, e);
    if (rc == 0)
        rc = compare_lines(&all, trail, count, out, e);
    if (rc == 0)
        rc = look_for_missing(trail, count, here, out, e);
    tm_buf_free(&all);
    return rc;
}
