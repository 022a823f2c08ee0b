/* The repository manager: each test is an attack or a mishap. */
#include "tests/unit/tuf_case.h"

#include "common/hex.h"
#include "tuf/metadata/verify.h"
#include "tuf/manager/publish/stage.h"
#include "tuf/manager/report/status.h"
#include "tuf/manager/policy/words.h"

/* The online key replaced by another. */
#define ONLINE2_POLICY \
    "roles:\n" \
    "  root: {holders: [alice, bob, carol], threshold: 2, expiry: 365d, signing: 60d}\n" \
    "  targets: {holders: [alice, bob, carol], threshold: 2, expiry: 365d, signing: 60d}\n" \
    "  snapshot: {holders: [online2], threshold: 1, expiry: 21d, signing: 7d}\n" \
    "  timestamp: {holders: [online2], threshold: 1, expiry: 7d, signing: 4d}\n" \
    "online-keys: {online2: {file: online2.key}}\n"

static void open_published(struct tuf_case *c)
{
    case_open(c, CASE_POLICY);
    case_round(c, T0, NULL);
}

static void the_first_publication_is_what_clients_take(void **state)
{
    (void)state;
    struct tuf_case c;
    case_open(&c, CASE_POLICY);
    struct tuf_publish_report r = case_round(&c, T0, NULL);
    assert_true(r.changed);
    assert_int_equal(r.root, 1);
    assert_int_equal(r.targets, 1);
    assert_int_equal(r.snapshot, 1);
    assert_int_equal(r.timestamp, 1);
    case_sound(&c, T0);
    case_close(&c);
}

static void changed_targets_are_published(void **state)
{
    (void)state;
    struct tuf_case c;
    open_published(&c);
    case_file(&c, "targets/dir/b.txt", "second\n");
    case_file(&c, "targets/a.txt", "changed\n");
    struct tuf_publish_report r = case_round(&c, T0 + DAY, NULL);
    assert_int_equal(r.root, 1);
    assert_int_equal(r.targets, 2);
    assert_int_equal(r.snapshot, 2);
    assert_int_equal(r.timestamp, 2);
    case_sound(&c, T0 + DAY);
    case_close(&c);
}

static void nothing_changed_is_nothing_to_propose(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    open_published(&c);
    case_propose(&c, T0 + DAY, NULL, &ev);
    assert_int_equal(tuf_event_proposed_count(&ev), 0);
    tuf_event_free(&ev);
    case_propose(&c, T0 + 306 * DAY, NULL, &ev); /* in the signing period */
    assert_int_equal(tuf_event_proposed_count(&ev), 2);
    tuf_event_free(&ev);
    case_close(&c);
}

/* The signer is shown one change, the file holds another. */
static void other_bytes_than_reviewed_are_not_signed(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tuf_event_signer who = {0};
    char reviewed[65];
    open_published(&c);
    case_propose(&c, T0, "root", &ev);
    assert_int_equal(tuf_event_digest(&ev, reviewed, &c.e), 0);
    case_tamper(&ev, "root", "expires", json_string("2027-06-01T00:00:00Z"));
    assert_int_equal(tuf_event_sign(&ev, case_key(&c, "alice"), reviewed, T0, &who, &c.e), -1);
    assert_says(&c, "not the one that was reviewed");
    tm_buf_free(&who.roles);
    tuf_event_free(&ev);
    case_close(&c);
}

/* A base that is not what was published: the holder's own root, and publish, tell. */
static void a_forged_base_is_told(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_case other;
    struct tuf_event ev;
    struct tuf_published live;
    char dir[PATH_MAX];
    open_published(&c);
    open_published(&other); /* another repository with other keys of the same names */
    case_propose(&other, T0, "root", &ev);
    snprintf(dir, sizeof(dir), "%s/published", c.dir);
    assert_int_equal(tuf_published_load(dir, &live, &c.e), 0);
    assert_int_equal(tuf_rules_trusted(&ev, live.roots[0], &c.e), -1);
    assert_says(&c, "not your root");
    case_sign(&other, &ev, "alice", T0);
    case_sign(&other, &ev, "bob", T0);
    struct tuf_publish_report r;
    assert_int_equal(case_try_publish(&c, &ev, T0, false, &r), -1);
    assert_says(&c, "stale");
    tuf_published_free(&live);
    tuf_event_free(&ev);
    case_close(&c);
    case_close(&other);
}

/* The review of an event, and how many findings forbid signing it. */
static size_t review_of(struct tuf_case *c, const struct tuf_event *ev, int64_t now, bool all,
                        struct tm_buf *out)
{
    const struct tuf_review r = {.now = now, .all = all};
    struct tuf_review_result result;
    tm_buf_reset(out);
    if (tuf_review_write(ev, &r, out, &result, &c->e) != 0 || tm_buf_str(out) == NULL)
        fail_msg("%s", c->e.text);
    return result.errors;
}

#define DELEGATED_POLICY \
    CASE_POLICY "delegations:\n" \
                "  extra: {holders: [alice], threshold: 1, expiry: 90d, signing: 30d, " \
                "directory: extra, paths: ['x/*']}\n"

/* The event's own word about a delegated role's published version, in which what is new
 * already stands, so that a review would show no change. */
static void a_forged_base_of_a_delegated_role_is_told(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tuf_event forged;
    struct tm_buf text = {0};
    case_open(&c, DELEGATED_POLICY);
    case_file(&c, "extra/x/y.txt", "delegated\n");
    case_round(&c, T0, NULL);
    case_file(&c, "extra/x/evil.txt", "evil\n");
    case_propose(&c, T0 + DAY, NULL, &ev);
    assert_int_equal(review_of(&c, &ev, T0 + DAY, false, &text), 0);
    assert_non_null(strstr(tm_buf_str(&text), "added: x/evil.txt"));
    json_t *tree = case_tree(&ev);
    json_t *base = case_role(tree, "base", "extra");
    json_object_set_new(json_object_get(base, "signed"), "targets",
                        tuf_entries_tree(tuf_event_find(&ev, "extra")->proposed));
    case_load(tree, &forged);
    assert_true(review_of(&c, &forged, T0 + DAY, false, &text) > 0);
    assert_null(strstr(tm_buf_str(&text), "added: x/evil.txt"));
    assert_non_null(strstr(tm_buf_str(&text), "extra: published: signed by 0 of the 1 keys"));
    tuf_event_free(&forged);
    tuf_event_free(&ev);
    tm_buf_free(&text);
    case_close(&c);
}

/* An event that leaves out what would show whom verifiers stop trusting. */
static void a_trusted_root_left_out_is_told(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tm_buf text = {0};
    static const char *const parts[] = {"before", "after", NULL};
    static const char empty[] =
        "{\"mediaType\": \"application/vnd.dev.sigstore.trustedroot+json;version=0.1\"}\n";
    case_open(&c, CASE_POLICY);
    case_file(&c, "targets/trusted_root.json", empty);
    case_round(&c, T0, NULL);
    case_file(&c, "targets/trusted_root.json", "{}\n");
    for (size_t i = 0; i < 3; i++) {
        struct tuf_event cut;
        case_propose(&c, T0 + DAY, NULL, &ev);
        assert_int_equal(review_of(&c, &ev, T0 + DAY, false, &text), 0);
        assert_non_null(strstr(tm_buf_str(&text), "trusted_root.json, listed by targets: changed"));
        assert_non_null(strstr(tm_buf_str(&text), "no client can read the new file"));
        json_t *tree = case_tree(&ev);
        json_t *files = json_object_get(tree, "files");
        if (parts[i] != NULL)
            json_object_set_new(json_object_get(files, "trusted_root.json"), parts[i], json_null());
        else
            json_object_del(files, "trusted_root.json");
        case_load(tree, &cut);
        assert_int_equal(review_of(&c, &cut, T0 + DAY, false, &text), 1);
        assert_non_null(strstr(tm_buf_str(&text), "cannot be shown"));
        tuf_event_free(&cut);
        tuf_event_free(&ev);
    }
    tm_buf_free(&text);
    case_close(&c);
}

