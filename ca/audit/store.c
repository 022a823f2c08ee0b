#include "ca/audit/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/repository.h"

/* Columns of a row, in their order: those before the fields, the fields, those behind. */
enum { COLUMN_NODE, COLUMN_SEQ, COLUMN_TIME, COLUMN_PROCESS, COLUMN_KIND, COLUMN_FIELDS };
enum {
    COLUMN_HASH = COLUMN_FIELDS + AUDIT_FIELD_COUNT,
    COLUMN_REPOSITORY,
    COLUMN_PATH,
    COLUMN_IDENTITY,
    COLUMN_ISSUER,
    COLUMNS
};

#define BEFORE_FIELDS "node, seq, time_ms, process, kind"
#define FIELD_COLUMN(name, what) ", \"" #name "\""
#define BEHIND_FIELDS ", hash, repository_key, repository_path, identity_key, issuer_key"
#define ALL_COLUMNS BEFORE_FIELDS AUDIT_FIELDS(FIELD_COLUMN) BEHIND_FIELDS
#define FIELD_MADE(name, what) ", \"" #name "\" TEXT NOT NULL"

static const char records_table[] =
    "CREATE TABLE IF NOT EXISTS audit_records (node TEXT NOT NULL, seq BIGINT NOT NULL, "
    "time_ms BIGINT NOT NULL, process TEXT NOT NULL, kind TEXT NOT NULL" AUDIT_FIELDS(
        FIELD_MADE) ", hash TEXT NOT NULL, repository_key TEXT NOT NULL, repository_path TEXT NOT "
                    "NULL, "
                    "identity_key TEXT NOT NULL, issuer_key TEXT NOT NULL, PRIMARY KEY (node, "
                    "seq))";
static const char floor_table[] =
    "CREATE TABLE IF NOT EXISTS audit_floor (node TEXT NOT NULL PRIMARY KEY, seq BIGINT NOT NULL, "
    "hash TEXT NOT NULL)";
/* What makes the tables, and since which version. Each may find its work done: version 1 was not
 * written down. Of `request` and `key` few are alike, so no time is needed behind them. */
static const struct step {
    uint64_t version;
    const char *sql;
} steps[] = {
    {1, records_table},
    {1, floor_table},
    {1, "CREATE INDEX IF NOT EXISTS audit_by_time ON audit_records (time_ms)"},
    {1,
     "CREATE INDEX IF NOT EXISTS audit_by_repository ON audit_records (repository_key, time_ms)"},
    {1, "CREATE INDEX IF NOT EXISTS audit_by_path ON audit_records (repository_path, time_ms)"},
    {1, "CREATE INDEX IF NOT EXISTS audit_by_identity ON audit_records (identity_key, time_ms)"},
    {1, "CREATE INDEX IF NOT EXISTS audit_by_serial ON audit_records (serial)"},
    {2, "CREATE INDEX IF NOT EXISTS audit_by_request ON audit_records (request)"},
    {2, "CREATE INDEX IF NOT EXISTS audit_by_key ON audit_records (\"key\")"},
    {2, "CREATE INDEX IF NOT EXISTS audit_by_kind ON audit_records (kind, time_ms)"},
    {2, "CREATE INDEX IF NOT EXISTS audit_by_issuer ON audit_records (issuer_key, time_ms)"},
};
#define SCHEMA_VERSION "2" /* of the last step */
static const char schema_table[] =
    "CREATE TABLE IF NOT EXISTS audit_schema (version BIGINT NOT NULL PRIMARY KEY)";

struct ca_audit_store {
    const struct ca_audit_db_kind *kind;
    struct ca_audit_db *db;
    char *node;                                           /* NULL: for reading */
    struct tm_buf insert;                                 /* the statement */
    struct tm_buf line, key[COLUMNS - COLUMN_REPOSITORY]; /* room for one record's */
};

static int run(struct ca_audit_store *s, const char *sql, const char *const *param, size_t count,
               ca_audit_row_fn row, void *arg, struct tm_err *e)
{
    return s->kind->run(s->db, sql, param, count, row, arg, e);
}

/* ---- opening ---- */

