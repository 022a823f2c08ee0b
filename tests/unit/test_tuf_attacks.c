/* Every attack that the specification names (§1.5.2) and those that past clients fell for;
 * after each the client heals with an honest repository. */
#include "tests/unit/tuf_client_case.h"

#include <dirent.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "common/clock.h"
#include "common/hex.h"
#include "common/json/strictjson.h"
#include "tests/support/tufedit.h"
#include "tuf/metadata/key.h"

#define CASE(name) \
    static void name##_body(struct tuf_case *c); \
    static void name(void **state) \
    { \
        struct tuf_case c; \
        (void)state; \
        case_start(&c); \
        name##_body(&c); \
        case_heals(&c); \
        case_end(&c); \
    } \
    static void name##_body(struct tuf_case *c)

static void put_text(struct tuf_case *c, const char *path, const char *text)
{
    tufrepo_put(c->repo, path, text, strlen(text));
}

/* The bytes now served at `from` are served at `to` too. */
static void copy_to(struct tuf_case *c, const char *from, const char *to)
{
    struct tm_buf b = {0};
    tm_buf_append(&b, tufrepo_file(c->repo, from)->data, tufrepo_file(c->repo, from)->len);
    tufrepo_put(c->repo, to, b.data, b.len);
    tm_buf_free(&b);
}

/* ---- the root chain ---- */

CASE(root_of_another_version)
{
    struct tm_buf b = {0};
    copy_to(c, "1.root.json", "2.root.json"); /* N again */
    case_bad(c, "rollback: version 1 where 2 must come");
    tufrepo_set_version(c->repo, "root", 3); /* N+2 served as N+1 */
    tufrepo_sign(c->repo, "root", &b);
    tufrepo_put(c->repo, "2.root.json", b.data, b.len);
    case_bad(c, "rollback: version 3 where 2 must come");
    case_expect(c, 1, 0, 0, 0);
    tufrepo_set_version(c->repo, "root", 1);
    tufrepo_remove(c->repo, "2.root.json");
    tm_buf_free(&b);
}

CASE(root_not_signed_by_the_old_keys)
{
    json_t *keys = json_object_get(tufrepo_root_role(c->repo, "root"), "keyids");
    json_t *saved = json_deep_copy(keys);
    struct tufrepo *other = tufrepo_start();
    tufrepo_bump(other, "root");
    const struct tm_buf *b = tufrepo_file(other, "2.root.json");
    tufrepo_put(c->repo, "2.root.json", b->data, b->len);
    case_bad(c, "unsigned: by the previous root's keys");
    case_expect(c, 1, 0, 0, 0);
    json_decref(saved);
    tufrepo_stop(other);
    tufrepo_remove(c->repo, "2.root.json");
}

CASE(root_not_signed_by_its_own_keys)
{
    json_t *role = tufrepo_root_role(c->repo, "root");
    json_t *saved = json_deep_copy(role);
    json_array_clear(json_object_get(role, "keyids"));
    tufrepo_bump(c->repo, "root");
    case_bad(c, "unsigned: by its own root keys");
    case_expect(c, 1, 0, 0, 0);
    json_object_update(role, saved);
    json_decref(saved);
    tufrepo_publish(c->repo, "root");
}

CASE(more_roots_than_one_run_takes)
{
    for (int i = 0; i < TUF_ROOT_ROTATIONS_MAX + 10; i++)
        tufrepo_bump(c->repo, "root");
    case_good(c);
    assert_int_equal(case_stored(c, "root.json"), 1 + TUF_ROOT_ROTATIONS_MAX);
    case_good(c);
    assert_int_equal(case_stored(c, "root.json"), 11 + TUF_ROOT_ROTATIONS_MAX);
}

/* ---- endless data ---- */

/* Bytes such that the timestamp is `size` long. */
static void pad_timestamp(struct tuf_case *c, size_t size)
{
    json_t *body = tufrepo_body(c->repo, "timestamp");
    struct tm_buf pad = {0};
    json_object_set_new(body, "pad", json_string(""));
    tufrepo_bump(c->repo, "timestamp");
    size_t len = tufrepo_file(c->repo, "timestamp.json")->len;
    while (pad.len < size - len)
        buf_putc(&pad, 'x');
    json_object_set_new(body, "pad", json_string(tm_buf_str(&pad)));
    tufrepo_publish(c->repo, "timestamp");
    assert_int_equal(tufrepo_file(c->repo, "timestamp.json")->len, size);
    tm_buf_free(&pad);
}

CASE(endless_data)
{
    case_good(c);
    pad_timestamp(c, TUF_TIMESTAMP_BYTES_MAX + 1);
    case_bad(c, "more than 16384 bytes");
    tufrepo_behave(c->repo, "timestamp.json", TUFREPO_CHUNKED);
    case_bad(c, "more than 16384 bytes");
    case_expect(c, 1, 1, 1, 1);
    pad_timestamp(c, TUF_TIMESTAMP_BYTES_MAX);
    tufrepo_behave(c->repo, "timestamp.json", TUFREPO_CHUNKED);
    case_good(c);
    tufrepo_behave(c->repo, "timestamp.json", TUFREPO_ENDLESS);
    case_bad(c, "more than 16384 bytes");
    json_object_del(tufrepo_body(c->repo, "timestamp"), "pad");
}

CASE(slow_retrieval)
{
    c->o.timeout_ms = 1000;
    case_good(c);
    tufrepo_behave(c->repo, "timestamp.json", TUFREPO_DRIP);
    int64_t start = tm_clock_mono_ms();
    case_bad(c, "download");
    assert_in_range(tm_clock_mono_ms() - start, 900, 5000);
    struct tm_buf big = {0};
    while (big.len < 4096)
        buf_putc(&big, 'x');
    tufrepo_add_target(c->repo, "targets", "slow", tm_buf_str(&big));
    tufrepo_release(c->repo, "targets", false);
    char path[256];
    const json_t *entry =
        json_object_get(json_object_get(tufrepo_body(c->repo, "targets"), "targets"), "slow");
    snprintf(path, sizeof(path), "targets/%s.slow",
             json_string_value(json_object_get(json_object_get(entry, "hashes"), "sha256")));
    tufrepo_behave(c->repo, path, TUFREPO_DRIP);
    case_get_bad(c, "slow", "download");
    c->o.timeout_ms = 5000;
    tm_buf_free(&big);
}

CASE(compressed_and_cut_answers)
{
    tufrepo_behave(c->repo, "timestamp.json", TUFREPO_CUT);
    case_bad(c, "download");
    tufrepo_put(c->repo, "timestamp.json", "\x1f\x8b\x08\x00", 4);
    tufrepo_behave(c->repo, "timestamp.json", TUFREPO_GZIP);
    case_bad(c, "JSON line 1"); /* cut, and inflated to nothing */
    case_expect(c, 1, 0, 0, 0);
}

/* A pinned length is the cap. */
CASE(longer_than_pinned)
{
    tufrepo_release(c->repo, "targets", true);
    struct tm_buf b = {0};
    tm_buf_append(&b, tufrepo_file(c->repo, "2.targets.json")->data,
                  tufrepo_file(c->repo, "2.targets.json")->len);
    buf_putc(&b, ' ');
    tufrepo_put(c->repo, "2.targets.json", b.data, b.len);
    case_bad(c, "more than");
    case_expect(c, 1, 2, 2, 0);
    tm_buf_free(&b);
}

