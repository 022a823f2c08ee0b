/* The period's records by topic, as CSV. They are a function of the records alone: a check makes
 * them anew and compares. */
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/csv.h"
#include "common/file.h"
#include "common/hex.h"
#include "tools/tenmint-ca/evidence/evidence.h"

#define COLUMNS_MAX 12
#define F(name) AUDIT_FIELD_##name
#define END AUDIT_FIELD_COUNT

/* A table's rows: which kinds, which fields; before them each has time, node, number and kind. */
static const struct {
    const char *file;
    unsigned kinds;
    size_t field[COLUMNS_MAX];
} topics[EVIDENCE_TABLES] = {
    [EVIDENCE_ISSUED] = {"tables/issued.csv",
                         1U << AUDIT_ISSUED,
                         {F(repository), F(identity), F(issuer), F(subject), F(serial), F(key),
                          F(expires), F(entry), F(remote), F(request), END}},
    [EVIDENCE_REFUSED] = {"tables/refused.csv",
                          1U << AUDIT_REFUSED,
                          {F(reason), F(detail), F(issuer), F(subject), F(remote), F(request),
                           END}},
    [EVIDENCE_TRUST] = {"tables/trust.csv",
                        1U << AUDIT_TRUST,
                        {F(issuer), F(reason), F(actor), F(detail), F(before), F(after), END}},
    [EVIDENCE_OPERATIONS] = {"tables/operations.csv",
                             1U << AUDIT_START | 1U << AUDIT_STOP | 1U << AUDIT_RELOAD |
                                 1U << AUDIT_ROTATION | 1U << AUDIT_FREEZE | 1U << AUDIT_THAW |
                                 1U << AUDIT_LOGIN | 1U << AUDIT_RETENTION | 1U << AUDIT_COMMAND,
                             {F(reason), F(actor), F(issuer), F(detail), F(before), F(after), END}},
    [EVIDENCE_DRILLS] = {"tables/drills.csv",
                         1U << AUDIT_REHEARSAL,
                         {F(reason), F(actor), F(detail), F(before), F(after), END}},
    [EVIDENCE_REPOSITORIES] = {"tables/repositories.csv", 0, {END}},
};

const char *evidence_table_file(enum evidence_table which)
{
    return topics[which].file;
}

struct file { /* a CSV file on its way */
    struct tm_file_stream to;
    EVP_MD_CTX *md;
    uint64_t rows;
    char sha256[2 * EVP_MAX_MD_SIZE + 1];
};

struct repository {
    char *name;
    uint64_t certificates;
    int64_t first_ms, last_ms;
};

struct evidence_tables {
    bool writes;
    struct evidence_period period;
    struct file file[EVIDENCE_TABLES];
    struct repository *repository; /* by name */
    size_t repositories;
    struct tm_buf row;
};

/* The row so far, with its end. */
static int put_row(struct evidence_tables *t, enum evidence_table which, struct tm_err *e)
{
    struct file *f = &t->file[which];
    tm_csv_end(&t->row);
    int rc = buf_failed(&t->row) || EVP_DigestUpdate(f->md, t->row.data, t->row.len) != 1
                 ? tm_err_set(e, "out of memory")
                 : 0;
    if (rc == 0 && t->writes)
        rc = tm_file_stream_write(&f->to, t->row.data, t->row.len, e);
    tm_buf_reset(&t->row);
    return rc;
}

static int put_head(struct evidence_tables *t, enum evidence_table which, struct tm_err *e)
{
    static const char *const first[] = {"time", "node", "seq", "kind"};
    static const char *const repositories[] = {"repository", "certificates", "first", "last"};
    const char *const *names = which == EVIDENCE_REPOSITORIES ? repositories : first;
    for (size_t i = 0; i < 4; i++)
        tm_csv_field(&t->row, names[i], i == 0);
    for (const size_t *f = topics[which].field; *f != END; f++)
        tm_csv_field(&t->row, ca_audit_fields[*f].name, false);
    return put_row(t, which, e);
}

static int begin(struct evidence_tables *t, const char *dir, struct tm_err *e)
{
    for (unsigned i = 0; i < EVIDENCE_TABLES; i++) {
        char path[PATH_MAX];
        struct file *f = &t->file[i];
        f->md = EVP_MD_CTX_new();
        if (f->md == NULL || EVP_DigestInit_ex(f->md, EVP_sha256(), NULL) != 1)
            return tm_err_set(e, "out of memory");
        if (dir != NULL && (tm_file_join(dir, topics[i].file, path, sizeof(path), e) != 0 ||
                            tm_file_stream_open(&f->to, path, 0644, e) != 0))
            return -1;
        if (put_head(t, i, e) != 0)
            return -1;
    }
    return 0;
}

