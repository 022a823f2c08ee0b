/* The audit trail's database as a file: who may only read it, its indexes, its versions. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/audit/store.h"
#include "tests/support/cmocka_all.h"

#define RECORDS 3

struct scene {
    char dir[64], file[128], log[136];
    struct ca_audit_place place;
};

static void make_scene(struct scene *s)
{
    *s = (struct scene){.dir = "/tmp/test_audit_store.XXXXXX"};
    assert_non_null(mkdtemp(s->dir));
    snprintf(s->file, sizeof(s->file), "%s/a?b#c%%41.db", s->dir); /* a URI would cut it short */
    snprintf(s->log, sizeof(s->log), "%s-wal", s->file);
    s->place.file = s->file;
}

static void remove_scene(struct scene *s)
{
    char command[160];
    snprintf(command, sizeof(command), "rm -rf '%s'", s->dir);
    assert_int_equal(system(command), 0);
}

static void write_records(const struct scene *s)
{
    struct tm_err e = {0};
    struct ca_audit_tip tip;
    struct ca_audit_store *store = ca_audit_store_open(&s->place, "one", &e);
    if (store == NULL)
        fail_msg("%s", e.text);
    assert_int_equal(ca_audit_store_tip(store, NULL, &tip, &e), 0);
    assert_int_equal(ca_audit_store_begin(store, &e), 0);
    for (unsigned i = 0; i < RECORDS; i++) {
        struct ca_audit_record r = {.time_ms = 1000 + i,
                                    .process = "issuer",
                                    .kind = "issued",
                                    .event = {.kind = AUDIT_ISSUED, .request = "00ff"}};
        assert_int_equal(ca_audit_store_add(store, &r, &tip, &e), 0);
    }
    assert_int_equal(ca_audit_store_commit(store, &e), 0);
    ca_audit_store_close(store);
}

/* The place of SQLite's index of the log is taken by a link, which it does not follow: not even
 * root can make one. */
static void take_index_away(const struct scene *s)
{
    char index[136];
    snprintf(index, sizeof(index), "%s-shm", s->file);
    assert_int_equal(symlink("nowhere", index), 0);
}

static void put_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fputs(text, f) >= 0, 1);
    assert_int_equal(fclose(f), 0);
}

struct reader {
    uint64_t count;
    const char *touch, *write; /* at the first record; NULL: nothing */
};

static int on_record(void *arg, const struct ca_audit_row *row, struct tm_err *e)
{
    struct reader *r = arg;
    (void)row;
    (void)e;
    if (r->count++ > 0)
        return 0;
    if (r->touch != NULL)
        assert_int_equal(utimensat(AT_FDCWD, r->touch, NULL, 0), 0);
    if (r->write != NULL)
        put_file(r->write, "a record");
    return 0;
}

static int read_all(const struct scene *s, struct reader *r, struct tm_err *e)
{
    const struct ca_audit_query all = {0};
    struct ca_audit_store *store = ca_audit_store_open(&s->place, NULL, e);
    int rc = store != NULL ? ca_audit_store_each(store, &all, on_record, r, e) : -1;
    ca_audit_store_close(store);
    return rc;
}

static void a_file_without_its_index_is_read_when_its_log_is_empty(void **state)
{
    (void)state;
    struct scene s;
    struct tm_err e = {0};
    make_scene(&s);
    write_records(&s);
    take_index_away(&s);
    struct reader r = {0};
    assert_int_equal(read_all(&s, &r, &e), 0);
    assert_int_equal(r.count, RECORDS);
    put_file(s.log, ""); /* as a server's start leaves it */
    r = (struct reader){0};
    assert_int_equal(read_all(&s, &r, &e), 0);
    assert_int_equal(r.count, RECORDS);
    remove_scene(&s);
}

static void a_log_that_holds_records_is_not_passed_over(void **state)
{
    (void)state;
    struct scene s;
    struct tm_err e = {0};
    struct reader r = {0};
    make_scene(&s);
    write_records(&s);
    take_index_away(&s);
    put_file(s.log, "a record");
    assert_int_equal(read_all(&s, &r, &e), -1);
    assert_non_null(strstr(e.text, "holds records"));
    assert_int_equal(r.count, 0);
    remove_scene(&s);
}

static void what_is_written_while_such_a_file_is_read_is_told(void **state)
{
    (void)state;
    for (int logged = 0; logged < 2; logged++) {
        struct scene s;
        struct tm_err e = {0};
        make_scene(&s);
        write_records(&s);
        take_index_away(&s);
        struct reader r = {.touch = logged ? NULL : s.file, .write = logged ? s.log : NULL};
        assert_int_equal(read_all(&s, &r, &e), -1);
        assert_non_null(strstr(e.text, "ask again"));
        remove_scene(&s);
    }
}

/* ---- indexes and versions ---- */

