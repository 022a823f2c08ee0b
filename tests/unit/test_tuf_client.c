/* The client workflow against an honest repository; named as tuf-conformance names its tests. */
#include "tests/unit/tuf_client_case.h"

#include "common/clock.h"
#include "tests/support/tufedit.h"

static void with(void (*body)(struct tuf_case *c))
{
    struct tuf_case c;
    case_start(&c);
    body(&c);
    case_end(&c);
}

#define CASE(name) \
    static void name##_body(struct tuf_case *c); \
    static void name(void **state) \
    { \
        (void)state; \
        with(name##_body); \
    } \
    static void name##_body(struct tuf_case *c)

/* ---- basic ---- */

CASE(refresh_requests)
{
    case_good(c);
    assert_string_equal(tufrepo_requests(c->repo),
                        "2.root.json timestamp.json 1.snapshot.json 1.targets.json ");
    case_good(c);
    assert_string_equal(tufrepo_requests(c->repo), "2.root.json timestamp.json ");
    tufrepo_bump(c->repo, "timestamp");
    case_good(c);
    assert_string_equal(tufrepo_requests(c->repo), "2.root.json timestamp.json ");
    tufrepo_release(c->repo, "targets", true);
    case_good(c);
    assert_string_equal(tufrepo_requests(c->repo),
                        "2.root.json timestamp.json 2.snapshot.json 2.targets.json ");
}

CASE(metadata_bytes_match)
{
    static const char *const files[][2] = {{"1.root.json", "root.json"},
                                           {"timestamp.json", "timestamp.json"},
                                           {"1.snapshot.json", "snapshot.json"},
                                           {"1.targets.json", "targets.json"}};
    case_good(c);
    for (size_t i = 0; i < 4; i++) {
        char path[256];
        struct tm_buf b = {0};
        snprintf(path, sizeof(path), "%s/%s", c->dir, files[i][1]);
        assert_int_equal(tm_file_read(path, 1 << 20, &b, &c->e), 0);
        const struct tm_buf *served = tufrepo_file(c->repo, files[i][0]);
        assert_int_equal(b.len, served->len);
        assert_memory_equal(b.data, served->data, b.len);
        tm_buf_free(&b);
    }
}

CASE(implicit_refresh)
{
    case_get_bad(c, "nothing", "not among");
    case_expect(c, 1, 1, 1, 1);
}

CASE(custom_fields)
{
    json_object_set_new(tufrepo_body(c->repo, "root"), "x-note", json_string("kept"));
    json_object_set_new(tufrepo_root_role(c->repo, "timestamp"), "x-period", json_integer(7));
    json_t *keys = json_object_get(tufrepo_body(c->repo, "root"), "keys");
    void *it = json_object_iter(keys);
    json_object_set_new(json_object_iter_value(it), "keyid_hash_algorithms", json_array());
    tufrepo_bump(c->repo, "root");
    json_object_set_new(tufrepo_body(c->repo, "timestamp"), "x", json_null());
    tufrepo_release(c->repo, "targets", true);
    case_good(c);
    case_expect(c, 2, 2, 2, 2);
}

CASE(basic_metadata_hash_support)
{
    tufrepo_release(c->repo, "targets", true);
    case_good(c);
    case_expect(c, 1, 2, 2, 2);
}

/* ---- what is missing ---- */

CASE(timestamp_404)
{
    tufrepo_bump(c->repo, "root");
    tufrepo_remove(c->repo, "timestamp.json");
    case_bad(c, "404");
    case_expect(c, 2, 0, 0, 0);
    tufrepo_publish(c->repo, "timestamp");
    case_good(c);
}

CASE(snapshot_404)
{
    tufrepo_remove(c->repo, "1.snapshot.json");
    case_bad(c, "404");
    case_expect(c, 1, 1, 0, 0);
    tufrepo_publish(c->repo, "snapshot");
    case_good(c);
}

CASE(targets_404)
{
    tufrepo_remove(c->repo, "1.targets.json");
    case_bad(c, "1.targets.json' answers HTTP status 404");
    case_expect(c, 1, 1, 1, 0);
    tufrepo_publish(c->repo, "targets");
    case_good(c);
}

/* ---- root chain ---- */

CASE(root_rotation_with_intermediate_roots)
{
    for (int i = 0; i < 4; i++) {
        tufrepo_rotate(c->repo, "root");
        tufrepo_bump(c->repo, "root");
    }
    case_good(c);
    assert_string_equal(tufrepo_requests(c->repo),
                        "2.root.json 3.root.json 4.root.json 5.root.json 6.root.json "
                        "timestamp.json 1.snapshot.json 1.targets.json ");
    case_expect(c, 5, 1, 1, 1);
}

CASE(keys_of_every_role_rotate)
{
    static const char *const roles[] = {"timestamp", "snapshot", "targets"};
    case_good(c);
    for (size_t i = 0; i < 3; i++) {
        tufrepo_rotate(c->repo, roles[i]);
        tufrepo_bump(c->repo, "root");
        if (i > 0)
            tufrepo_release(c->repo, "targets", false);
        else
            tufrepo_bump(c->repo, "timestamp");
        case_good(c);
    }
    case_expect(c, 4, tufrepo_version(c->repo, "timestamp"), 3, 3);
}

CASE(consistent_snapshot_false)
{
    static const char *const files[][2] = {{"1.snapshot.json", "snapshot.json"},
                                           {"1.targets.json", "targets.json"}};
    json_object_set_new(tufrepo_body(c->repo, "root"), "consistent_snapshot", json_false());
    tufrepo_bump(c->repo, "root");
    for (size_t i = 0; i < 2; i++) {
        const struct tm_buf *b = tufrepo_file(c->repo, files[i][0]);
        tufrepo_put(c->repo, files[i][1], b->data, b->len);
        tufrepo_remove(c->repo, files[i][0]);
    }
    tufrepo_put(c->repo, "targets/file1", "content of file1", 16);
    case_get_good(c, "file1", "content of file1");
}

/* ---- expiry ---- */

CASE(expired_local_root_still_upgrades)
{
    tufrepo_set_expires(c->repo, "root", TUFREPO_NOW - 10);
    tufrepo_bump(c->repo, "root");
    tufrepo_set_expires(c->repo, "root", TUFREPO_EXPIRES);
    tufrepo_bump(c->repo, "root");
    case_good(c);
    case_expect(c, 3, 1, 1, 1);
}

CASE(expired_local_timestamp_still_upgrades)
{
    case_good(c);
    c->o.now = TUFREPO_EXPIRES + 5;
    static const char *const roles[] = {"root", "targets", "snapshot", "timestamp"};
    for (size_t i = 0; i < 4; i++)
        tufrepo_set_expires(c->repo, roles[i], c->o.now + 1000);
    tufrepo_bump(c->repo, "root");
    tufrepo_release(c->repo, "targets", false);
    case_good(c);
    case_expect(c, 2, 2, 2, 2);
}

/* ---- files ---- */

CASE(download_expected_file)
{
    tufrepo_add_target(c->repo, "targets", "dir/sub/file 2?#%.txt", "second");
    tufrepo_add_target(c->repo, "targets", "empty", "");
    tufrepo_release(c->repo, "targets", true);
    case_get_good(c, "file1", "content of file1");
    case_get_good(c, "empty", "");
    case_get_bad(c, "dir/sub/file 2?#%.txt", "404");
    assert_non_null(strstr(tufrepo_requests(c->repo), ".file%202%3F%23%25.txt "));
}

CASE(artifact_cache)
{
    struct tm_buf b = {0};
    case_good(c);
    tufrepo_requests(c->repo);
    assert_int_equal(case_get(c, "file1", NULL), 0);
    assert_non_null(strstr(tufrepo_requests(c->repo), "targets/"));
    assert_int_equal(case_get(c, "file1", NULL), 0);
    assert_null(strstr(tufrepo_requests(c->repo), "targets/"));
    /* Elsewhere: copied, not fetched. */
    case_get_good(c, "file1", "content of file1");
    assert_null(strstr(tufrepo_requests(c->repo), "targets/"));
    /* A changed copy is fetched anew. */
    char path[256];
    snprintf(path, sizeof(path), "%s/targets/file1", c->dir);
    assert_int_equal(tm_file_write_atomic(path, 0644, "content of file2", 16, &c->e), 0);
    assert_int_equal(case_get(c, "file1", NULL), 0);
    assert_non_null(strstr(tufrepo_requests(c->repo), "targets/"));
    assert_int_equal(tm_file_read(path, 100, &b, &c->e), 0);
    assert_string_equal(tm_buf_str(&b), "content of file1");
    tm_buf_free(&b);
}

CASE(read_gives_checked_bytes)
{
    struct tm_buf b = {0};
    struct tuf_client *client = tuf_client_open(&c->o, &c->e);
    assert_non_null(client);
    assert_int_equal(tuf_client_read(client, "file1", 100, &b, &c->e), -1);
    assert_non_null(strstr(c->e.text, "refresh first"));
    assert_int_equal(tuf_client_refresh(client, &c->e), 0);
    assert_int_equal(tuf_client_read(client, "file1", 15, &b, &c->e), -1);
    assert_int_equal(tuf_client_read(client, "file1", 16, &b, &c->e), 0);
    assert_string_equal(tm_buf_str(&b), "content of file1");
    tuf_client_close(client);
    tm_buf_free(&b);
}

/* ---- delegations ---- */

CASE(delegations_are_searched_in_order)
{
    tufrepo_delegate(c->repo, "targets", "a", "x/*", false);
    tufrepo_delegate(c->repo, "targets", "b", "x/*", false);
    tufrepo_delegate(c->repo, "a", "c", "x/*", false);
    tufrepo_add_target(c->repo, "b", "x/1", "from b");
    tufrepo_add_target(c->repo, "c", "x/1", "from c");
    tufrepo_add_target(c->repo, "b", "x/2", "only b");
    tufrepo_add_target(c->repo, "c", "y/1", "not delegated");
    static const char *const roles[] = {"a", "b", "c", "targets"};
    for (size_t i = 0; i < 4; i++)
        tufrepo_publish(c->repo, roles[i]);
    tufrepo_release(c->repo, "targets", true);
    case_get_good(c, "x/1", "from c");
    assert_null(strstr(tufrepo_requests(c->repo), "b.json"));
    case_get_good(c, "x/2", "only b");
    case_get_bad(c, "y/1", "not among");
}

CASE(unusual_role_names_are_quoted)
{
    static const char *const names[][2] = {{"?", "1.%3F.json "},
                                           {"#", "1.%23.json "},
                                           {"/delegatedrole", "1.%2Fdelegatedrole.json "},
                                           {"../delegatedrole", "1...%2Fdelegatedrole.json "}};
    for (size_t i = 0; i < 4; i++)
        tufrepo_delegate(c->repo, "targets", names[i][0], "*", false);
    tufrepo_release(c->repo, "targets", false);
    case_get_bad(c, "nothing", "not among");
    const char *asked = tufrepo_requests(c->repo);
    for (size_t i = 0; i < 4; i++)
        assert_non_null(strstr(asked, names[i][1]));
    assert_int_equal(case_stored(c, "..%2Fdelegatedrole.json"), 1);
}

CASE(role_not_in_snapshot)
{
    tufrepo_delegate(c->repo, "targets", "a", "*", false);
    tufrepo_release(c->repo, "targets", false);
    json_object_del(json_object_get(tufrepo_body(c->repo, "snapshot"), "meta"), "a.json");
    tufrepo_bump(c->repo, "snapshot");
    json_t *meta = json_object_get(tufrepo_body(c->repo, "timestamp"), "meta");
    json_object_set_new(meta, "snapshot.json", tuf_meta_entry(3, NULL, 0));
    tufrepo_bump(c->repo, "timestamp");
    case_get_bad(c, "nothing", "does not list 'a.json'");
    assert_null(strstr(tufrepo_requests(c->repo), "a.json"));
}

/* ---- mirrors, offline, given root ---- */

CASE(mirrors_are_tried_in_turn)
{
    struct tufrepo *stale = tufrepo_start(); /* another repository: unsigned here */
    c->url[0] = "http://127.0.0.1:1";
    c->url[1] = tufrepo_url(c->repo);
    c->o.metadata_url_count = 2;
    case_get_good(c, "file1", "content of file1");
    c->url[0] = tufrepo_url(stale);
    tufrepo_release(c->repo, "targets", false);
    case_good(c);
    case_expect(c, 1, 2, 2, 2);
    tufrepo_bump(c->repo, "root"); /* which the first mirror hides */
    case_good(c);
    case_expect(c, 2, 2, 2, 2);
    c->o.metadata_url_count = 1;
    case_bad(c, "unsigned");
    c->o.metadata_url_count = 0;
    case_bad(c, "no mirror");
    tufrepo_stop(stale);
}

CASE(a_mirror_that_hangs_costs_one_timeout)
{
    struct tufrepo *slow = tufrepo_start();
    const struct tm_buf *file = tufrepo_file(c->repo, "timestamp.json");
    const char *const files[] = {"2.root.json", "timestamp.json", "1.snapshot.json",
                                 "1.targets.json"};
    for (size_t i = 0; i < 4; i++) {
        tufrepo_put(slow, files[i], file->data, file->len);
        tufrepo_behave(slow, files[i], TUFREPO_DRIP);
    }
    c->url[0] = tufrepo_url(slow);
    c->url[1] = tufrepo_url(c->repo);
    c->o.metadata_url_count = 2;
    c->o.timeout_ms = 1000;
    int64_t start = tm_clock_mono_ms();
    case_good(c);
    case_expect(c, 1, 1, 1, 1);
    assert_in_range(tm_clock_mono_ms() - start, 900, 1900);
    assert_string_equal(tufrepo_requests(slow), "2.root.json ");
    tufrepo_stop(slow);
}

CASE(a_mirror_that_answers_500_is_passed_over)
{
    struct tufrepo *broken = tufrepo_start();
    tufrepo_status(broken, "2.root.json", 500);
    tufrepo_status(broken, "timestamp.json", 503);
    c->url[0] = tufrepo_url(broken);
    c->url[1] = tufrepo_url(c->repo);
    c->o.metadata_url_count = 2;
    case_good(c);
    case_expect(c, 1, 1, 1, 1);
    c->o.metadata_url_count = 1;
    case_bad(c, "HTTP status 500");
    tufrepo_stop(broken);
}

/* Root and all keys are the same, but what it serves is of yesterday. */
CASE(a_stale_mirror_is_passed_over)
{
    char dir[128];
    const char *const old[] = {"timestamp.json", "1.snapshot.json", "1.targets.json"};
    snprintf(dir, sizeof(dir), "%s/stale", c->scratch);
    assert_int_equal(tm_file_mkdirs(dir, 0755, &c->e), 0);
    for (size_t i = 0; i < 3; i++) {
        char path[256];
        const struct tm_buf *b = tufrepo_file(c->repo, old[i]);
        snprintf(path, sizeof(path), "%s/%s", dir, old[i]);
        assert_int_equal(tm_file_write_atomic(path, 0644, b->data, b->len, &c->e), 0);
    }
    tufrepo_release(c->repo, "targets", false);
    case_good(c);
    tufrepo_release(c->repo, "targets", false);
    c->url[1] = c->url[0];
    c->url[0] = dir;
    c->o.metadata_url_count = 2;
    case_good(c);
    case_expect(c, 1, 3, 3, 3);
    c->o.metadata_url_count = 1;
    case_bad(c, "rollback");
    case_expect(c, 1, 3, 3, 3);
}

static void write_mirror(struct tuf_case *c, const char *dir)
{
    static const char *const files[] = {"timestamp.json", "1.snapshot.json", "1.targets.json"};
    assert_int_equal(tm_file_mkdirs(dir, 0755, &c->e), 0);
    for (size_t i = 0; i < 3; i++) {
        char path[256];
        const struct tm_buf *b = tufrepo_file(c->repo, files[i]);
        snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
        assert_int_equal(tm_file_write_atomic(path, 0644, b->data, b->len, &c->e), 0);
    }
}

CASE(a_directory_is_a_mirror)
{
    char dir[128];
    snprintf(dir, sizeof(dir), "%s/mirror", c->scratch);
    c->url[0] = dir;
    case_bad(c, "No such file");
    write_mirror(c, dir);
    case_good(c);
    char fifo[256];
    snprintf(fifo, sizeof(fifo), "%s/timestamp.json", dir);
    unlink(fifo);
    assert_int_equal(mkfifo(fifo, 0644), 0);
    case_bad(c, "not a regular file");
    assert_string_equal(tufrepo_requests(c->repo), "");
}

CASE(a_file_url_is_a_directory)
{
    char url[200];
    static const char *const forms[][2] = {
        {"file://", "/m%20"}, {"file://localhost", "/%6D%20/"}, {"file://", "//m%20//"}};
    static const char *const bad[] = {"file://mirror", "file://",         "file://elsewhere/m",
                                      "file:///%",     "file:///m%4",     "file:///%00",
                                      "file:///%zz",   "file://localhost"};
    c->url[0] = url;
    snprintf(url, sizeof(url), "%s/m ", c->scratch);
    write_mirror(c, url);
    snprintf(url, sizeof(url), "file://%s/m", c->scratch);
    case_bad(c, "No such file");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(url, sizeof(url), "%s", bad[i]);
        case_bad(c, "is not file:// and the absolute path");
    }
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        snprintf(url, sizeof(url), "%s%s%s", forms[i][0], c->scratch, forms[i][1]);
        case_good(c);
    }
    assert_string_equal(tufrepo_requests(c->repo), "");
}