static void write_insert(struct tm_buf *out)
{
    tm_buf_puts(out, "INSERT INTO audit_records (" ALL_COLUMNS ") VALUES (");
    for (unsigned i = 1; i <= COLUMNS; i++)
        tm_buf_printf(out, "%s$%u", i > 1 ? ", " : "", i);
    buf_putc(out, ')');
}

static int read_number(const char *text, uint64_t *out)
{
    char *end = NULL;
    *out = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' ? 0 : -1;
}

static int take_version(void *arg, const char *const *column, size_t count, struct tm_err *e)
{
    return count == 1 && read_number(column[0], arg) == 0
               ? 0
               : tm_err_set(e, "audit_schema of the audit database holds no version");
}

static int say_step(struct ca_audit_store *s, const char *sql, struct tm_err *e)
{
    return run(s, sql, NULL, 0, NULL, NULL, e);
}

/* From `have` on to what this program knows. */
static int bring_up(struct ca_audit_store *s, uint64_t have, struct tm_err *e)
{
    const uint64_t known = steps[sizeof(steps) / sizeof(steps[0]) - 1].version;
    if (have > known)
        return tm_err_set(e,
                          "the audit database is of version %" PRIu64
                          ", made by a newer program; this one knows up to %" PRIu64,
                          have, known);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (steps[i].version > have && say_step(s, steps[i].sql, e) != 0)
            return -1;
    }
    return have < known
               ? say_step(s, "INSERT INTO audit_schema (version) VALUES (" SCHEMA_VERSION ")", e)
               : 0;
}

/* Makes the tables, or brings those of an older program up: all of it or nothing, by one server at
 * a time. */
static int open_tables(struct ca_audit_store *s, struct tm_err *e)
{
    uint64_t have = 0;
    if (say_step(s, "BEGIN", e) != 0)
        return -1;
    for (const char *const *sql = s->kind->alone; *sql != NULL; sql++) {
        if (say_step(s, *sql, e) != 0)
            return -1;
    }
    if (say_step(s, schema_table, e) != 0 ||
        run(s, "SELECT version FROM audit_schema ORDER BY version", NULL, 0, take_version, &have,
            e) != 0 ||
        bring_up(s, have, e) != 0)
        return -1;
    return say_step(s, "COMMIT", e);
}

struct ca_audit_store *ca_audit_store_open(const struct ca_audit_place *p, const char *node,
                                           struct tm_err *e)
{
    struct ca_audit_store *s = calloc(1, sizeof(*s));
    if (s == NULL || (node != NULL && (s->node = strdup(node)) == NULL)) {
        free(s);
        return tm_err_null(e, "out of memory");
    }
    s->kind = p->file != NULL ? &ca_audit_sqlite : &ca_audit_postgres;
    s->db = s->kind->open(p, node != NULL, e);
    write_insert(&s->insert);
    if (s->db != NULL && (node == NULL || open_tables(s, e) == 0) &&
        (tm_buf_str(&s->insert) != NULL || tm_err_set(e, "out of memory") == 0))
        return s;
    ca_audit_store_close(s);
    return NULL;
}

void ca_audit_store_close(struct ca_audit_store *s)
{
    if (s == NULL)
        return;
    s->kind->close(s->db);
    tm_buf_free(&s->insert);
    tm_buf_free(&s->line);
    for (size_t i = 0; i < sizeof(s->key) / sizeof(s->key[0]); i++)
        tm_buf_free(&s->key[i]);
    free(s->node);
    free(s);
}

/* ---- writing ---- */

static int take_tip(void *arg, const char *const *column, size_t count, struct tm_err *e)
{
    struct ca_audit_tip *t = arg;
    return count == 2 && read_number(column[0], &t->seq) == 0 &&
                   ca_audit_hash_parse(column[1], &t->hash) == 0
               ? 0
               : tm_err_set(e, "record '%s' of the audit database has no hash", column[0]);
}

int ca_audit_store_floor(struct ca_audit_store *s, const char *node, struct ca_audit_tip *out,
                         struct tm_err *e)
{
    memset(out, 0, sizeof(*out));
    return run(s, "SELECT seq, hash FROM audit_floor WHERE node = $1", &node, 1, take_tip, out, e);
}

