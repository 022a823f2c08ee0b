/* The audit trail's database as a file: who may only read it. */
#include <fcntl.h>
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
    assert_int_equal(ca_audit_store_tip(store, &tip, &e), 0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_without_its_index_is_read_when_its_log_is_empty),
        cmocka_unit_test(a_log_that_holds_records_is_not_passed_over),
        cmocka_unit_test(what_is_written_while_such_a_file_is_read_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