/* ---- rollback ---- */

CASE(rollback_of_the_timestamp)
{
    struct tm_buf old = {0};
    tufrepo_sign(c->repo, "timestamp", &old);
    tufrepo_release(c->repo, "targets", false);
    case_good(c);
    tufrepo_put(c->repo, "timestamp.json", old.data, old.len);
    case_bad(c, "rollback: version 1, but 2");
    case_expect(c, 1, 2, 2, 2);
    tm_buf_free(&old);
}

CASE(same_timestamp_version_with_other_content)
{
    case_good(c);
    tufrepo_requests(c->repo);
    json_object_set_new(json_object_get(tufrepo_body(c->repo, "timestamp"), "meta"),
                        "snapshot.json", tuf_meta_entry(99, NULL, 0));
    tufrepo_publish(c->repo, "timestamp");
    case_good(c); /* discarded: no error, and no request for snapshot 99 */
    assert_string_equal(tufrepo_requests(c->repo), "2.root.json timestamp.json ");
    case_expect(c, 1, 1, 1, 1);
}

CASE(rollback_of_the_snapshot_version)
{
    tufrepo_release(c->repo, "targets", false);
    case_good(c);
    json_object_set_new(json_object_get(tufrepo_body(c->repo, "timestamp"), "meta"),
                        "snapshot.json", tuf_meta_entry(1, NULL, 0));
    tufrepo_bump(c->repo, "timestamp");
    case_bad(c, "rollback: snapshot version 1, but 2");
    case_expect(c, 1, 2, 2, 2);
}

/* What cannot be read was seen before all the same. */
CASE(unreadable_cache_is_not_an_empty_one)
{
    static const char *const files[] = {"timestamp.json", "snapshot.json", "targets.json"};
    struct tm_buf old = {0};
    tufrepo_sign(c->repo, "timestamp", &old);
    tufrepo_release(c->repo, "targets", false);
    for (size_t i = 0; i < 3; i++) {
        char path[256];
        char why[64];
        case_good(c);
        snprintf(path, sizeof(path), "%s/%s", c->dir, files[i]);
        snprintf(why, sizeof(why), "the cached %s, without which", files[i]);
        unlink(path);
        assert_int_equal(mkdir(path, 0755), 0);
        if (i == 0)
            tufrepo_put(c->repo, "timestamp.json", old.data, old.len);
        case_bad(c, why);
        assert_non_null(strstr(c->e.text, "is a directory"));
        assert_int_equal(rmdir(path), 0);
        tufrepo_publish(c->repo, "timestamp");
    }
    /* A file that can be read, and does not verify, is none: the cache heals. */
    char path[256];
    snprintf(path, sizeof(path), "%s/timestamp.json", c->dir);
    assert_int_equal(tm_file_write_atomic(path, 0644, "{", 1, &c->e), 0);
    case_good(c);
    tm_buf_free(&old);
}

static void snapshot_lists(struct tuf_case *c, const char *name, json_t *entry)
{
    json_t *meta = json_object_get(tufrepo_body(c->repo, "snapshot"), "meta");
    if (entry != NULL)
        json_object_set_new(meta, name, entry);
    else
        json_object_del(meta, name);
    tufrepo_bump(c->repo, "snapshot");
    json_object_set_new(json_object_get(tufrepo_body(c->repo, "timestamp"), "meta"),
                        "snapshot.json",
                        tuf_meta_entry(tufrepo_version(c->repo, "snapshot"), NULL, 0));
    tufrepo_bump(c->repo, "timestamp");
}

CASE(rollback_of_targets_and_delegated_roles)
{
    tufrepo_delegate(c->repo, "targets", "a", "*", false);
    tufrepo_bump(c->repo, "a");
    tufrepo_release(c->repo, "targets", false);
    case_good(c);
    snapshot_lists(c, "a.json", NULL);
    case_bad(c, "rollback: 'a.json' is no longer listed");
    snapshot_lists(c, "a.json", tuf_meta_entry(1, NULL, 0));
    case_bad(c, "rollback: lists 'a.json' version 1, but 2");
    snapshot_lists(c, "a.json", tuf_meta_entry(2, NULL, 0));
    case_good(c);
    snapshot_lists(c, "targets.json", tuf_meta_entry(1, NULL, 0));
    case_bad(c, "rollback: lists 'targets.json' version 1, but 2");
    assert_int_equal(case_stored(c, "snapshot.json"), 5);
}

/* ---- mix and match ---- */

CASE(mix_and_match)
{
    tufrepo_release(c->repo, "targets", true);
    copy_to(c, "1.snapshot.json", "2.snapshot.json");
    case_bad(c, "mix-and-match: ");
    case_expect(c, 1, 2, 0, 0);
    tufrepo_publish(c->repo, "snapshot");
    copy_to(c, "1.targets.json", "2.targets.json");
    case_bad(c, "mix-and-match: ");
    case_expect(c, 1, 2, 2, 0);
    /* Without hashes the version tells. */
    tufrepo_release(c->repo, "targets", false);
    copy_to(c, "1.snapshot.json", "3.snapshot.json");
    case_bad(c, "mix-and-match: version 1 where 3 is signed");
    tufrepo_publish(c->repo, "snapshot");
    copy_to(c, "1.targets.json", "3.targets.json");
    case_bad(c, "mix-and-match: version 1 where 3 is signed");
}

/* ---- freeze ---- */

CASE(indefinite_freeze)
{
    static const char *const roles[] = {"targets", "snapshot", "timestamp", "root"};
    for (size_t i = 0; i < 4; i++) {
        tufrepo_set_expires(c->repo, roles[i], TUFREPO_NOW); /* not "now < expires" */
        if (i < 3)
            tufrepo_release(c->repo, "targets", false);
        else
            tufrepo_bump(c->repo, "root");
        case_bad(c, "freeze: expired at");
        tufrepo_set_expires(c->repo, roles[i], TUFREPO_NOW + 1);
        if (i < 3)
            tufrepo_release(c->repo, "targets", false);
        else
            tufrepo_bump(c->repo, "root");
        case_good(c);
    }
    /* An old but signed set: time passes, nothing is renewed. */
    c->o.now = TUFREPO_NOW + 1;
    case_bad(c, "freeze");
    c->o.now = TUFREPO_NOW;
}

CASE(expired_files_are_not_stored)
{
    case_good(c);
    tufrepo_set_expires(c->repo, "timestamp", TUFREPO_NOW - 1);
    tufrepo_release(c->repo, "targets", false);
    case_bad(c, "freeze");
    case_expect(c, 1, 1, 1, 1);
    tufrepo_set_expires(c->repo, "timestamp", TUFREPO_EXPIRES);
    tufrepo_set_expires(c->repo, "snapshot", TUFREPO_NOW - 1);
    tufrepo_release(c->repo, "targets", false);
    case_bad(c, "freeze");
    case_expect(c, 1, 3, 1, 1);
    tufrepo_set_expires(c->repo, "snapshot", TUFREPO_EXPIRES);
}