/* One change among many; all are shown to whoever signs. */
static void every_change_is_shown(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tm_buf text = {0};
    case_open(&c, CASE_POLICY);
    for (int i = 0; i < 60; i++) {
        char name[32];
        snprintf(name, sizeof(name), "targets/f%02d", i);
        case_file(&c, name, "x");
    }
    case_propose(&c, T0, NULL, &ev);
    assert_int_equal(review_of(&c, &ev, T0, false, &text), 0);
    assert_non_null(strstr(tm_buf_str(&text), "and 21 more targets (--all"));
    assert_int_equal(review_of(&c, &ev, T0, true, &text), 0);
    assert_non_null(strstr(tm_buf_str(&text),
                           "added: f59 (1 bytes, sha256 2d711642b726b04401627ca9f"
                           "bac32f5c8530fb1903cc4db02258717921a4881)"));
    assert_null(strstr(tm_buf_str(&text), "more targets"));
    tuf_event_free(&ev);
    tm_buf_free(&text);
    case_close(&c);
}

/* Names that look like others: invisible characters and turned directions show as '?'. */
static void names_show_as_they_are(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"a\xe2\x80\xaetxt.exe", "a?txt.exe"},
        {"a\xe2\x81\xa6"
         "b",
         "a?b"},
        {"a\xe2\x80\x8b"
         "b",
         "a?b"},
        {"a\xef\xbb\xbf"
         "b",
         "a?b"},
        {"a\xf3\xa0\x81\x81", "a?"},
        {"a\xc2\x9b"
         "b",
         "a?b"},
        {"\x1b[1mx", "?[1mx"},
        {"a\xff", "a?"},
        {"gr\xc3\xbc\xc3\x9f"
         "e",
         "gr\xc3\xbc\xc3\x9f"
         "e"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tm_buf out = {0};
        tuf_words_safe(rows[i][0], &out);
        assert_string_equal(tm_buf_str(&out), rows[i][1]);
        tm_buf_free(&out);
    }
}

#define HOSTILE "\x1b[2J\x7f\nDigest  0123"

/* A review is a few lines to a terminal, wherever an event holds text of its own. */
static void no_text_of_an_event_moves_the_cursor(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tm_buf text = {0};
    case_open(&c, CASE_POLICY);
    case_propose(&c, T0, NULL, &ev);
    json_t *root = tuf_envelope_of(tuf_event_find(&ev, "root")->proposed);
    json_t *roles = json_incref(json_object_get(json_object_get(root, "signed"), "roles"));
    json_decref(root);
    json_object_set_new(json_object_get(roles, "targets"), "keyids", json_pack("[s]", HOSTILE));
    case_tamper(&ev, "root", "roles", roles);
    case_tamper(&ev, "targets", "targets",
                json_pack("{s:{s:i, s:{s:s}}}", HOSTILE, "length", 1, "hashes", "sha256", HOSTILE));
    case_tamper(&ev, "targets", HOSTILE, json_pack("{s:s}", HOSTILE, HOSTILE));
    case_tamper(&ev, "targets", "delegations",
                json_pack("{s:{}, s:[{s:s, s:[s], s:i, s:b, s:[s]}]}", "keys", "roles", "name",
                          HOSTILE, "keyids", HOSTILE, "threshold", 2, "terminating", 0, "paths",
                          HOSTILE));
    assert_true(review_of(&c, &ev, T0, true, &text) > 0);
    for (size_t i = 0; i < text.len; i++)
        assert_true(text.data[i] == '\n' || (text.data[i] >= 0x20 && text.data[i] < 0x7f));
    assert_null(strstr(tm_buf_str(&text), "\nDigest  0123"));
    assert_null(strstr(tm_buf_str(&text), "\n  Digest  0123"));
    assert_non_null(
        strstr(tm_buf_str(&text), "delegation ?[2J??Digest  0123: threshold 2 of 1 keys"));
    tuf_event_free(&ev);
    tm_buf_free(&text);
    case_close(&c);
}

/* What nobody can sign, because it has no canonical form, is no event. */
static void what_has_no_canonical_form_is_no_event(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tuf_event other;
    case_open(&c, CASE_POLICY);
    case_propose(&c, T0, NULL, &ev);
    json_t *tree = case_tree(&ev);
    json_t *root = case_role(tree, "proposed", "root");
    json_object_set_new(json_object_get(root, "signed"), "x", json_real(5.84));
    assert_int_equal(case_try_load(tree, &other, &c.e), -1);
    assert_says(&c, "proposed root: nobody can sign it: a number with a fraction");
    tuf_event_free(&ev);
    case_close(&c);
}

static void expect_refusal(struct tuf_case *c, struct tuf_event *ev, int64_t now, const char *why)
{
    struct tuf_publish_report r;
    struct tuf_findings f;
    tuf_rules_judge(ev, NULL, now, &f);
    if (f.error_count == 0 || strstr(tm_buf_str(&f.errors), why) == NULL)
        fail_msg("'%s' does not say '%s'", f.errors.len > 0 ? tm_buf_str(&f.errors) : "", why);
    tuf_findings_free(&f);
    assert_int_equal(case_try_publish(c, ev, now, false, &r), -1);
    assert_says(c, "refused");
    case_sound(c, now);
}

/* Proposes a new root, changes one member of it, has it signed by two, and sees it refused. */
static void expect_bad_root(const char *member, json_t *value, const char *why)
{
    struct tuf_case c;
    struct tuf_event ev;
    open_published(&c);
    case_propose(&c, T0, "root", &ev);
    case_tamper(&ev, "root", member, value);
    case_sign(&c, &ev, "alice", T0);
    case_sign(&c, &ev, "bob", T0);
    expect_refusal(&c, &ev, T0, why);
    tuf_event_free(&ev);
    case_close(&c);
}

static void a_skipped_version_is_refused(void **state)
{
    (void)state;
    expect_bad_root("version", json_integer(3), "version 2 comes next");
}

static void a_repeated_version_is_refused(void **state)
{
    (void)state;
    expect_bad_root("version", json_integer(1), "version 2 comes next");
}

static void consistent_snapshot_stays_on(void **state)
{
    (void)state;
    expect_bad_root("consistent_snapshot", json_false(), "consistent_snapshot");
}

/* Of three holders of root, two are others than CASE_POLICY's. */
static const char OTHER_ROOT_HOLDERS[] =
    "roles:\n"
    "  root: {holders: [dave, eve, carol], threshold: 2, expiry: 365d, signing: 60d}\n"
    "  targets: {holders: [alice, bob, carol], threshold: 2, expiry: 365d, signing: 60d}\n"
    "  snapshot: {holders: [online], threshold: 1, expiry: 21d, signing: 7d}\n"
    "  timestamp: {holders: [online], threshold: 1, expiry: 7d, signing: 4d}\n"
    "online-keys: {online: {file: online.key}}\n";

/* The old threshold is not met, though the new one is. */
static void the_old_threshold_must_be_met(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tuf_publish_report r;
    open_published(&c);
    case_file(&c, "policy.yaml", OTHER_ROOT_HOLDERS);
    case_propose(&c, T0, NULL, &ev);
    case_sign(&c, &ev, "dave", T0);
    case_sign(&c, &ev, "eve", T0);
    assert_int_equal(case_try_publish(&c, &ev, T0, false, &r), -1);
    assert_says(&c, "by the keys of the published root");
    case_sign(&c, &ev, "alice", T0);
    assert_int_equal(case_try_publish(&c, &ev, T0, false, &r), -1);
    case_sign(&c, &ev, "bob", T0);
    r = case_publish(&c, &ev, T0);
    assert_int_equal(r.root, 2);
    case_sound(&c, T0);
    tuf_event_free(&ev);
    case_close(&c);
}

/* The new threshold is not met, though the old one is. */
static void the_new_threshold_must_be_met(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tuf_publish_report r;
    open_published(&c);
    case_file(&c, "policy.yaml", OTHER_ROOT_HOLDERS);
    case_propose(&c, T0, NULL, &ev);
    case_sign(&c, &ev, "alice", T0);
    case_sign(&c, &ev, "bob", T0);
    assert_int_equal(case_try_publish(&c, &ev, T0, false, &r), -1);
    assert_says(&c, "by the proposed keys");
    tuf_event_free(&ev);
    case_close(&c);
}