int ca_audit_store_tip(struct ca_audit_store *s, const char *node, struct ca_audit_tip *out,
                       struct tm_err *e)
{
    if (node == NULL)
        node = s->node;
    if (ca_audit_store_floor(s, node, out, e) != 0)
        return -1;
    return run(s, "SELECT seq, hash FROM audit_records WHERE node = $1 ORDER BY seq DESC LIMIT 1",
               &node, 1, take_tip, out, e);
}

int ca_audit_store_begin(struct ca_audit_store *s, struct tm_err *e)
{
    return run(s, "BEGIN", NULL, 0, NULL, NULL, e);
}

int ca_audit_store_commit(struct ca_audit_store *s, struct tm_err *e)
{
    return run(s, "COMMIT", NULL, 0, NULL, NULL, e);
}

/* How a value is looked for: appends it without scheme, user, ".git" and slashes at the end, in
 * lower case ("https://GitHub.com/acme/widget.git/" and "git@github.com:acme/widget" are
 * "github.com/acme/widget"). */
static void search_key(const char *text, struct tm_buf *out)
{
    tm_repository_put(tm_repository_bare(text, strlen(text)), out);
}

/* The columns behind the hash, into the store's room: borrowed until the next record. -1: out of
 * memory. */
static int search_columns(struct ca_audit_store *s, const struct ca_audit_event *ev,
                          const char *column[COLUMNS])
{
    const char *repository = ca_audit_text(ev, AUDIT_FIELD_repository);
    const char *of[] = {repository, repository, ca_audit_text(ev, AUDIT_FIELD_identity),
                        ca_audit_text(ev, AUDIT_FIELD_issuer)};
    bool failed = false;
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        struct tm_buf *key = &s->key[i];
        tm_buf_reset(key);
        struct tm_repository bare = tm_repository_bare(of[i], strlen(of[i]));
        tm_repository_put(i == COLUMN_PATH - COLUMN_REPOSITORY ? tm_repository_path(bare) : bare,
                          key);
        column[COLUMN_REPOSITORY + i] = tm_buf_str(key);
        failed = failed || column[COLUMN_REPOSITORY + i] == NULL;
    }
    return failed ? -1 : 0;
}

static int chain_record(struct ca_audit_store *s, const struct ca_audit_record *r,
                        const struct ca_audit_hash *before, struct ca_audit_hash *out,
                        struct tm_err *e)
{
    tm_buf_reset(&s->line);
    ca_audit_canonical(r, &s->line);
    if (buf_failed(&s->line))
        return tm_err_set(e, "out of memory");
    ca_audit_chain(before, s->line.data, s->line.len, out);
    return 0;
}

int ca_audit_store_add(struct ca_audit_store *s, struct ca_audit_record *r,
                       struct ca_audit_tip *tip, struct tm_err *e)
{
    struct ca_audit_tip next = {.seq = tip->seq + 1};
    const char *column[COLUMNS];
    char seq[24], time[24], hash[AUDIT_HASH_TEXT];
    r->seq = next.seq;
    r->node = s->node;
    if (chain_record(s, r, &tip->hash, &next.hash, e) != 0)
        return -1;
    snprintf(seq, sizeof(seq), "%" PRIu64, r->seq);
    snprintf(time, sizeof(time), "%" PRId64, r->time_ms);
    ca_audit_hash_text(&next.hash, hash);
    column[COLUMN_NODE] = r->node;
    column[COLUMN_SEQ] = seq;
    column[COLUMN_TIME] = time;
    column[COLUMN_PROCESS] = r->process;
    column[COLUMN_KIND] = r->kind;
    for (size_t i = 0; i < AUDIT_FIELD_COUNT; i++)
        column[COLUMN_FIELDS + i] = ca_audit_text(&r->event, i);
    column[COLUMN_HASH] = hash;
    if (search_columns(s, &r->event, column) != 0)
        return tm_err_set(e, "out of memory");
    if (run(s, tm_buf_str(&s->insert), column, COLUMNS, NULL, NULL, e) != 0)
        return -1;
    *tip = next;
    return 0;
}