CASE(offline_within_expiry)
{
    c->o.offline = true;
    case_bad(c, "offline, and the cache");
    c->o.offline = false;
    assert_int_equal(case_get(c, "file1", NULL), 0);
    tufrepo_requests(c->repo);
    c->o.offline = true;
    c->o.metadata_url_count = 0;
    case_get_good(c, "file1", "content of file1");
    assert_string_equal(tufrepo_requests(c->repo), "");
    c->o.now = TUFREPO_EXPIRES;
    case_bad(c, "freeze");
}

CASE(a_given_root_needs_no_init)
{
    struct tm_buf root = {0};
    const struct tm_buf *b = tufrepo_file(c->repo, "1.root.json");
    tm_buf_append(&root, b->data, b->len);
    char path[256];
    snprintf(path, sizeof(path), "%s/root.json", c->dir);
    unlink(path);
    case_bad(c, "no trusted root");
    assert_string_equal(tufrepo_requests(c->repo), "");
    c->o.root = root.data;
    c->o.root_len = root.len;
    for (int i = 0; i < 2; i++)
        tufrepo_bump(c->repo, "root");
    case_good(c);
    case_expect(c, 3, 1, 1, 1);
    /* The chain is replayed from the cache. */
    tufrepo_requests(c->repo);
    case_good(c);
    assert_string_equal(tufrepo_requests(c->repo), "4.root.json timestamp.json ");
    c->o.offline = true;
    case_good(c);
    tm_buf_free(&root);
}

