/* No two truths: what a holder's machine remembers, and which events wait. */
#include "tests/unit/tuf_case.h"

#include <dlfcn.h>

#include "tuf/manager/report/open.h"
#include "tuf/manager/event/record.h"

static void other_content_of_a_signed_version_is_refused_unless_named(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event first;
    struct tuf_event second;
    struct tuf_record r = {0};
    struct tuf_record again = {0};
    char path[PATH_MAX];
    const char *const named[] = {"targets:2"};
    const char *const other[] = {"targets:3", "root:2"};
    case_open(&c, CASE_POLICY);
    case_round(&c, T0, NULL);
    snprintf(path, sizeof(path), "%s/alice.signed.json", c.dir);
    assert_int_equal(tuf_record_read(path, &r, &c.e), 0);
    case_propose(&c, T0 + DAY, "targets", &first);
    case_propose(&c, T0 + 2 * DAY, "targets", &second);
    EVP_PKEY *alice = case_key(&c, "alice");
    assert_int_equal(tuf_record_check(&r, &first, alice, NULL, 0, &c.e), 0);
    assert_int_equal(tuf_record_sign(&r, &first, alice, &c.e), 0);
    assert_int_equal(tuf_record_write(path, &r, &c.e), 0);
    assert_int_equal(tuf_record_read(path, &again, &c.e), 0);
    assert_int_equal(tuf_record_check(&again, &first, alice, NULL, 0, &c.e), 0);
    assert_int_equal(tuf_record_check(&again, &second, alice, NULL, 0, &c.e), -1);
    assert_says(&c, "--again targets:2");
    assert_int_equal(tuf_record_check(&again, &second, alice, other, 2, &c.e), -1);
    assert_int_equal(tuf_record_check(&again, &second, alice, named, 1, &c.e), 0);
    /* Who may sign nothing in it has said nothing. */
    assert_int_equal(tuf_record_check(&again, &second, case_key(&c, "dave"), NULL, 0, &c.e), 0);
    tuf_record_free(&r);
    tuf_record_free(&again);
    tuf_event_free(&first);
    tuf_event_free(&second);
    case_close(&c);
}

static void another_first_root_is_a_rival_whether_the_first_was_published_or_not(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_case other;
    struct tuf_event first;
    struct tuf_event rival;
    struct tuf_event next;
    struct tuf_record r = {0};
    case_open(&c, CASE_POLICY);
    case_open(&other, CASE_POLICY);
    case_propose(&c, T0, NULL, &first);
    case_propose(&other, T0 + DAY, NULL, &rival);
    assert_false(tuf_record_rival(&r, &first));
    assert_int_equal(tuf_record_sign(&r, &first, case_key(&c, "alice"), &c.e), 0);
    assert_false(tuf_record_rival(&r, &first)); /* signed again: the same */
    assert_true(tuf_record_rival(&r, &rival));
    case_sign(&c, &first, "alice", T0);
    case_sign(&c, &first, "bob", T0);
    case_publish(&c, &first, T0);
    case_propose(&c, T0 + DAY, "root", &next);
    assert_int_equal(tuf_record_see(&r, &next, &c.e), 1);
    assert_false(tuf_record_rival(&r, &next));
    assert_true(tuf_record_rival(&r, &rival));
    tuf_record_free(&r);
    tuf_event_free(&first);
    tuf_event_free(&rival);
    tuf_event_free(&next);
    case_close(&c);
    case_close(&other);
}

static void an_event_that_follows_an_older_root_than_was_seen_is_outdated(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event old;
    struct tuf_event next;
    struct tuf_event cut;
    struct tuf_event last;
    struct tuf_record r = {0};
    case_open(&c, CASE_POLICY);
    case_round(&c, T0, NULL);
    case_propose(&c, T0 + DAY, "targets", &old);
    case_round(&c, T0 + DAY, "root");
    case_propose(&c, T0 + 2 * DAY, "root", &next);
    assert_int_equal(tuf_record_see(&r, &old, &c.e), 1);
    assert_int_equal(tuf_record_fresh(&r, &old, &c.e), 0);
    assert_int_equal(tuf_record_see(&r, &next, &c.e), 1);
    assert_int_equal(tuf_record_fresh(&r, &next, &c.e), 0);
    assert_int_equal(tuf_record_fresh(&r, &old, &c.e), -1);
    assert_says(&c, "outdated");
    assert_int_equal(tuf_record_see(&r, &old, &c.e), 0); /* and that is not forgotten */
    assert_int_equal(tuf_record_fresh(&r, &old, &c.e), -1);
    /* Nor is one whose chain lacks its first roots another repository's. */
    case_propose(&c, T0 + 2 * DAY, "targets", &cut);
    case_round(&c, T0 + 3 * DAY, "root");
    case_propose(&c, T0 + 4 * DAY, "targets", &last);
    assert_int_equal(tuf_record_see(&r, &last, &c.e), 1);
    assert_int_equal(cut.root_count, 2);
    tuf_metadata_free(cut.roots[0]);
    cut.roots[0] = cut.roots[1];
    cut.root_count = 1;
    assert_int_equal(tuf_record_fresh(&r, &cut, &c.e), -1);
    assert_says(&c, "outdated");
    tuf_event_free(&cut);
    tuf_event_free(&last);
    tuf_record_free(&r);
    tuf_event_free(&old);
    tuf_event_free(&next);
    case_close(&c);
}

/* ---- what a look costs ---- */

static long hashes;

/* In place of the library's, for the whole program. */
int EVP_Digest(const void *data, size_t len, unsigned char *md, unsigned int *size,
               const EVP_MD *type, ENGINE *engine)
{
    static int (*real)(const void *, size_t, unsigned char *, unsigned int *, const EVP_MD *,
                       ENGINE *);
    hashes++;
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "EVP_Digest");
    return real(data, len, md, size, type, engine);
}