CASE(one_time_for_the_whole_run)
{
    c->o.now = 0;
    struct tuf_client *client = tuf_client_open(&c->o, &c->e);
    int64_t at = tuf_client_now(client);
    nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 100000000}, NULL);
    assert_int_equal(tuf_client_now(client), at);
    tuf_client_close(client);
    c->o.now = TUFREPO_NOW;
}

/* ---- thresholds ---- */

static void expect_root_refused(struct tuf_case *c, const char *reason)
{
    tufrepo_bump(c->repo, "root");
    case_bad(c, reason);
    case_expect(c, 1, 0, 0, 0);
    tufrepo_remove(c->repo, "2.root.json");
    tufrepo_set_version(c->repo, "root", 1);
}

CASE(thresholds_that_mean_nothing)
{
    static const struct {
        int64_t threshold;
        const char *reason;
    } rows[] = {{0, "'threshold' is out of range"},
                {-1, "'threshold' is out of range"},
                {INT64_C(2147483648), "'threshold' is out of range"}};
    json_t *role = tufrepo_root_role(c->repo, "timestamp");
    for (size_t i = 0; i < 3; i++) {
        json_object_set_new(role, "threshold", json_integer(rows[i].threshold));
        expect_root_refused(c, rows[i].reason);
    }
    json_object_set_new(role, "threshold", json_integer(1));
    json_t *keyids = json_object_get(role, "keyids");
    json_array_append(keyids, json_array_get(keyids, 0));
    expect_root_refused(c, "twice");
    json_array_remove(keyids, 1);
}

CASE(one_key_is_one_signature)
{
    /* Threshold two, and one key under a second keyid. */
    json_t *role = tufrepo_root_role(c->repo, "timestamp");
    json_t *keyids = json_object_get(role, "keyids");
    json_t *keys = json_object_get(tufrepo_body(c->repo, "root"), "keys");
    const char *keyid = json_string_value(json_array_get(keyids, 0));
    json_t *twin = json_deep_copy(json_object_get(keys, keyid));
    json_object_set_new(keys, "twin", twin);
    json_array_append_new(keyids, json_string("twin"));
    json_object_set_new(role, "threshold", json_integer(2));
    tufrepo_bump(c->repo, "root");
    json_error_t je;
    const struct tm_buf *b = tufrepo_file(c->repo, "timestamp.json");
    json_t *envelope = json_loadb((const char *)b->data, b->len, 0, &je);
    json_t *list = json_object_get(envelope, "signatures");
    json_t *copy = json_deep_copy(json_array_get(list, 0));
    json_object_set_new(copy, "keyid", json_string("twin"));
    json_array_append_new(list, copy);
    char *text = json_dumps(envelope, 0);
    put_text(c, "timestamp.json", text);
    case_bad(c, "same public key");
    free(text);
    /* The same signature twice. */
    json_object_set_new(json_array_get(list, 1), "keyid", json_string(keyid));
    text = json_dumps(envelope, 0);
    put_text(c, "timestamp.json", text);
    case_bad(c, "two signatures");
    free(text);
    json_decref(envelope);
    json_array_remove(keyids, 1);
    json_object_del(keys, "twin");
    tufrepo_add_key(c->repo, "timestamp"); /* two people again */
    tufrepo_bump(c->repo, "root");
}

CASE(too_few_signatures)
{
    static const char *const roles[] = {"timestamp", "snapshot", "targets"};
    for (size_t i = 0; i < 3; i++) {
        json_object_set_new(tufrepo_root_role(c->repo, roles[i]), "threshold", json_integer(2));
        tufrepo_bump(c->repo, "root");
        case_bad(c, "signed by 1 of the 2 keys needed");
        tufrepo_add_key(c->repo, roles[i]);
        tufrepo_bump(c->repo, "root");
        tufrepo_release(c->repo, "targets", false);
        case_good(c);
    }
}

/* ---- one role's file for another's ---- */

CASE(type_swap)
{
    static const char *const roles[] = {"timestamp", "snapshot", "targets"};
    for (size_t i = 0; i < 3; i++) {
        char path[64];
        snprintf(path, sizeof(path), i == 0 ? "timestamp.json" : "1.%s.json", roles[i]);
        for (size_t j = 0; j < 3; j++) {
            if (i == j)
                continue;
            struct tm_buf b = {0};
            tufrepo_sign(c->repo, roles[j], &b);
            tufrepo_put(c->repo, path, b.data, b.len);
            case_bad(c, "'_type' is");
            tm_buf_free(&b);
        }
        tufrepo_publish(c->repo, roles[i]);
    }
}

/* ---- names that would leave their place ---- */

CASE(role_names)
{
    char longest[301];
    memset(longest, 'x', 300);
    longest[300] = '\0';
    const char *const rows[][2] = {{"root", "top-level"},
                                   {"timestamp", "top-level"},
                                   {"", "empty name"},
                                   {longest, "longer than"}};
    for (size_t i = 0; i < 4; i++) {
        json_t *body = tufrepo_body(c->repo, "targets");
        json_object_set_new(body, "delegations",
                            json_pack("{s:{}, s:[{s:s, s:[], s:i, s:b, s:[s]}]}", "keys", "roles",
                                      "name", rows[i][0], "keyids", "threshold", 1, "terminating",
                                      0, "paths", "*"));
        tufrepo_release(c->repo, "targets", false);
        case_bad(c, rows[i][1]);
        json_object_del(body, "delegations");
    }
}

CASE(target_names)
{
    static const char *const names[] = {"../../etc/x", "/etc/x", "a/../b", "a//b",
                                        "a/",          "./a",    "..",     "."};
    for (size_t i = 0; i < 8; i++)
        tufrepo_add_target(c->repo, "targets", names[i], "evil");
    tufrepo_add_target(c->repo, "targets", "%2e%2e", "dots in escapes");
    tufrepo_add_target(c->repo, "targets", "..%2fx", "no folder");
    tufrepo_release(c->repo, "targets", false);
    for (size_t i = 0; i < 8; i++) {
        case_get_bad(c, names[i], "segment");
        assert_null(strstr(tufrepo_requests(c->repo), "targets/"));
        assert_int_equal(case_get(c, names[i], NULL), -1);
    }
    char path[256];
    struct tuf_client *client = tuf_client_open(&c->o, &c->e);
    assert_int_equal(tuf_client_target_path(client, "../../etc/x", path, sizeof(path), &c->e), 0);
    assert_string_equal(path + strlen(c->dir), "/targets/..%2F..%2Fetc%2Fx");
    tuf_client_close(client);
    /* '%' is escaped in the request: the server sees the name as it is signed. */
    case_get_bad(c, "%2e%2e", "404");
    assert_non_null(strstr(tufrepo_requests(c->repo), ".%252e%252e "));
}

/* A link in the way is replaced, not followed. */
CASE(symlinked_target)
{
    char link_path[256];
    char victim[256];
    struct tm_buf b = {0};
    snprintf(victim, sizeof(victim), "%s/victim", c->scratch);
    assert_int_equal(tm_file_write_atomic(victim, 0644, "mine", 4, &c->e), 0);
    assert_int_equal(case_get(c, "file1", NULL), 0);
    snprintf(link_path, sizeof(link_path), "%s/targets/file1", c->dir);
    unlink(link_path);
    assert_int_equal(symlink(victim, link_path), 0);
    assert_int_equal(case_get(c, "file1", NULL), 0);
    assert_int_equal(tm_file_read(victim, 100, &b, &c->e), 0);
    assert_string_equal(tm_buf_str(&b), "mine");
    tm_buf_free(&b);
}

