#include "ca/pages/book.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERSION 1         /* of the tables; PRAGMA user_version */
#define STEPS_MAX 2000000 /* of SQLite's machine, for one question: some 0.1 s */
#define STEPS_LOOK 1000

/* One term of one entry is 20 to 30 bytes: the key is the row. */
static const char tables[] =
    "CREATE TABLE log (id INTEGER PRIMARY KEY, origin TEXT NOT NULL UNIQUE,"
    " size INTEGER NOT NULL, peaks BLOB NOT NULL, damaged INTEGER NOT NULL);"
    "CREATE TABLE term (kind INTEGER NOT NULL, value INTEGER NOT NULL, log INTEGER NOT NULL,"
    " at INTEGER NOT NULL, PRIMARY KEY (kind, value, log, at)) WITHOUT ROWID;"
    "PRAGMA user_version = 1;";

enum statement { LOG_GET, LOG_ADD, LOG_SET, TERM_DROP, TERM_ADD, TERM_EXACT, TERM_RANGE, COUNT };

static const char *const sql[COUNT] = {
    [LOG_GET] = "SELECT id, size, peaks, damaged FROM log WHERE origin = ?1",
    [LOG_ADD] = "INSERT INTO log (origin, size, peaks, damaged) VALUES (?1, 0, x'', 0)",
    [LOG_SET] = "UPDATE log SET size = ?2, peaks = ?3, damaged = ?4 WHERE id = ?1",
    [TERM_DROP] = "DELETE FROM term WHERE log = ?1",
    [TERM_ADD] = "INSERT OR IGNORE INTO term (kind, value, log, at) VALUES (?1, ?2, ?3, ?4)",
    [TERM_EXACT] = "SELECT at FROM term WHERE kind = ?1 AND value = ?2 AND log = ?3 AND at < ?4"
                   " ORDER BY at DESC LIMIT ?5",
    [TERM_RANGE] = "SELECT DISTINCT at FROM term WHERE kind = ?1 AND value BETWEEN ?2 AND ?6"
                   " AND log = ?3 AND at < ?4 ORDER BY at DESC LIMIT ?5",
};

struct connection {
    sqlite3 *db;
    sqlite3_stmt *statement[COUNT];
    pthread_mutex_t lock;
    int steps; /* left for the question under way */
};

struct ca_book {
    struct connection writer, reader; /* who asks does not wait for who writes */
};

static int failed(struct connection *c, const char *what, struct tm_err *e)
{
    return tm_err_set(e, "index: %s: %s", what,
                      c->db != NULL ? sqlite3_errmsg(c->db) : "out of memory");
}

static int run(struct connection *c, const char *text, struct tm_err *e)
{
    return sqlite3_exec(c->db, text, NULL, NULL, NULL) == SQLITE_OK ? 0 : failed(c, text, e);
}

/* ---- opening ---- */

static int look(void *ctx)
{
    struct connection *c = ctx;
    c->steps -= STEPS_LOOK;
    return c->steps < 0;
}

static void disconnect(struct connection *c)
{
    for (unsigned i = 0; i < COUNT; i++)
        sqlite3_finalize(c->statement[i]);
    memset(c->statement, 0, sizeof(c->statement));
    sqlite3_close(c->db);
    c->db = NULL;
}

/* One process has the file: its lock is in memory, and no file is shared. */
static int connect(struct connection *c, const char *path, struct tm_err *e)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX;
    if (sqlite3_open_v2(path, &c->db, flags, "unix-excl") != SQLITE_OK)
        return failed(c, path, e);
    sqlite3_extended_result_codes(c->db, 1);
    return run(c,
               "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY;"
               "PRAGMA trusted_schema = OFF; PRAGMA cache_size = -4096;",
               e);
}

/* 0: the tables are this version's; 1: there are none; -1: others. */
static int look_at_tables(struct connection *c)
{
    sqlite3_stmt *s = NULL;
    int version = -1;
    if (sqlite3_prepare_v2(c->db, "PRAGMA user_version", -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW)
        version = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    return version == VERSION ? 0 : version == 0 ? 1 : -1;
}

static int prepare(struct connection *c, struct tm_err *e)
{
    for (unsigned i = 0; i < COUNT; i++) {
        if (sqlite3_prepare_v3(c->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &c->statement[i],
                               NULL) != SQLITE_OK)
            return failed(c, "its tables", e);
    }
    return 0;
}

static void drop_files(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        char name[4096];
        int n = snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        if (n > 0 && (size_t)n < sizeof(name))
            (void)unlink(name);
    }
}