/* ---- the published Sigstore repository ---- */

static void sigstore_root_chain_from_a_directory(void **state)
{
    (void)state;
    char scratch[] = "/tmp/tenmint-tuf-XXXXXX";
    struct tm_err e = {0};
    struct tm_buf root = {0};
    struct tm_buf target = {0};
    const char *url = "testdata/tuf/sigstore-root";
    assert_non_null(mkdtemp(scratch));
    assert_int_equal(tm_file_read("testdata/tuf/sigstore-root/5.root.json", 1 << 20, &root, &e), 0);
    struct tuf_client_options o = {.dir = scratch,
                                   .root = root.data,
                                   .root_len = root.len,
                                   .metadata_urls = &url,
                                   .metadata_url_count = 1};
    assert_int_equal(tm_clock_parse("2026-08-22T00:00:00Z", &o.now), 0);
    struct tuf_client *c = tuf_client_open(&o, &e);
    assert_non_null(c);
    if (tuf_client_refresh(c, &e) != 0 ||
        tuf_client_read(c, "trusted_root.json", 1 << 20, &target, &e) != 0)
        fail_msg("%s", e.text);
    assert_int_equal(tuf_metadata_version(tuf_client_role(c, TUF_ROOT)), 15);
    assert_int_equal(target.len, 6787);
    tuf_client_close(c);
    tm_buf_free(&root);
    tm_buf_free(&target);
    char command[64];
    snprintf(command, sizeof(command), "rm -rf %s", scratch);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refresh_requests),
        cmocka_unit_test(metadata_bytes_match),
        cmocka_unit_test(implicit_refresh),
        cmocka_unit_test(custom_fields),
        cmocka_unit_test(basic_metadata_hash_support),
        cmocka_unit_test(timestamp_404),
        cmocka_unit_test(snapshot_404),
        cmocka_unit_test(targets_404),
        cmocka_unit_test(root_rotation_with_intermediate_roots),
        cmocka_unit_test(keys_of_every_role_rotate),
        cmocka_unit_test(consistent_snapshot_false),
        cmocka_unit_test(expired_local_root_still_upgrades),
        cmocka_unit_test(expired_local_timestamp_still_upgrades),
        cmocka_unit_test(download_expected_file),
        cmocka_unit_test(artifact_cache),
        cmocka_unit_test(read_gives_checked_bytes),
        cmocka_unit_test(delegations_are_searched_in_order),
        cmocka_unit_test(unusual_role_names_are_quoted),
        cmocka_unit_test(role_not_in_snapshot),
        cmocka_unit_test(mirrors_are_tried_in_turn),
        cmocka_unit_test(a_mirror_that_hangs_costs_one_timeout),
        cmocka_unit_test(a_mirror_that_answers_500_is_passed_over),
        cmocka_unit_test(a_stale_mirror_is_passed_over),
        cmocka_unit_test(a_directory_is_a_mirror),
        cmocka_unit_test(a_file_url_is_a_directory),
        cmocka_unit_test(offline_within_expiry),
        cmocka_unit_test(a_given_root_needs_no_init),
        cmocka_unit_test(sigstore_root_chain_from_a_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
