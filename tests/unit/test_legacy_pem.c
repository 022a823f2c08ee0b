/* What the policy's `targets-for` writes, the PEM targets of older clients and a second trusted
 * root: made from trusted_root.json, kept in step, and refused when they say something else. */
#include "tests/unit/tuf_case.h"

#include "tests/support/pki.h"
#include "tuf/metadata/typesjson.h"
#include "tuf/verify/trust/legacy_pem.h"

#define YEAR (365 * DAY)
#define START (T0 - 30 * DAY)
#define LEGACY CASE_POLICY "targets-for: [legacy-pem]\n"

static void add_ca(struct tuf_trusted_root *r, const char *name, const char *uri)
{
    struct tm_err e = {0};
    struct tm_buf pem = {0};
    const struct tuf_validity v = {.has_start = true, .start_ms = START * 1000};
    EVP_PKEY *root_key = pki_key("P-256");
    EVP_PKEY *key = pki_key("P-256");
    X509 *root = pki_ca(name, root_key, NULL, NULL, START - DAY, START + 10 * YEAR);
    X509 *cert = pki_ca("Issuing", key, root, root_key, START - DAY, START + 3 * YEAR);
    pki_pem(cert, &pem);
    pki_pem(root, &pem);
    if (tuf_trusted_root_add_authority(r, TRUST_CA, uri, pem.data, pem.len, &v, &e) != 0)
        fail_msg("%s", e.text);
    tm_buf_free(&pem);
    X509_free(root);
    X509_free(cert);
    EVP_PKEY_free(root_key);
    EVP_PKEY_free(key);
}

static void add_log_of(struct tuf_trusted_root *r, enum tuf_trust_list list, const char *url,
                       const char *type)
{
    struct tm_err e = {0};
    struct tm_buf pem = {0};
    const struct tuf_validity v = {.has_start = true, .start_ms = START * 1000};
    EVP_PKEY *key = pki_key(type);
    pki_public_pem(key, &pem);
    if (tuf_trusted_root_add_log(r, list, url, pem.data, pem.len, &v, &e) != 0)
        fail_msg("%s", e.text);
    tm_buf_free(&pem);
    EVP_PKEY_free(key);
}

static void add_log(struct tuf_trusted_root *r, enum tuf_trust_list list, const char *url)
{
    add_log_of(r, list, url, "P-256");
}

static struct tuf_trusted_root *whole(void)
{
    struct tm_err e = {0};
    struct tuf_trusted_root *r = tuf_trusted_root_new(&e);
    assert_non_null(r);
    add_ca(r, "Old root", "https://old.example.com");
    add_ca(r, "New root", "https://ca.example.com");
    add_log(r, TRUST_CTLOG, "https://ca.example.com/log");
    add_log(r, TRUST_TLOG, "https://rekor.example.com");
    return r;
}

static void put_root(const struct tuf_case *c, const struct tuf_trusted_root *r)
{
    struct tm_buf text = {0};
    struct tm_err e = {0};
    assert_int_equal(tuf_trusted_root_write(r, &text, &e), 0);
    case_file(c, "targets/trusted_root.json", tm_buf_str(&text));
    tm_buf_free(&text);
}

static void put_pem(const struct tuf_case *c, const struct tuf_legacy_pem *p, const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "targets/%s", name);
    case_file(c, path, (const char *)p->text.data);
}

static bool exists(const struct tuf_case *c, const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/targets/%s", c->dir, name);
    return access(path, F_OK) == 0;
}

/* One proposal, signed; publish answers. */
static int try_round(struct tuf_case *c, int64_t now)
{
    struct tuf_event ev;
    struct tuf_publish_report r;
    case_propose(c, now, NULL, &ev);
    case_sign(c, &ev, "alice", now);
    case_sign(c, &ev, "bob", now);
    int rc = case_try_publish(c, &ev, now, false, &r);
    tuf_event_free(&ev);
    return rc;
}

static void assert_refused(struct tuf_case *c, int64_t now, const char *why)
{
    assert_int_equal(try_round(c, now), -1);
    if (strstr(c->e.text, why) == NULL)
        fail_msg("'%s' does not say '%s'", c->e.text, why);
}