/* Other key bytes under the same keyid, which counts on nobody comparing them. */
static void a_key_changed_under_its_keyid_is_refused(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    open_published(&c);
    case_propose(&c, T0, "root", &ev);
    json_t *tree = case_tree(&ev);
    json_t *root = case_role(tree, "proposed", "root");
    json_t *keys = json_object_get(json_object_get(root, "signed"), "keys");
    json_t *stranger = case_json_key(&c, "eve", "carol");
    const char *keyid;
    json_t *key;
    json_object_foreach(keys, keyid, key)
    {
        if (strcmp(json_string_value(json_object_get(key, KEYRING_OWNER)), "carol") == 0)
            json_object_set(keys, keyid, stranger);
    }
    json_decref(stranger);
    struct tuf_event again;
    case_load(tree, &again);
    tuf_event_free(&ev);
    case_sign(&c, &again, "alice", T0);
    case_sign(&c, &again, "bob", T0);
    expect_refusal(&c, &again, T0, "is another than before");
    tuf_event_free(&again);
    case_close(&c);
}

/* The same for a delegation, whose role is not even part of the event. */
static void a_delegated_key_changed_under_its_keyid_is_refused(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    case_open(&c, DELEGATED_POLICY);
    case_file(&c, "extra/x/y.txt", "delegated\n");
    case_round(&c, T0, NULL);
    case_propose(&c, T0 + DAY, "targets", &ev);
    assert_null(tuf_event_find(&ev, "extra"));
    json_t *tree = case_tree(&ev);
    json_t *targets = case_role(tree, "proposed", "targets");
    json_t *delegations = json_object_get(json_object_get(targets, "signed"), "delegations");
    json_t *keys = json_object_get(delegations, "keys");
    json_t *stranger = case_json_key(&c, "eve", "alice");
    const char *keyid = json_object_iter_key(json_object_iter(keys));
    assert_int_equal(json_object_set_new(keys, keyid, stranger), 0);
    struct tuf_event again;
    case_load(tree, &again);
    tuf_event_free(&ev);
    case_sign(&c, &again, "alice", T0 + DAY);
    case_sign(&c, &again, "bob", T0 + DAY);
    expect_refusal(&c, &again, T0 + DAY, "delegation extra: keyid");
    tuf_event_free(&again);
    case_close(&c);
}

static void one_person_with_two_keys_counts_once(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    char path[PATH_MAX];
    case_open(&c, CASE_POLICY);
    snprintf(path, sizeof(path), "%s/keys", c.dir);
    assert_int_equal(tuf_keyring_save(path, "bob", case_key(&c, "alice"), true, &c.e), 0);
    assert_int_equal(case_try_propose(&c, T0, NULL, &ev), -1);
    assert_says(&c, "have the same key");
    case_close(&c);
}

static void a_threshold_above_the_keys_is_refused(void **state)
{
    (void)state;
    struct tuf_policy p;
    struct tm_err e = {0};
    static const char text[] =
        "roles:\n"
        "  root: {holders: [alice], threshold: 2, expiry: 365d, signing: 60d}\n"
        "  targets: {holders: [alice], threshold: 1, expiry: 365d, signing: 60d}\n"
        "  snapshot: {holders: [online], threshold: 1, expiry: 21d, signing: 7d}\n"
        "  timestamp: {holders: [online], threshold: 1, expiry: 7d, signing: 4d}\n"
        "online-keys: {online: {file: online.key}}\n";
    assert_int_equal(tuf_policy_parse("p", text, strlen(text), &p, &e), -1);
    assert_non_null(strstr(e.text, "nobody could ever sign"));
}

static void an_expiry_beyond_the_period_is_refused(void **state)
{
    (void)state;
    expect_bad_root("expires", json_string("2036-01-01T00:00:00Z"), "later than a period");
}

static void an_expiry_in_the_past_is_refused(void **state)
{
    (void)state;
    expect_bad_root("expires", json_string("2026-01-01T00:00:00Z"), "which is past");
}

static void a_period_raised_in_the_metadata_is_refused(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tuf_publish_report r;
    open_published(&c);
    case_propose(&c, T0, "root", &ev);
    case_tamper(&ev, "root", "expires", json_string("2036-01-01T00:00:00Z"));
    case_tamper(&ev, "root", DRAFT_EXPIRY_PERIOD, json_integer(20LL * 365 * DAY));
    case_sign(&c, &ev, "alice", T0);
    case_sign(&c, &ev, "bob", T0);
    assert_int_equal(case_try_publish(&c, &ev, T0, false, &r), -1);
    assert_says(&c, "not the policy's");
    tuf_event_free(&ev);
    case_close(&c);
}

/* The online key signs timestamp and snapshot only; an event cannot hold these. */
static void the_online_key_cannot_sign_offline_roles(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tuf_policy p;
    static const char text[] =
        "roles:\n"
        "  root: {holders: [alice, online], threshold: 1, expiry: 365d, signing: 60d}\n"
        "  targets: {holders: [alice], threshold: 1, expiry: 365d, signing: 60d}\n"
        "  snapshot: {holders: [online], threshold: 1, expiry: 21d, signing: 7d}\n"
        "  timestamp: {holders: [online], threshold: 1, expiry: 7d, signing: 4d}\n"
        "online-keys: {online: {file: online.key}}\n";
    open_published(&c);
    case_propose(&c, T0, "root", &ev);
    assert_int_equal(case_try_sign(&c, &ev, "online", T0), -1);
    assert_says(&c, "may sign nothing");
    tuf_event_free(&ev);
    assert_int_equal(tuf_policy_parse("p", text, strlen(text), &p, &c.e), -1);
    assert_says(&c, "is an online key");
    case_close(&c);
}

static void an_event_cannot_hold_a_timestamp(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tuf_event out;
    open_published(&c);
    case_propose(&c, T0, "root", &ev);
    json_t *fake = tuf_envelope_new(tuf_signed_new(TUF_TIMESTAMP, 9, T0 + DAY));
    json_t *tree = case_tree(&ev);
    json_object_set_new(json_object_get(tree, "proposed"), "timestamp", fake);
    assert_int_equal(case_try_load(tree, &out, &c.e), -1);
    assert_says(&c, "never holds timestamp");
    tuf_event_free(&ev);
    case_close(&c);
}

/* Versions never fall and entries never vanish, also when a delegation goes. */
static void entries_of_a_snapshot_stay(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_published live;
    struct tuf_file_info info;
    char dir[PATH_MAX];
    case_open(&c, CASE_POLICY "delegations:\n"
                              "  extra: {holders: [alice], threshold: 1, expiry: 90d, signing: "
                              "30d, directory: extra, paths: ['x/*']}\n");
    case_file(&c, "extra/x/y.txt", "delegated\n");
    case_round(&c, T0, NULL);
    case_sound(&c, T0);
    case_file(&c, "policy.yaml", CASE_POLICY);
    case_round(&c, T0 + DAY, NULL);
    snprintf(dir, sizeof(dir), "%s/published", c.dir);
    assert_int_equal(tuf_published_load(dir, &live, &c.e), 0);
    assert_true(tuf_snapshot_find(live.snapshot, "extra", &info));
    tuf_published_free(&live);
    case_sound(&c, T0 + DAY);
    case_close(&c);
}

/* The published tree is lost, or restored from an old copy: nothing goes on from there. */
static void nothing_goes_on_from_an_old_copy_of_the_tree(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_publish_report r;
    struct tuf_event ev;
    char tree[PATH_MAX];
    char old[PATH_MAX];
    open_published(&c);
    snprintf(tree, sizeof(tree), "%s/published", c.dir);
    snprintf(old, sizeof(old), "%s/old", c.dir);
    assert_int_equal(tuf_tree_link(tree, old, STAGE_FOLDER, &c.e), 0);
    case_refresh(&c, T0 + 4 * DAY);
    case_refresh(&c, T0 + 8 * DAY);
    assert_int_equal(tuf_tree_remove(tree, &c.e), 0);
    case_propose(&c, T0 + 9 * DAY, NULL, &ev); /* a first root again */
    case_sign(&c, &ev, "alice", T0 + 9 * DAY);
    case_sign(&c, &ev, "bob", T0 + 9 * DAY);
    assert_int_equal(case_try_publish(&c, &ev, T0 + 9 * DAY, false, &r), -1);
    assert_says(&c, "holds timestamp version 0, but the transcript says that 3 was published");
    assert_int_equal(rename(old, tree), 0);
    assert_int_equal(case_try_publish(&c, NULL, T0 + 9 * DAY, true, &r), -1);
    assert_says(&c, "holds timestamp version 1, but the transcript says that 3 was published");
    tuf_event_free(&ev);
    case_close(&c);
}