/* Whether what stands in the file is of no use, as against: it cannot be opened now. */
static bool is_waste(const struct connection *c)
{
    int rc = c->db != NULL ? sqlite3_errcode(c->db) & 0xff : SQLITE_OK;
    return rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB;
}

static int open_once(struct ca_book *b, const char *path, bool *waste, struct tm_err *e)
{
    *waste = false;
    if (connect(&b->writer, path, e) != 0)
        return *waste = is_waste(&b->writer), -1;
    int tables_are = look_at_tables(&b->writer);
    *waste = tables_are < 0;
    if (tables_are < 0)
        return tm_err_set(e, "index: '%s' is of another version", path);
    if ((tables_are > 0 && run(&b->writer, tables, e) != 0) || prepare(&b->writer, e) != 0 ||
        connect(&b->reader, path, e) != 0 || prepare(&b->reader, e) != 0)
        return -1;
    sqlite3_progress_handler(b->reader.db, STEPS_LOOK, look, &b->reader);
    return 0;
}

struct ca_book *ca_book_open(const char *path, struct tm_err *e)
{
    struct ca_book *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return tm_err_null(e, "out of memory");
    pthread_mutex_init(&b->writer.lock, NULL);
    pthread_mutex_init(&b->reader.lock, NULL);
    bool waste = false;
    int rc = open_once(b, path, &waste, e);
    if (rc != 0 && waste) {
        disconnect(&b->reader);
        disconnect(&b->writer);
        drop_files(path); /* what it held stands in the logs */
        rc = open_once(b, path, &waste, e);
    }
    if (rc == 0)
        return b;
    ca_book_free(b);
    return NULL;
}

void ca_book_free(struct ca_book *b)
{
    if (b == NULL)
        return;
    disconnect(&b->reader);
    disconnect(&b->writer);
    pthread_mutex_destroy(&b->reader.lock);
    pthread_mutex_destroy(&b->writer.lock);
    free(b);
}

/* ---- statements ---- */

/* Runs a statement that gives no rows, and makes it ready for the next time. */
static int step(struct connection *c, enum statement which, const char *what, struct tm_err *e)
{
    sqlite3_stmt *s = c->statement[which];
    int rc = sqlite3_step(s) == SQLITE_DONE ? 0 : failed(c, what, e);
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return rc;
}

/* ---- logs ---- */

/* 1: it is there, 0: not, -1. */
static int read_log(struct connection *c, const char *origin, struct ca_book_log *out,
                    struct tm_err *e)
{
    sqlite3_stmt *s = c->statement[LOG_GET];
    sqlite3_bind_text(s, 1, origin, -1, SQLITE_STATIC);
    int rc = sqlite3_step(s);
    int found = rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : failed(c, "reading a log", e);
    if (found > 0) {
        uint64_t size = (uint64_t)sqlite3_column_int64(s, 1);
        size_t want = tm_frontier_peaks(size) * MERKLE_HASH;
        *out = (struct ca_book_log){.id = sqlite3_column_int64(s, 0),
                                    .at = {.size = size},
                                    .damaged = (uint64_t)sqlite3_column_int64(s, 3)};
        const void *peaks = sqlite3_column_blob(s, 2);
        if ((size_t)sqlite3_column_bytes(s, 2) != want)
            found = tm_err_set(e, "index: a log's place is damaged");
        else if (want > 0)
            memcpy(out->at.peak, peaks, want);
    }
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return found;
}

int ca_book_log(struct ca_book *b, const char *origin, struct ca_book_log *out, struct tm_err *e)
{
    struct connection *c = &b->writer;
    pthread_mutex_lock(&c->lock);
    int found = read_log(c, origin, out, e);
    if (found == 0) {
        sqlite3_bind_text(c->statement[LOG_ADD], 1, origin, -1, SQLITE_STATIC);
        found = step(c, LOG_ADD, "a new log", e) == 0 ? read_log(c, origin, out, e) : -1;
    }
    pthread_mutex_unlock(&c->lock);
    return found > 0 ? 0 : -1;
}