static const struct tuf_legacy_pem *named(const struct tuf_legacy_pems *p, const char *start)
{
    for (size_t i = 0; i < p->count; i++) {
        if (strncmp(p->item[i].name, start, strlen(start)) == 0)
            return &p->item[i];
    }
    fail_msg("no %s", start);
    return NULL;
}

static void each_certificate_and_key_has_its_file(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tuf_legacy_pems p;
    struct tuf_trusted_root *r = whole();
    assert_int_equal(tuf_trusted_root_retire(r, TRUST_CA, 0, (T0 - DAY) * 1000, &e), 0);
    assert_int_equal(tuf_legacy_pems_make(r, T0 * 1000, &p, &e), 0);
    assert_int_equal(p.count, 6);
    const struct tuf_legacy_pem *ca = named(&p, "fulcio.crt.pem");
    assert_string_equal(ca->usage, "Fulcio");
    assert_string_equal(ca->status, "Active");
    assert_non_null(strstr((const char *)ca->text.data, "-----BEGIN CERTIFICATE-----\n"));
    assert_string_equal(named(&p, "fulcio_intermediate_v1.crt.pem")->status, "Active");
    assert_string_equal(named(&p, "ctfe.pub")->usage, "CTFE");
    assert_string_equal(named(&p, "rekor.pub")->uri, "https://rekor.example.com");
    size_t ended = 0;
    for (size_t i = 0; i < p.count; i++) {
        ended += strcmp(p.item[i].status, "Expired") == 0;
        assert_string_equal(tuf_legacy_pem_usage(p.item[i].name), p.item[i].usage);
    }
    assert_int_equal(ended, 2); /* root and intermediate of the old CA */
    tuf_legacy_pems_free(&p);
    tuf_trusted_root_free(r);
}

static void the_files_follow_the_trusted_root(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_published live;
    struct tuf_entry entry = {0};
    char dir[PATH_MAX];
    case_open(&c, LEGACY);
    struct tuf_trusted_root *r = whole();
    put_root(&c, r);
    case_round(&c, T0, NULL);
    assert_true(exists(&c, "fulcio.crt.pem"));
    assert_true(exists(&c, "rekor.pub"));
    case_file(&c, "targets/ctfe_by_hand.pub", "of somebody\n");
    assert_int_equal(tuf_trusted_root_retire(r, TRUST_TLOG, 0, T0 * 1000, &c.e), 0);
    put_root(&c, r);
    case_round(&c, T0 + DAY, NULL);
    assert_false(exists(&c, "ctfe_by_hand.pub"));
    assert_non_null(strstr(c.heard, "took away the target ctfe_by_hand.pub"));
    snprintf(dir, sizeof(dir), "%s/published", c.dir);
    assert_int_equal(tuf_published_load(dir, &live, &c.e), 0);
    assert_true(tuf_entry_load(live.targets, "rekor.pub", &entry));
    assert_string_equal(entry.custom.sigstore.status, "Expired");
    assert_string_equal(entry.custom.sigstore.usage, "Rekor");
    assert_string_equal(entry.custom.sigstore.uri, "https://rekor.example.com");
    tuf_free_entry(&entry);
    tuf_published_free(&live);
    tuf_trusted_root_free(r);
    case_close(&c);
}

static void a_removed_ca_that_stays_in_a_pem_target_is_refused(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_legacy_pems p;
    case_open(&c, CASE_POLICY);
    struct tuf_trusted_root *r = whole();
    assert_int_equal(tuf_legacy_pems_make(r, T0 * 1000, &p, &c.e), 0);
    put_root(&c, r);
    for (size_t i = 0; i < p.count; i++)
        put_pem(&c, &p.item[i], p.item[i].name);
    case_round(&c, T0, NULL);
    assert_int_equal(tuf_trusted_root_remove(r, TRUST_CA, 0, &c.e), 0);
    put_root(&c, r);
    assert_refused(&c, T0 + DAY, "that trusted_root.json does not have");
    tuf_legacy_pems_free(&p);
    tuf_trusted_root_free(r);
    case_close(&c);
}