/* Readers are others, also when whoever publishes lets nobody read new files. */
static void a_published_tree_is_readable_under_any_umask(void **state)
{
    (void)state;
    static const char *const folders[] = {"", "/targets", "/targets/dir", "/targets/dir/sub"};
    struct tuf_case c;
    struct stat st;
    mode_t mask = umask(0077);
    case_open(&c, CASE_POLICY);
    case_file(&c, "targets/dir/sub/b.txt", "second\n");
    case_round(&c, T0, NULL);
    umask(mask);
    for (size_t i = 0; i < 4; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%s/published%s", c.dir, folders[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0755);
    }
    case_close(&c);
}

/* The tree behind a symbolic link: the link stays, also when the whole tree is exchanged. */
static void a_published_tree_may_stand_behind_a_link(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct stat st;
    char link_path[PATH_MAX];
    char real[PATH_MAX];
    case_open(&c, CASE_POLICY);
    snprintf(link_path, sizeof(link_path), "%s/published", c.dir);
    snprintf(real, sizeof(real), "%s/srv/www", c.dir);
    assert_int_equal(tuf_tree_make(real, &c.e), 0);
    assert_int_equal(symlink("srv/www", link_path), 0);
    case_round(&c, T0, NULL);
    case_file(&c, "policy.yaml", ONLINE2_POLICY);
    case_propose(&c, T0 + DAY, NULL, &ev);
    case_sign(&c, &ev, "alice", T0 + DAY);
    case_sign(&c, &ev, "bob", T0 + DAY);
    assert_true(case_publish(&c, &ev, T0 + DAY).exchanged);
    assert_int_equal(lstat(link_path, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    snprintf(real, sizeof(real), "%s/srv/www/2.root.json", c.dir);
    assert_int_equal(access(real, F_OK), 0);
    snprintf(real, sizeof(real), "%s/srv/www.next", c.dir);
    assert_int_equal(access(real, F_OK), -1);
    case_sound(&c, T0 + DAY);
    tuf_event_free(&ev);
    case_close(&c);
}

/* What is published differs from what was signed. */
static void expect_fault(struct tuf_case *c, const char *name, const char *content, const char *why)
{
    char path[PATH_MAX];
    struct tuf_audit a;
    struct tm_err e = {0};
    const struct tuf_audit_options o = {.now = T0, .first_root = 1, .files = true};
    snprintf(path, sizeof(path), "published/%s", name);
    if (content != NULL)
        case_file(c, path, content);
    snprintf(path, sizeof(path), "%s/published/%s", c->dir, name);
    if (content == NULL)
        assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof(path), "%s/published", c->dir);
    assert_int_equal(tuf_audit_tree(path, &o, &a, &e), 0);
    if (a.faults.len == 0 || strstr(tm_buf_str(&a.faults), why) == NULL)
        fail_msg("'%s' does not say '%s'", a.faults.len > 0 ? tm_buf_str(&a.faults) : "", why);
    tuf_audit_free(&a);
}

static void a_swapped_tree_is_told(void **state)
{
    (void)state;
    struct tuf_case c;
    open_published(&c);
    expect_fault(&c, "1.targets.json", "{\"signed\": {}, \"signatures\": []}", "1.targets.json");
    case_close(&c);
    open_published(&c);
    case_round(&c, T0, "root");
    expect_fault(&c, "1.root.json", NULL, "1.root.json");
    struct tuf_publish_report r;
    assert_int_equal(case_try_publish(&c, NULL, T0 + 4 * DAY, true, &r), -1);
    assert_says(&c, "1.root.json");
    case_close(&c);
}

/* The notes of an audit; the caller frees them. */
static char *notes_of(const struct tuf_case *c)
{
    char path[PATH_MAX];
    struct tuf_audit a;
    struct tm_err e = {0};
    const struct tuf_audit_options o = {.now = T0 + DAY, .first_root = 1, .files = true};
    snprintf(path, sizeof(path), "%s/published", c->dir);
    assert_int_equal(tuf_audit_tree(path, &o, &a, &e), 0);
    assert_int_equal(a.faults.len, 0);
    char *notes = strdup(a.notes.len > 0 ? tm_buf_str(&a.notes) : "");
    tuf_audit_free(&a);
    return notes;
}

/* No client asks for it; who looks after the tree wants to know. */
static void metadata_that_no_snapshot_names_is_told(void **state)
{
    (void)state;
    static const char *const strangers[] = {
        "7.targets.json",     /* of a version that was never published */
        "2.gone.json",        /* of a role that there never was */
        "9.root.json",        /* past the chain */
        "5.snapshot.json",    /* past the one in force */
        "01.root.json",       /* another name for a version */
        "targets.json",       /* nobody asks for it without a version */
        "1.targets.json.bak", /* no metadata's name */
    };
    struct tuf_case c;
    char name[64];
    char path[PATH_MAX];
    char *notes;
    open_published(&c);
    case_file(&c, "policy.yaml", ONLINE2_POLICY);
    case_round(&c, T0 + DAY, "targets");
    notes = notes_of(&c);
    assert_string_equal(notes, ""); /* also of what another online key signed */
    free(notes);
    for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
        char line[128];
        snprintf(name, sizeof(name), "published/%s", strangers[i]);
        case_file(&c, name, "{}");
        notes = notes_of(&c);
        snprintf(line, sizeof(line), "nothing that is published names '%s'\n", strangers[i]);
        assert_string_equal(notes, line);
        free(notes);
        snprintf(path, sizeof(path), "%s/%s", c.dir, name);
        assert_int_equal(unlink(path), 0);
    }
    /* An old snapshot that no root's keys signed speaks for nothing, itself included. */
    struct tm_buf was = {0};
    snprintf(path, sizeof(path), "%s/published/1.snapshot.json", c.dir);
    assert_int_equal(tm_file_read(path, 1 << 20, &was, &c.e), 0);
    char *at = strstr((char *)was.data, "\"sig\": \"");
    assert_non_null(at);
    at[8] = at[8] == '1' ? '2' : '1';
    case_file(&c, "published/1.snapshot.json", tm_buf_str(&was));
    notes = notes_of(&c);
    assert_non_null(strstr(notes, "'1.snapshot.json'"));
    assert_non_null(strstr(notes, "'1.targets.json'"));
    free(notes);
    tm_buf_free(&was);
    case_close(&c);
}

static void a_swapped_target_is_told(void **state)
{
    (void)state;
    struct tuf_case c;
    char path[PATH_MAX];
    char hex[65];
    struct tm_buf text = {0};
    unsigned char hash[32];
    open_published(&c);
    snprintf(path, sizeof(path), "%s/targets/a.txt", c.dir);
    assert_int_equal(tm_file_read(path, 4096, &text, &c.e), 0);
    assert_int_equal(EVP_Digest(text.data, text.len, hash, NULL, EVP_sha256(), NULL), 1);
    tm_hex_encode(hash, sizeof(hash), hex);
    tm_buf_free(&text);
    snprintf(path, sizeof(path), "targets/%s.a.txt", hex);
    expect_fault(&c, path, "worse target\n", "other content");
    case_close(&c);
}

/* A file changed between signing and publishing. */
static void a_target_changed_after_signing_is_refused(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tuf_publish_report r;
    case_open(&c, CASE_POLICY);
    case_propose(&c, T0, NULL, &ev);
    case_sign(&c, &ev, "alice", T0);
    case_sign(&c, &ev, "bob", T0);
    case_file(&c, "targets/a.txt", "last minute\n");
    assert_int_equal(case_try_publish(&c, &ev, T0, false, &r), -1);
    assert_says(&c, "not what was signed");
    tuf_event_free(&ev);
    case_close(&c);
}

