/* Roles below roles: who delegates to whom, in metadata, in events and in the published tree. */
#include "tests/support/tufedit.h"
#include "tests/unit/tuf_case.h"

#include "tuf/metadata/delegation.h"
#include "tuf/manager/review/difference.h"
#include "tuf/manager/review/reach.h"
#include "tuf/manager/review/rules.h"
#include "tuf/manager/policy/policy.h"

#define EACH "threshold: 1, expiry: 90d, signing: 30d"
#define PACKAGES \
    "  packages: {holders: [carol], " EACH ", directory: packages, paths: ['p/*', 'p/*/*']}\n"
#define WEB(by, who) \
    "  web: {" by "holders: [" who "], " EACH ", directory: web, paths: ['p/web/*']}\n"
#define BELOW "delegated-by: packages, "
#define NESTED_POLICY CASE_POLICY "delegations:\n" PACKAGES WEB(BELOW, "dave")

/* ---- the search ---- */

struct world { /* role names and whom each delegates to */
    struct tuf_metadata *m[8];
    const char *name[8];
    size_t count;
    unsigned asked;
};

static json_t *delegations_ending(const char *const *names, bool terminating)
{
    json_t *roles = json_array();
    for (; *names != NULL; names++)
        json_array_append_new(roles,
                              json_pack("{s:s, s:[], s:i, s:b, s:[s]}", "name", *names, "keyids",
                                        "threshold", 1, "terminating", terminating, "paths", "*"));
    return json_pack("{s:{}, s:o}", "keys", "roles", roles);
}

static json_t *delegations_to(const char *const *names)
{
    return delegations_ending(names, false);
}

static void add(struct world *w, const char *name, const char *const *delegates_to)
{
    struct tm_err e = {0};
    json_t *s = tuf_signed_new(TUF_TARGETS, 1, T0);
    if (delegates_to != NULL)
        json_object_set_new(s, "delegations", delegations_to(delegates_to));
    w->m[w->count] = tuf_metadata_from_json(tuf_envelope_new(s), TUF_TARGETS, &e);
    if (w->m[w->count] == NULL)
        fail_msg("%s", e.text);
    w->name[w->count++] = name;
}

static int get(void *arg, const struct tuf_delegation *d, const struct tuf_metadata **out,
               struct tm_err *e)
{
    struct world *w = arg;
    w->asked++;
    *out = NULL;
    for (size_t i = 0; i < w->count; i++) {
        if (strcmp(w->name[i], d->name) == 0)
            *out = w->m[i];
    }
    return strcmp(d->name, "damaged") == 0 ? tm_err_set(e, "it is damaged") : 0;
}

static int search(struct world *w, const char *role, struct tm_err *e)
{
    struct tuf_delegation d;
    int rc = tuf_delegation_search(w->m[0], role, get, w, &d, e);
    if (rc == 1)
        assert_string_equal(d.name, role);
    return rc;
}

static void close_world(struct world *w)
{
    for (size_t i = 0; i < w->count; i++)
        tuf_metadata_free(w->m[i]);
}

static void a_search_ends_in_circles(void **state)
{
    (void)state;
    struct world w = {0};
    struct tm_err e = {0};
    add(&w, "targets", (const char *const[]){"a", "b", NULL});
    add(&w, "a", (const char *const[]){"c", "a", NULL}); /* itself */
    add(&w, "b", (const char *const[]){"a", "c", NULL}); /* a diamond */
    add(&w, "c", (const char *const[]){"b", "d", NULL}); /* back up */
    assert_int_equal(search(&w, "a", &e), 1);
    assert_int_equal(search(&w, "d", &e), 1);
    w.asked = 0;
    assert_int_equal(search(&w, "nobody", &e), 0);
    assert_true(w.asked <= 8); /* one for each delegation */
    close_world(&w);
}

static void a_search_tells_of_damage(void **state)
{
    (void)state;
    struct world w = {0};
    struct tm_err e = {0};
    add(&w, "targets", (const char *const[]){"a", "damaged", NULL});
    add(&w, "a", (const char *const[]){"c", NULL});
    assert_int_equal(search(&w, "a", &e), 1); /* found before anything is asked */
    assert_int_equal(search(&w, "c", &e), -1);
    assert_string_equal(e.text, "it is damaged");
    close_world(&w);
}

