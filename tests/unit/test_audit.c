/* The audit trail: its chain, its database, the process that keeps it. */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/http/trace.h"
#include "ca/audit/export.h"
#include "ca/audit/far.h"
#include "ca/audit/keeper.h"
#include "ca/audit/line.h"
#include "ca/audit/spool.h"
#include "ca/audit/walk.h"
#include "common/clock.h"
#include "common/csv.h"
#include "common/ipc/channel.h"
#include "tests/support/cmocka_all.h"

#define SOON_MS 10000

struct scene {
    char dir[64], file[128], spool[128];
    struct ca_audit_keeper_options o;
    struct ca_audit_keeper *keeper;
    struct ca_audit_far *far;
};

static const struct ca_audit_event started = {.kind = AUDIT_START, .actor = "uid 0"};
static const struct ca_audit_event stopped = {.kind = AUDIT_STOP};

static void make_scene(struct scene *s)
{
    *s = (struct scene){.dir = "/tmp/test_audit.XXXXXX"};
    assert_non_null(mkdtemp(s->dir));
    snprintf(s->file, sizeof(s->file), "%s/audit.db", s->dir);
    snprintf(s->spool, sizeof(s->spool), "%s/spool", s->dir);
    assert_int_equal(mkdir(s->spool, 0700), 0);
    s->o = (struct ca_audit_keeper_options){
        .place = {.file = s->file}, .node = "one", .spool = s->spool, .patience_ms = SOON_MS};
}

static void begin(struct scene *s)
{
    struct tm_err e = {0};
    int fd[2];
    assert_int_equal(tm_ipc_pair(fd, &e), 0);
    s->keeper = ca_audit_keeper_open(&s->o, &started, &e);
    if (s->keeper == NULL)
        fail_msg("%s", e.text);
    assert_int_equal(ca_audit_keeper_serve(s->keeper, fd[0], "issuer",
                                           AUDIT_MAY(AUDIT_ISSUED) | AUDIT_MAY(AUDIT_REFUSED), &e),
                     0);
    assert_int_equal(ca_audit_keeper_start(s->keeper, &e), 0);
    s->far = ca_audit_far_new(fd[1], &e);
    assert_non_null(s->far);
}

static void end(struct scene *s)
{
    ca_audit_keeper_close(s->keeper, &stopped);
    ca_audit_far_free(s->far);
    s->keeper = NULL;
    s->far = NULL;
}

static void remove_scene(struct scene *s)
{
    char command[160];
    snprintf(command, sizeof(command), "rm -rf '%s'", s->dir);
    assert_int_equal(system(command), 0);
}

static void on_wake(void *arg)
{
    atomic_fetch_add((atomic_uint *)arg, 1);
}

static bool within(int64_t ms, bool (*is)(void *arg), void *arg)
{
    int64_t until = tm_clock_mono_ms() + ms;
    while (!is(arg)) {
        if (tm_clock_mono_ms() > until)
            return false;
        (void)poll(NULL, 0, 5);
    }
    return true;
}

static bool has_woken(void *arg)
{
    return atomic_load((atomic_uint *)arg) > 0;
}

static const struct ca_audit_event issued = {
    .kind = AUDIT_ISSUED,
    .remote = "192.0.2.1",
    .request = "0011223344556677",
    .issuer = "https://token.example.com",
    .identity = "https://github.com/acme/widget/.github/workflows/release.yml@refs/heads/main",
    .repository = "https://github.com/Acme/widget",
    .serial = "0123456789abcdef0123456789abcdef01234567",
    .key = "aa"};

/* Promises `issued`; what became of it. */
static enum tm_sink_status promise(struct scene *s, struct tm_err *e)
{
    atomic_uint woken = 0;
    struct ca_audit_promise *p = NULL;
    enum tm_sink_status st = ca_audit_promise(s->far, &issued, on_wake, &woken, &p, e);
    if (st == SINK_WAIT) {
        assert_true(within(SOON_MS, has_woken, &woken));
        st = ca_audit_kept(p, e);
    }
    ca_audit_promise_free(p);
    return st;
}