/* Signatures that count for nothing. */
static void a_strangers_signature_counts_for_nothing(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    open_published(&c);
    case_propose(&c, T0, "root", &ev);
    assert_int_equal(case_try_sign(&c, &ev, "eve", T0), -1);
    assert_says(&c, "may sign nothing");
    tuf_event_free(&ev);
    case_close(&c);
}

static void a_signature_of_an_earlier_draft_counts_for_nothing(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event old;
    struct tuf_event ev;
    open_published(&c);
    case_propose(&c, T0, "root", &old);
    case_sign(&c, &old, "alice", T0);
    case_file(&c, "targets/new.txt", "more\n");
    case_propose(&c, T0, "root", &ev);
    assert_int_equal(tuf_event_merge(&ev, &old, &c.e), -1);
    assert_says(&c, "not the same proposal");
    /* Carried over by hand: root is the same bytes, so the signature is good, but alice never saw
     * the new targets. */
    json_t *was = case_tree(&old);
    json_t *tree = case_tree(&ev);
    json_object_set(case_role(tree, "proposed", "root"), "signatures",
                    json_object_get(case_role(was, "proposed", "root"), "signatures"));
    json_object_set(tree, "statements", json_object_get(was, "statements"));
    json_decref(was);
    struct tuf_event again;
    case_load(tree, &again);
    assert_int_equal(tuf_event_check_signatures(&again, &c.e), -1);
    assert_says(&c, "reviewed another draft");
    tuf_event_free(&again);
    tuf_event_free(&old);
    tuf_event_free(&ev);
    case_close(&c);
}

static void a_signature_without_a_statement_counts_for_nothing(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tuf_event again;
    open_published(&c);
    case_propose(&c, T0, "root", &ev);
    case_sign(&c, &ev, "alice", T0);
    json_t *tree = case_tree(&ev);
    json_array_clear(json_object_get(tree, "statements"));
    case_load(tree, &again);
    assert_int_equal(tuf_event_check_signatures(&again, &c.e), -1);
    assert_says(&c, "without a statement");
    tuf_event_free(&again);
    tuf_event_free(&ev);
    case_close(&c);
}

static void a_signature_given_twice_counts_once(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tuf_publish_report r;
    open_published(&c);
    case_propose(&c, T0, "root", &ev);
    case_sign(&c, &ev, "alice", T0);
    case_sign(&c, &ev, "alice", T0);
    assert_int_equal(tuf_event_check_signatures(&ev, &c.e), 0);
    assert_int_equal(case_try_publish(&c, &ev, T0, false, &r), -1);
    assert_says(&c, "1 of the 2");
    tuf_event_free(&ev);
    case_close(&c);
}

/* The same ECDSA signature in its other form, (r, n - s): good, and a signature of the same key. */
static json_t *malleate(const json_t *entry)
{
    struct tm_buf der = {0};
    const char *hex = json_string_value(json_object_get(entry, "sig"));
    assert_int_equal(tm_hex_decode(hex, strlen(hex), &der), 0);
    const unsigned char *p = der.data;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)der.len);
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    BIGNUM *s = BN_new();
    assert_int_equal(BN_sub(s, EC_GROUP_get0_order(group), ECDSA_SIG_get0_s(sig)), 1);
    ECDSA_SIG_set0(sig, BN_dup(ECDSA_SIG_get0_r(sig)), s);
    unsigned char *out = NULL;
    int len = i2d_ECDSA_SIG(sig, &out);
    char text[200];
    assert_in_range(len, 8, 90);
    tm_hex_encode(out, (size_t)len, text);
    json_t *other = json_pack("{s:O, s:s}", "keyid", json_object_get(entry, "keyid"), "sig", text);
    OPENSSL_free(out);
    ECDSA_SIG_free(sig);
    EC_GROUP_free(group);
    tm_buf_free(&der);
    return other;
}

static void a_malleable_signature_is_no_second_one(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tuf_event other;
    struct tuf_publish_report r;
    open_published(&c);
    case_propose(&c, T0, "root", &ev);
    case_sign(&c, &ev, "alice", T0);
    json_t *tree = case_tree(&ev);
    json_t *list = json_object_get(case_role(tree, "proposed", "root"), "signatures");
    json_t *twin = malleate(json_array_get(list, 0));
    json_t *theirs = case_tree(&ev);
    json_array_set(json_object_get(case_role(theirs, "proposed", "root"), "signatures"), 0, twin);
    case_load(theirs, &other);
    assert_int_equal(tuf_event_check_signatures(&other, &c.e), 0); /* as good as the first */
    assert_int_equal(tuf_event_merge(&ev, &other, &c.e), 0);       /* and not one more */
    assert_int_equal(tuf_metadata_signature_list(tuf_event_find(&ev, "root")->proposed)->count, 1);
    assert_int_equal(case_try_publish(&c, &other, T0, false, &r), -1);
    assert_says(&c, "1 of the 2");
    json_array_append(list, twin);
    struct tuf_event both;
    assert_int_equal(case_try_load(tree, &both, &c.e), -1);
    assert_says(&c, "two signatures");
    json_decref(twin);
    tuf_event_free(&other);
    tuf_event_free(&ev);
    case_close(&c);
}

/* A keyid that would lead out of the event's folder, and a folder that leads elsewhere. */
static void no_keyid_leads_out_of_the_events_folder(void **state)
{
    (void)state;
    static const char away[] = "../../aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    struct tuf_case c;
    struct tuf_event ev;
    char folder[PATH_MAX];
    char path[PATH_MAX];
    open_published(&c);
    case_propose(&c, T0, "root", &ev);
    snprintf(folder, sizeof(folder), "%s/events/one/", c.dir);
    struct tuf_metadata *root = tuf_event_find(&ev, "root")->proposed;
    assert_int_equal(tuf_metadata_put_signature(root, away, "00", &c.e), 0);
    assert_int_equal(strlen(away), 64);
    assert_int_equal(tuf_event_write(folder, &ev, &c.e), -1);
    assert_says(&c, "is no SHA-256 in hex");
    snprintf(path, sizeof(path), "%s/events/%s.json", c.dir, away + 6);
    assert_int_equal(access(path, F_OK), -1);
    tuf_free_signatures((struct tuf_signatures *)tuf_metadata_signature_list(root));
    assert_int_equal(tuf_event_write(folder, &ev, &c.e), 0);
    snprintf(path, sizeof(path), "%s/events/one/signatures", c.dir);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(symlink("/tmp", path), 0);
    struct tuf_event again;
    assert_int_equal(tuf_event_read(folder, NULL, &again, &c.e), -1);
    assert_says(&c, "no plain folder");
    assert_int_equal(tuf_event_write(folder, &ev, &c.e), -1);
    tuf_event_free(&ev);
    case_close(&c);
}

/* What an event says was published is taken from the tree, and must be what is there. */
static void a_base_that_is_not_in_the_tree_is_stale(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tuf_publish_report r;
    open_published(&c);
    case_file(&c, "targets/b.txt", "b\n");
    case_propose(&c, T0, NULL, &ev);
    tuf_event_let_go(&ev, "targets", false);
    assert_int_equal(
        tuf_event_add_reference(&ev, "targets", tuf_event_find(&ev, "targets")->proposed, &c.e), 0);
    assert_int_equal(case_try_publish(&c, &ev, T0 + 60, false, &r), -1);
    assert_says(&c, "targets: what it says was published as version 2 is not what is here");
    case_sound(&c, T0 + 60);
    tuf_event_free(&ev);
    case_close(&c);
}

/* Two events in parallel; the second to be published has a stale base. */
static void the_second_of_two_events_is_stale(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event one;
    struct tuf_event two;
    struct tuf_publish_report r;
    open_published(&c);
    case_propose(&c, T0, "root", &one);
    case_file(&c, "targets/b.txt", "b\n");
    case_propose(&c, T0 + 60, "root", &two);
    case_sign(&c, &one, "alice", T0);
    case_sign(&c, &one, "bob", T0);
    case_sign(&c, &two, "alice", T0 + 60);
    case_sign(&c, &two, "bob", T0 + 60);
    case_publish(&c, &one, T0 + 90);
    assert_int_equal(case_try_publish(&c, &two, T0 + 120, false, &r), -1);
    assert_says(&c, "propose again");
    case_sound(&c, T0 + 120);
    tuf_event_free(&one);
    tuf_event_free(&two);
    case_close(&c);
}