/* ---- malformed files ---- */

CASE(malformed_metadata)
{
    static const char *const texts[] = {
        "",
        " ",
        "null",
        "[]",
        "{",
        "{}",
        "{\"signed\":{}}",
        "{\"signatures\":[]}",
        "{\"signed\":null,\"signatures\":[]}",
        "{\"signed\":[],\"signatures\":[]}",
        "{\"signed\":{\"_type\":\"timestamp\"},\"signatures\":null}",
        "\xff\xfe",
        "{\"signed\":{\"a\":1,\"a\":2},\"signatures\":[]}",
        "{\"signed\":{\"v\":1e999}}",
        "{\"signed\":\"\\u0000\"}",
        "<html>not found</html>"};
    case_good(c);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        put_text(c, "timestamp.json", texts[i]);
        case_bad(c, "timestamp.json");
        put_text(c, "2.root.json", texts[i]);
        case_bad(c, "2.root.json");
        tufrepo_remove(c->repo, "2.root.json");
    }
    struct tm_buf deep = {0};
    for (int i = 0; i < 8000; i++)
        buf_putc(&deep, '[');
    tufrepo_put(c->repo, "timestamp.json", deep.data, deep.len);
    case_bad(c, "nested");
    case_expect(c, 1, 1, 1, 1);
    tm_buf_free(&deep);
}

CASE(versions_at_the_end_of_integers)
{
    static const struct {
        const char *version, *reason;
    } rows[] = {{"9223372036854775807", "'version' is out of range"},
                {"9223372036854775808", "not an integer"},
                {"9007199254740992", "'version' is out of range"},
                {"1.0", "not an integer"}};
    case_good(c);
    for (size_t i = 0; i < 4; i++) {
        struct tm_buf b = {0};
        tm_buf_printf(
            &b,
            "{\"signatures\":[],\"signed\":{\"_type\":\"timestamp\",\"spec_version\":\"1.0\""
            ",\"version\":%s,\"expires\":\"2040-01-01T00:00:00Z\",\"meta\":{\"snapshot.json\""
            ":{\"version\":1}}}}",
            rows[i].version);
        tufrepo_put(c->repo, "timestamp.json", b.data, b.len);
        case_bad(c, rows[i].reason);
        tm_buf_free(&b);
    }
}

/* ---- delegation graphs ---- */

CASE(cycles_and_depth)
{
    char name[16];
    char child[16];
    tufrepo_delegate(c->repo, "targets", "r0", "*", false);
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "r%d", i);
        snprintf(child, sizeof(child), "r%d", i + 1);
        tufrepo_delegate(c->repo, name, child, "*", false);
        tufrepo_publish(c->repo, name);
    }
    tufrepo_add_target(c->repo, "r31", "deep", "the 32nd");
    tufrepo_publish(c->repo, "r31");
    tufrepo_add_target(c->repo, "r32", "deeper", "the 33rd");
    tufrepo_publish(c->repo, "r32");
    tufrepo_release(c->repo, "targets", false);
    case_get_good(c, "deep", "the 32nd");
    case_get_bad(c, "deeper", "within 32 delegated roles");
    /* A cycle is visited once. */
    tufrepo_delegate(c->repo, "targets", "loop", "loop/*", true);
    json_t *body = tufrepo_body(c->repo, "loop");
    json_object_set_new(
        body, "delegations",
        json_deep_copy(json_object_get(tufrepo_body(c->repo, "targets"), "delegations")));
    tufrepo_publish(c->repo, "loop");
    tufrepo_release(c->repo, "targets", false);
    tufrepo_requests(c->repo);
    case_get_bad(c, "loop/x", "not among");
    const char *asked = strstr(tufrepo_requests(c->repo), "loop.json");
    assert_non_null(asked);
    assert_null(strstr(asked + 1, "loop.json"));
}

CASE(diamond)
{
    tufrepo_delegate(c->repo, "targets", "a", "a/*", false);
    tufrepo_delegate(c->repo, "targets", "b", "b/*", false);
    tufrepo_delegate(c->repo, "a", "release", "a/*", false);
    tufrepo_delegate(c->repo, "b", "release", "b/*", false); /* by a key it is not signed with */
    tufrepo_add_target(c->repo, "release", "a/x", "trusted");
    tufrepo_add_target(c->repo, "release", "b/x", "malicious");
    tufrepo_publish(c->repo, "release");
    tufrepo_publish(c->repo, "a");
    tufrepo_publish(c->repo, "b");
    tufrepo_release(c->repo, "targets", false);
    case_get_good(c, "a/x", "trusted");
    case_get_bad(c, "b/x", "unsigned");
    /* In one run, the role loaded by the good way already. */
    struct tuf_client *client = tuf_client_open(&c->o, &c->e);
    assert_int_equal(tuf_client_refresh(client, &c->e), 0);
    assert_int_equal(tuf_client_get(client, "a/x", NULL, &c->e), 0);
    assert_int_equal(tuf_client_get(client, "b/x", NULL, &c->e), -1);
    assert_non_null(strstr(c->e.text, "unsigned"));
    tuf_client_close(client);
}

CASE(terminating_delegations_shadow)
{
    tufrepo_delegate(c->repo, "targets", "first", "x/*", true);
    tufrepo_delegate(c->repo, "targets", "second", "*/*", false);
    tufrepo_add_target(c->repo, "second", "x/1", "shadowed");
    tufrepo_add_target(c->repo, "second", "y/1", "free");
    tufrepo_publish(c->repo, "second");
    tufrepo_release(c->repo, "targets", false);
    case_get_bad(c, "x/1", "not among");
    case_get_good(c, "y/1", "free");
    /* The order is the delegator's. */
    json_t *roles =
        json_object_get(json_object_get(tufrepo_body(c->repo, "targets"), "delegations"), "roles");
    json_t *first = json_incref(json_array_get(roles, 0));
    json_array_remove(roles, 0);
    json_array_append_new(roles, first);
    tufrepo_release(c->repo, "targets", false);
    case_get_good(c, "x/1", "shadowed");
}

CASE(ten_thousand_siblings)
{
    json_t *roles = json_array();
    for (int i = 0; i < 10000; i++) {
        char name[16];
        snprintf(name, sizeof(name), "s%d", i);
        json_array_append_new(roles,
                              json_pack("{s:s, s:[], s:i, s:b, s:[s]}", "name", name, "keyids",
                                        "threshold", 1, "terminating", 0, "paths", "*"));
    }
    json_t *body = tufrepo_body(c->repo, "targets");
    json_object_set_new(body, "delegations", json_pack("{s:{}, s:o}", "keys", "roles", roles));
    tufrepo_release(c->repo, "targets", false);
    int64_t start = tm_clock_mono_ms();
    case_get_bad(c, "x", "does not list 's0.json'");
    assert_in_range(tm_clock_mono_ms() - start, 0, 5000);
    json_object_del(body, "delegations");
}