int ca_audit_store_cut(struct ca_audit_store *s, const struct ca_audit_tip *upto, struct tm_err *e)
{
    char seq[24], hash[AUDIT_HASH_TEXT];
    snprintf(seq, sizeof(seq), "%" PRIu64, upto->seq);
    ca_audit_hash_text(&upto->hash, hash);
    const char *const param[] = {s->node, seq, hash};
    if (run(s, "DELETE FROM audit_floor WHERE node = $1", param, 1, NULL, NULL, e) != 0 ||
        run(s, "INSERT INTO audit_floor (node, seq, hash) VALUES ($1, $2, $3)", param, 3, NULL,
            NULL, e) != 0)
        return -1;
    return run(s, "DELETE FROM audit_records WHERE node = $1 AND seq <= $2", param, 2, NULL, NULL,
               e);
}

/* ---- reading ---- */

struct reading {
    struct ca_audit_store *store;
    ca_audit_each_fn each;
    void *arg;
};

static bool has_right_columns(struct ca_audit_store *s, const struct ca_audit_event *ev,
                              const char *const *column)
{
    const char *right[COLUMNS];
    if (search_columns(s, ev, right) != 0)
        return false;
    for (size_t i = COLUMN_REPOSITORY; i < COLUMNS; i++) {
        if (strcmp(right[i], column[i]) != 0)
            return false;
    }
    return true;
}

static int take_row(void *arg, const char *const *column, size_t count, struct tm_err *e)
{
    const struct reading *r = arg;
    uint64_t time = 0;
    if (count != COLUMNS)
        return tm_err_set(e, "the audit database has %zu columns in place of %d", count, COLUMNS);
    struct ca_audit_row row = {.record = {.node = column[COLUMN_NODE],
                                          .process = column[COLUMN_PROCESS],
                                          .kind = column[COLUMN_KIND]}};
    for (size_t i = 0; i < AUDIT_FIELD_COUNT; i++)
        ca_audit_set_text(&row.record.event, i, column[COLUMN_FIELDS + i]);
    row.damaged = read_number(column[COLUMN_SEQ], &row.record.seq) != 0 ||
                  read_number(column[COLUMN_TIME], &time) != 0 ||
                  ca_audit_hash_parse(column[COLUMN_HASH], &row.hash) != 0 ||
                  !has_right_columns(r->store, &row.record.event, column);
    row.record.time_ms = (int64_t)time;
    return r->each(r->arg, &row, e);
}

int ca_audit_store_chain(struct ca_audit_store *s, const char *node, uint64_t from,
                         ca_audit_each_fn each, void *arg, struct tm_err *e)
{
    char seq[24];
    struct reading r = {s, each, arg};
    snprintf(seq, sizeof(seq), "%" PRIu64, from);
    const char *const param[] = {node, seq};
    return run(
        s, "SELECT " ALL_COLUMNS " FROM audit_records WHERE node = $1 AND seq >= $2 ORDER BY seq",
        param, 2, take_row, &r, e);
}

int ca_audit_store_nodes(struct ca_audit_store *s, ca_audit_row_fn each, void *arg,
                         struct tm_err *e)
{
    return run(s, "SELECT node FROM audit_records UNION SELECT node FROM audit_floor ORDER BY node",
               NULL, 0, each, arg, e);
}

/* ---- searching ---- */

#define CONDITIONS_MAX 16

struct search { /* the statement as it grows */
    struct tm_buf sql;
    const char *param[CONDITIONS_MAX];
    struct tm_buf owned[CONDITIONS_MAX];
    size_t count;
};

/* " AND <before>$N<behind>"; NULL: any. */
static void where(struct search *q, const char *before, const char *value, const char *behind)
{
    if (value == NULL)
        return;
    q->param[q->count++] = value;
    tm_buf_printf(&q->sql, " AND %s$%zu%s", before, q->count, behind);
}

static void where_number(struct search *q, const char *before, int64_t value)
{
    if (value == 0)
        return;
    struct tm_buf *text = &q->owned[q->count];
    tm_buf_put_int(text, value);
    where(q, before, tm_buf_str(text), "");
}