/* Whatever the number of roots, a look at an event of a known chain hashes no root that was hashed
 * before. */
static void a_root_is_hashed_once(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tuf_record r = {0};
    long first = 0;
    case_open(&c, CASE_POLICY);
    for (int i = 0; i < 12; i++)
        case_round(&c, T0 + i, i > 0 ? "root" : NULL);
    case_propose(&c, T0 + 20, "targets", &ev);
    hashes = 0;
    assert_int_equal(tuf_record_see(&r, &ev, &c.e), 1);
    first = hashes;
    assert_true(first >= 12);
    hashes = 0;
    assert_int_equal(tuf_record_see(&r, &ev, &c.e), 0);
    assert_true(hashes <= 2);
    tuf_event_free(&ev);
    /* And one more root is one more hash. */
    case_round(&c, T0 + 21, "root");
    case_propose(&c, T0 + 22, "targets", &ev);
    hashes = 0;
    assert_int_equal(tuf_record_see(&r, &ev, &c.e), 1);
    assert_true(hashes <= 3);
    tuf_event_free(&ev);
    tuf_record_free(&r);
    case_close(&c);
}

static void a_damaged_record_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "{\"repositories\": [{}]}",
        "{\"repositories\": [], \"x\": 1}",
        "{\"repositories\": []} x",
        "{\"repositories\": [{\"firstRoot\": \"00\", \"newestRootSeen\": 1, \"signed\": []}]}"};
    struct tuf_case c;
    struct tuf_record r;
    char path[PATH_MAX];
    case_open(&c, CASE_POLICY);
    snprintf(path, sizeof(path), "%s/record.json", c.dir);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        case_file(&c, "record.json", bad[i]);
        if (tuf_record_read(path, &r, &c.e) == 0)
            fail_msg("taken: %s", bad[i]);
    }
    assert_int_equal(tuf_record_read(c.dir, &r, &c.e), -1); /* there, and no file */
    case_close(&c);
}

/* An event's state among the open ones of the workspace; -1: it is none of them. */
static int state_of(struct tuf_case *c, const struct tuf_event *ev, size_t *waiting)
{
    struct tuf_workspace w;
    struct tuf_published live;
    struct tuf_open_events open;
    char digest[65];
    int found = -1;
    assert_int_equal(tuf_event_digest(ev, digest, &c->e), 0);
    assert_int_equal(tuf_workspace_open(c->dir, &w, &c->e), 0);
    assert_int_equal(tuf_published_load(w.published, &live, &c->e), 0);
    if (tuf_open_events_read(&w, &live, &open, &c->e) != 0)
        fail_msg("%s", c->e.text);
    for (size_t i = 0; i < open.count; i++) {
        if (strcmp(open.item[i].digest, digest) == 0)
            found = (int)open.item[i].state;
    }
    *waiting = tuf_open_events_waiting(&open);
    tuf_open_events_free(&open);
    tuf_published_free(&live);
    tuf_workspace_close(&w);
    return found;
}

static void open_events_are_those_that_wait(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tuf_event other;
    struct tuf_workspace w;
    struct tuf_published live;
    char path[PATH_MAX];
    size_t waiting = 0;
    case_open(&c, CASE_POLICY);
    case_round(&c, T0, NULL);
    case_propose(&c, T0 + DAY, "targets", &ev);
    assert_int_equal(state_of(&c, &ev, &waiting), -1);
    case_file(&c, "events/junk.json", "{}");
    snprintf(path, sizeof(path), "%s/events/e.json", c.dir);
    assert_int_equal(tuf_event_write(path, &ev, &c.e), 0);
    assert_int_equal(state_of(&c, &ev, &waiting), TUF_OPEN_WAITS);
    assert_int_equal(waiting, 1);
    case_sign(&c, &ev, "alice", T0 + DAY);
    case_sign(&c, &ev, "bob", T0 + DAY);
    assert_int_equal(tuf_event_write(path, &ev, &c.e), 0);
    assert_int_equal(state_of(&c, &ev, &waiting), TUF_OPEN_COMPLETE);
    /* One that was written elsewhere is remembered. */
    case_propose(&c, T0 + 2 * DAY, "targets", &other);
    assert_int_equal(tuf_workspace_open(c.dir, &w, &c.e), 0);
    assert_int_equal(tuf_published_load(w.published, &live, &c.e), 0);
    assert_int_equal(tuf_open_events_note(&w, &live, &other, "/nowhere/o.json", &c.e), 0);
    assert_int_equal(tuf_open_events_note(&w, &live, &other, "/nowhere/o.json", &c.e), 0);
    tuf_published_free(&live);
    tuf_workspace_close(&w);
    assert_int_equal(state_of(&c, &other, &waiting), TUF_OPEN_AWAY);
    assert_int_equal(waiting, 2);
    case_publish(&c, &ev, T0 + DAY);
    assert_int_equal(state_of(&c, &ev, &waiting), -1);
    assert_int_equal(waiting, 0);
    tuf_event_free(&ev);
    tuf_event_free(&other);
    case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_content_of_a_signed_version_is_refused_unless_named),
        cmocka_unit_test(another_first_root_is_a_rival_whether_the_first_was_published_or_not),
        cmocka_unit_test(an_event_that_follows_an_older_root_than_was_seen_is_outdated),
        cmocka_unit_test(a_root_is_hashed_once),
        cmocka_unit_test(a_damaged_record_is_refused),
        cmocka_unit_test(open_events_are_those_that_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
