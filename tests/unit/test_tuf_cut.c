/* A publication cut at each file it puts in place. Whoever comes then, with the state from
 * before or from root 1 only, finds a whole set; timestamp.json is the last that says something
 * new; the next run finishes the job. */
#include "tests/unit/tuf_case.h"

#include <sys/syscall.h>
#include <sys/wait.h>

#include "tuf/client/client.h"
#include "tuf/metadata/build.h"

#define CUT 9 /* exit code of a child that was cut */

static int cut_at = -1; /* which rename into the published tree is the first not to happen */
static char cut_order[4096];

static bool is_published(const char *path)
{
    const char *at = strstr(path, "/published/");
    return at != NULL && strstr(at, "/.staging/") == NULL;
}

/* In place of libc's, for this program: ends the process in the middle of a publication. */
int rename(const char *from, const char *to)
{
    if (is_published(to)) {
        size_t len = strlen(cut_order);
        snprintf(cut_order + len, sizeof(cut_order) - len, "%s ",
                 strstr(to, "/published/") + strlen("/published/"));
        if (cut_at == 0)
            _exit(CUT);
        if (cut_at > 0)
            cut_at--;
    }
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

struct visit { /* what a client reaches */
    int64_t root, timestamp, snapshot, targets;
};

/* A client with its cache `name` beside the workspace refreshes, and gets each target listed. */
static void visit(struct tuf_case *c, const char *name, const char *mirror, int64_t now,
                  struct visit *out)
{
    char cache[PATH_MAX];
    char root_file[PATH_MAX];
    struct tm_buf root = {0};
    struct tm_err e = {0};
    const char *path;
    json_t *entry;
    snprintf(cache, sizeof(cache), "%s/%s", c->dir, name);
    snprintf(root_file, sizeof(root_file), "%s/1.root.json", mirror);
    assert_int_equal(tm_file_read(root_file, 1 << 20, &root, &e), 0);
    const struct tuf_client_options o = {.dir = cache,
                                         .root = root.data,
                                         .root_len = root.len,
                                         .metadata_urls = &mirror,
                                         .metadata_url_count = 1,
                                         .now = now};
    struct tuf_client *client = tuf_client_open(&o, &e);
    if (client == NULL || tuf_client_refresh(client, &e) != 0)
        fail_msg("%s client: %s", name, e.text);
    const struct tuf_metadata *targets = tuf_client_role(client, TUF_TARGETS);
    json_t *all = tuf_entries_tree(targets);
    json_object_foreach(all, path, entry)
    {
        if (tuf_client_get(client, path, NULL, &e) != 0)
            fail_msg("%s client: %s: %s", name, path, e.text);
    }
    json_decref(all);
    *out = (struct visit){tuf_metadata_version(tuf_client_role(client, TUF_ROOT)),
                          tuf_metadata_version(tuf_client_role(client, TUF_TIMESTAMP)),
                          tuf_metadata_version(tuf_client_role(client, TUF_SNAPSHOT)),
                          tuf_metadata_version(targets)};
    tuf_client_close(client);
    tm_buf_free(&root);
}

/* The directory `to` becomes a copy of `from`. */
static void copy_tree(const char *from, const char *to)
{
    char command[3 * 80];
    snprintf(command, sizeof(command), "rm -rf '%.64s' && cp -a '%.64s' '%.64s'", to, from, to);
    assert_int_equal(system(command), 0);
}

/* The exit code of a child that publishes and is cut at rename `at`. */
static int publish_cut(struct tuf_case *c, struct tuf_event *ev, int64_t now, int at)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct tuf_publish_report r;
        cut_at = at;
        _exit(case_try_publish(c, ev, now, ev == NULL, &r) == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* A set is the one before or the one after, never a mix; root may be ahead. */
static void expect_one_set(const struct visit *v, const struct visit *before,
                           const struct visit *after, int at)
{
    const struct visit *set = v->timestamp == before->timestamp ? before : after;
    if (v->timestamp != set->timestamp || v->snapshot != set->snapshot ||
        v->targets != set->targets || v->root < before->root || v->root > after->root)
        fail_msg("cut at %d: root %lld, timestamp %lld, snapshot %lld, targets %lld", at,
                 (long long)v->root, (long long)v->timestamp, (long long)v->snapshot,
                 (long long)v->targets);
}

/* `ev` NULL: a refresh. */
static void cut_everywhere(struct tuf_case *c, struct tuf_event *ev, int64_t now,
                           const struct visit *after, int files)
{
    char mirror[PATH_MAX];
    char saved[80];
    struct visit before;
    struct visit v;
    int at = 0;
    int rc = CUT;
    snprintf(mirror, sizeof(mirror), "%s/published", c->dir);
    snprintf(saved, sizeof(saved), "%s.saved", c->dir);
    visit(c, "old", mirror, now, &before);
    copy_tree(c->dir, saved);
    for (; rc == CUT; at++) {
        copy_tree(saved, c->dir);
        rc = publish_cut(c, ev, now, at);
        visit(c, "old", mirror, now, &v);
        expect_one_set(&v, &before, after, at);
        visit(c, "new", mirror, now, &v);
        expect_one_set(&v, &before, after, at);
        assert_int_equal(publish_cut(c, ev, now, -1), 0);
        visit(c, "old", mirror, now, &v);
        assert_memory_equal(&v, after, sizeof(v));
    }
    assert_int_equal(rc, 0);
    assert_int_equal(at - 1, files);
    tuf_tree_remove(saved, NULL);
}

static void open_published(struct tuf_case *c)
{
    case_open(c, CASE_POLICY);
    case_round(c, T0, NULL);
}

static void an_event_that_is_cut_at_any_file_leaves_the_old_or_the_new(void **state)
{
    (void)state;
    static const struct visit after = {2, 2, 2, 2};
    struct tuf_case c;
    struct tuf_event ev;
    open_published(&c);
    case_file(&c, "targets/b.txt", "second\n");
    case_propose(&c, T0 + DAY, "root", &ev);
    case_sign(&c, &ev, "alice", T0 + DAY);
    case_sign(&c, &ev, "bob", T0 + DAY);
    /* b.txt, targets, snapshot, root, timestamp, root.json */
    cut_everywhere(&c, &ev, T0 + DAY, &after, 6);
    tuf_event_free(&ev);
    case_close(&c);
}

static void a_refresh_that_is_cut_at_any_file_leaves_the_old_or_the_new(void **state)
{
    (void)state;
    static const struct visit after = {1, 5, 2, 1};
    struct tuf_case c;
    open_published(&c);
    for (int day = 4; day <= 12; day += 4)
        case_refresh(&c, T0 + day * DAY);
    cut_everywhere(&c, NULL, T0 + 16 * DAY, &after, 2); /* both are due */
    case_close(&c);
}

static void the_timestamp_comes_last(void **state)
{
    (void)state;
    struct tuf_case c;
    open_published(&c);
    case_file(&c, "targets/b.txt", "second\n");
    cut_order[0] = '\0';
    case_round(&c, T0 + DAY, "root");
    const char *last = strstr(cut_order, " timestamp.json ");
    assert_non_null(last);
    assert_string_equal(last, " timestamp.json root.json "); /* which clients never ask for */
    assert_non_null(strstr(cut_order, "2.root.json "));
    assert_true(strstr(cut_order, "2.targets.json ") < strstr(cut_order, "2.root.json "));
    assert_true(strstr(cut_order, "2.snapshot.json ") < strstr(cut_order, "2.root.json "));
    case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_that_is_cut_at_any_file_leaves_the_old_or_the_new),
        cmocka_unit_test(a_refresh_that_is_cut_at_any_file_leaves_the_old_or_the_new),
        cmocka_unit_test(the_timestamp_comes_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