/* ---- which targets clients look for ---- */

static struct tuf_metadata *of_targets(json_t *s)
{
    struct tm_err e = {0};
    struct tuf_metadata *m = tuf_metadata_from_json(tuf_envelope_new(s), TUF_TARGETS, &e);
    if (m == NULL)
        fail_msg("%s", e.text);
    return m;
}

static void what_stands_behind_a_terminating_role_is_not_found(void **state)
{
    (void)state;
    for (int terminating = 0; terminating < 2; terminating++) {
        struct tm_err e = {0};
        struct tuf_unreached u;
        json_t *top = tuf_signed_new(TUF_TARGETS, 1, T0);
        json_t *lost = tuf_signed_new(TUF_TARGETS, 1, T0);
        json_object_set_new(
            top, "delegations",
            delegations_ending((const char *const[]){"first", "lost", NULL}, terminating == 1));
        json_object_set_new(
            lost, "targets",
            json_pack("{s:{s:i, s:{s:s}}}", "x", "length", 1, "hashes", "sha256",
                      "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4"
                      "881"));
        struct tuf_event ev = {0};
        assert_int_equal(tuf_event_add(&ev, "targets", NULL, of_targets(top), &e), 0);
        assert_int_equal(tuf_event_add(&ev, "lost", NULL, of_targets(lost), &e), 0);
        assert_int_equal(tuf_event_unreached(&ev, tuf_event_find(&ev, "lost"), &u, &e), 0);
        assert_int_equal(u.count, terminating);
        tuf_event_free(&ev);
    }
}

/* ---- the policy ---- */

static void roles_go_no_deeper_than_clients(void **state)
{
    (void)state;
    struct tm_buf text = {0};
    struct tuf_policy p;
    struct tm_err e = {0};
    tm_buf_puts(&text,
                CASE_POLICY "delegations:\n"
                            "  r1: {holders: [dave], " EACH ", directory: d, paths: ['*']}\n");
    for (int i = 2; i <= TUF_DELEGATIONS_MAX + 1; i++) {
        if (tuf_policy_parse("p", tm_buf_str(&text), text.len, &p, &e) != 0)
            fail_msg("%s", e.text);
        tuf_policy_free(&p);
        tm_buf_printf(&text,
                      "  r%d: {delegated-by: r%d, holders: [dave], " EACH
                      ", directory: d, paths: ['*']}\n",
                      i, i - 1);
    }
    assert_int_equal(tuf_policy_parse("p", tm_buf_str(&text), text.len, &p, &e), -1);
    assert_non_null(strstr(e.text, "more than 32 roles below targets"));
    tm_buf_free(&text);
}

/* More than a search asks: refused, since the last of them would never be found. */
static void there_are_no_more_delegators_than_are_asked(void **state)
{
    (void)state;
    static const char role[] = "holders: [online], " EACH ", directory: d, paths: ['*']}\n";
    struct tm_buf text = {0};
    struct tuf_policy p;
    struct tm_err e = {0};
    tm_buf_puts(&text, CASE_POLICY "delegations:\n");
    for (int i = 0; i < TUF_DELEGATORS_MAX; i++) {
        if (i == TUF_DELEGATORS_MAX - 1) {
            if (tuf_policy_parse("p", tm_buf_str(&text), text.len, &p, &e) != 0)
                fail_msg("%s", e.text);
            tuf_policy_free(&p);
        }
        tm_buf_printf(&text, "  p%d: {%s  c%d: {delegated-by: p%d, %s", i, role, i, i, role);
    }
    assert_int_equal(tuf_policy_parse("p", tm_buf_str(&text), text.len, &p, &e), -1);
    assert_non_null(strstr(e.text, "more than 1024 roles delegate"));
    tm_buf_free(&text);
}

/* ---- ceremonies ---- */