static void change(const struct scene *s, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(s->file, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static char searched[8192]; /* the last statement over the records; see trace_all */

static int on_statement(unsigned type, void *arg, void *statement, void *text)
{
    (void)type;
    (void)arg;
    (void)text;
    const char *sql = sqlite3_sql(statement);
    if (strstr(sql, "FROM audit_records WHERE 1 = 1") != NULL)
        snprintf(searched, sizeof(searched), "%s", sql);
    return 0;
}

/* Of each connection that is opened from now on. */
static int trace_all(sqlite3 *db, const char **error, const struct sqlite3_api_routines *api)
{
    (void)error;
    (void)api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, on_statement, NULL);
}

/* How SQLite finds the rows of `searched`: a line each. */
static void explain(const struct scene *s, char *out, size_t size)
{
    char sql[sizeof(searched) + 32];
    sqlite3 *db = NULL;
    sqlite3_stmt *plan = NULL;
    size_t len = 0;
    snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s", searched);
    assert_int_equal(sqlite3_open(s->file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &plan, NULL), SQLITE_OK);
    while (sqlite3_step(plan) == SQLITE_ROW && len < size)
        len += (size_t)snprintf(out + len, size - len, "%s\n", sqlite3_column_text(plan, 3));
    sqlite3_finalize(plan);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static const struct question {
    struct ca_audit_query q;
    const char *index;
} questions[] = {
    {{.request = "00ff"}, "audit_by_request (request="},
    {{.key = "aa"}, "audit_by_key (key="},
    {{.kind = "issued"}, "audit_by_kind (kind="},
    {{.kind = "issued", .since_ms = 1, .until_ms = 9}, "audit_by_kind (kind=? AND time_ms>"},
    {{.issuer = "https://a.example.com"}, "audit_by_issuer (issuer_key="},
    {{.identity = "a@example.com"}, "audit_by_identity (identity_key="},
    {{.repository = "acme/widget"}, "audit_by_path (repository_path="},
    {{.serial = "01"}, "audit_by_serial (serial>"},
    {{.since_ms = 1}, "audit_by_time (time_ms>"},
};

static void check_plans(const struct scene *s)
{
    assert_int_equal(sqlite3_auto_extension((void (*)(void))trace_all), SQLITE_OK);
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        struct tm_err e = {0};
        struct reader r = {0};
        char plan[2048] = "";
        struct ca_audit_store *store = ca_audit_store_open(&s->place, NULL, &e);
        assert_non_null(store);
        assert_int_equal(ca_audit_store_each(store, &questions[i].q, on_record, &r, &e), 0);
        ca_audit_store_close(store);
        explain(s, plan, sizeof(plan));
        if (strstr(plan, questions[i].index) == NULL || strstr(plan, "SCAN") != NULL)
            fail_msg("want %s, got %s", questions[i].index, plan);
    }
    sqlite3_reset_auto_extension();
}

static void no_question_reads_the_whole_table(void **state)
{
    (void)state;
    struct scene s;
    make_scene(&s);
    write_records(&s);
    check_plans(&s);
    remove_scene(&s);
}

static void a_database_of_an_older_program_is_brought_up_with_its_records(void **state)
{
    (void)state;
    struct scene s;
    struct tm_err e = {0};
    struct reader r = {0};
    make_scene(&s);
    write_records(&s);
    change(&s, "DROP TABLE audit_schema; DROP INDEX audit_by_request; DROP INDEX audit_by_key;"
               "DROP INDEX audit_by_kind; DROP INDEX audit_by_issuer");
    assert_int_equal(read_all(&s, &r, &e), 0); /* who reads needs none of it */
    assert_int_equal(r.count, RECORDS);
    write_records(&s);
    check_plans(&s);
    r = (struct reader){0};
    assert_int_equal(read_all(&s, &r, &e), 0);
    assert_int_equal(r.count, 2 * RECORDS);
    remove_scene(&s);
}

static void a_database_of_a_newer_program_is_not_written_to(void **state)
{
    (void)state;
    struct scene s;
    struct tm_err e = {0};
    make_scene(&s);
    write_records(&s);
    change(&s, "INSERT INTO audit_schema VALUES (3)");
    assert_null(ca_audit_store_open(&s.place, "one", &e));
    assert_non_null(strstr(e.text, "is of version 3, made by a newer program"));
    remove_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_without_its_index_is_read_when_its_log_is_empty),
        cmocka_unit_test(a_log_that_holds_records_is_not_passed_over),
        cmocka_unit_test(what_is_written_while_such_a_file_is_read_is_told),
        cmocka_unit_test(no_question_reads_the_whole_table),
        cmocka_unit_test(a_database_of_an_older_program_is_brought_up_with_its_records),
        cmocka_unit_test(a_database_of_a_newer_program_is_not_written_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