/* ---- arbitrary software, wrong files ---- */

static void file1_path(struct tuf_case *c, char out[256])
{
    const json_t *entry =
        json_object_get(json_object_get(tufrepo_body(c->repo, "targets"), "targets"), "file1");
    snprintf(out, 256, "targets/%s.file1",
             json_string_value(json_object_get(json_object_get(entry, "hashes"), "sha256")));
}

CASE(arbitrary_installation)
{
    char path[256];
    file1_path(c, path);
    put_text(c, path, "content of file2");
    case_get_bad(c, "file1", "mix-and-match: its sha256");
    put_text(c, path, "content of file");
    case_get_bad(c, "file1", "15 bytes, but 16");
    put_text(c, path, "content of file1 and more");
    case_get_bad(c, "file1", "more than 16 bytes");
    put_text(c, path, "");
    case_get_bad(c, "file1", "0 bytes, but 16");
    put_text(c, path, "content of file1");
    tufrepo_behave(c->repo, path, TUFREPO_CUT);
    case_get_bad(c, "file1", "download");
    tufrepo_status(c->repo, path, 500);
    case_get_bad(c, "file1", "status 500");
    put_text(c, path, "content of file1");
    /* What stood there before stays. */
    struct tm_buf b = {0};
    char out[256];
    snprintf(out, sizeof(out), "%s/out", c->scratch);
    assert_int_equal(tm_file_write_atomic(out, 0644, "before", 6, &c->e), 0);
    put_text(c, path, "content of file2");
    assert_int_equal(case_get(c, "file1", "out"), -1);
    assert_int_equal(tm_file_read(out, 100, &b, &c->e), 0);
    assert_string_equal(tm_buf_str(&b), "before");
    tm_buf_free(&b);
    put_text(c, path, "content of file1");
}

CASE(attack_hashes)
{
    json_t *targets = json_object_get(tufrepo_body(c->repo, "targets"), "targets");
    json_t *hashes = json_object_get(json_object_get(targets, "file1"), "hashes");
    json_t *saved = json_deep_copy(hashes);
    json_object_set_new(hashes, "md5", json_string("00"));
    tufrepo_release(c->repo, "targets", false);
    case_get_bad(c, "file1", "'md5' is not known");
    json_object_del(hashes, "md5");
    json_object_set_new(hashes, "sha512", json_string("00"));
    tufrepo_release(c->repo, "targets", false);
    case_get_bad(c, "file1", "sha512");
    json_object_clear(hashes);
    tufrepo_release(c->repo, "targets", false);
    case_bad(c, "hashes");
    json_object_update(hashes, saved);
    char upper[65];
    snprintf(upper, sizeof(upper), "%s", json_string_value(json_object_get(saved, "sha256")));
    for (char *p = upper; *p != '\0'; p++)
        *p = *p >= 'a' ? (char)(*p - 32) : *p;
    json_object_set_new(hashes, "sha256", json_string(upper));
    tufrepo_release(c->repo, "targets", false);
    case_get_bad(c, "file1", "lower-case");
    json_object_update(hashes, saved);
    json_decref(saved);
}

/* ---- faults of this machine ---- */

/* Every .json of the cache is whole. */
static void expect_whole(struct tuf_case *c)
{
    DIR *d = opendir(c->dir);
    struct dirent *f;
    assert_non_null(d);
    while ((f = readdir(d)) != NULL) {
        size_t len = strlen(f->d_name);
        if (len > 5 && strcmp(f->d_name + len - 5, ".json") == 0)
            assert_true(case_stored(c, f->d_name) > 0);
    }
    closedir(d);
}

static pid_t fork_run(struct tuf_case *c, bool limited)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    if (limited) {
        struct rlimit small = {100, 100};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &small);
    }
    _exit(case_run(c) == 0 ? 0 : 1);
}

CASE(killed_at_any_moment)
{
    for (int i = 0; i < 40; i++) {
        int status;
        tufrepo_rotate(c->repo, "timestamp");
        tufrepo_bump(c->repo, "root");
        tufrepo_release(c->repo, "targets", false);
        pid_t pid = fork_run(c, false);
        nanosleep(&(struct timespec){.tv_nsec = 500000L * i}, NULL);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        expect_whole(c);
        if (i % 4 == 3)
            case_good(c);
    }
    case_good(c);
    DIR *d = opendir(c->dir);
    for (struct dirent *f; (f = readdir(d)) != NULL;)
        assert_null(strstr(f->d_name, ".tmp-")); /* leftovers are swept */
    closedir(d);
}

CASE(full_disk)
{
    int status;
    case_good(c);
    tufrepo_release(c->repo, "targets", false);
    pid_t pid = fork_run(c, true);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 1);
    case_expect(c, 1, 1, 1, 1);
    case_good(c);
    /* A write that cannot be: the error names the file. */
    char path[256];
    char first[300];
    snprintf(path, sizeof(path), "%s/root_history", c->dir);
    snprintf(first, sizeof(first), "%s/1.root.json", path);
    tufrepo_bump(c->repo, "root");
    assert_int_equal(unlink(first), 0);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(tm_file_write_atomic(path, 0644, "x", 1, &c->e), 0);
    case_bad(c, "root_history");
    case_expect(c, 1, 2, 2, 2);
    unlink(path);
}