static void open_nested(struct tuf_case *c)
{
    struct tuf_event ev;
    case_open(c, NESTED_POLICY);
    case_file(c, "packages/p/a", "a\n");
    case_file(c, "web/p/web/b", "b\n");
    case_propose(c, T0, NULL, &ev);
    case_sign(c, &ev, "alice", T0);
    case_sign(c, &ev, "bob", T0);
    case_sign(c, &ev, "carol", T0);
    case_sign(c, &ev, "dave", T0);
    case_publish(c, &ev, T0);
    tuf_event_free(&ev);
}

static size_t faults_of(const struct tuf_event *ev, int64_t now, const char *part)
{
    struct tuf_findings f;
    tuf_rules_judge(ev, NULL, now, &f);
    size_t n = f.error_count;
    if (part != NULL && (n == 0 || strstr(tm_buf_str(&f.errors), part) == NULL))
        fail_msg("'%s' does not say '%s'", n > 0 ? tm_buf_str(&f.errors) : "", part);
    tuf_findings_free(&f);
    return n;
}

/* The event with a delegator that the forger signed himself: the review says so, and the key which
 * it names may still sign nothing. */
static void a_forged_delegator_is_told(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tuf_event forged;
    open_nested(&c);
    case_file(&c, "web/p/web/b", "other\n");
    case_propose(&c, T0, NULL, &ev);
    assert_int_equal(tuf_event_proposed_count(&ev), 1);
    assert_int_equal(faults_of(&ev, T0, NULL), 0);
    json_t *tree = case_tree(&ev);
    json_t *base = case_role(tree, "base", "packages");
    json_t *s = json_object_get(base, "signed");
    json_t *d = json_object_get(s, "delegations");
    json_t *eve = tuf_key_from_pkey(case_key(&c, "eve"), &c.e);
    char keyid[TUF_KEYID_SIZE];
    json_t *keyids = json_array();
    assert_int_equal(
        tuf_keys_add(json_object_get(d, "keys"), keyids, json_incref(eve), keyid, &c.e), 0);
    json_object_set_new(json_array_get(json_object_get(d, "roles"), 0), "keyids", keyids);
    json_t *sig = tuf_sign(s, keyid, eve, case_key(&c, "eve"), &c.e);
    assert_non_null(sig);
    json_object_set_new(base, "signatures", json_pack("[o]", sig));
    case_load(tree, &forged);
    faults_of(&forged, T0, "packages: published: signed by 0 of the 1 keys");
    assert_int_equal(case_try_sign(&c, &forged, "eve", T0), -1);
    assert_says(&c, "may sign nothing");
    json_decref(eve);
    tuf_event_free(&forged);
    tuf_event_free(&ev);
    case_close(&c);
}

/* Two events on their way at once: a change of targets does not make that of a role below stale. */
static void two_events_below_one_role_are_told(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event web;
    struct tuf_event targets;
    open_nested(&c);
    case_file(&c, "web/p/web/b", "other\n");
    case_propose(&c, T0, NULL, &web);
    case_sign(&c, &web, "dave", T0);
    case_file(&c, "web/p/web/b", "b\n");
    case_file(&c, "targets/a.txt", "changed\n");
    case_propose(&c, T0, NULL, &targets);
    assert_int_equal(tuf_event_proposed_count(&targets), 1);
    case_sign(&c, &targets, "alice", T0);
    case_sign(&c, &targets, "bob", T0);
    case_publish(&c, &targets, T0);
    case_file(&c, "web/p/web/b", "other\n");
    struct tuf_publish_report r = case_publish(&c, &web, T0);
    assert_int_equal(r.delegated, 1);
    assert_int_equal(case_sound(&c, T0), 2);
    tuf_event_free(&web);
    tuf_event_free(&targets);
    case_close(&c);
}

static void set_policy(const struct tuf_case *c, const char *delegations)
{
    char text[4096];
    snprintf(text, sizeof(text), "%sdelegations:\n%s", CASE_POLICY, delegations);
    case_file(c, "policy.yaml", text);
}

/* From below packages to targets, and back: at each step those who delegate sign, and the role's
 * own signature holds on. */