/* Whatever the file's name is. */
static void a_usage_is_judged_under_any_name(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_legacy_pems p;
    case_open(&c, CASE_POLICY "custom:\n  keys/a: {usage: Rekor, status: Active}\n");
    struct tuf_trusted_root *r = whole();
    assert_int_equal(tuf_legacy_pems_make(r, T0 * 1000, &p, &c.e), 0);
    put_root(&c, r);
    put_pem(&c, named(&p, "ctfe.pub"), "keys/a");
    assert_refused(&c, T0, "that trusted_root.json does not have");
    put_pem(&c, named(&p, "rekor.pub"), "keys/a");
    assert_int_equal(try_round(&c, T0), 0);
    assert_int_equal(tuf_trusted_root_retire(r, TRUST_TLOG, 0, T0 * 1000, &c.e), 0);
    put_root(&c, r);
    assert_refused(&c, T0 + DAY, "says Active of a key");
    case_file(&c, "targets/keys/a", "no key at all\n");
    assert_refused(&c, T0 + DAY, "not one public key");
    tuf_legacy_pems_free(&p);
    tuf_trusted_root_free(r);
    case_close(&c);
}

/* Clients that find no target of a usage look for its name. */
static void an_unknown_usage_does_not_hide_a_name(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_legacy_pems p;
    case_open(&c, CASE_POLICY "custom:\n  rekor.pub: {usage: Unknown, status: Active}\n");
    struct tuf_trusted_root *r = whole();
    assert_int_equal(tuf_legacy_pems_make(r, T0 * 1000, &p, &c.e), 0);
    put_root(&c, r);
    put_pem(&c, named(&p, "ctfe.pub"), "rekor.pub");
    assert_refused(&c, T0, "that trusted_root.json does not have");
    tuf_legacy_pems_free(&p);
    tuf_trusted_root_free(r);
    case_close(&c);
}

/* The event was made before the policy asked for what it lacks. */
static void assert_too_early(const char *policy, const char *wanted)
{
    struct tuf_case c;
    struct tuf_event ev;
    struct tuf_publish_report report;
    case_open(&c, CASE_POLICY);
    struct tuf_trusted_root *r = whole();
    put_root(&c, r);
    case_propose(&c, T0, NULL, &ev);
    case_sign(&c, &ev, "alice", T0);
    case_sign(&c, &ev, "bob", T0);
    case_file(&c, "policy.yaml", policy);
    assert_int_equal(case_try_publish(&c, &ev, T0, false, &report), -1);
    assert_non_null(strstr(c.e.text, wanted));
    tuf_event_free(&ev);
    tuf_trusted_root_free(r);
    case_close(&c);
}

static void what_no_target_holds_is_refused(void **state)
{
    (void)state;
    assert_too_early(LEGACY, "no target holds certificate authority");
}

static void the_policy_names_such_a_target_once(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    case_open(&c, LEGACY "custom:\n  rekor.pub: {usage: Rekor, status: Active}\n");
    struct tuf_trusted_root *r = whole();
    put_root(&c, r);
    assert_int_equal(case_try_propose(&c, T0, NULL, &ev), -1);
    assert_non_null(strstr(c.e.text, "take it out of 'custom'"));
    tuf_trusted_root_free(r);
    case_close(&c);
}

#define SECOND CASE_POLICY "targets-for: [ecdsa-logs]\n"
#define SECOND_NAME "trusted_root.ecdsa-logs.json"

/* The trusted root of a target that is published. */
static struct tuf_trusted_root *published_root(const struct tuf_case *c, const char *name)
{
    char path[PATH_MAX];
    struct tm_err e = {0};
    struct tuf_published live;
    struct tuf_entry entry = {0};
    snprintf(path, sizeof(path), "%s/published", c->dir);
    if (tuf_published_load(path, &live, &e) != 0)
        fail_msg("%s", e.text);
    assert_true(tuf_entry_load(live.targets, name, &entry));
    snprintf(path, sizeof(path), "%s/published/targets/%s.%s", c->dir,
             tuf_hashes_find(&entry.hashes, "sha256"), name);
    struct tuf_trusted_root *r = tuf_trusted_root_load_strict(path, &e);
    if (r == NULL)
        fail_msg("%s", e.text);
    tuf_free_entry(&entry);
    tuf_published_free(&live);
    return r;
}