CASE(two_processes)
{
    struct tuf_client *first = tuf_client_open(&c->o, &c->e);
    assert_non_null(first);
    c->o.lock_ms = 100;
    case_bad(c, "in use by another process");
    tuf_client_close(first);
    case_good(c);
    c->o.lock_ms = 0;
    pid_t pids[4];
    for (int i = 0; i < 4; i++)
        pids[i] = fork_run(c, false);
    for (int i = 0; i < 4; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

/* ---- a poisoned cache ---- */

static void write_cache(struct tuf_case *c, const char *file, const struct tm_buf *b)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", c->dir, file);
    assert_int_equal(tm_file_write_atomic(path, 0644, b->data, b->len, &c->e), 0);
}

CASE(poisoned_cache)
{
    struct tm_buf root = {0};
    struct tufrepo *evil = tufrepo_start();
    tm_buf_append(&root, tufrepo_file(c->repo, "1.root.json")->data,
                  tufrepo_file(c->repo, "1.root.json")->len);
    tufrepo_bump(c->repo, "root");
    case_good(c);
    tufrepo_bump(evil, "root");
    tufrepo_release(evil, "targets", false);
    write_cache(c, "root.json", tufrepo_file(evil, "2.root.json"));
    write_cache(c, "root_history/2.root.json", tufrepo_file(evil, "2.root.json"));
    write_cache(c, "timestamp.json", tufrepo_file(evil, "timestamp.json"));
    write_cache(c, "snapshot.json", tufrepo_file(evil, "2.snapshot.json"));
    write_cache(c, "targets.json", tufrepo_file(evil, "2.targets.json"));
    c->o.root = root.data;
    c->o.root_len = root.len;
    case_get_good(c, "file1", "content of file1");
    case_expect(c, 2, 1, 1, 1);
    c->o.root = NULL; /* and the cache is clean again */
    case_good(c);
    /* A damaged cache below the root heals by itself. */
    static const char *const files[] = {"timestamp.json", "snapshot.json", "targets.json"};
    for (size_t i = 0; i < 3; i++) {
        write_cache(c, files[i], &(struct tm_buf){.data = (unsigned char *)"{", .len = 1});
        case_good(c);
    }
    write_cache(c, "root.json", &(struct tm_buf){.data = (unsigned char *)"{", .len = 1});
    tufrepo_requests(c->repo);
    case_bad(c, "root.json");
    assert_string_equal(tufrepo_requests(c->repo), "");
    assert_int_equal(tuf_client_init(c->dir, root.data, root.len, &c->e), 0);
    tufrepo_stop(evil);
    tm_buf_free(&root);
}

static void keep_served(struct tuf_case *c, const char *path, struct tm_buf *out)
{
    const struct tm_buf *b = tufrepo_file(c->repo, path);
    tm_buf_append(out, b->data, b->len);
}

/* The cache began with root 3; root 1 is given, and the mirror hides what lies between. */
CASE(older_given_root_does_not_undo_the_cache)
{
    struct tm_buf root[4] = {{0}};
    for (int i = 1; i <= 3; i++) {
        char path[32];
        snprintf(path, sizeof(path), "%d.root.json", i);
        keep_served(c, path, &root[i]);
        if (i < 3)
            tufrepo_rotate(c->repo, "timestamp");
        if (i < 3)
            tufrepo_bump(c->repo, "root");
    }
    tufrepo_release(c->repo, "targets", false);
    assert_int_equal(tuf_client_init(c->dir, root[3].data, root[3].len, &c->e), 0);
    case_good(c);
    c->o.root = root[1].data;
    c->o.root_len = root[1].len;
    tufrepo_remove(c->repo, "2.root.json");
    case_bad(c, "rollback: from the given root file the chain ends at version 1");
    case_expect(c, 3, 2, 2, 2);
    c->o.offline = true;
    case_bad(c, "trusts version 3 already");
    c->o.offline = false;
    tufrepo_put(c->repo, "2.root.json", root[2].data, root[2].len);
    tufrepo_remove(c->repo, "3.root.json");
    c->o.root = root[1].data;
    case_bad(c, "the chain ends at version 2");
    case_expect(c, 3, 2, 2, 2);
    c->o.root = NULL; /* the cache alone goes on where it was */
    case_good(c);
    /* An honest mirror, or a history that reaches, links the two. */
    tufrepo_put(c->repo, "3.root.json", root[3].data, root[3].len);
    c->o.root = root[1].data;
    case_good(c);
    tufrepo_remove(c->repo, "2.root.json");
    tufrepo_remove(c->repo, "3.root.json");
    case_good(c);
    case_expect(c, 3, 2, 2, 2);
    /* trust init is the user's word to begin anew, from any version. */
    assert_int_equal(tuf_client_init(c->dir, root[1].data, root[1].len, &c->e), 0);
    assert_int_equal(case_stored(c, "root.json"), 1);
    assert_int_equal(case_stored(c, "root_history/2.root.json"), 0);
    assert_int_equal(case_stored(c, "root_history/3.root.json"), 0);
    for (int i = 2; i <= 3; i++) {
        char path[32];
        snprintf(path, sizeof(path), "%d.root.json", i);
        tufrepo_put(c->repo, path, root[i].data, root[i].len);
    }
    c->o.root = NULL;
    for (int i = 1; i <= 3; i++)
        tm_buf_free(&root[i]);
}

/* Another repository's root in the cache, or what anybody put there, is beaten whatever its
 * version. */
CASE(given_root_beats_a_foreign_cache)
{
    struct tm_buf root = {0};
    struct tufrepo *evil = tufrepo_start();
    tufrepo_set_version(evil, "root", 98);
    tufrepo_bump(evil, "root");
    write_cache(c, "root.json", tufrepo_file(evil, "99.root.json"));
    keep_served(c, "1.root.json", &root);
    c->o.root = root.data;
    c->o.root_len = root.len;
    case_good(c);
    case_expect(c, 1, 1, 1, 1);
    /* Unless nobody can tell what is there. */
    char path[256];
    snprintf(path, sizeof(path), "%s/root.json", c->dir);
    unlink(path);
    assert_int_equal(mkdir(path, 0755), 0);
    case_bad(c, "the cached root");
    assert_int_equal(rmdir(path), 0);
    case_good(c);
    c->o.root = NULL;
    tufrepo_stop(evil);
    tm_buf_free(&root);
}

CASE(bad_initial_root)
{
    static const char *const texts[] = {"", "{}", "no JSON"};
    char dir[128];
    snprintf(dir, sizeof(dir), "%s/new", c->scratch);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(tuf_client_init(dir, texts[i], strlen(texts[i]), &c->e), -1);
    const struct tm_buf *b = tufrepo_file(c->repo, "timestamp.json");
    assert_int_equal(tuf_client_init(dir, b->data, b->len, &c->e), -1);
    struct tm_buf unsigned_root = {0};
    const struct tm_buf *root = tufrepo_file(c->repo, "1.root.json");
    tm_buf_append(&unsigned_root, root->data, root->len);
    char *at = strstr(tm_buf_str(&unsigned_root), "\"sig\": \"") + 8;
    *at = *at == '0' ? '1' : '0';
    assert_int_equal(tuf_client_init(dir, unsigned_root.data, unsigned_root.len, &c->e), -1);
    assert_non_null(strstr(c->e.text, "unsigned"));
    c->o.root = unsigned_root.data;
    c->o.root_len = unsigned_root.len;
    case_bad(c, "unsigned");
    assert_string_equal(tufrepo_requests(c->repo), "");
    c->o.root = NULL;
    assert_int_equal(access(dir, F_OK), -1);
    tm_buf_free(&unsigned_root);
}

/* ---- fast-forward ---- */

CASE(fast_forward_recovery)
{
    tufrepo_set_version(c->repo, "snapshot", TUF_VERSION_MAX - 1);
    tufrepo_set_version(c->repo, "timestamp", TUF_VERSION_MAX - 1);
    tufrepo_release(c->repo, NULL, false);
    case_good(c);
    tufrepo_set_version(c->repo, "snapshot", 1);
    tufrepo_set_version(c->repo, "timestamp", 1);
    tufrepo_release(c->repo, "targets", false);
    case_bad(c, "rollback");
    case_expect(c, 1, TUF_VERSION_MAX, TUF_VERSION_MAX, 1);
    /* Any change of the role's keys is a rotation (§5.3.11), also one that keeps the old key. */
    tufrepo_add_key(c->repo, "snapshot");
    tufrepo_bump(c->repo, "root");
    case_good(c);
    case_expect(c, 2, 2, 2, 2);
    /* A change of other roles' keys is none. */
    struct tm_buf old = {0};
    tufrepo_sign(c->repo, "timestamp", &old);
    tufrepo_release(c->repo, "targets", false);
    case_good(c);
    tufrepo_rotate(c->repo, "root");
    tufrepo_bump(c->repo, "root");
    tufrepo_put(c->repo, "timestamp.json", old.data, old.len);
    case_bad(c, "rollback");
    case_expect(c, 3, 3, 3, 3);
    tm_buf_free(&old);
}

/* ---- mirrors that lie ---- */

CASE(only_404_means_no_newer_root)
{
    static const int statuses[] = {500, 503, 401, 400, 204, 429};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        tufrepo_status(c->repo, "2.root.json", statuses[i]);
        case_bad(c, "answers HTTP status");
        case_expect(c, 1, 0, 0, 0);
    }
    tufrepo_status(c->repo, "2.root.json", 403);
    case_good(c);
    put_text(c, "2.root.json", "<html>Not found</html>");
    case_bad(c, "JSON line 1");
    put_text(c, "2.root.json", "file:///etc/passwd");
    tufrepo_behave(c->repo, "2.root.json", TUFREPO_REDIRECT);
    case_bad(c, "redirects");
    put_text(c, "2.root.json", "http://127.0.0.2:1/2.root.json");
    tufrepo_behave(c->repo, "2.root.json", TUFREPO_REDIRECT);
    case_bad(c, "redirects");
    tufrepo_remove(c->repo, "2.root.json");
    c->url[0] = "https://127.0.0.1:1/";
    case_bad(c, "download");
    c->url[0] = "http://tuf.example.com/";
    case_bad(c, "must use https");
    c->url[0] = "ftp://127.0.0.1/";
    case_bad(c, "not an http or https URL");
    c->url[0] = tufrepo_url(c->repo);
}