static void a_role_can_move_to_another_delegator(void **state)
{
    (void)state;
    static const char *const policies[] = {PACKAGES WEB("", "dave"), PACKAGES WEB(BELOW, "dave")};
    struct tuf_case c;
    struct tuf_event ev;
    open_nested(&c);
    for (size_t i = 0; i < 2; i++) {
        set_policy(&c, policies[i]);
        case_propose(&c, T0, NULL, &ev);
        assert_int_equal(tuf_event_proposed_count(&ev), 2); /* targets and packages */
        assert_int_equal(faults_of(&ev, T0, NULL), 0);
        case_sign(&c, &ev, "alice", T0);
        case_sign(&c, &ev, "bob", T0);
        case_sign(&c, &ev, "carol", T0);
        case_publish(&c, &ev, T0);
        tuf_event_free(&ev);
        assert_int_equal(case_sound(&c, T0), 2);
    }
    case_close(&c);
}

static struct tuf_metadata *with_version(const struct tuf_metadata *m, int64_t version)
{
    struct tuf_signed s = {0};
    struct tm_err e = {0};
    assert_int_equal(tuf_copy_signed(tuf_metadata_signed(m), &s, &e), 0);
    s.version = version;
    struct tuf_metadata *out = tuf_metadata_make(&s, tuf_entries_copy(m, &e), &e);
    tuf_free_signed(&s);
    assert_non_null(out);
    return out;
}

/* Clients remember the versions of a name that is taken away: it goes on from there, for whoever
 * holds it now, and the publication's own clients, who saw the live state, follow. */
static void a_role_that_comes_back_goes_on_from_its_versions(void **state)
{
    (void)state;
    static const char *const policies[] = {PACKAGES, PACKAGES WEB(BELOW, "eve")};
    struct tuf_case c;
    struct tuf_event ev;
    struct tuf_publish_report r;
    open_nested(&c);
    for (size_t i = 0; i < 2; i++) {
        set_policy(&c, policies[i]);
        case_propose(&c, T0, NULL, &ev);
        case_sign(&c, &ev, "carol", T0);
        if (i == 1)
            case_sign(&c, &ev, "eve", T0);
        const struct tuf_event_role *web = tuf_event_find(&ev, "web");
        assert_int_equal(web != NULL ? tuf_metadata_version(web->proposed) : 0, 2 * i);
        assert_int_equal(faults_of(&ev, T0, NULL), 0);
        case_publish(&c, &ev, T0);
        assert_int_equal(case_sound(&c, T0), 1 + i);
        tuf_event_free(&ev);
    }
    case_close(&c);
    /* One that begins anew, as an event made elsewhere would have it. */
    open_nested(&c);
    set_policy(&c, policies[0]);
    case_propose(&c, T0, NULL, &ev);
    case_sign(&c, &ev, "carol", T0);
    case_publish(&c, &ev, T0);
    tuf_event_free(&ev);
    set_policy(&c, policies[1]);
    case_propose(&c, T0, NULL, &ev);
    struct tuf_event_role *again = (struct tuf_event_role *)tuf_event_find(&ev, "web");
    for (int64_t version = 1; version <= 3; version += 2) {
        struct tuf_metadata *m = with_version(again->proposed, version);
        tuf_metadata_free(again->proposed);
        again->proposed = m;
        assert_int_equal(case_try_publish(&c, &ev, T0, false, &r), -1);
        assert_says(&c, "the name was used before, up to version 1");
    }
    tuf_event_free(&ev);
    case_close(&c);
}

/* A new key for the role below: who delegates signs that, and the new key signs the role anew. */
static void the_key_of_a_role_below_can_change(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tuf_publish_report r;
    open_nested(&c);
    set_policy(&c, PACKAGES WEB(BELOW, "eve"));
    case_propose(&c, T0, NULL, &ev);
    assert_int_equal(tuf_event_proposed_count(&ev), 2); /* packages and web */
    assert_int_equal(case_try_sign(&c, &ev, "dave", T0), -1);
    case_sign(&c, &ev, "carol", T0);
    assert_int_equal(case_try_publish(&c, &ev, T0, false, &r), -1);
    assert_says(&c, "web: signed by 0 of the 1 keys");
    case_sign(&c, &ev, "eve", T0);
    case_publish(&c, &ev, T0);
    tuf_event_free(&ev);
    assert_int_equal(case_sound(&c, T0), 2);
    case_close(&c);
}