static void a_second_root_follows_the_first_without_its_ed25519_log(void **state)
{
    (void)state;
    struct tuf_case c;
    case_open(&c, SECOND);
    struct tuf_trusted_root *r = whole();
    add_log_of(r, TRUST_TLOG, "https://new.example.com", "ED25519");
    put_root(&c, r);
    case_round(&c, T0, NULL);
    struct tuf_trusted_root *second = published_root(&c, SECOND_NAME);
    assert_int_equal(tuf_trusted_root_count(second, TRUST_TLOG), 1);
    assert_string_equal(tuf_trusted_root_entry(second, TRUST_TLOG, 0)->uri,
                        "https://rekor.example.com");
    assert_int_equal(tuf_trusted_root_count(second, TRUST_CTLOG), 1);
    assert_int_equal(tuf_trusted_root_count(second, TRUST_CA), 2);
    tuf_trusted_root_free(second);
    second = published_root(&c, "trusted_root.json");
    assert_int_equal(tuf_trusted_root_count(second, TRUST_TLOG), 2);
    tuf_trusted_root_free(second);
    assert_int_equal(tuf_trusted_root_remove(r, TRUST_CA, 0, &c.e), 0);
    put_root(&c, r);
    case_round(&c, T0 + DAY, NULL);
    assert_non_null(strstr(c.heard, "wrote the target " SECOND_NAME));
    second = published_root(&c, SECOND_NAME);
    assert_int_equal(tuf_trusted_root_count(second, TRUST_CA), 1);
    tuf_trusted_root_free(second);
    tuf_trusted_root_free(r);
    case_close(&c);
}

/* By a policy that does not ask for it any more, so that a removed CA would stay in it. */
static void a_second_root_that_disagrees_is_refused(void **state)
{
    (void)state;
    struct tuf_case c;
    case_open(&c, SECOND);
    struct tuf_trusted_root *r = whole();
    put_root(&c, r);
    case_round(&c, T0, NULL);
    case_file(&c, "policy.yaml", CASE_POLICY);
    assert_int_equal(tuf_trusted_root_remove(r, TRUST_CA, 0, &c.e), 0);
    put_root(&c, r);
    assert_refused(&c, T0 + DAY, "'" SECOND_NAME "' is not as trusted_root.json has it");
    tuf_trusted_root_free(r);
    case_close(&c);
}

static void a_second_root_that_is_asked_for_must_be_there(void **state)
{
    (void)state;
    assert_too_early(SECOND, "there is no target '" SECOND_NAME "'");
}

static void a_word_that_is_none_is_refused(void **state)
{
    (void)state;
    struct tuf_case c;
    struct tuf_event ev;
    case_open(&c, CASE_POLICY "targets-for: [ecdsa]\n");
    assert_int_equal(case_try_propose(&c, T0, NULL, &ev), -1);
    assert_non_null(strstr(c.e.text, "there are legacy-pem and ecdsa-logs"));
    case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_certificate_and_key_has_its_file),
        cmocka_unit_test(the_files_follow_the_trusted_root),
        cmocka_unit_test(a_removed_ca_that_stays_in_a_pem_target_is_refused),
        cmocka_unit_test(a_usage_is_judged_under_any_name),
        cmocka_unit_test(an_unknown_usage_does_not_hide_a_name),
        cmocka_unit_test(what_no_target_holds_is_refused),
        cmocka_unit_test(the_policy_names_such_a_target_once),
        cmocka_unit_test(a_second_root_follows_the_first_without_its_ed25519_log),
        cmocka_unit_test(a_second_root_that_disagrees_is_refused),
        cmocka_unit_test(a_second_root_that_is_asked_for_must_be_there),
        cmocka_unit_test(a_word_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