/* Lost holders: too few keys to lose one more. */
static void too_few_keys_to_lose_one_are_warned_of(void **state)
{
    (void)state;
    struct tuf_policy p;
    struct tm_err e = {0};
    struct tm_buf out = {0};
    static const char text[] =
        "roles:\n"
        "  root: {holders: [alice, bob], threshold: 2, expiry: 365d, signing: 60d}\n"
        "  targets: {holders: [alice, bob, carol], threshold: 2, expiry: 365d, signing: 60d}\n"
        "  snapshot: {holders: [online], threshold: 1, expiry: 21d, signing: 7d}\n"
        "  timestamp: {holders: [online], threshold: 1, expiry: 7d, signing: 4d}\n"
        "online-keys: {online: {file: online.key}}\n";
    assert_int_equal(tuf_policy_parse("p", text, strlen(text), &p, &e), 0);
    tuf_policy_warnings(&p, &out);
    assert_non_null(strstr(tm_buf_str(&out), "role 'root': 2 holders for threshold 2"));
    assert_null(strstr(tm_buf_str(&out), "role 'targets'"));
    tm_buf_free(&out);
    tuf_policy_free(&p);
}

/* The online key is stolen; the thief inflates versions; a new root recovers. */
static void a_replaced_online_key_heals_inflated_versions(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    open_published(&c);
    case_file(&c, "policy.yaml", ONLINE2_POLICY "revoked: [online]\n");
    case_propose(&c, T0 + DAY, NULL, &ev);
    case_sign(&c, &ev, "alice", T0 + DAY);
    case_sign(&c, &ev, "bob", T0 + DAY);
    struct tuf_publish_report r = case_publish(&c, &ev, T0 + DAY);
    assert_int_equal(r.root, 2);
    assert_int_equal(r.timestamp, 2);
    assert_true(r.exchanged); /* the old timestamp fails under the new root */
    case_sound(&c, T0 + DAY);
    r = case_refresh(&c, T0 + 5 * DAY); /* goes on after a rotation */
    assert_int_equal(r.timestamp, 3);
    assert_int_equal(r.chains_checked, 2);
    case_sound(&c, T0 + 5 * DAY);
    tuf_event_free(&ev);
    case_close(&c);
}

static void a_root_key_can_be_replaced(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    open_published(&c);
    case_file(
        &c, "policy.yaml",
        "roles:\n"
        "  root: {holders: [alice, dave, carol], threshold: 2, expiry: 365d, signing: 60d}\n"
        "  targets: {holders: [alice, dave, carol], threshold: 2, expiry: 365d, signing: 60d}\n"
        "  snapshot: {holders: [online], threshold: 1, expiry: 21d, signing: 7d}\n"
        "  timestamp: {holders: [online], threshold: 1, expiry: 7d, signing: 4d}\n"
        "online-keys: {online: {file: online.key}}\n"
        "revoked: [bob]\n");
    case_propose(&c, T0 + DAY, NULL, &ev);
    case_sign(&c, &ev, "alice", T0 + DAY);
    case_sign(&c, &ev, "carol", T0 + DAY);
    struct tuf_publish_report r = case_publish(&c, &ev, T0 + DAY);
    assert_int_equal(r.root, 2);
    case_sound(&c, T0 + DAY);
    tuf_event_free(&ev);
    case_close(&c);
}

/* All targets keys are replaced; the old targets file satisfies nobody any more. */
static void a_whole_targets_quorum_can_be_replaced(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    open_published(&c);
    case_file(&c, "policy.yaml",
              "roles:\n"
              "  root: {holders: [alice, bob, carol], threshold: 2, expiry: 365d, signing: 60d}\n"
              "  targets: {holders: [dave, eve], threshold: 2, expiry: 365d, signing: 60d}\n"
              "  snapshot: {holders: [online2], threshold: 1, expiry: 21d, signing: 7d}\n"
              "  timestamp: {holders: [online2], threshold: 1, expiry: 7d, signing: 4d}\n"
              "online-keys: {online2: {file: online2.key}}\n");
    case_propose(&c, T0 + DAY, "targets", &ev);
    case_sign(&c, &ev, "alice", T0 + DAY);
    case_sign(&c, &ev, "bob", T0 + DAY);
    case_sign(&c, &ev, "dave", T0 + DAY);
    case_sign(&c, &ev, "eve", T0 + DAY);
    struct tuf_publish_report r = case_publish(&c, &ev, T0 + DAY);
    assert_true(r.exchanged);
    assert_int_equal(r.targets, 2);
    case_sound(&c, T0 + DAY);
    tuf_event_free(&ev);
    case_close(&c);
}

/* Replacing targets keys without signing targets anew would break every client: refused. */
static void targets_must_be_signed_by_the_new_keys(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tuf_publish_report r;
    open_published(&c);
    case_file(&c, "policy.yaml",
              "roles:\n"
              "  root: {holders: [alice, bob, carol], threshold: 2, expiry: 365d, signing: 60d}\n"
              "  targets: {holders: [dave, eve], threshold: 2, expiry: 365d, signing: 60d}\n"
              "  snapshot: {holders: [online], threshold: 1, expiry: 21d, signing: 7d}\n"
              "  timestamp: {holders: [online], threshold: 1, expiry: 7d, signing: 4d}\n"
              "online-keys: {online: {file: online.key}}\n");
    case_propose(&c, T0 + DAY, NULL, &ev);
    case_sign(&c, &ev, "alice", T0 + DAY);
    case_sign(&c, &ev, "bob", T0 + DAY);
    assert_int_equal(case_try_publish(&c, &ev, T0 + DAY, false, &r), -1);
    assert_says(&c, "targets");
    case_sound(&c, T0 + DAY);
    tuf_event_free(&ev);
    case_close(&c);
}

/* The refresh job was silent past expiry; versions go on from where they were. */
static void versions_go_on_after_an_expiry(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_published live;
    struct tuf_status s;
    char dir[PATH_MAX];
    open_published(&c);
    assert_false(case_refresh(&c, T0 + DAY).changed);
    struct tuf_publish_report r = case_refresh(&c, T0 + 3 * DAY + 60);
    assert_int_equal(r.timestamp, 2);
    assert_int_equal(r.snapshot, 1);
    r = case_refresh(&c, T0 + 15 * DAY);
    assert_int_equal(r.timestamp, 3);
    assert_int_equal(r.snapshot, 2);
    snprintf(dir, sizeof(dir), "%s/published", c.dir);
    assert_int_equal(tuf_published_load(dir, &live, &c.e), 0);
    assert_int_equal(tuf_status_read(&live, T0 + 60 * DAY, &s, &c.e), 0);
    assert_int_equal(s.level, STATUS_EXPIRED);
    tuf_status_free(&s);
    tuf_published_free(&live);
    r = case_refresh(&c, T0 + 60 * DAY);
    assert_int_equal(r.timestamp, 4);
    assert_int_equal(r.snapshot, 3);
    assert_int_equal(r.root, 1);
    case_sound(&c, T0 + 60 * DAY);
    case_close(&c);
}

/* Nobody renewed anything for years. The refresh says who must act; one ceremony recovers. */
static void one_ceremony_recovers_when_all_has_expired(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_publish_report r;
    const int64_t now = T0 + 1000 * DAY;
    open_published(&c);
    assert_int_equal(case_try_publish(&c, NULL, now, true, &r), -1);
    assert_says(&c, "root version 1 expired 2028-01-15T08:00:00Z");
    assert_says(&c, "people must sign a new one");
    r = case_round(&c, now, NULL);
    assert_int_equal(r.root, 2);
    assert_int_equal(r.targets, 2);
    assert_int_equal(r.snapshot, 2);
    assert_int_equal(r.timestamp, 2);
    case_sound(&c, now);
    case_close(&c);
}