/* Renewed alone, and told to have nothing to do when it has not. */
static void a_role_below_is_renewed(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    open_nested(&c);
    case_propose(&c, T0 + DAY, "web", &ev);
    assert_int_equal(tuf_event_proposed_count(&ev), 1);
    assert_non_null(tuf_event_find(&ev, "packages"));
    assert_null(tuf_event_find(&ev, "packages")->proposed);
    case_sign(&c, &ev, "dave", T0 + DAY);
    struct tuf_publish_report r = case_publish(&c, &ev, T0 + DAY);
    assert_int_equal(r.delegated, 1);
    tuf_event_free(&ev);
    assert_int_equal(case_sound(&c, T0 + DAY), 2);
    case_close(&c);
}

/* The delegation goes while the role below is on its way. */
static void a_delegation_gone_meanwhile_is_told(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event web;
    struct tuf_event packages;
    struct tuf_publish_report r;
    open_nested(&c);
    case_propose(&c, T0, "web", &web);
    case_sign(&c, &web, "dave", T0);
    set_policy(&c, PACKAGES);
    case_propose(&c, T0, NULL, &packages);
    assert_int_equal(tuf_event_proposed_count(&packages), 1);
    case_sign(&c, &packages, "carol", T0);
    case_publish(&c, &packages, T0);
    assert_int_equal(case_try_publish(&c, &web, T0, false, &r), -1);
    assert_says(&c, "web");
    tuf_event_free(&web);
    tuf_event_free(&packages);
    case_close(&c);
}

#define SHARED(who) \
    "  packages: {holders: [carol], " EACH ", directory: packages, paths: ['p/*', 'p/*/*']}\n" \
    "  extras: {holders: [bob], " EACH ", directory: extras, paths: ['e/*', 'e/*/*']}\n" \
    "  shared: {delegated-by: packages, also-delegated-by: [extras], holders: [" who "], " EACH \
    ", directory: shared, paths: ['p/s/*', 'e/s/*']}\n"

static void sign_all(struct tuf_case *c, struct tuf_event *ev, const char *const *holders)
{
    for (; *holders != NULL; holders++)
        case_sign(c, ev, *holders, T0);
}

/* Both name the same holders, always: whoever comes by either finds good signatures. */
static void a_role_can_have_two_delegators(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tuf_publish_report r;
    struct tm_buf words = {0};
    case_open(&c, CASE_POLICY "delegations:\n" SHARED("dave"));
    case_file(&c, "packages/p/a", "a\n");
    case_file(&c, "shared/p/s/one", "one\n");
    case_file(&c, "shared/e/s/two", "two\n");
    case_propose(&c, T0, NULL, &ev);
    sign_all(&c, &ev, (const char *const[]){"alice", "bob", "carol", "dave", NULL});
    assert_int_equal(case_publish(&c, &ev, T0).delegated, 3);
    tuf_event_free(&ev);
    assert_true(case_sound(&c, T0) >= 3);
    case_propose(&c, T0, NULL, &ev);
    assert_int_equal(tuf_event_proposed_count(&ev), 0);
    tuf_event_free(&ev);
    /* Another holder: both delegators and the role itself. */
    set_policy(&c, SHARED("eve"));
    case_propose(&c, T0, NULL, &ev);
    assert_int_equal(tuf_event_proposed_count(&ev), 3);
    assert_int_equal(faults_of(&ev, T0, NULL), 0);
    tuf_words_difference(tuf_event_find(&ev, "extras")->base,
                         tuf_event_find(&ev, "extras")->proposed, true, &words);
    assert_non_null(strstr(tm_buf_str(&words), "delegation shared: key comes in: eve"));
    tm_buf_free(&words);
    sign_all(&c, &ev, (const char *const[]){"carol", "eve", NULL});
    assert_int_equal(case_try_publish(&c, &ev, T0, false, &r), -1); /* extras is not signed */
    case_sign(&c, &ev, "bob", T0);
    case_publish(&c, &ev, T0);
    tuf_event_free(&ev);
    assert_true(case_sound(&c, T0) >= 3);
    case_close(&c);
}