struct evidence_tables *evidence_tables_new(const char *dir, const struct evidence_period *p,
                                            struct tm_err *e)
{
    struct evidence_tables *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return tm_err_null(e, "out of memory");
    t->writes = dir != NULL;
    t->period = *p;
    if (begin(t, dir, e) == 0)
        return t;
    evidence_tables_free(t);
    return NULL;
}

void evidence_tables_free(struct evidence_tables *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < EVIDENCE_TABLES; i++) {
        EVP_MD_CTX_free(t->file[i].md);
        if (t->writes)
            tm_file_stream_abort(&t->file[i].to);
    }
    for (size_t i = 0; i < t->repositories; i++)
        free(t->repository[i].name);
    free(t->repository);
    tm_buf_free(&t->row);
    free(t);
}

/* ---- rows ---- */

/* Where `name` is, or is to be. */
static size_t place_of(const struct evidence_tables *t, const char *name, bool *there)
{
    size_t low = 0;
    size_t high = t->repositories;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(t->repository[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *there = low < t->repositories && strcmp(t->repository[low].name, name) == 0;
    return low;
}

static int count_repository(struct evidence_tables *t, const struct ca_audit_record *r,
                            struct tm_err *e)
{
    const char *name = ca_audit_text(&r->event, AUDIT_FIELD_repository);
    bool there = false;
    size_t at = place_of(t, name, &there);
    if (!there) {
        struct repository *more =
            reallocarray(t->repository, t->repositories + 1, sizeof(*t->repository));
        char *copy = strdup(name);
        t->repository = more != NULL ? more : t->repository;
        if (more == NULL || copy == NULL) {
            free(copy);
            return tm_err_set(e, "out of memory");
        }
        memmove(&more[at + 1], &more[at], (t->repositories - at) * sizeof(*more));
        more[at] = (struct repository){.name = copy, .first_ms = r->time_ms};
        t->repositories++;
    }
    t->repository[at].certificates++;
    t->repository[at].last_ms = r->time_ms;
    return 0;
}

static void put_time(struct evidence_tables *t, int64_t ms, bool first)
{
    char text[21];
    tm_clock_format(ms / 1000, text);
    tm_csv_field(&t->row, text, first);
}

static int put_record(struct evidence_tables *t, enum evidence_table which,
                      const struct ca_audit_record *r, struct tm_err *e)
{
    char seq[24];
    snprintf(seq, sizeof(seq), "%" PRIu64, r->seq);
    put_time(t, r->time_ms, true);
    tm_csv_field(&t->row, r->node, false);
    tm_csv_field(&t->row, seq, false);
    tm_csv_field(&t->row, r->kind, false);
    for (const size_t *f = topics[which].field; *f != END; f++)
        tm_csv_field(&t->row, ca_audit_text(&r->event, *f), false);
    t->file[which].rows++;
    return put_row(t, which, e);
}

int evidence_tables_add(struct evidence_tables *t, const struct ca_audit_record *r,
                        struct tm_err *e)
{
    int kind = ca_audit_kind_find(r->kind);
    if (kind < 0 || r->time_ms < t->period.since_ms || r->time_ms >= t->period.until_ms)
        return 0;
    for (unsigned i = 0; i < EVIDENCE_TABLES; i++) {
        if ((topics[i].kinds & 1U << kind) != 0 && put_record(t, i, r, e) != 0)
            return -1;
    }
    return kind == AUDIT_ISSUED ? count_repository(t, r, e) : 0;
}

/* ---- the end ---- */

static int put_repositories(struct evidence_tables *t, struct tm_err *e)
{
    for (size_t i = 0; i < t->repositories; i++) {
        const struct repository *r = &t->repository[i];
        char count[24];
        snprintf(count, sizeof(count), "%" PRIu64, r->certificates);
        tm_csv_field(&t->row, r->name, true);
        tm_csv_field(&t->row, count, false);
        put_time(t, r->first_ms, false);
        put_time(t, r->last_ms, false);
        t->file[EVIDENCE_REPOSITORIES].rows++;
        if (put_row(t, EVIDENCE_REPOSITORIES, e) != 0)
            return -1;
    }
    return 0;
}

int evidence_tables_end(struct evidence_tables *t, struct tm_err *e)
{
    if (put_repositories(t, e) != 0)
        return -1;
    for (size_t i = 0; i < EVIDENCE_TABLES; i++) {
        struct file *f = &t->file[i];
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned len = 0;
        if (EVP_DigestFinal_ex(f->md, digest, &len) != 1)
            return tm_err_openssl(e, "SHA-256");
        tm_hex_encode(digest, len, f->sha256);
        if (t->writes && tm_file_stream_commit(&f->to, e) != 0)
            return -1;
    }
    return 0;
}

uint64_t evidence_tables_rows(const struct evidence_tables *t, enum evidence_table which)
{
    return t->file[which].rows;
}

const char *evidence_tables_sha256(const struct evidence_tables *t, enum evidence_table which)
{
    return t->file[which].sha256;
}