static void a_renewal_of_no_role_is_refused(void **state)
{
    (void)state;
    static const char *const good[] = {"root", "targets"};
    static const char *const none[] = {"root", "rooot"}, *const online[] = {"timestamp"};
    struct tuf_case c;
    struct tuf_workspace w;
    open_published(&c);
    assert_int_equal(tuf_workspace_open(c.dir, &w, &c.e), 0);
    const struct tuf_policy *p = &w.policy;
    assert_int_equal(tuf_draft_check_renewals(p, good, 2, &c.e), 0);
    assert_int_equal(tuf_draft_check_renewals(p, none, 2, &c.e), -1);
    assert_says(&c, "want one of root, targets, not 'rooot'");
    assert_int_equal(tuf_draft_check_renewals(p, online, 1, &c.e), -1);
    assert_says(&c, "refresh renews it");
    tuf_workspace_close(&w);
    case_close(&c);
}

/* A machine that starts with its clock in the past would sign what has expired already. */
static void a_clock_that_went_back_signs_nothing(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_publish_report r;
    open_published(&c);
    case_refresh(&c, T0 + 5 * DAY);
    assert_int_equal(case_try_publish(&c, NULL, T0 - 365 * DAY, true, &r), -1);
    assert_says(&c, "the clock says 2026-01-15T08:00:00Z, but the transcript's last line is of "
                    "2027-01-20T08:00:00Z");
    case_sound(&c, T0 + 5 * DAY);
    case_refresh(&c, T0 + 5 * DAY - PUBLISH_CLOCK_SLACK_S);
    struct tuf_workspace w;
    const struct tuf_publish_options sure = {
        .now = T0 + 2 * DAY, .refresh = true, .clock_ok = true};
    assert_int_equal(tuf_workspace_open(c.dir, &w, &c.e), 0);
    assert_int_equal(tuf_workspace_lock(&w, 1000, &c.e), 0);
    if (tuf_publish_run(&w, &sure, &r, &c.e) != 0)
        fail_msg("%s", c.e.text);
    tuf_workspace_close(&w);
    case_close(&c);
}

struct replay {
    int64_t version[TUF_ROLE_COUNT];
    size_t statements;
};

static int replay_line(void *arg, const struct tuf_line *line, struct tm_err *e)
{
    (void)e;
    struct replay *r = arg;
    r->statements += tuf_line_is(line, "signed");
    if (tuf_line_is_publication(line))
        memcpy(r->version, line->version, sizeof(r->version));
    return 0;
}

/* The log of signatures; its replay gives the state, and a changed line is noticed. */
static void a_transcript_replays_to_the_state(void **state)
{
    (void)state;
    struct tuf_case c;
    struct replay r = {0};
    struct tm_buf text = {0};
    char path[PATH_MAX];
    open_published(&c);
    case_file(&c, "targets/b.txt", "b\n");
    case_round(&c, T0 + DAY, NULL);
    case_refresh(&c, T0 + 5 * DAY);
    snprintf(path, sizeof(path), "%s/transcript.jsonl", c.dir);
    assert_int_equal(tuf_transcript_verify(path, replay_line, &r, &c.e), 7);
    assert_int_equal(r.statements, 4);
    assert_int_equal(r.version[TUF_ROOT], 1);
    assert_int_equal(r.version[TUF_TARGETS], 2);
    assert_int_equal(r.version[TUF_SNAPSHOT], 2);
    assert_int_equal(r.version[TUF_TIMESTAMP], 3);
    assert_int_equal(tm_file_read(path, 1 << 20, &text, &c.e), 0);
    char *at = memmem(text.data, text.len, "\"bob\"", 5);
    assert_non_null(at);
    at[1] = 'r';
    assert_int_equal(tm_file_write_atomic(path, 0644, text.data, text.len, &c.e), 0);
    assert_int_equal(tuf_transcript_verify(path, NULL, NULL, &c.e), -1);
    assert_says(&c, "it was changed");
    tm_buf_free(&text);
    case_close(&c);
}

/* A delegated role's name is whatever its repository chose: it neither writes to the terminal of
 * who looks, nor adds a metric. */
static void status_shows_a_hostile_name_harmlessly(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_published live;
    struct tuf_status s;
    struct tm_buf out = {0};
    char dir[PATH_MAX];
    case_open(&c, CASE_POLICY
              "delegations:\n"
              "  \"a\\e[2J\\ntenmint_tuf_whole 1\": {holders: [alice], threshold: 1, expiry: "
              "90d, signing: 30d, directory: extra, paths: ['x/*']}\n");
    case_file(&c, "extra/x/y.txt", "delegated\n");
    case_round(&c, T0, NULL);
    snprintf(dir, sizeof(dir), "%s/published", c.dir);
    assert_int_equal(tuf_published_load(dir, &live, &c.e), 0);
    assert_int_equal(tuf_status_read(&live, T0, &s, &c.e), 0);
    tuf_status_prometheus(&s, NULL, &out);
    assert_non_null(strstr(tm_buf_str(&out), "role=\"a?[2J?tenmint_tuf_whole 1\""));
    assert_null(strstr(tm_buf_str(&out), "\ntenmint_tuf_whole"));
    tm_buf_reset(&out);
    tuf_status_table(&s, NULL, T0, false, &out);
    assert_non_null(strstr(tm_buf_str(&out), "a?[2J?tenmint_tuf_whole 1 "));
    tm_buf_free(&out);
    tuf_status_free(&s);
    tuf_published_free(&live);
    case_close(&c);
}

/* A killed run leaves half a line: it was never acknowledged, and the next run goes on. */
static void a_transcript_may_end_in_half_a_line(void **state)
{
    (void)state;
    struct tuf_case c;
    char path[PATH_MAX];
    open_published(&c);
    snprintf(path, sizeof(path), "%s/transcript.jsonl", c.dir);
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "{\"n\": 4, \"wh", 12), 12);
    close(fd);
    assert_int_equal(tuf_transcript_verify(path, NULL, NULL, &c.e), 3);
    case_refresh(&c, T0 + 5 * DAY);
    assert_int_equal(tuf_transcript_verify(path, NULL, NULL, &c.e), 4);
    case_close(&c);
}

static void a_transcript_of_too_many_lines_is_refused(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_publish_report r;
    static const char last[] =
        "{\"n\": 9223372036854775807, \"what\": \"proposed\", \"hash\": \"00\"}\n";
    char path[PATH_MAX];
    open_published(&c);
    snprintf(path, sizeof(path), "%s/transcript.jsonl", c.dir);
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, last, sizeof(last) - 1), sizeof(last) - 1);
    close(fd);
    assert_int_equal(case_try_publish(&c, NULL, T0 + 5 * DAY, true, &r), -1);
    assert_says(&c, "number 9223372036854775807");
    case_close(&c);
}

/* ---- the event's text ---- */

static void reads_as(struct tuf_case *c, const char *text, const char *why)
{
    struct tuf_event ev;
    int rc = tuf_event_parse(text, strlen(text), NULL, NULL, &ev, &c->e);
    if (why == NULL) {
        if (rc != 0)
            fail_msg("%s", c->e.text);
        tuf_event_free(&ev);
        return;
    }
    assert_int_equal(rc, -1);
    assert_says(c, why);
}

/* Targets of old and new are in no tree; the file is the text of the tree that has them, in
 * whatever order they come. */
static void an_events_text_is_that_of_its_tree(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tuf_event again;
    char digest[2][65];
    case_open(&c, DELEGATED_POLICY);
    case_file(&c, "extra/x/y.txt", "delegated\n");
    case_file(&c, "targets/q \"\xc3\xa9.txt", "odd\n");
    case_round(&c, T0, NULL);
    case_file(&c, "extra/x/z.txt", "more\n");
    case_file(&c, "targets/A.txt", "more\n");
    case_propose(&c, T0 + DAY, NULL, &ev);
    case_sign(&c, &ev, "alice", T0 + DAY);
    char *text = case_text(&ev);
    json_t *tree = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    static const char *const sides[] = {"base", "proposed"};
    for (size_t i = 0; i < 2; i++) {
        json_t *side = json_object_get(tree, sides[i]);
        const struct tuf_event_role *r = tuf_event_find(&ev, "targets");
        json_t *want = tuf_entries_tree(i == 0 ? r->base : r->proposed);
        json_t *got =
            json_object_get(json_object_get(json_object_get(side, "targets"), "signed"), "targets");
        assert_true(json_object_size(got) > 1);
        assert_true(json_equal(got, want));
        json_decref(want);
        /* Their order changes nothing. */
        json_t *first = json_incref(json_object_get(got, "a.txt"));
        json_object_del(got, "a.txt");
        json_object_set_new(got, "a.txt", first);
    }
    char *sorted = json_dumps(tree, JSON_INDENT(1) | JSON_SORT_KEYS);
    char *unsorted = json_dumps(tree, 0);
    assert_string_equal(text, sorted);
    assert_int_equal(tuf_event_parse(unsorted, strlen(unsorted), NULL, NULL, &again, &c.e), 0);
    assert_int_equal(tuf_event_check_signatures(&again, &c.e), 0);
    assert_int_equal(tuf_event_digest(&ev, digest[0], &c.e), 0);
    assert_int_equal(tuf_event_digest(&again, digest[1], &c.e), 0);
    assert_string_equal(digest[0], digest[1]);
    char *same = case_text(&again);
    assert_string_equal(text, same);
    free(same);
    free(sorted);
    free(unsorted);
    free(text);
    json_decref(tree);
    tuf_event_free(&again);
    tuf_event_free(&ev);
    case_close(&c);
}