/* ---- keys and signatures of the wrong form ---- */

CASE(signatures_of_the_wrong_form)
{
    json_error_t je;
    struct tm_buf sig = {0};
    const struct tm_buf *b = tufrepo_file(c->repo, "timestamp.json");
    json_t *envelope = json_loadb((const char *)b->data, b->len, 0, &je);
    json_t *entry = json_array_get(json_object_get(envelope, "signatures"), 0);
    char hex[200];
    snprintf(hex, sizeof(hex), "%s", json_string_value(json_object_get(entry, "sig")));
    const char *const bad[] = {"", "00", "zz", hex + 1, hex + 2};
    for (size_t i = 0; i < 5; i++) {
        json_object_set_new(entry, "sig", json_string(bad[i]));
        char *text = json_dumps(envelope, 0);
        put_text(c, "timestamp.json", text);
        case_bad(c, "signed by 0 of the 1 keys");
        free(text);
    }
    for (char *p = hex; *p != '\0'; p++)
        *p = *p >= 'a' ? (char)(*p - 32) : *p;
    json_object_set_new(entry, "sig", json_string(hex)); /* upper case is still hex */
    char *text = json_dumps(envelope, 0);
    put_text(c, "timestamp.json", text);
    case_good(c);
    free(text);
    tm_buf_free(&sig);
    json_decref(envelope);
}

CASE(keys_of_the_wrong_form)
{
    json_t *keys = json_object_get(tufrepo_body(c->repo, "root"), "keys");
    const char *keyid = json_string_value(
        json_array_get(json_object_get(tufrepo_root_role(c->repo, "timestamp"), "keyids"), 0));
    json_t *keyval = json_object_get(json_object_get(keys, keyid), "keyval");
    json_t *saved = json_deep_copy(keyval);
    char longer[80];
    snprintf(longer, sizeof(longer), "%s00", json_string_value(json_object_get(saved, "public")));
    const char *const bad[] = {"", "0", longer + 2 + 2, longer, "-----BEGIN PUBLIC KEY-----"};
    for (size_t i = 0; i < 5; i++) {
        json_object_set_new(keyval, "public", json_string(bad[i]));
        tufrepo_bump(c->repo, "root");
        case_bad(c, i == 2 ? "signed by 0" : "32 bytes");
    }
    json_object_update(keyval, saved);
    json_decref(saved);
    tufrepo_bump(c->repo, "root");
}

/* ---- ECDSA signatures in other forms ---- */

/* A P-256 key in place of the timestamp's. */
struct ecdsa_role {
    EVP_PKEY *pkey;
    json_t *key, *saved;
    char keyid[TUF_KEYID_SIZE];
};

static void ecdsa_start(struct tuf_case *c, struct ecdsa_role *r)
{
    json_t *role = tufrepo_root_role(c->repo, "timestamp");
    r->pkey = EVP_EC_gen("P-256");
    r->key = tuf_key_from_pkey(r->pkey, &c->e);
    assert_non_null(r->key);
    assert_int_equal(tuf_key_id(r->key, r->keyid, &c->e), 0);
    r->saved = json_deep_copy(role);
    json_object_set(json_object_get(tufrepo_body(c->repo, "root"), "keys"), r->keyid, r->key);
    json_object_set_new(role, "keyids", json_pack("[s]", r->keyid));
    tufrepo_bump(c->repo, "root");
}

static void ecdsa_end(struct tuf_case *c, struct ecdsa_role *r)
{
    json_object_update(tufrepo_root_role(c->repo, "timestamp"), r->saved);
    json_object_del(json_object_get(tufrepo_body(c->repo, "root"), "keys"), r->keyid);
    tufrepo_bump(c->repo, "root");
    json_decref(r->saved);
    json_decref(r->key);
    EVP_PKEY_free(r->pkey);
}

/* Serves the timestamp with this signature. */
static void serve_signature(struct tuf_case *c, const struct ecdsa_role *r,
                            const struct tm_buf *sig)
{
    char hex[400];
    assert_in_range(sig->len, 0, 190);
    tm_hex_encode(sig->data, sig->len, hex);
    json_t *envelope =
        json_pack("{s:O, s:[{s:s, s:s}]}", "signed", tufrepo_body(c->repo, "timestamp"),
                  "signatures", "keyid", r->keyid, "sig", hex);
    char *text = json_dumps(envelope, 0);
    put_text(c, "timestamp.json", text);
    free(text);
    json_decref(envelope);
}

/* SEQUENCE of r and s; each with `zeros` needless bytes before it, or none of those it needs. */
static void put_der(const BIGNUM *const v[2], int zeros, struct tm_buf *out)
{
    struct tm_buf body = {0};
    for (int i = 0; i < 2; i++) {
        unsigned char raw[40];
        int n = BN_bn2bin(v[i], raw);
        int pad = n == 0 || (raw[0] & 0x80) != 0;
        pad = zeros < 0 ? 0 : pad + zeros;
        buf_putc(&body, 0x02);
        buf_putc(&body, (unsigned char)(n + pad));
        for (int k = 0; k < pad; k++)
            buf_putc(&body, 0);
        tm_buf_append(&body, raw, (size_t)n);
    }
    tm_buf_reset(out);
    buf_putc(out, 0x30);
    buf_putc(out, (unsigned char)body.len);
    tm_buf_append(out, body.data, body.len);
    tm_buf_free(&body);
}

