/* A published tree becomes a workspace; what cannot be carried is said first. */
#include "tests/unit/tuf_case.h"
#include "tuf/manager/takeover/takeover.h"

struct taking {
    struct tuf_case c;
    char from[PATH_MAX], to[PATH_MAX];
    struct tuf_takeover t;
};

static void begin(struct taking *t)
{
    *t = (struct taking){0};
    case_open(&t->c, CASE_POLICY "custom:\n  a.txt: {usage: CTFE, status: Active}\n");
    case_round(&t->c, T0, NULL);
    snprintf(t->from, sizeof(t->from), "%s/published", t->c.dir);
    snprintf(t->to, sizeof(t->to), "%s/new/ws", t->c.dir);
}

static int take(struct taking *t, const char *trusted)
{
    struct tm_buf root = {0};
    char path[2 * PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", t->from, trusted != NULL ? trusted : "");
    if (trusted != NULL)
        assert_int_equal(tm_file_read(path, 1 << 20, &root, &t->c.e), 0);
    const struct tuf_takeover_options o = {.from = t->from,
                                           .trusted = trusted != NULL ? root.data : NULL,
                                           .trusted_len = root.len,
                                           .now = T0};
    int rc = tuf_takeover_run(t->to, &o, &t->t, &t->c.e);
    tm_buf_free(&root);
    return rc;
}

static void end(struct taking *t)
{
    tuf_takeover_free(&t->t);
    case_close(&t->c);
}

/* The workspace's own files stand beside the published tree, where they would be found too. */
static void forget_own(struct taking *t)
{
    char path[2 * PATH_MAX];
    snprintf(path, sizeof(path), "%s/targets", t->c.dir);
    assert_int_equal(tuf_tree_remove(path, &t->c.e), 0);
}

static size_t proposed(struct taking *t, int64_t *first)
{
    struct tuf_workspace w;
    struct tuf_published p;
    struct tuf_event ev;
    const struct tuf_draft_options o = {.name = "x", .reason = "", .now = T0};
    if (tuf_workspace_open(t->to, &w, &t->c.e) != 0 ||
        tuf_workspace_published(&w, &p, &t->c.e) != 0 ||
        tuf_draft_make(&w, &p, &o, &ev, &t->c.e) != 0)
        fail_msg("%s", t->c.e.text);
    size_t count = tuf_event_proposed_count(&ev);
    *first = w.policy.first_root;
    tuf_event_free(&ev);
    tuf_published_free(&p);
    tuf_workspace_close(&w);
    return count;
}

static void assert_loss(struct taking *t, const char *says)
{
    assert_int_equal(take(t, NULL), 0);
    assert_true(t->t.loss_count > 0);
    if (strstr(tm_buf_str(&t->t.losses), says) == NULL)
        fail_msg("'%s' does not say '%s'", tm_buf_str(&t->t.losses), says);
    assert_int_equal(access(t->to, F_OK), -1);
}

static void nothing_is_left_to_propose(void **state)
{
    struct taking t;
    int64_t first;
    (void)state;
    begin(&t);
    assert_int_equal(take(&t, NULL), 0);
    if (t.t.loss_count > 0)
        fail_msg("%s", tm_buf_str(&t.t.losses));
    assert_int_equal(proposed(&t, &first), 0);
    assert_int_equal(first, 0);
    assert_int_equal(t.t.targets, 1);
    assert_int_equal(t.t.holders, 4);
    end(&t);
}

#define EACH "threshold: 1, expiry: 90d, signing: 30d"
#define TWO_DELEGATORS \
    CASE_POLICY \
    "delegations:\n" \
    "  packages: {holders: [carol], " EACH ", directory: packages, paths: ['p/*/*']}\n" \
    "  extras: {holders: [bob], " EACH ", directory: extras, paths: ['e/*/*']}\n" \
    "  shared: {delegated-by: packages, also-delegated-by: [extras], holders: [dave, eve], " EACH \
    ", directory: shared, paths: ['p/s/*', 'e/s/*']}\n"

/* The place of a holder's key among those of a delegation. */
static size_t place_of(json_t *delegations, json_t *role, const char *holder)
{
    json_t *ids = json_object_get(role, "keyids");
    json_t *keys = json_object_get(delegations, "keys");
    for (size_t i = 0; i < json_array_size(ids); i++) {
        json_t *key = json_object_get(keys, json_string_value(json_array_get(ids, i)));
        const char *owner = json_string_value(json_object_get(key, "x-tenmint-keyowner"));
        if (owner != NULL && strcmp(owner, holder) == 0)
            return i;
    }
    fail_msg("no key of %s", holder);
    return 0;
}

/* extras delegates to shared in another way than packages does; a case each. */
static void differ(struct tuf_event *ev, const char *what)
{
    struct tuf_event out;
    json_t *tree = case_tree(ev);
    const char *carol = NULL;
    json_t *key = NULL;
    json_t *of_targets = json_object_get(case_role(tree, "proposed", "targets"), "signed");
    json_t *d = json_object_get(json_object_get(case_role(tree, "proposed", "extras"), "signed"),
                                "delegations");
    json_t *role = json_array_get(json_object_get(d, "roles"), 0);
    of_targets = json_object_get(of_targets, "delegations");
    carol = json_string_value(json_array_get(
        json_object_get(json_array_get(json_object_get(of_targets, "roles"), 0), "keyids"), 0));
    key = json_object_get(json_object_get(of_targets, "keys"), carol);
    if (strcmp(what, "paths") == 0)
        json_array_append_new(json_object_get(role, "paths"), json_string("e/t/*"));
    else if (strcmp(what, "count") == 0)
        json_array_append_new(json_object_get(role, "keyids"), json_string(carol));
    else
        json_array_set_new(json_object_get(role, "keyids"), place_of(d, role, "eve"),
                           json_string(carol));
    json_object_set(json_object_get(d, "keys"), carol, key);
    case_load(tree, &out);
    tuf_event_free(ev);
    *ev = out;
}

/* `other`: in what they differ, or NULL. */
static void begin_with_two_delegators(struct taking *t, const char *other)
{
    static const char *const holders[] = {"alice", "bob", "carol", "dave"};
    struct tuf_event ev;
    *t = (struct taking){0};
    case_open(&t->c, TWO_DELEGATORS);
    case_file(&t->c, "shared/p/s/one", "one\n");
    case_propose(&t->c, T0, NULL, &ev);
    if (other != NULL)
        differ(&ev, other);
    for (size_t i = 0; i < sizeof(holders) / sizeof(holders[0]); i++)
        case_sign(&t->c, &ev, holders[i], T0);
    (void)case_publish(&t->c, &ev, T0);
    tuf_event_free(&ev);
    snprintf(t->from, sizeof(t->from), "%s/published", t->c.dir);
    snprintf(t->to, sizeof(t->to), "%s/new/ws", t->c.dir);
}

static void two_delegators_that_agree_are_carried(void **state)
{
    struct taking t;
    int64_t first;
    (void)state;
    begin_with_two_delegators(&t, NULL);
    assert_int_equal(take(&t, NULL), 0);
    if (t.t.loss_count > 0)
        fail_msg("%s", tm_buf_str(&t.t.losses));
    assert_int_equal(proposed(&t, &first), 0);
    end(&t);
}

static void two_delegators_that_differ_are_said(void **state)
{
    static const struct {
        const char *set, *says;
    } rows[] = {
        {"keys", "role 'shared' is delegated to by 'packages' and by 'extras', with other keys"},
        {"paths", "'packages' and by 'extras', with other paths"},
        {"count", "'extras', with another number of keys or another threshold"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct taking t;
        begin_with_two_delegators(&t, rows[i].set);
        assert_loss(&t, rows[i].says);
        end(&t);
    }
}

static void a_missing_target_is_said_and_nothing_is_written(void **state)
{
    struct taking t;
    char path[2 * PATH_MAX];
    (void)state;
    begin(&t);
    forget_own(&t);
    snprintf(path, sizeof(path), "%s/targets", t.from);
    assert_int_equal(tuf_tree_remove(path, &t.c.e), 0);
    assert_loss(&t, "target 'a.txt'");
    end(&t);
}

static void a_changed_target_is_said(void **state)
{
    struct taking t;
    (void)state;
    begin(&t);
    forget_own(&t);
    char name[PATH_MAX];
    unsigned char hash[32];
    int at = snprintf(name, sizeof(name), "published/targets/");
    assert_int_equal(EVP_Digest("first target\n", 13, hash, NULL, EVP_sha256(), NULL), 1);
    for (size_t i = 0; i < sizeof(hash); i++)
        at += snprintf(name + at, sizeof(name) - (size_t)at, "%02x", hash[i]);
    snprintf(name + at, sizeof(name) - (size_t)at, ".a.txt");
    case_file(&t.c, name, "other target\n");
    assert_loss(&t, "target 'a.txt'");
    end(&t);
}

static void a_chain_may_begin_at_another_root(void **state)
{
    struct taking t;
    struct tuf_published p;
    int64_t first;
    char path[2 * PATH_MAX];
    (void)state;
    begin(&t);
    case_round(&t.c, T0, "root");
    snprintf(path, sizeof(path), "%s/1.root.json", t.from);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(take(&t, NULL), 0);
    assert_int_equal(t.t.loss_count, 0);
    assert_int_equal(proposed(&t, &first), 0);
    assert_int_equal(first, 2);
    snprintf(path, sizeof(path), "%s/published", t.to);
    assert_int_equal(tuf_published_load(path, &p, &t.c.e), -1); /* who begins at 1 does not go on */
    end(&t);
}

static void trust_may_begin_at_a_root_that_was_kept(void **state)
{
    struct taking t;
    int64_t first;
    (void)state;
    begin(&t);
    case_round(&t.c, T0, "root");
    assert_int_equal(take(&t, "2.root.json"), 0);
    assert_int_equal(t.t.loss_count, 0);
    assert_int_equal(proposed(&t, &first), 0);
    assert_int_equal(first, 2);
    end(&t);
}

static void another_root_is_danger(void **state)
{
    struct taking t;
    struct taking other;
    struct tm_buf root = {0};
    char path[2 * PATH_MAX];
    (void)state;
    begin(&t);
    begin(&other);
    snprintf(path, sizeof(path), "%s/1.root.json", other.from);
    assert_int_equal(tm_file_read(path, 1 << 20, &root, &t.c.e), 0);
    const struct tuf_takeover_options o = {
        .from = t.from, .trusted = root.data, .trusted_len = root.len, .now = T0};
    assert_int_equal(tuf_takeover_run(t.to, &o, &t.t, &t.c.e), -1);
    assert_int_equal(t.c.e.kind, ERR_DANGER);
    assert_int_equal(access(t.to, F_OK), -1);
    tm_buf_free(&root);
    end(&other);
    end(&t);
}

static void a_folder_that_is_used_stays_as_it_is(void **state)
{
    struct taking t;
    (void)state;
    begin(&t);
    case_file(&t.c, "new/ws/file", "mine\n");
    assert_int_equal(take(&t, NULL), -1);
    assert_non_null(strstr(t.c.e.text, "new folder"));
    end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_left_to_propose),
        cmocka_unit_test(two_delegators_that_agree_are_carried),
        cmocka_unit_test(two_delegators_that_differ_are_said),
        cmocka_unit_test(a_missing_target_is_said_and_nothing_is_written),
        cmocka_unit_test(a_changed_target_is_said),
        cmocka_unit_test(a_chain_may_begin_at_another_root),
        cmocka_unit_test(trust_may_begin_at_a_root_that_was_kept),
        cmocka_unit_test(another_root_is_danger),
        cmocka_unit_test(a_folder_that_is_used_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