/* ---- reading what is there ---- */

struct seen {
    struct ca_audit_walk walk;
    char faults[4096];
    uint64_t count, damaged;
    char kinds[512], actor[256];
};

static void on_fault(void *arg, const char *text)
{
    struct seen *v = arg;
    size_t len = strlen(v->faults);
    snprintf(v->faults + len, sizeof(v->faults) - len, "%s\n", text);
}

static int on_row(void *arg, const struct ca_audit_row *row, struct tm_err *e)
{
    struct seen *v = arg;
    size_t len = strlen(v->kinds);
    snprintf(v->kinds + len, sizeof(v->kinds) - len, "%s ", row->record.kind);
    snprintf(v->actor, sizeof(v->actor), "%s",
             ca_audit_text(&row->record.event, AUDIT_FIELD_actor));
    v->count++;
    v->damaged += row->damaged;
    return v->walk.node != NULL ? ca_audit_walk_record(&v->walk, &row->record, &row->hash, e) : 0;
}

/* The records of the node "one", as the trail of `node`. */
static void walk_as(const struct scene *s, const char *node, const struct ca_audit_head_list *heads,
                    struct seen *v)
{
    struct tm_err e = {0};
    struct ca_audit_tip floor;
    struct ca_audit_store *store = ca_audit_store_open(&s->o.place, NULL, &e);
    *v = (struct seen){.walk = {.say = on_fault, .arg = v}};
    assert_non_null(store);
    assert_int_equal(ca_audit_store_floor(store, "one", &floor, &e), 0);
    ca_audit_walk_begin(&v->walk, node, &floor, heads);
    assert_int_equal(ca_audit_store_chain(store, "one", floor.seq + 1, on_row, v, &e), 0);
    ca_audit_walk_end(&v->walk);
    ca_audit_store_close(store);
}

static void walk(const struct scene *s, const struct ca_audit_head_list *heads, struct seen *v)
{
    walk_as(s, "one", heads, v);
}

static uint64_t count_of(const struct scene *s, const struct ca_audit_query *q)
{
    struct tm_err e = {0};
    struct seen v = {0};
    struct ca_audit_store *store = ca_audit_store_open(&s->o.place, NULL, &e);
    assert_non_null(store);
    assert_int_equal(ca_audit_query_check(q, &e), 0);
    assert_int_equal(ca_audit_store_each(store, q, on_row, &v, &e), 0);
    ca_audit_store_close(store);
    return v.count;
}