/* An event in which one of them keeps the old key: refused by review's rules and by publish. */
static void two_delegators_that_disagree_are_refused(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    struct tuf_event forged;
    struct tuf_publish_report r;
    case_open(&c, CASE_POLICY "delegations:\n" SHARED("dave"));
    case_file(&c, "shared/p/s/one", "one\n");
    case_propose(&c, T0, NULL, &ev);
    sign_all(&c, &ev, (const char *const[]){"alice", "bob", "carol", "dave", NULL});
    case_publish(&c, &ev, T0);
    tuf_event_free(&ev);
    set_policy(&c, SHARED("eve"));
    case_propose(&c, T0, NULL, &ev);
    json_t *tree = case_tree(&ev);
    json_object_del(json_object_get(tree, "proposed"), "extras");
    case_load(tree, &forged);
    sign_all(&c, &forged, (const char *const[]){"carol", "eve", NULL});
    assert_int_equal(tuf_rules_thresholds(&forged, &c.e), -1);
    assert_says(&c, "shared (as extras delegates to it): signed by 0 of the 1 keys");
    assert_int_equal(case_try_publish(&c, &forged, T0, false, &r), -1);
    tuf_event_free(&forged);
    tuf_event_free(&ev);
    case_close(&c);
}

static void the_policy_names_delegators_that_stand_before(void **state)
{
    static const struct {
        const char *also, *says;
    } rows[] = {
        {"[c]", "'delegated-by' names 'c', which must stand before it"},
        {"[b]", "cannot be delegated by itself"},
        {"[a, a]", "'a' delegates to it twice"},
        {"[targets]", "'targets' delegates to it twice"},
        {"[d]", "which is neither targets nor under 'delegations'"},
        {"[o]", "a server would choose who they are"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tuf_policy p;
        struct tm_err e = {0};
        char text[4096];
        snprintf(text, sizeof(text),
                 CASE_POLICY "delegations:\n"
                             "  a: {holders: [dave], " EACH ", directory: d, paths: ['*']}\n"
                             "  o: {holders: [online], " EACH ", directory: d, paths: ['*']}\n"
                             "  b: {holders: [dave], " EACH
                             ", directory: d, paths: ['*'], also-delegated-by: %s}\n"
                             "  c: {holders: [dave], " EACH ", directory: d, paths: ['*']}\n",
                 rows[i].also);
        assert_int_equal(tuf_policy_parse("p", text, strlen(text), &p, &e), -1);
        if (strstr(e.text, rows[i].says) == NULL)
            fail_msg("%s: '%s' does not say '%s'", rows[i].also, e.text, rows[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_search_ends_in_circles),
        cmocka_unit_test(a_search_tells_of_damage),
        cmocka_unit_test(what_stands_behind_a_terminating_role_is_not_found),
        cmocka_unit_test(roles_go_no_deeper_than_clients),
        cmocka_unit_test(there_are_no_more_delegators_than_are_asked),
        cmocka_unit_test(a_forged_delegator_is_told),
        cmocka_unit_test(two_events_below_one_role_are_told),
        cmocka_unit_test(a_role_can_move_to_another_delegator),
        cmocka_unit_test(a_role_that_comes_back_goes_on_from_its_versions),
        cmocka_unit_test(the_key_of_a_role_below_can_change),
        cmocka_unit_test(a_role_below_is_renewed),
        cmocka_unit_test(a_delegation_gone_meanwhile_is_told),
        cmocka_unit_test(a_role_can_have_two_delegators),
        cmocka_unit_test(two_delegators_that_disagree_are_refused),
        cmocka_unit_test(the_policy_names_delegators_that_stand_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