/* `text` with the first `old` behind `after` replaced. */
static char *edited(const char *text, const char *after, const char *old, const char *new)
{
    struct tm_buf out = {0};
    const char *at = strstr(strstr(text, after), old);
    assert_non_null(at);
    tm_buf_append(&out, text, (size_t)(at - text));
    tm_buf_puts(&out, new);
    tm_buf_puts(&out, at + strlen(old));
    char *copy = strdup(tm_buf_str(&out));
    tm_buf_free(&out);
    return copy;
}

static void an_event_refuses_bad_targets(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"\"a.txt\": {",
         "\"b.txt\": {\"length\": 1, \"hashes\": {\"sha256\": \"00\"}},"
         "\"\\u0062.txt\": {\"length\": 1, \"hashes\": {\"sha256\": \"00\"}},"
         "\"a.txt\": {",
         "proposed targets: \"b.txt\":"},
        {"\"a.txt\": {", "\"b.txt\": {\"length\": 1}, \"a.txt\": {",
         "proposed targets: target 'b.txt': 'hashes"},
        {"\"a.txt\": {", "\"b.txt\": 1, \"a.txt\": {", "proposed targets: target 'b.txt'"},
        {"\"targets\": {", "\"targets\": {}, \"targets\": {", "duplicate key"},
        {"\"targets\": {", "\"targets\": [], \"x\": {", "proposed targets: 'targets' is"},
        {"\"a.txt\": {", "\"a.txt\": {,", "JSON line"},
    };
    struct tuf_case c;
    struct tuf_event ev;
    case_open(&c, CASE_POLICY);
    case_propose(&c, T0, NULL, &ev);
    char *text = case_text(&ev);
    reads_as(&c, text, NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *from = strstr(text, "\"proposed\"");
        from = strstr(from, "\"targets\": {\n   \"signatures\"");
        assert_non_null(from);
        char *bad = edited(from, "\"spec_version\"", rows[i][0], rows[i][1]);
        struct tm_buf whole = {0};
        tm_buf_append(&whole, text, (size_t)(from - text));
        tm_buf_puts(&whole, bad);
        reads_as(&c, tm_buf_str(&whole), rows[i][2]);
        tm_buf_free(&whole);
        free(bad);
    }
    free(text);
    tuf_event_free(&ev);
    case_close(&c);
}

/* Many small targets do not make an event that no review shows; the trusted root always comes. */
static void an_event_carries_few_small_targets(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    char name[64];
    case_open(&c, CASE_POLICY);
    case_file(&c, "targets/trusted_root.json", "{}\n");
    for (int i = 0; i < 2500; i++) {
        snprintf(name, sizeof(name), "targets/n/%d", i);
        case_file(&c, name, "x");
    }
    case_propose(&c, T0, NULL, &ev);
    bool found = false;
    for (size_t i = 0; i < ev.files.count; i++)
        found |= strcmp(ev.files.item[i].path, "trusted_root.json") == 0;
    assert_in_range(ev.files.count, 1000, 2048);
    assert_true(found);
    assert_int_equal(tuf_entries_count(tuf_event_find(&ev, "targets")->proposed), 2502);
    tuf_event_free(&ev);
    case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_publication_is_what_clients_take),
        cmocka_unit_test(changed_targets_are_published),
        cmocka_unit_test(nothing_changed_is_nothing_to_propose),
        cmocka_unit_test(other_bytes_than_reviewed_are_not_signed),
        cmocka_unit_test(a_forged_base_is_told),
        cmocka_unit_test(a_forged_base_of_a_delegated_role_is_told),
        cmocka_unit_test(a_trusted_root_left_out_is_told),
        cmocka_unit_test(every_change_is_shown),
        cmocka_unit_test(names_show_as_they_are),
        cmocka_unit_test(no_text_of_an_event_moves_the_cursor),
        cmocka_unit_test(what_has_no_canonical_form_is_no_event),
        cmocka_unit_test(an_events_text_is_that_of_its_tree),
        cmocka_unit_test(an_event_refuses_bad_targets),
        cmocka_unit_test(an_event_carries_few_small_targets),
        cmocka_unit_test(a_skipped_version_is_refused),
        cmocka_unit_test(a_repeated_version_is_refused),
        cmocka_unit_test(consistent_snapshot_stays_on),
        cmocka_unit_test(the_old_threshold_must_be_met),
        cmocka_unit_test(the_new_threshold_must_be_met),
        cmocka_unit_test(a_key_changed_under_its_keyid_is_refused),
        cmocka_unit_test(a_delegated_key_changed_under_its_keyid_is_refused),
        cmocka_unit_test(one_person_with_two_keys_counts_once),
        cmocka_unit_test(a_threshold_above_the_keys_is_refused),
        cmocka_unit_test(an_expiry_beyond_the_period_is_refused),
        cmocka_unit_test(an_expiry_in_the_past_is_refused),
        cmocka_unit_test(a_period_raised_in_the_metadata_is_refused),
        cmocka_unit_test(the_online_key_cannot_sign_offline_roles),
        cmocka_unit_test(an_event_cannot_hold_a_timestamp),
        cmocka_unit_test(entries_of_a_snapshot_stay),
        cmocka_unit_test(nothing_goes_on_from_an_old_copy_of_the_tree),
        cmocka_unit_test(a_published_tree_is_readable_under_any_umask),
        cmocka_unit_test(a_published_tree_may_stand_behind_a_link),
        cmocka_unit_test(a_swapped_tree_is_told),
        cmocka_unit_test(metadata_that_no_snapshot_names_is_told),
        cmocka_unit_test(a_swapped_target_is_told),
        cmocka_unit_test(a_target_changed_after_signing_is_refused),
        cmocka_unit_test(a_strangers_signature_counts_for_nothing),
        cmocka_unit_test(a_signature_of_an_earlier_draft_counts_for_nothing),
        cmocka_unit_test(a_signature_without_a_statement_counts_for_nothing),
        cmocka_unit_test(a_signature_given_twice_counts_once),
        cmocka_unit_test(a_malleable_signature_is_no_second_one),
        cmocka_unit_test(no_keyid_leads_out_of_the_events_folder),
        cmocka_unit_test(a_base_that_is_not_in_the_tree_is_stale),
        cmocka_unit_test(the_second_of_two_events_is_stale),
        cmocka_unit_test(too_few_keys_to_lose_one_are_warned_of),
        cmocka_unit_test(a_replaced_online_key_heals_inflated_versions),
        cmocka_unit_test(a_root_key_can_be_replaced),
        cmocka_unit_test(a_whole_targets_quorum_can_be_replaced),
        cmocka_unit_test(targets_must_be_signed_by_the_new_keys),
        cmocka_unit_test(versions_go_on_after_an_expiry),
        cmocka_unit_test(one_ceremony_recovers_when_all_has_expired),
        cmocka_unit_test(a_renewal_of_no_role_is_refused),
        cmocka_unit_test(a_clock_that_went_back_signs_nothing),
        cmocka_unit_test(a_transcript_replays_to_the_state),
        cmocka_unit_test(status_shows_a_hostile_name_harmlessly),
        cmocka_unit_test(a_transcript_may_end_in_half_a_line),
        cmocka_unit_test(a_transcript_of_too_many_lines_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