static void change(const struct scene *s, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(s->file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void make_trail(struct scene *s, unsigned certificates)
{
    struct tm_err e = {0};
    make_scene(s);
    begin(s);
    for (unsigned i = 0; i < certificates; i++)
        assert_int_equal(promise(s, &e), SINK_KEPT);
    end(s);
}

/* ---- the tests ---- */

static void a_promise_is_kept_once_its_record_is_in_the_database(void **state)
{
    (void)state;
    struct scene s;
    struct seen v;
    struct tm_err e = {0};
    make_scene(&s);
    begin(&s);
    assert_int_equal(promise(&s, &e), SINK_KEPT);
    walk(&s, NULL, &v); /* while the keeper has it open */
    assert_string_equal(v.kinds, "start issued ");
    end(&s);
    begin(&s);
    end(&s);
    walk(&s, NULL, &v);
    assert_string_equal(v.kinds, "start issued stop start stop ");
    assert_string_equal(v.faults, "");
    remove_scene(&s);
}

static void a_database_that_is_held_breaks_promises_and_is_used_again(void **state)
{
    (void)state;
    struct scene s;
    struct seen v;
    struct tm_err e = {0};
    sqlite3 *db = NULL;
    make_scene(&s);
    s.o.patience_ms = 300;
    begin(&s);
    assert_int_equal(sqlite3_open(s.file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(promise(&s, &e), SINK_BROKEN);
    assert_false(ca_audit_works(s.far, &e));
    assert_int_equal(ca_audit_keeper_ready(s.keeper, &e), -1);
    assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    int64_t until = tm_clock_mono_ms() + SOON_MS;
    while (!ca_audit_works(s.far, &e) && tm_clock_mono_ms() < until)
        (void)poll(NULL, 0, 5);
    assert_int_equal(promise(&s, &e), SINK_KEPT);
    end(&s);
    walk(&s, NULL, &v); /* that of the broken promise is there too, once */
    assert_string_equal(v.kinds, "start issued issued stop ");
    assert_string_equal(v.faults, "");
    remove_scene(&s);
}

static void another_writer_of_the_same_node_is_noticed_and_nothing_is_written_over(void **state)
{
    (void)state;
    struct scene s;
    struct seen v;
    struct tm_err e = {0};
    make_scene(&s);
    begin(&s);
    struct ca_audit_keeper *other = ca_audit_keeper_open(&s.o, &started, &e);
    assert_non_null(other);
    assert_int_equal(promise(&s, &e), SINK_BROKEN);
    assert_int_equal(promise(&s, &e), SINK_BROKEN);
    assert_non_null(strstr(e.text, "another server writes as 'one'"));
    ca_audit_keeper_close(other, NULL);
    end(&s);
    walk(&s, NULL, &v);
    assert_string_equal(v.kinds, "start start ");
    assert_string_equal(v.faults, "");
    remove_scene(&s);
}

static void what_is_not_a_processes_to_say_is_not_recorded(void **state)
{
    (void)state;
    struct scene s;
    struct seen v;
    struct tm_err e = {0};
    atomic_uint woken = 0;
    struct ca_audit_promise *p = NULL;
    const struct ca_audit_event thaw = {.kind = AUDIT_THAW};
    make_scene(&s);
    begin(&s);
    assert_int_equal(ca_audit_promise(s.far, &thaw, on_wake, &woken, &p, &e), SINK_WAIT);
    assert_true(within(SOON_MS, has_woken, &woken));
    assert_int_equal(ca_audit_kept(p, &e), SINK_BROKEN);
    assert_non_null(strstr(e.text, "not this process's to say"));
    ca_audit_promise_free(p);
    end(&s);
    walk(&s, NULL, &v);
    assert_string_equal(v.kinds, "start stop ");
    remove_scene(&s);
}

static void a_record_of_another_node_stands_out_in_a_trail(void **state)
{
    (void)state;
    struct scene s;
    struct seen v;
    make_scene(&s);
    begin(&s);
    end(&s);
    walk_as(&s, "two", NULL, &v);
    assert_string_equal(v.faults, "record 1 is of the node 'one'\nrecord 2 is of the node 'one'\n");
    remove_scene(&s);
}

static void an_altered_a_missing_and_a_cut_record_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *fault;
    } cases[] = {
        {"UPDATE audit_records SET identity = 'x' WHERE seq = 2", "record 2 was altered"},
        {"UPDATE audit_records SET time_ms = time_ms - 1 WHERE seq = 3", "record 3 was altered"},
        {"UPDATE audit_records SET node = 'two' WHERE seq = 3", "record 3 is missing"},
        {"DELETE FROM audit_records WHERE seq = 2", "record 2 is missing"},
        {"DELETE FROM audit_records WHERE seq IN (2, 3)", "records 2 to 3 are missing"},
        {"DELETE FROM audit_records WHERE seq >= 4",
         "the trail ends at record 3, but a head vouches for record 5: 2 were cut off"},
        {"UPDATE audit_records SET hash = lower(hex(randomblob(32))) WHERE seq = 5",
         "record 5 was altered"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene s;
        struct seen v;
        struct ca_audit_head_list heads = {0};
        struct ca_audit_head head = {.node = "one"};
        make_trail(&s, 3);
        walk(&s, NULL, &v);
        head.seq = v.walk.tip.seq;
        head.hash = v.walk.tip.hash;
        assert_int_equal(ca_audit_head_list_add(&heads, &head, NULL), 0);
        walk(&s, &heads, &v);
        assert_string_equal(v.faults, "");
        assert_int_equal(v.walk.confirmed, 5);
        change(&s, cases[i].sql);
        walk(&s, &heads, &v);
        if (strstr(v.faults, cases[i].fault) == NULL)
            fail_msg("%s: '%s'", cases[i].sql, v.faults);
        ca_audit_head_list_free(&heads);
        remove_scene(&s);
    }
}

static void a_trail_that_was_written_anew_does_not_fit_its_head(void **state)
{
    (void)state;
    struct scene s;
    struct scene forged;
    struct seen v;
    struct ca_audit_head_list heads = {0};
    struct ca_audit_head head = {.node = "one"};
    make_trail(&s, 3);
    walk(&s, NULL, &v);
    head.seq = v.walk.tip.seq;
    head.hash = v.walk.tip.hash;
    assert_int_equal(ca_audit_head_list_add(&heads, &head, NULL), 0);
    make_trail(&forged, 3); /* a whole chain of its own, of as many records */
    walk(&forged, &heads, &v);
    assert_non_null(strstr(v.faults, "the trail was written anew"));
    assert_int_equal(v.walk.confirmed, 0);
    ca_audit_head_list_free(&heads);
    remove_scene(&s);
    remove_scene(&forged);
}

static void a_search_column_that_was_altered_is_told(void **state)
{
    (void)state;
    struct scene s;
    struct seen v;
    make_trail(&s, 1);
    change(&s, "UPDATE audit_records SET repository_key = 'github.com/other/thing'");
    walk(&s, NULL, &v);
    assert_int_equal(v.damaged, 3);
    remove_scene(&s);
}

static void a_repository_an_identity_and_a_serial_are_found_however_they_are_written(void **state)
{
    (void)state;
    static const struct ca_audit_query found[] = {
        {.repository = "acme/widget"},
        {.repository = "ACME/Widget.git"},
        {.repository = "https://github.com/acme/widget/"},
        {.repository = "git@github.com:acme/widget.git"},
        {.identity =
             "https://github.com/acme/Widget/.github/workflows/release.yml@refs/heads/main/"},
        {.issuer = "https://token.example.com/"},
        {.serial = "01:23:45:67"},
        {.serial = "0123456789ABCDEF.."},
        {.serial = "0123456789abcdef0123456789abcdef01234567"},
        {.kind = "issued", .since_ms = 1},
        {.request = "0011223344556677"},
    };
    static const struct ca_audit_query missed[] = {
        {.repository = "acme/widgets"},
        {.repository = "widget"},
        {.repository = "https://gitlab.com/acme/widget"},
        {.serial = "0123456789abcdee"},
        {.kind = "refused"},
        {.identity = "https://github.com/acme/widget"},
        {.kind = "issued", .until_ms = 1},
        {.node = "two"},
    };
    struct scene s;
    make_trail(&s, 2);
    for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++)
        assert_int_equal(count_of(&s, &found[i]), 2);
    for (size_t i = 0; i < sizeof(missed) / sizeof(missed[0]); i++)
        assert_int_equal(count_of(&s, &missed[i]), 0);
    remove_scene(&s);
}

static void a_criterion_that_no_record_can_match_is_refused(void **state)
{
    (void)state;
    static const struct ca_audit_query bad[] = {
        {.repository = "/"},
        {.identity = "*"},
        {.issuer = "https://"},
        {.serial = "xyz"},
        {.serial = ".."},
        {.repository = "acme/*"},
        {.since_ms = 2, .until_ms = 1},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(ca_audit_query_check(&bad[i], NULL), -1);
}

/* ---- what commands leave ---- */

static bool is_empty(void *arg)
{
    struct dirent **found = NULL;
    int count = scandir(arg, &found, NULL, NULL);
    for (int i = 0; i < count; i++)
        free(found[i]);
    free(found);
    return count == 2;
}

static void an_event_in_the_spool_is_taken_once_with_its_owner(void **state)
{
    (void)state;
    struct scene s;
    struct seen v;
    struct tm_err e = {0};
    char actor[64];
    const struct ca_audit_event freeze = {
        .kind = AUDIT_FREEZE, .actor = "alice", .reason = "a drill"};
    make_scene(&s);
    assert_int_equal(ca_audit_spool_put(s.spool, &freeze, &e), 0);
    assert_int_equal(ca_audit_spool_put(s.spool, &freeze, &e), 0);
    begin(&s);
    assert_true(within(SOON_MS, is_empty, s.spool));
    end(&s);
    walk(&s, NULL, &v);
    assert_string_equal(v.kinds, "start freeze freeze stop ");
    change(&s, "DELETE FROM audit_records WHERE kind <> 'freeze'");
    v = (struct seen){0};
    walk(&s, NULL, &v);
    snprintf(actor, sizeof(actor), "uid %u (alice)", getuid());
    assert_string_equal(v.actor, actor);
    remove_scene(&s);
}

static void what_is_no_event_is_set_aside_and_counted(void **state)
{
    (void)state;
    static const char *const texts[] = {"{}", "{\"time_ms\":1,\"kind\":\"tea\"}", "x",
                                        "{\"time_ms\":1,\"kind\":\"freeze\",\"color\":\"red\"}"};
    struct scene s;
    struct tm_buf page = {0};
    make_scene(&s);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char path[192];
        snprintf(path, sizeof(path), "%s/%zu.event", s.spool, i);
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fputs(texts[i], f);
        assert_int_equal(fclose(f), 0);
    }
    begin(&s);
    int64_t until = tm_clock_mono_ms() + SOON_MS;
    do {
        tm_buf_reset(&page);
        ca_audit_keeper_metrics(s.keeper, &page);
    } while (strstr(tm_buf_str(&page), "tenmint_audit_unreadable_total 4") == NULL &&
             tm_clock_mono_ms() < until);
    assert_non_null(strstr(tm_buf_str(&page), "tenmint_audit_unreadable_total 4"));
    tm_buf_free(&page);
    end(&s);
    remove_scene(&s);
}

static void a_line_is_read_as_it_was_written_and_nothing_else_is(void **state)
{
    (void)state;
    struct ca_audit_record r = {
        .seq = 7, .time_ms = 1234, .node = "one", .process = "issuer", .kind = "issued"};
    struct tm_buf text = {0};
    struct tm_buf again = {0};
    struct tm_err e = {0};
    r.event = issued;
    r.event.detail = "a \"quote\", a \\ and \xc3\xa9";
    ca_audit_canonical(&r, &text);
    struct ca_audit_line *l = ca_audit_line_read(text.data, text.len, &e);
    assert_non_null(l);
    ca_audit_canonical(ca_audit_line_record(l), &again);
    assert_int_equal(again.len, text.len);
    assert_memory_equal(again.data, text.data, text.len);
    ca_audit_line_free(l);
    for (size_t cut = 0; cut < text.len; cut++) {
        l = ca_audit_line_read(text.data, cut, &e);
        assert_null(l);
    }
    tm_buf_free(&text);
    tm_buf_free(&again);
}

/* ---- old records ---- */

static bool has_floor(void *arg)
{
    const struct scene *s = arg;
    struct tm_err e = {0};
    struct ca_audit_tip floor = {0};
    struct ca_audit_store *store = ca_audit_store_open(&s->o.place, NULL, &e);
    assert_non_null(store);
    assert_int_equal(ca_audit_store_floor(store, "one", &floor, &e), 0);
    ca_audit_store_close(store);
    return floor.seq >= 3;
}

static int read_export(const char *path, const struct ca_audit_head_list *heads, struct seen *v,
                       struct tm_err *e)
{
    static char node[256];
    *v = (struct seen){.walk = {.say = on_fault, .arg = v}};
    return ca_audit_export_read(path, heads, &v->walk, node, e);
}

static void edit_file(const char *path, const char *from, const char *to)
{
    struct tm_buf text = {0};
    assert_int_equal(tm_file_read(path, 1 << 20, &text, NULL), 0);
    char *at = strstr(tm_buf_str(&text), from);
    assert_non_null(at);
    assert_int_equal(strlen(from), strlen(to));
    memcpy(at, to, strlen(to));
    assert_int_equal(tm_file_write_atomic(path, 0600, text.data, text.len, NULL), 0);
    tm_buf_free(&text);
}

static void old_records_are_exported_and_taken_out_and_both_parts_are_whole(void **state)
{
    (void)state;
    struct scene s;
    struct seen v;
    struct ca_audit_head_list heads = {0};
    struct ca_audit_head head = {.node = "one", .seq = 2};
    struct tm_err e = {0};
    char path[128];
    make_trail(&s, 2);
    walk(&s, NULL, &v);
    s.o.retention_ms = 1;
    s.o.head_interval_ms = 1;
    s.o.archive = s.dir;
    begin(&s);
    assert_true(within(SOON_MS, has_floor, &s));
    assert_int_equal(promise(&s, &e), SINK_KEPT); /* it goes on */
    end(&s);
    walk(&s, NULL, &v);
    assert_string_equal(v.faults, "");
    assert_true(v.walk.floor.seq >= 3);
    assert_non_null(strstr(v.kinds, "retention"));
    snprintf(path, sizeof(path), "%s/one-1.jsonl", s.dir);
    assert_int_equal(read_export(path, NULL, &v, &e), 0);
    assert_string_equal(v.faults, "");
    assert_true(v.walk.records >= 3);
    /* A line that was altered, with the last line as it was; then with a head that knows better. */
    edit_file(path, "192.0.2.1", "192.0.2.7");
    assert_int_equal(read_export(path, NULL, &v, &e), 0);
    assert_non_null(strstr(v.faults, "are not those that the file's last line stands for"));
    assert_int_equal(ca_audit_head_list_add(&heads, &head, &e), 0);
    assert_int_equal(read_export(path, &heads, &v, &e), 0);
    assert_non_null(strstr(v.faults, "is not what the head of"));
    edit_file(path, "tenmint audit end 1", "tenmint audit end 2");
    assert_int_equal(read_export(path, NULL, &v, &e), -1);
    ca_audit_head_list_free(&heads);
    remove_scene(&s);
}

static unsigned exports_in(const char *dir)
{
    unsigned count = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (const struct dirent *x; (x = readdir(d)) != NULL;)
        count += strncmp(x->d_name, "one-1.", 6) == 0 || strncmp(x->d_name, "one-1-", 6) == 0;
    closedir(d);
    return count;
}

static void retain_all(struct scene *s)
{
    struct tm_err e = {0};
    begin(s);
    assert_int_equal(promise(s, &e), SINK_KEPT);
    assert_int_equal(promise(s, &e), SINK_KEPT);
    end(s);
    s->o.retention_ms = 1;
    s->o.head_interval_ms = 1;
    s->o.archive = s->dir;
    begin(s);
    assert_true(within(SOON_MS, has_floor, s));
    end(s);
    s->o.retention_ms = 0;
}

static void an_export_stays_when_the_database_was_lost_and_a_chain_begins_anew(void **state)
{
    (void)state;
    struct scene s;
    struct tm_buf before = {0};
    struct tm_buf after = {0};
    char path[128];
    char command[160];
    make_scene(&s);
    retain_all(&s);
    snprintf(path, sizeof(path), "%s/one-1.jsonl", s.dir);
    assert_int_equal(tm_file_read(path, 1 << 20, &before, NULL), 0);
    assert_int_equal(exports_in(s.dir), 1);
    snprintf(command, sizeof(command), "rm '%s'*", s.file);
    assert_int_equal(system(command), 0);
    retain_all(&s);
    assert_int_equal(tm_file_read(path, 1 << 20, &after, NULL), 0);
    assert_int_equal(after.len, before.len);
    assert_memory_equal(after.data, before.data, before.len);
    assert_int_equal(exports_in(s.dir), 2);
    tm_buf_free(&before);
    tm_buf_free(&after);
    remove_scene(&s);
}

static _Atomic int64_t ahead_ms;
static atomic_uint looks;

static int64_t wall_ahead(void)
{
    atomic_fetch_add(&looks, 1);
    return tm_clock_wall_ms() + ahead_ms;
}

static enum tm_clock_sync not_known(void)
{
    return CLOCK_SYNC_UNKNOWN;
}

static bool has_looked(void *arg)
{
    (void)arg;
    return atomic_load(&looks) >= 5;
}

static void a_clock_that_jumps_two_years_ahead_takes_no_record_out(void **state)
{
    (void)state;
    static const struct tm_clock_source jumping = {wall_ahead, tm_clock_mono_ms, not_known};
    struct scene s;
    struct seen v;
    struct tm_err e = {0};
    make_trail(&s, 2);
    s.o.retention_ms = (int64_t)365 * 24 * 3600 * 1000;
    s.o.head_interval_ms = 1;
    s.o.clock = &jumping;
    ahead_ms = 0;
    begin(&s);
    ahead_ms = 2 * s.o.retention_ms;
    atomic_store(&looks, 0);
    assert_true(within(SOON_MS, has_looked, &s));
    assert_int_equal(promise(&s, &e), SINK_KEPT); /* it goes on */
    end(&s);
    walk(&s, NULL, &v);
    assert_string_equal(v.faults, "");
    assert_int_equal(v.walk.floor.seq, 0);
    assert_null(strstr(v.kinds, "retention"));
    /* Where that clock is right, they are old. */
    begin(&s);
    assert_true(within(SOON_MS, has_floor, &s));
    end(&s);
    remove_scene(&s);
}

static void a_traceparent_is_taken_in_its_one_form(void **state)
{
    (void)state;
    static const char good[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    static const char *const bad[] = {
        "",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
        "00-4bf92f3577b34da6a3ce929d0e0e47-3600f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7-01",
    };
    assert_true(tm_http_trace_is_valid(good));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(tm_http_trace_is_valid(bad[i]));
}

static void csv_quotes_what_it_must_and_hands_no_formula_to_a_spreadsheet(void **state)
{
    (void)state;
    struct tm_buf out = {0};
    tm_csv_field(&out, "plain", true);
    tm_csv_field(&out, "a,\"b\"\nc", false);
    tm_csv_field(&out, "=1+1", false);
    tm_csv_field(&out, "", false);
    tm_csv_end(&out);
    assert_string_equal(tm_buf_str(&out), "plain,\"a,\"\"b\"\"\nc\",'=1+1,\r\n");
    tm_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_promise_is_kept_once_its_record_is_in_the_database),
        cmocka_unit_test(a_database_that_is_held_breaks_promises_and_is_used_again),
        cmocka_unit_test(another_writer_of_the_same_node_is_noticed_and_nothing_is_written_over),
        cmocka_unit_test(what_is_not_a_processes_to_say_is_not_recorded),
        cmocka_unit_test(a_record_of_another_node_stands_out_in_a_trail),
        cmocka_unit_test(an_altered_a_missing_and_a_cut_record_are_found),
        cmocka_unit_test(a_trail_that_was_written_anew_does_not_fit_its_head),
        cmocka_unit_test(a_search_column_that_was_altered_is_told),
        cmocka_unit_test(a_repository_an_identity_and_a_serial_are_found_however_they_are_written),
        cmocka_unit_test(a_criterion_that_no_record_can_match_is_refused),
        cmocka_unit_test(an_event_in_the_spool_is_taken_once_with_its_owner),
        cmocka_unit_test(what_is_no_event_is_set_aside_and_counted),
        cmocka_unit_test(a_line_is_read_as_it_was_written_and_nothing_else_is),
        cmocka_unit_test(a_clock_that_jumps_two_years_ahead_takes_no_record_out),
        cmocka_unit_test(old_records_are_exported_and_taken_out_and_both_parts_are_whole),
        cmocka_unit_test(an_export_stays_when_the_database_was_lost_and_a_chain_begins_anew),
        cmocka_unit_test(a_traceparent_is_taken_in_its_one_form),
        cmocka_unit_test(csv_quotes_what_it_must_and_hands_no_formula_to_a_spreadsheet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