static int set_log(struct connection *c, const struct ca_book_log *log, struct tm_err *e)
{
    sqlite3_stmt *s = c->statement[LOG_SET];
    sqlite3_bind_int64(s, 1, log->id);
    sqlite3_bind_int64(s, 2, (sqlite3_int64)log->at.size);
    sqlite3_bind_blob(s, 3, log->at.peak, (int)(tm_frontier_peaks(log->at.size) * MERKLE_HASH),
                      SQLITE_STATIC);
    sqlite3_bind_int64(s, 4, (sqlite3_int64)log->damaged);
    return step(c, LOG_SET, "a log's place", e);
}

int ca_book_forget(struct ca_book *b, struct ca_book_log *log, struct tm_err *e)
{
    struct connection *c = &b->writer;
    log->at = (struct tm_frontier){0};
    log->damaged = 0;
    if (ca_book_begin(b, e) != 0)
        return -1;
    sqlite3_bind_int64(c->statement[TERM_DROP], 1, log->id);
    if (step(c, TERM_DROP, "forgetting a log", e) == 0)
        return ca_book_end(b, log, e);
    ca_book_undo(b);
    return -1;
}

/* ---- writing ---- */

int ca_book_begin(struct ca_book *b, struct tm_err *e)
{
    pthread_mutex_lock(&b->writer.lock);
    int rc = run(&b->writer, "BEGIN IMMEDIATE", e);
    if (rc != 0)
        pthread_mutex_unlock(&b->writer.lock);
    return rc;
}

int ca_book_put(struct ca_book *b, int64_t log, enum ca_term_kind kind, int64_t value,
                uint64_t index, struct tm_err *e)
{
    sqlite3_stmt *s = b->writer.statement[TERM_ADD];
    sqlite3_bind_int(s, 1, (int)kind);
    sqlite3_bind_int64(s, 2, value);
    sqlite3_bind_int64(s, 3, log);
    sqlite3_bind_int64(s, 4, (sqlite3_int64)index);
    return step(&b->writer, TERM_ADD, "a term", e);
}

void ca_book_undo(struct ca_book *b)
{
    (void)run(&b->writer, "ROLLBACK", NULL);
    pthread_mutex_unlock(&b->writer.lock);
}

int ca_book_end(struct ca_book *b, const struct ca_book_log *log, struct tm_err *e)
{
    if (set_log(&b->writer, log, e) != 0 || run(&b->writer, "COMMIT", e) != 0) {
        ca_book_undo(b);
        return -1;
    }
    pthread_mutex_unlock(&b->writer.lock);
    return 0;
}

/* ---- asking ---- */

static int take_rows(struct connection *c, sqlite3_stmt *s, uint64_t *index, size_t max,
                     size_t *count, struct tm_err *e)
{
    int rc = SQLITE_ROW;
    while (*count < max && (rc = sqlite3_step(s)) == SQLITE_ROW)
        index[(*count)++] = (uint64_t)sqlite3_column_int64(s, 0);
    if (rc == SQLITE_INTERRUPT)
        return tm_err_set(e, "too much fits that question: ask for more of it");
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : failed(c, "a question", e);
}

int ca_book_find(struct ca_book *b, int64_t log, const struct ca_question_term *term,
                 uint64_t before, uint64_t *index, size_t max, size_t *count, struct tm_err *e)
{
    struct connection *c = &b->reader;
    bool range = term->from != term->to;
    pthread_mutex_lock(&c->lock);
    sqlite3_stmt *s = c->statement[range ? TERM_RANGE : TERM_EXACT];
    c->steps = STEPS_MAX;
    *count = 0;
    sqlite3_bind_int(s, 1, (int)term->kind);
    sqlite3_bind_int64(s, 2, term->from);
    sqlite3_bind_int64(s, 3, log);
    sqlite3_bind_int64(s, 4, before > INT64_MAX ? INT64_MAX : (sqlite3_int64)before);
    sqlite3_bind_int64(s, 5, (sqlite3_int64)max);
    if (range)
        sqlite3_bind_int64(s, 6, term->to);
    int rc = take_rows(c, s, index, max, count, e);
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    pthread_mutex_unlock(&c->lock);
    return rc;
}