CASE(ecdsa_signatures_that_are_not_der)
{
    struct ecdsa_role r;
    struct tm_buf sig = {0};
    struct tm_buf bad = {0};
    BIGNUM *n = BN_new();
    BIGNUM *zero = BN_new();
    ecdsa_start(c, &r);
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    BN_copy(n, EC_GROUP_get0_order(group));
    json_t *entry = NULL;
    ECDSA_SIG *parts = NULL;
    /* Until both numbers need a zero byte, so that leaving it out makes them negative. */
    for (bool fit = false; !fit;) {
        json_decref(entry);
        ECDSA_SIG_free(parts);
        entry = tuf_sign(tufrepo_body(c->repo, "timestamp"), r.keyid, r.key, r.pkey, &c->e);
        assert_non_null(entry);
        const char *hex = json_string_value(json_object_get(entry, "sig"));
        tm_buf_reset(&sig);
        assert_int_equal(tm_hex_decode(hex, strlen(hex), &sig), 0);
        const unsigned char *p = sig.data;
        parts = d2i_ECDSA_SIG(NULL, &p, (long)sig.len);
        fit = BN_num_bits(ECDSA_SIG_get0_r(parts)) == 256 &&
              BN_num_bits(ECDSA_SIG_get0_s(parts)) == 256;
    }
    const BIGNUM *const good[2] = {ECDSA_SIG_get0_r(parts), ECDSA_SIG_get0_s(parts)};
    put_der(good, 0, &bad);
    assert_int_equal(bad.len, sig.len);
    assert_memory_equal(bad.data, sig.data, sig.len);
    const BIGNUM *const none[2] = {zero, zero};
    const BIGNUM *const order[2] = {good[0], n};
    for (int i = 0; i < 8; i++) {
        unsigned char raw[64];
        put_der(i == 2 ? none : i == 3 ? order : good, i == 0 ? 1 : i == 1 ? -1 : 0, &bad);
        if (i == 4) { /* length in the long form */
            tm_buf_reset(&bad);
            tm_buf_append(&bad, "\x30\x81", 2);
            tm_buf_append(&bad, sig.data + 1, sig.len - 1);
        }
        if (i == 5)
            buf_putc(&bad, 0); /* something follows */
        if (i == 6) {          /* r and s side by side, as tokens give them */
            BN_bn2binpad(good[0], raw, 32);
            BN_bn2binpad(good[1], raw + 32, 32);
            tm_buf_reset(&bad);
            tm_buf_append(&bad, raw, sizeof(raw));
        }
        if (i == 7) /* indefinite length */
            bad.data[1] = 0x80;
        serve_signature(c, &r, &bad);
        case_bad(c, "the signature is wrong");
    }
    serve_signature(c, &r, &sig);
    case_good(c);
    ecdsa_end(c, &r);
    json_decref(entry);
    ECDSA_SIG_free(parts);
    EC_GROUP_free(group);
    BN_free(n);
    BN_free(zero);
    tm_buf_free(&sig);
    tm_buf_free(&bad);
}

/* (r, n - s) verifies as (r, s) does, with everybody: half of what tokens sign is of that form. It
 * is the same key's signature; it adds none. */
CASE(malleable_ecdsa_signature_counts_once)
{
    struct ecdsa_role r;
    struct tm_buf sig = {0};
    struct tm_buf twin = {0};
    ecdsa_start(c, &r);
    json_t *entry = tuf_sign(tufrepo_body(c->repo, "timestamp"), r.keyid, r.key, r.pkey, &c->e);
    const char *hex = json_string_value(json_object_get(entry, "sig"));
    assert_int_equal(tm_hex_decode(hex, strlen(hex), &sig), 0);
    const unsigned char *p = sig.data;
    ECDSA_SIG *parts = d2i_ECDSA_SIG(NULL, &p, (long)sig.len);
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    BIGNUM *s = BN_new();
    BN_sub(s, EC_GROUP_get0_order(group), ECDSA_SIG_get0_s(parts));
    const BIGNUM *const other[2] = {ECDSA_SIG_get0_r(parts), s};
    put_der(other, 0, &twin);
    serve_signature(c, &r, &twin);
    case_good(c);
    /* Threshold two, the same key under a second keyid: still one. */
    json_t *role = tufrepo_root_role(c->repo, "timestamp");
    json_t *keys = json_object_get(tufrepo_body(c->repo, "root"), "keys");
    json_object_set(keys, "twin", r.key);
    json_object_set_new(role, "keyids", json_pack("[s, s]", r.keyid, "twin"));
    json_object_set_new(role, "threshold", json_integer(2));
    tufrepo_bump(c->repo, "root");
    char text[200];
    tm_hex_encode(twin.data, twin.len, text);
    json_t *envelope =
        json_pack("{s:O, s:[O, {s:s, s:s}]}", "signed", tufrepo_body(c->repo, "timestamp"),
                  "signatures", entry, "keyid", "twin", "sig", text);
    char *json = json_dumps(envelope, 0);
    put_text(c, "timestamp.json", json);
    case_bad(c, "the same public key under another keyid");
    free(json);
    json_object_del(keys, "twin");
    ecdsa_end(c, &r);
    json_decref(envelope);
    json_decref(entry);
    ECDSA_SIG_free(parts);
    EC_GROUP_free(group);
    BN_free(s);
    tm_buf_free(&sig);
    tm_buf_free(&twin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_of_another_version),
        cmocka_unit_test(root_not_signed_by_the_old_keys),
        cmocka_unit_test(root_not_signed_by_its_own_keys),
        cmocka_unit_test(more_roots_than_one_run_takes),
        cmocka_unit_test(endless_data),
        cmocka_unit_test(slow_retrieval),
        cmocka_unit_test(compressed_and_cut_answers),
        cmocka_unit_test(longer_than_pinned),
        cmocka_unit_test(rollback_of_the_timestamp),
        cmocka_unit_test(same_timestamp_version_with_other_content),
        cmocka_unit_test(rollback_of_the_snapshot_version),
        cmocka_unit_test(unreadable_cache_is_not_an_empty_one),
        cmocka_unit_test(rollback_of_targets_and_delegated_roles),
        cmocka_unit_test(mix_and_match),
        cmocka_unit_test(indefinite_freeze),
        cmocka_unit_test(expired_files_are_not_stored),
        cmocka_unit_test(one_time_for_the_whole_run),
        cmocka_unit_test(thresholds_that_mean_nothing),
        cmocka_unit_test(one_key_is_one_signature),
        cmocka_unit_test(too_few_signatures),
        cmocka_unit_test(type_swap),
        cmocka_unit_test(role_names),
        cmocka_unit_test(target_names),
        cmocka_unit_test(symlinked_target),
        cmocka_unit_test(malformed_metadata),
        cmocka_unit_test(versions_at_the_end_of_integers),
        cmocka_unit_test(cycles_and_depth),
        cmocka_unit_test(diamond),
        cmocka_unit_test(terminating_delegations_shadow),
        cmocka_unit_test(ten_thousand_siblings),
        cmocka_unit_test(arbitrary_installation),
        cmocka_unit_test(attack_hashes),
        cmocka_unit_test(killed_at_any_moment),
        cmocka_unit_test(full_disk),
        cmocka_unit_test(two_processes),
        cmocka_unit_test(poisoned_cache),
        cmocka_unit_test(older_given_root_does_not_undo_the_cache),
        cmocka_unit_test(given_root_beats_a_foreign_cache),
        cmocka_unit_test(bad_initial_root),
        cmocka_unit_test(fast_forward_recovery),
        cmocka_unit_test(only_404_means_no_newer_root),
        cmocka_unit_test(signatures_of_the_wrong_form),
        cmocka_unit_test(keys_of_the_wrong_form),
        cmocka_unit_test(ecdsa_signatures_that_are_not_der),
        cmocka_unit_test(malleable_ecdsa_signature_counts_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