static void where_key(struct search *q, const char *before, const char *value, const char *behind)
{
    if (value == NULL)
        return;
    struct tm_buf *text = &q->owned[q->count];
    search_key(value, text);
    where(q, before, tm_buf_str(text), behind);
}

/* Digits as a table prints them: colons, capitals and the ".." at the end of a cut one are passed
 * over. What begins with them is meant. */
static void where_serial(struct search *q, const char *serial)
{
    if (serial == NULL)
        return;
    struct tm_buf *low = &q->owned[q->count];
    struct tm_buf *high = &q->owned[q->count + 1];
    for (const char *p = serial; *p != '\0'; p++) {
        if (*p != ':' && *p != '.')
            buf_putc(low, (unsigned char)(*p >= 'A' && *p <= 'F' ? *p + 'a' - 'A' : *p));
    }
    tm_buf_append(high, low->data, low->len);
    buf_putc(high, 'g'); /* behind every digit */
    where(q, "serial >= ", tm_buf_str(low), "");
    where(q, "serial < ", tm_buf_str(high), "");
}

static void write_search(struct search *q, const struct ca_audit_query *c)
{
    tm_buf_puts(&q->sql, "SELECT " ALL_COLUMNS " FROM audit_records WHERE 1 = 1");
    where_number(q, "time_ms >= ", c->since_ms);
    where_number(q, "time_ms < ", c->until_ms);
    where(q, "node = ", c->node, "");
    where(q, "kind = ", c->kind, "");
    where(q, "request = ", c->request, "");
    where(q, "\"key\" = ", c->key, "");
    where_key(q, "issuer_key = ", c->issuer, "");
    where_key(q, "identity_key = ", c->identity, "");
    where_key(q, "(repository_key = ", c->repository, "");
    if (c->repository != NULL)
        tm_buf_printf(&q->sql, " OR repository_path = $%zu)", q->count);
    where_serial(q, c->serial);
    tm_buf_printf(&q->sql, " ORDER BY time_ms %s, node, seq %s", c->newest_first ? "DESC" : "",
                  c->newest_first ? "DESC" : "");
    if (c->limit > 0)
        tm_buf_printf(&q->sql, " LIMIT %" PRIu64, c->limit);
}

int ca_audit_query_check(const struct ca_audit_query *q, struct tm_err *e)
{
    if (q->since_ms != 0 && q->until_ms != 0 && q->since_ms >= q->until_ms)
        return tm_err_set(e, "--since is not before --until");
    if (q->serial != NULL && (strspn(q->serial, "0123456789abcdefABCDEF:.") != strlen(q->serial) ||
                              strpbrk(q->serial, "0123456789abcdefABCDEF") == NULL))
        return tm_err_set(e, "--serial: want hexadecimal digits, not '%.64s'", q->serial);
    const char *const words[] = {q->issuer, q->identity, q->repository};
    static const char *const names[] = {"issuer", "identity", "repository"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct tm_buf key = {0};
        if (words[i] != NULL)
            search_key(words[i], &key);
        bool none = words[i] != NULL && (key.len == 0 || strpbrk(words[i], "* \t") != NULL);
        tm_buf_free(&key);
        if (none)
            return tm_err_set(e, "%s '%.200s' can match nothing: it is compared whole, without '*'",
                              names[i], words[i]);
    }
    return 0;
}

int ca_audit_store_each(struct ca_audit_store *s, const struct ca_audit_query *c,
                        ca_audit_each_fn each, void *arg, struct tm_err *e)
{
    struct search q = {0};
    struct reading r = {s, each, arg};
    write_search(&q, c);
    int rc = tm_buf_str(&q.sql) != NULL
                 ? run(s, tm_buf_str(&q.sql), q.param, q.count, take_row, &r, e)
                 : tm_err_set(e, "out of memory");
    tm_buf_free(&q.sql);
    for (size_t i = 0; i < CONDITIONS_MAX; i++)
        tm_buf_free(&q.owned[i]);
    return rc;
}
