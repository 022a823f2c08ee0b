/* Verification: what must pass, and each check failing on its own. */
#include "tests/support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "tests/support/pki.h"
#include "tests/support/signed.h"
#include "tuf/verify/bundle/dsse.h"
#include "tuf/verify/bundle/verify.h"

#define MINUTE 60LL
#define DAY 86400LL
#define LATER (SIGNED_NOW + 400 * DAY) /* the leaf has long expired */

static struct signed_world world;

/* One run: what is verified, and how. */
struct scene {
    struct signed_options options;
    struct signed_bundle made;
    struct tuf_trusted_root *trust; /* NULL: the world's; owned */
    struct tuf_artifact artifact;
    bool no_artifact;
    EVP_PKEY *key;
    struct tuf_verify_job job;
    struct tuf_report report;
};

static void scene_make(struct scene *s)
{
    struct tm_err e = {0};
    signed_make(&world, &s->options, &s->made);
    assert_int_equal(
        tuf_artifact_from_bytes(SIGNED_ARTIFACT, strlen(SIGNED_ARTIFACT), &s->artifact, &e), 0);
    s->job.scts = 1;
    s->job.now_ms = (SIGNED_NOW + MINUTE) * 1000;
}

/* A copy of the world's trusted root, to be changed. */
static struct tuf_trusted_root *own_trust(struct scene *s)
{
    struct tm_err e = {0};
    struct tm_buf json = {0};
    assert_int_equal(tuf_trusted_root_write(world.trust, &json, &e), 0);
    s->trust = tuf_trusted_root_parse(json.data, json.len, &e);
    tm_buf_free(&json);
    return s->trust;
}

static void rule(struct scene *s, struct tuf_identity_rule r)
{
    s->job.policy.rule[s->job.policy.count++] = r;
}

static void usual_policy(struct scene *s)
{
    rule(s, (struct tuf_identity_rule){.subject = IDENTITY_RULE_ISSUER, .exact = SIGNED_ISSUER});
    rule(s, (struct tuf_identity_rule){.subject = IDENTITY_RULE_SAN, .exact = SIGNED_IDENTITY});
}

static int scene_run(struct scene *s)
{
    struct tm_err e = {0};
    struct tuf_bundle *b = signed_parse(&s->made, &e);
    if (b == NULL)
        fail_msg("the bundle does not parse: %s", e.text);
    s->report = (struct tuf_report){0};
    s->job.bundle = b;
    s->job.root = s->trust != NULL ? s->trust : world.trust;
    s->job.artifact = s->no_artifact ? NULL : &s->artifact;
    s->job.key = s->key;
    int rc = tuf_verify_run(&s->job, &s->report);
    assert_int_equal(rc == 0, tuf_report_ok(&s->report));
    tuf_bundle_free(b);
    return rc;
}

static void scene_free(struct scene *s)
{
    signed_free(&s->made);
    tuf_artifact_free(&s->artifact);
    tuf_trusted_root_free(s->trust);
}

static void print_report(const struct tuf_report *r)
{
    for (size_t i = 0; i < r->count; i++)
        print_message("%d %s: %s\n", r->check[i].outcome, r->check[i].name, r->check[i].detail);
}

static void passes(struct scene *s)
{
    if (scene_run(s) != 0) {
        print_report(&s->report);
        fail_msg("does not verify");
    }
}

/* Exactly the named check fails, says `why`, and says what would pass. */
static void fails(struct scene *s, const char *check, const char *why)
{
    size_t failures = 0;
    if (scene_run(s) == 0) {
        print_report(&s->report);
        fail_msg("verifies, but '%s' should fail", check);
    }
    for (size_t i = 0; i < s->report.count; i++) {
        const struct tuf_report_check *c = &s->report.check[i];
        if (c->outcome != REPORT_FAILED)
            continue;
        failures++;
        if (strcmp(c->name, check) != 0 || (failures == 1 && strstr(c->detail, why) == NULL)) {
            print_report(&s->report);
            fail_msg("'%s: %s' is not '%s: …%s…'", c->name, c->detail, check, why);
        }
    }
    assert_true(failures > 0);
}

static void set_up(struct scene *s, struct signed_options o)
{
    *s = (struct scene){.options = o};
    scene_make(s);
    usual_policy(s);
}

/* --- what must pass --- */

static void every_kind_of_bundle_verifies(void **state)
{
    (void)state;
    static const struct {
        struct signed_options o;
        int64_t now;
    } cases[] = {
        {{0}, SIGNED_NOW},
        {{.stamped_at = SIGNED_NOW + MINUTE}, LATER},
        {{.log = LOG_HASHEDREKORD_1, .logged_at = SIGNED_NOW + MINUTE}, LATER},
        {{.log = LOG_HASHEDREKORD_1, .logged_at = SIGNED_NOW + 9, .stamped_at = SIGNED_NOW + 5},
         LATER},
        {{.log = LOG_HASHEDREKORD_2, .stamped_at = SIGNED_NOW + MINUTE}, LATER},
        {{.dsse = true, .stamped_at = SIGNED_NOW + MINUTE}, LATER},
        {{.dsse = true, .log = LOG_DSSE_1, .logged_at = SIGNED_NOW + MINUTE}, LATER},
        {{.dsse = true, .log = LOG_INTOTO_2, .logged_at = SIGNED_NOW + MINUTE}, LATER},
        {{.dsse = true, .log = LOG_DSSE_2, .stamped_at = SIGNED_NOW + MINUTE}, LATER},
        {{.dsse = true, .log = LOG_HASHEDREKORD_2, .stamped_at = SIGNED_NOW + MINUTE}, LATER},
        {{.key = "P-384"}, SIGNED_NOW},
        {{.key = "P-521"}, SIGNED_NOW},
        {{.key = "RSA"}, SIGNED_NOW},
        {{.key = "ED25519"}, SIGNED_NOW},
        {{.san = "critical,email:dev@example.com"}, SIGNED_NOW},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene s = {.options = cases[i].o};
        scene_make(&s);
        s.job.now_ms = cases[i].now * 1000;
        s.job.tlogs = cases[i].o.log != LOG_NONE ? 1 : 0;
        s.job.timestamps = cases[i].o.stamped_at != 0 ? 1 : 0;
        rule(&s,
             (struct tuf_identity_rule){.subject = IDENTITY_RULE_ISSUER, .exact = SIGNED_ISSUER});
        passes(&s);
        scene_free(&s);
    }
}

/* --- the certificate --- */

static void a_certificate_of_an_unknown_ca_fails(void **state)
{
    (void)state;
    struct scene s;
    EVP_PKEY *key = pki_key("P-256");
    X509 *impostor = pki_ca("CA", key, NULL, NULL, SIGNED_NOW - DAY, SIGNED_NOW + DAY);
    set_up(&s, (struct signed_options){.issuer = impostor, .issuer_key = key});
    fails(&s, "certificate", "none of the trusted root's 1 certificate authorities issued it");
    scene_free(&s);
    X509_free(impostor);
    EVP_PKEY_free(key);
}

static void a_certificate_issued_by_the_root_itself_fails(void **state)
{
    (void)state;
    struct scene s;
    set_up(&s, (struct signed_options){.issuer = world.root, .issuer_key = world.root_key});
    fails(&s, "certificate", "none of the trusted root's");
    scene_free(&s);
}

static void without_a_trusted_time_an_expired_certificate_fails(void **state)
{
    (void)state;
    struct scene s;
    set_up(&s, (struct signed_options){0});
    s.job.now_ms = (SIGNED_NOW + 599) * 1000;
    passes(&s);
    s.job.now_ms = (SIGNED_NOW + 601) * 1000;
    fails(&s, "certificate", "now, 2026-01-01T00:10:01Z: certificate has expired");
    const struct tuf_report_check *c = tuf_report_first_failure(&s.report);
    assert_non_null(strstr(c->remedy, "nothing trusted says when it was signed"));
    s.job.has_at = true; /* the caller knows when */
    s.job.at_ms = (SIGNED_NOW + MINUTE) * 1000;
    passes(&s);
    s.job.at_ms = (SIGNED_NOW - MINUTE) * 1000;
    fails(&s, "certificate", "not yet valid");
    scene_free(&s);
}

static void a_signature_after_the_certificates_life_fails(void **state)
{
    (void)state;
    static const struct signed_options cases[] = {
        {.stamped_at = SIGNED_NOW + 601},
        {.stamped_at = SIGNED_NOW - 1},
        {.log = LOG_HASHEDREKORD_1, .logged_at = SIGNED_NOW + 601},
        /* One good time does not excuse a bad one. */
        {.log = LOG_HASHEDREKORD_1, .logged_at = SIGNED_NOW + 1, .stamped_at = SIGNED_NOW + 601},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene s;
        set_up(&s, cases[i]);
        fails(&s, "certificate", "signed at ");
        scene_free(&s);
    }
}

static void the_cas_window_decides_at_issue_and_at_signing(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct scene s;
    set_up(&s, (struct signed_options){.stamped_at = SIGNED_NOW + 5 * MINUTE});
    s.job.now_ms = LATER * 1000;
    struct tuf_trusted_root *t = own_trust(&s);
    /* Retired after the last signature: old signatures verify. */
    tuf_trusted_root_retire(t, TRUST_CA, 0, (SIGNED_NOW + 5 * MINUTE) * 1000, &e);
    passes(&s);
    /* Cut off between issue and signing, as after a theft. */
    tuf_trusted_root_retire(t, TRUST_CA, 0, (SIGNED_NOW + 2 * MINUTE) * 1000, &e);
    fails(&s, "certificate", "signed at 2026-01-01T00:05:00Z: the trusted root trusts its CA");
    tuf_trusted_root_retire(t, TRUST_CA, 0, (SIGNED_NOW - MINUTE) * 1000, &e);
    fails(&s, "certificate", "when it was issued");
    scene_free(&s);
}

static void a_certificate_for_something_else_fails(void **state)
{
    (void)state;
    struct scene s;
    set_up(&s, (struct signed_options){.usage = "serverAuth"});
    fails(&s, "certificate", "may not be used for code signing");
    scene_free(&s);
    set_up(&s, (struct signed_options){.leaf_is_ca = true});
    fails(&s, "certificate", "is a CA's");
    scene_free(&s);
}

/* --- SCTs --- */

static void scts_are_wanted_from_trusted_logs(void **state)
{
    (void)state;
    struct tm_err e = {0};
    EVP_PKEY *stranger = pki_key("P-256");
    const struct {
        struct signed_options o;
        const char *why;
    } cases[] = {
        {{.no_sct = true}, "holds no SCT"},
        {{.sct_by = stranger}, "0 trusted CT log(s) vouch"},
        {{.sct_at = SIGNED_NOW + DAY}, "0 trusted CT log(s) vouch"},       /* in the future */
        {{.sct_at = SIGNED_NOW - 500 * DAY}, "0 trusted CT log(s) vouch"}, /* before its window */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene s;
        set_up(&s, cases[i].o);
        fails(&s, "sct", cases[i].why);
        s.job.scts = 0; /* asked for none */
        passes(&s);
        scene_free(&s);
    }
    struct scene s;
    set_up(&s, (struct signed_options){.scts = 2});
    passes(&s);
    s.job.scts = 2; /* one log counts once */
    fails(&s, "sct", "1 trusted CT log(s) vouch for the certificate, 2 wanted");
    s.job.scts = 1;
    tuf_trusted_root_remove(own_trust(&s), TRUST_CTLOG, 0, &e);
    fails(&s, "sct", "0 trusted CT log(s)");
    scene_free(&s);
    EVP_PKEY_free(stranger);
}

/* An SCT is for this certificate: moved into another, it is worth nothing. */
static void an_sct_of_another_certificate_fails(void **state)
{
    (void)state;
    struct scene s;
    struct scene other;
    set_up(&s, (struct signed_options){.no_sct = true});
    set_up(&other, (struct signed_options){0});
    int at = X509_get_ext_by_NID(other.made.leaf, NID_ct_precert_scts, -1);
    assert_true(at >= 0);
    X509_add_ext(s.made.leaf, X509_get_ext(other.made.leaf, at), -1);
    assert_true(X509_sign(s.made.leaf, world.ca_key, EVP_sha256()) > 0);
    unsigned char *der = NULL;
    int n = i2d_X509(s.made.leaf, &der);
    struct tm_buf text = {0};
    tm_b64_encode(B64_STD, der, (size_t)n, &text);
    json_object_set_new(
        json_object_get(json_object_get(s.made.json, "verificationMaterial"), "certificate"),
        "rawBytes", json_string(tm_buf_str(&text)));
    fails(&s, "sct", "0 trusted CT log(s) vouch");
    OPENSSL_free(der);
    tm_buf_free(&text);
    scene_free(&s);
    scene_free(&other);
}

/* --- identity --- */

static void the_policy_names_issuer_identity_and_extensions(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tm_pattern *part = tm_pattern_new("https://github\\.com/org/app", PATTERN_WHOLE, &e);
    struct tm_pattern *either = tm_pattern_new("x|https://github\\.com/org/.*", PATTERN_WHOLE, &e);
    const struct {
        struct tuf_identity_rule rule;
        const char *check, *why; /* NULL: passes */
    } cases[] = {
        {{.subject = IDENTITY_RULE_ISSUER, .exact = SIGNED_ISSUER}, NULL, NULL},
        {{.subject = IDENTITY_RULE_ISSUER, .exact = SIGNED_ISSUER "/"}, "issuer", "is not"},
        {{.subject = IDENTITY_RULE_ISSUER, .exact = "https://token"}, "issuer", "is not"},
        {{.subject = IDENTITY_RULE_SAN, .exact = "https://github.com/org/app"},
         "identity",
         "is not"},
        {{.subject = IDENTITY_RULE_SAN, .pattern = either, .source = "x|…"}, NULL, NULL},
        {{.subject = IDENTITY_RULE_SAN, .pattern = part, .source = "part"},
         "identity",
         "does not match (as a whole) 'part'"},
        {{.subject = IDENTITY_RULE_EXTENSION, .field = IDENTITY_SOURCE_URI, .exact = SIGNED_SOURCE},
         NULL,
         NULL},
        {{.subject = IDENTITY_RULE_EXTENSION, .field = IDENTITY_SOURCE_URI, .pattern = part},
         NULL,
         NULL},
        {{.subject = IDENTITY_RULE_EXTENSION, .field = IDENTITY_SOURCE_URI, .exact = "other"},
         "extension",
         "source-repository-uri is 'https://github.com/org/app', which is not"},
        {{.subject = IDENTITY_RULE_EXTENSION, .field = IDENTITY_SOURCE_REF, .exact = "main"},
         "extension",
         "the certificate has no source-repository-ref"},
    };
    assert_non_null(part);
    assert_non_null(either);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene s = {0};
        scene_make(&s);
        rule(&s, cases[i].rule);
        if (cases[i].check == NULL)
            passes(&s);
        else
            fails(&s, cases[i].check, cases[i].why);
        if (cases[i].check != NULL)
            assert_string_not_equal(tuf_report_first_failure(&s.report)->remedy, "");
        scene_free(&s);
    }
    tm_pattern_free(part);
    tm_pattern_free(either);
}

static void odd_subject_names_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *san, *why;
    } cases[] = {{"critical,URI:https://a,URI:https://b", "2 subject alternative names"},
                 {"critical,DNS:example.com", "neither URI, email"},
                 {"critical,otherName:1.2.3.4;UTF8:x", "neither URI, email"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene s = {.options = {.san = cases[i].san}};
        scene_make(&s);
        rule(&s, (struct tuf_identity_rule){.subject = IDENTITY_RULE_SAN, .exact = "https://a"});
        fails(&s, "identity", cases[i].why);
        scene_free(&s);
    }
    struct scene s = {
        .options = {.san = "critical,otherName:1.3.6.1.4.1.57264.1.7;UTF8:user!example.com"}};
    scene_make(&s);
    rule(&s, (struct tuf_identity_rule){.subject = IDENTITY_RULE_SAN, .exact = "user!example.com"});
    passes(&s);
    scene_free(&s);
}

static void patterns_match_whole_texts_within_limits(void **state)
{
    (void)state;
    struct tm_err e = {0};
    char long_text[4096];
    struct tm_pattern *p = tm_pattern_new("a|ab", PATTERN_WHOLE, &e);
    assert_int_equal(tm_pattern_match(p, "ab", 2, &e), 1);
    assert_int_equal(tm_pattern_match(p, "abc", 3, &e), 0);
    assert_int_equal(tm_pattern_match(p, "ab\n", 3, &e), 0);
    assert_int_equal(tm_pattern_match(p, "xab", 3, &e), 0);
    tm_pattern_free(p);
    memset(long_text, 'a', sizeof(long_text));
    p = tm_pattern_new("(a|aa)+[bc]", PATTERN_WHOLE, &e); /* would take for ever */
    assert_int_equal(tm_pattern_match(p, long_text, sizeof(long_text), &e), -1);
    assert_non_null(strstr(e.text, "limit"));
    tm_pattern_free(p);
    p = tm_pattern_new(".*", PATTERN_WHOLE, &e);
    assert_int_equal(tm_pattern_match(p, "\xff", 1, &e), -1);
    tm_pattern_free(p);
    assert_null(tm_pattern_new("(", PATTERN_WHOLE, &e));
    assert_non_null(strstr(e.text, "character"));
    assert_null(tm_pattern_new("\\C", PATTERN_WHOLE, &e));
}

static void field_names_are_suggested(void **state)
{
    (void)state;
    struct tm_err e = {0};
    enum tm_identity_field f;
    assert_int_equal(tuf_identity_field_by_name("source-repository-uri", &f, &e), 0);
    assert_int_equal(f, IDENTITY_SOURCE_URI);
    assert_int_equal(tuf_identity_field_by_name("token-subject", &f, &e), 0);
    assert_int_equal(tuf_identity_field_by_name("source-repositry-uri", &f, &e), -1);
    assert_non_null(strstr(e.text, "is 'source-repository-uri' meant?"));
    assert_int_equal(tuf_identity_field_by_name("", &f, &e), -1);
}

/* --- timestamps --- */

static void timestamps_count_only_from_trusted_authorities(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct scene s;
    set_up(&s, (struct signed_options){.stamped_at = SIGNED_NOW + MINUTE});
    s.job.timestamps = 1;
    passes(&s);
    s.job.timestamps = 2;
    fails(&s, "timestamp", "1 trusted timestamp authorities vouch for a time, 2 wanted");
    s.job.timestamps = 1;
    struct tuf_trusted_root *t = own_trust(&s);
    tuf_trusted_root_retire(t, TRUST_TSA, 0, (SIGNED_NOW + MINUTE) * 1000, &e);
    passes(&s); /* the end is inclusive */
    tuf_trusted_root_retire(t, TRUST_TSA, 0, (SIGNED_NOW + MINUTE) * 1000 - 1, &e);
    fails(&s, "timestamp", "0 trusted timestamp authorities");
    tuf_trusted_root_remove(t, TRUST_TSA, 0, &e);
    fails(&s, "timestamp", "0 trusted timestamp authorities");
    s.job.timestamps = 0; /* then it is judged now */
    passes(&s);
    s.job.now_ms = LATER * 1000;
    fails(&s, "certificate", "now, ");
    scene_free(&s);
}

static void set_timestamp(struct scene *s, const struct tm_buf *der)
{
    struct tm_buf text = {0};
    tm_b64_encode(B64_STD, der->data, der->len, &text);
    json_t *list =
        json_object_get(json_object_get(json_object_get(s->made.json, "verificationMaterial"),
                                        "timestampVerificationData"),
                        "rfc3161Timestamps");
    json_object_set_new(json_array_get(list, 0), "signedTimestamp", json_string(tm_buf_str(&text)));
    tm_buf_free(&text);
}

static void a_timestamp_over_something_else_does_not_count(void **state)
{
    (void)state;
    struct scene s;
    struct tm_buf der = {0};
    set_up(&s, (struct signed_options){.stamped_at = SIGNED_NOW + MINUTE});
    s.job.timestamps = 1;
    signed_timestamp(world.tsa, world.tsa_key, SIGNED_NOW + MINUTE, "another signature", 17, &der);
    set_timestamp(&s, &der);
    fails(&s, "timestamp", "0 trusted timestamp authorities");
    /* By a certificate that calls itself the same, from another root. */
    struct signed_world other;
    struct tm_err e = {0};
    signed_world_build(&other);
    struct tuf_bundle *b = signed_parse(&s.made, &e);
    tm_buf_reset(&der);
    signed_timestamp(other.tsa, other.tsa_key, SIGNED_NOW + MINUTE, b->signature.data,
                     b->signature.len, &der);
    set_timestamp(&s, &der);
    fails(&s, "timestamp", "0 trusted timestamp authorities");
    buf_putc(&der, 0);
    set_timestamp(&s, &der);
    fails(&s, "timestamp", "0 trusted timestamp authorities");
    tuf_bundle_free(b);
    signed_world_free(&other);
    tm_buf_free(&der);
    scene_free(&s);
}

/* --- log entries --- */

static json_t *log_entry(struct scene *s)
{
    return json_array_get(
        json_object_get(json_object_get(s->made.json, "verificationMaterial"), "tlogEntries"), 0);
}

static void log_entries_are_wanted_from_trusted_logs(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct scene s;
    set_up(&s, (struct signed_options){0});
    s.job.tlogs = 1;
    fails(&s, "log entry", "0 trusted transparency logs hold this signature, 1 wanted");
    scene_free(&s);
    set_up(&s, (struct signed_options){.log = LOG_HASHEDREKORD_1, .logged_at = SIGNED_NOW + 9});
    s.job.tlogs = 1;
    struct tuf_trusted_root *t = own_trust(&s);
    passes(&s);
    size_t at;
    assert_int_equal(tuf_trusted_root_find(t, TRUST_TLOG, "https://log.example.com", &at, &e), 0);
    tuf_trusted_root_retire(t, TRUST_TLOG, at, (SIGNED_NOW + 9) * 1000, &e);
    passes(&s);
    tuf_trusted_root_retire(t, TRUST_TLOG, at, (SIGNED_NOW + 9) * 1000 - 1, &e);
    fails(&s, "log entry", "it came at 2026-01-01T00:00:09Z, but the trusted root trusts");
    tuf_trusted_root_remove(t, TRUST_TLOG, at, &e);
    fails(&s, "log entry", "0 trusted transparency logs hold this signature");
    s.job.tlogs = 0;
    passes(&s); /* and nothing says when, but the leaf lives */
    scene_free(&s);
}

/* Without a time of its own the entry is judged at the signing times. */
static void a_version_2_log_is_trusted_within_its_window(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct scene s;
    size_t at;
    set_up(&s, (struct signed_options){.log = LOG_HASHEDREKORD_2, .stamped_at = SIGNED_NOW + 9});
    s.job.tlogs = 1;
    struct tuf_trusted_root *t = own_trust(&s);
    assert_int_equal(tuf_trusted_root_find(t, TRUST_TLOG, "https://log2.example.com", &at, &e), 0);
    tuf_trusted_root_retire(t, TRUST_TLOG, at, (SIGNED_NOW + 9) * 1000, &e);
    passes(&s);
    tuf_trusted_root_retire(t, TRUST_TLOG, at, (SIGNED_NOW + 8) * 1000, &e);
    fails(&s, "log entry", "it was signed at 2026-01-01T00:00:09Z, but the trusted root trusts");
    scene_free(&s);
}

/* Flips a bit in the last byte of a base64 member. */
static void damage(json_t *holder, const char *name)
{
    struct tm_buf bytes = {0};
    struct tm_buf text = {0};
    const char *old = json_string_value(json_object_get(holder, name));
    assert_int_equal(tm_b64_decode(B64_STD, old, strlen(old), &bytes), 0);
    bytes.data[bytes.len - 1] ^= 1;
    tm_b64_encode(B64_STD, bytes.data, bytes.len, &text);
    json_object_set_new(holder, name, json_string(tm_buf_str(&text)));
    tm_buf_free(&bytes);
    tm_buf_free(&text);
}

static void damaged_evidence_of_a_known_log_fails(void **state)
{
    (void)state;
    struct scene s;
    const struct signed_options o = {.log = LOG_HASHEDREKORD_1, .logged_at = SIGNED_NOW + 9};
    set_up(&s, o);
    s.job.tlogs = 1;
    damage(json_object_get(log_entry(&s), "inclusionPromise"), "signedEntryTimestamp");
    fails(&s, "log entry", "signed entry timestamp by 'https://log.example.com'");
    scene_free(&s);

    set_up(&s, o);
    json_object_set_new(log_entry(&s), "integratedTime", json_string("1767225610"));
    fails(&s, "log entry", "signed entry timestamp");
    scene_free(&s);

    set_up(&s, o);
    json_t *proof = json_object_get(log_entry(&s), "inclusionProof");
    damage(proof, "rootHash");
    fails(&s, "log entry", "another tree than the checkpoint's");
    scene_free(&s);

    set_up(&s, o);
    proof = json_object_get(log_entry(&s), "inclusionProof");
    json_object_set_new(proof, "logIndex", json_string("0"));
    fails(&s, "log entry", "inclusion proof");
    scene_free(&s);

    set_up(&s, o);
    proof = json_object_get(log_entry(&s), "inclusionProof");
    const char *note =
        json_string_value(json_object_get(json_object_get(proof, "checkpoint"), "envelope"));
    char *forged = strdup(note);
    *strchr(forged, '7') = '8'; /* of the origin */
    json_object_set_new(json_object_get(proof, "checkpoint"), "envelope", json_string(forged));
    free(forged);
    fails(&s, "log entry", "checkpoint");
    scene_free(&s);
}

/* A good entry about another signature, as one would copy it over. */
static void an_entry_about_something_else_fails(void **state)
{
    (void)state;
    static const struct signed_options cases[] = {
        {.log = LOG_HASHEDREKORD_1, .logged_at = SIGNED_NOW + 9},
        {.log = LOG_HASHEDREKORD_2},
        {.dsse = true, .log = LOG_DSSE_1, .logged_at = SIGNED_NOW + 9},
        {.dsse = true, .log = LOG_DSSE_2},
        {.dsse = true, .log = LOG_INTOTO_2, .logged_at = SIGNED_NOW + 9},
        {.dsse = true, .log = LOG_HASHEDREKORD_2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene s;
        struct scene other;
        set_up(&s, cases[i]);
        set_up(&other, cases[i]);
        json_t *list =
            json_object_get(json_object_get(s.made.json, "verificationMaterial"), "tlogEntries");
        json_array_set(list, 0, log_entry(&other));
        fails(&s, "log entry", "the log entry holds another signature");
        scene_free(&s);
        scene_free(&other);
    }
    struct scene s;
    set_up(&s, (struct signed_options){.log = LOG_HASHEDREKORD_2});
    json_object_set_new(json_object_get(log_entry(&s), "kindVersion"), "version",
                        json_string("0.0.1"));
    fails(&s, "log entry", "another kind than the bundle says");
    json_object_set_new(json_object_get(log_entry(&s), "kindVersion"), "kind", json_string("dsse"));
    fails(&s, "log entry", "says nothing about a message signature");
    scene_free(&s);
}

/* --- signature and artifact --- */

static void another_artifact_fails(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct scene s;
    set_up(&s, (struct signed_options){0});
    tuf_artifact_free(&s.artifact);
    assert_int_equal(tuf_artifact_from_bytes("x", 1, &s.artifact, &e), 0);
    json_object_del(json_object_get(s.made.json, "messageSignature"), "messageDigest");
    fails(&s, "signature", "does not verify");
    s.no_artifact = true;
    fails(&s, "signature", "no artifact was given");
    scene_free(&s);

    set_up(&s, (struct signed_options){0}); /* the hint lies */
    json_object_set_new(
        json_object_get(json_object_get(s.made.json, "messageSignature"), "messageDigest"),
        "digest", json_string("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
    fails(&s, "artifact", "its sha256 differs");
    scene_free(&s);

    set_up(&s, (struct signed_options){0});
    damage(json_object_get(s.made.json, "messageSignature"), "signature");
    fails(&s, "signature", "does not verify");
    scene_free(&s);
}

static void a_digest_serves_where_the_key_signs_digests(void **state)
{
    (void)state;
    unsigned char digest[32];
    struct scene s;
    set_up(&s, (struct signed_options){0});
    memcpy(digest, s.artifact.digest[DIGEST_SHA256], sizeof(digest));
    tuf_artifact_free(&s.artifact);
    tuf_artifact_from_digest(digest, sizeof(digest), &s.artifact);
    passes(&s);
    digest[31] ^= 1;
    tuf_artifact_from_digest(digest, sizeof(digest), &s.artifact);
    json_object_del(json_object_get(s.made.json, "messageSignature"), "messageDigest");
    fails(&s, "signature", "does not verify");
    scene_free(&s);
    set_up(&s, (struct signed_options){.key = "ED25519"});
    json_object_del(json_object_get(s.made.json, "messageSignature"), "messageDigest");
    tuf_artifact_free(&s.artifact);
    tuf_artifact_from_digest(digest, sizeof(digest), &s.artifact);
    fails(&s, "signature", "a digest is not enough");
    scene_free(&s);
}

static void a_predicate_is_wanted_of_attestations_only(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct scene s;
    set_up(&s, (struct signed_options){0});
    s.job.predicate_type = SIGNED_PREDICATE;
    fails(&s, "predicate", "this is no attestation");
    struct tuf_bundle *b = signed_parse(&s.made, &e); /* a certificate alone */
    assert_non_null(b);
    b->content = BUNDLE_CERTIFICATE_ONLY;
    s.job.bundle = b;
    s.job.artifact = NULL;
    s.report = (struct tuf_report){0};
    assert_int_equal(tuf_verify_run(&s.job, &s.report), -1);
    s.job.predicate_type = NULL;
    s.report = (struct tuf_report){0};
    assert_int_equal(tuf_verify_run(&s.job, &s.report), 0);
    tuf_bundle_free(b);
    scene_free(&s);
}

static bool has_remedy(const struct scene *s, const char *text)
{
    for (size_t i = 0; i < s->report.count; i++) {
        if (strstr(s->report.check[i].remedy, text) != NULL)
            return true;
    }
    return false;
}

static void a_name_is_quoted_for_the_shell_and_offered_of_a_known_ca_only(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct scene s;
    set_up(&s, (struct signed_options){.san = "critical,URI:https://x.example/';id;'"});
    assert_int_equal(scene_run(&s), -1);
    assert_true(has_remedy(&s, "--identity 'https://x.example/'\\'';id;'\\'''"));
    tuf_trusted_root_remove(own_trust(&s), TRUST_CA, 0, &e);
    assert_int_equal(scene_run(&s), -1);
    assert_false(has_remedy(&s, "--identity"));
    scene_free(&s);
}

static void attestations_must_be_about_the_artifact(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct scene s;
    set_up(&s, (struct signed_options){.dsse = true});
    s.job.predicate_type = SIGNED_PREDICATE;
    passes(&s);
    s.job.predicate_type = "https://example.com/other";
    fails(&s, "predicate", "not 'https://example.com/other'");
    s.job.predicate_type = NULL;
    tuf_artifact_free(&s.artifact);
    assert_int_equal(tuf_artifact_from_bytes("x", 1, &s.artifact, &e), 0);
    fails(&s, "artifact", "none of the statement's 1 subjects");
    s.no_artifact = true;
    fails(&s, "artifact", "no artifact was given");
    s.job.artifact_waived = true;
    passes(&s);
    damage(json_array_get(
               json_object_get(json_object_get(s.made.json, "dsseEnvelope"), "signatures"), 0),
           "sig");
    fails(&s, "signature", "does not verify");
    scene_free(&s);
    set_up(&s, (struct signed_options){.dsse = true});
    s.job.artifact_waived = true;
    s.no_artifact = true;
    json_object_set_new(json_object_get(s.made.json, "dsseEnvelope"), "payloadType",
                        json_string("text/plain")); /* the type is signed, too */
    fails(&s, "signature", "does not verify");
    scene_free(&s);
}

static void unparsable(struct scene *s, const char *why)
{
    struct tm_err e = {0};
    struct tuf_bundle *b = signed_parse(&s->made, &e);
    if (b != NULL)
        fail_msg("parsed, but should say '%s'", why);
    if (strstr(e.text, why) == NULL)
        fail_msg("'%s' does not say '%s'", e.text, why);
}

#define RIGHT_256 \
    "c7a84752ea6e40c89ffa5c4edc346d18c006f0c92cbecc4d83c42acaf3bfdfcf" /* of SIGNED_ARTIFACT */
#define WRONG_256 "00000000000000000000000000000000000000000000000000000000000000ff"
#define STATEMENT(rest) "{\"_type\": \"https://in-toto.io/Statement/v1\"" rest "}"
#define SUBJECT(digest) "{\"name\": \"app\", \"digest\": {" digest "}}"

/* A statement that is signed by whom it should be, and says something else. */
static void statements_must_name_the_artifact(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why; /* why NULL: it is fine */
    } cases[] = {
        {STATEMENT(", \"subject\": [" SUBJECT("\"sha256\": \"" RIGHT_256 "\"") "]"), NULL},
        {STATEMENT(", \"subject\": [" SUBJECT("\"sha256\": \"" WRONG_256 "\"") ", " SUBJECT(
             "\"sha1\": \"00\", \"sha256\": \"" RIGHT_256 "\"") "]"),
         NULL},
        {STATEMENT(", \"subject\": []"), "0 subjects"},
        {STATEMENT(""), "0 subjects"},
        {STATEMENT(", \"subject\": null"), "0 subjects"},
        {STATEMENT(", \"subject\": " SUBJECT("\"sha256\": \"" RIGHT_256 "\"")), "not an array"},
        {STATEMENT(", \"subject\": [" SUBJECT("") "]"), "1 subjects"},
        {STATEMENT(", \"subject\": [7]"), "'subject[0]' is not an object"},
        {STATEMENT(", \"subject\": [" SUBJECT("\"sha1\": \"00\"") "]"), "1 subjects"},
        {STATEMENT(", \"subject\": [" SUBJECT("\"sha256\": \"\"") "]"), "1 subjects"},
        {STATEMENT(", \"subject\": [" SUBJECT("\"sha256\": [\"" RIGHT_256 "\"]") "]"),
         "'sha256' is not a string"},
        /* Both must agree, whatever form the other has. */
        {STATEMENT(", \"subject\": [" SUBJECT("\"sha256\": \"" RIGHT_256
                                              "\", \"sha512\": \"" WRONG_256 "\"") "]"),
         "1 subjects"},
        {STATEMENT(", \"subject\": [" SUBJECT("\"sha256\": \"" RIGHT_256 "\", \"sha512\": 7") "]"),
         "'sha512' is not a string"},
        /* The name of another algorithm for the same bytes is none. */
        {STATEMENT(", \"subject\": [" SUBJECT("\"sha384\": \"" RIGHT_256 "\"") "]"), "1 subjects"},
        {"{\"_type\": \"https://in-toto.io/Statement/v9\", \"subject\": [" SUBJECT(
             "\"sha256\": \"" RIGHT_256 "\"") "]}",
         "no in-toto statement"},
        {"{\"subject\": [" SUBJECT("\"sha256\": \"" RIGHT_256 "\"") "]}", "'_type' is missing"},
        {STATEMENT(
             ", \"subject\": [], \"subject\": [" SUBJECT("\"sha256\": \"" RIGHT_256 "\"") "]"),
         "duplicate"},
        {STATEMENT(", \"subject\": [" SUBJECT("\"sha256\": \"" RIGHT_256 "\"") "]") "x",
         "statement"},
        {"", "statement"},
        {"[]", "statement"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene s;
        set_up(&s, (struct signed_options){.dsse = true, .statement = cases[i].text});
        if (cases[i].why == NULL)
            passes(&s);
        else
            fails(&s, "artifact", cases[i].why);
        scene_free(&s);
    }
}

/* DSSE allows several signatures; which of them was checked would be anybody's guess. */
static void an_envelope_has_one_signature(void **state)
{
    (void)state;
    struct scene s;
    set_up(&s, (struct signed_options){.dsse = true});
    json_t *list = json_object_get(json_object_get(s.made.json, "dsseEnvelope"), "signatures");
    json_t *twin = json_deep_copy(json_array_get(list, 0));
    damage(twin, "sig");
    json_array_append(list, twin);
    unparsable(&s, "more than 1 items");
    json_array_remove(list, 0);
    fails(&s, "signature", "does not verify");
    json_array_clear(list);
    unparsable(&s, "'signatures' is empty");
    json_decref(twin);
    scene_free(&s);
}

static void a_bundle_signed_by_a_key_needs_that_key(void **state)
{
    (void)state;
    struct scene s = {0};
    EVP_PKEY *stranger = pki_key("P-256");
    scene_make(&s);
    s.key = s.made.key;
    fails(&s, "certificate", "a key was given");
    json_t *material = json_object_get(s.made.json, "verificationMaterial");
    json_object_del(material, "certificate");
    json_object_set_new(material, "publicKey", json_pack("{s:s}", "hint", "x"));
    passes(&s);
    s.key = NULL;
    fails(&s, "certificate", "signed by a key");
    s.key = stranger;
    fails(&s, "signature", "does not verify");
    scene_free(&s);
    EVP_PKEY_free(stranger);
}

/* --- bundles that are none --- */

static void damaged_bundles_are_refused_with_the_member_named(void **state)
{
    (void)state;
    const struct signed_options full = {
        .log = LOG_HASHEDREKORD_1, .logged_at = SIGNED_NOW + 9, .stamped_at = SIGNED_NOW + 9};
    static const struct {
        const char *path, *member, *json, *why; /* json NULL: removed */
    } cases[] = {
        {"", "mediaType", "\"x\"", "mediaType"},
        {"", "mediaType", "\"application/vnd.dev.sigstore.bundle+json;version=0.1\"",
         "not 'certificate'"},
        {"", "dsseEnvelope", "{\"signatures\": [{\"sig\": \"AAAA\"}]}", "one of"},
        {"", "messageSignature", NULL, "one of"},
        {"messageSignature", "signature", "\"\"", "'signature' is missing"},
        {"messageSignature", "signature", "\"*\"", "not base64"},
        {"messageSignature/messageDigest", "digest", "\"AAAA\"", "wrong length"},
        {"verificationMaterial", "certificate", NULL, "one of"},
        {"verificationMaterial", "publicKey", "{}", "one of"},
        {"verificationMaterial/certificate", "rawBytes", "\"AAAA\"", "'rawBytes' cannot be parsed"},
        {"verificationMaterial/tlogEntries/0", "inclusionProof", NULL, "'inclusionProof'"},
        {"verificationMaterial/tlogEntries/0", "canonicalizedBody", NULL, "canonicalizedBody"},
        {"verificationMaterial/tlogEntries/0", "logId", NULL, "'logId'"},
        {"verificationMaterial/tlogEntries/0", "kindVersion", "null", "'kindVersion'"},
        {"verificationMaterial/tlogEntries/0", "logIndex", "-1", "out of range"},
        {"verificationMaterial/tlogEntries/0", "logIndex", "\"01\"", "64-bit integer"},
        {"verificationMaterial/tlogEntries/0/inclusionProof", "treeSize", "\"0\"", "treeSize"},
        {"verificationMaterial/tlogEntries/0/inclusionProof", "hashes", "[\"AAAA\"]", "hashes"},
        {"verificationMaterial/tlogEntries/0/inclusionProof", "checkpoint", NULL, "checkpoint"},
        {"verificationMaterial/timestampVerificationData", "rfc3161Timestamps", "[1]",
         "rfc3161Timestamps[0]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene s = {.options = full};
        scene_make(&s);
        json_t *at = s.made.json;
        char path[128];
        snprintf(path, sizeof(path), "%s", cases[i].path);
        char *rest = NULL;
        for (char *part = strtok_r(path, "/", &rest); part; part = strtok_r(NULL, "/", &rest))
            at = json_is_array(at) ? json_array_get(at, (size_t)atoi(part))
                                   : json_object_get(at, part);
        assert_non_null(at);
        if (cases[i].json == NULL)
            json_object_del(at, cases[i].member);
        else
            json_object_set_new(at, cases[i].member,
                                json_loads(cases[i].json, JSON_DECODE_ANY, NULL));
        unparsable(&s, cases[i].why);
        scene_free(&s);
    }
}

/* The trusted root of `world` with another key for its version 1 log, as Rekor's operators list it.
 */
static struct tuf_trusted_root *trust_with_log(EVP_PKEY *key, const char *details)
{
    struct tm_err e = {0};
    struct tm_buf text = {0};
    struct tm_buf bytes = {0};
    unsigned char *spki = NULL;
    unsigned char id[32];
    assert_int_equal(tuf_trusted_root_write(world.trust, &text, &e), 0);
    json_t *root = json_loadb((const char *)text.data, text.len, 0, NULL);
    json_t *log = json_array_get(json_object_get(root, "tlogs"), 0);
    int n = i2d_PUBKEY(key, &spki);
    assert_true(n > 0);
    tm_b64_encode(B64_STD, spki, (size_t)n, &bytes);
    signed_key_id(key, id);
    tm_buf_reset(&text);
    tm_b64_encode(B64_STD, id, sizeof(id), &text);
    json_object_set_new(json_object_get(log, "logId"), "keyId", json_string(tm_buf_str(&text)));
    json_object_set_new(json_object_get(log, "publicKey"), "rawBytes",
                        json_string(tm_buf_str(&bytes)));
    json_object_set_new(json_object_get(log, "publicKey"), "keyDetails", json_string(details));
    char *made = json_dumps(root, 0);
    struct tuf_trusted_root *trust = tuf_trusted_root_parse(made, strlen(made), &e);
    assert_non_null(trust);
    free(made);
    json_decref(root);
    OPENSSL_free(spki);
    tm_buf_free(&text);
    tm_buf_free(&bytes);
    return trust;
}

static void a_log_of_version_1_may_have_an_ed25519_key(void **state)
{
    (void)state;
    struct scene s = {.options = {.log = LOG_HASHEDREKORD_1,
                                  .logged_at = SIGNED_NOW + 9,
                                  .origin = "rekor-server-7d9f - 99"}};
    const struct signed_world whole = world;
    world.log_key = pki_key("ED25519");
    world.trust = trust_with_log(world.log_key, "PKIX_ED25519");
    scene_make(&s);
    usual_policy(&s);
    s.job.tlogs = 1;
    passes(&s);
    json_t *entry = json_array_get(
        json_object_get(json_object_get(s.made.json, "verificationMaterial"), "tlogEntries"), 0);
    json_object_set_new(json_object_get(entry, "inclusionPromise"), "signedEntryTimestamp",
                        json_string("AAAA"));
    fails(&s, "log entry", "signed entry timestamp");
    scene_free(&s);
    tuf_trusted_root_free(world.trust);
    EVP_PKEY_free(world.log_key);
    world = whole;
}

static void a_log_of_version_1_signs_by_the_name_of_its_configuration(void **state)
{
    (void)state;
    struct scene s;
    set_up(&s, (struct signed_options){.log = LOG_HASHEDREKORD_1,
                                       .logged_at = SIGNED_NOW + 9,
                                       .origin = "rekor-server-7d9f - 99"});
    s.job.tlogs = 1;
    passes(&s);
    /* By another key of the same name it is nobody's. */
    struct tuf_trusted_root *trust = own_trust(&s);
    for (size_t i = 0; tuf_trusted_root_entry(trust, TRUST_TLOG, i) != NULL; i++) {
        struct tuf_trust_entry *log =
            (struct tuf_trust_entry *)tuf_trusted_root_entry(trust, TRUST_TLOG, i);
        log->log_id.data[0] ^= 1;
    }
    fails(&s, "log entry", "0 trusted transparency logs");
    scene_free(&s);
}

static void files_that_are_no_bundle_are_named_for_what_they_are(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } files[] = {
        {"{\"base64Signature\": \"AAAA\", \"cert\": \"AAAA\", \"rekorBundle\": {}}",
         "the bundle of cosign 1 and 2"},
        {"{\"SignedRFC3161Timestamp\": \"AAAA\"}", "cosign's file of a timestamp"},
        {"{\"SignedEntryTimestamp\": \"AAAA\", \"Payload\": {}}", "a log entry as cosign"},
        {"{\"payloadType\": \"x\", \"payload\": \"\", \"signatures\": []}", "bare DSSE envelope"},
        {"{\"mediaType\": \"x\", \"trustedRoot\": {}}", "a ClientTrustConfig"},
        {"{\"mediaType\": \"x\"}", "verificationMaterial"},
        {"{\"base64Signature\": ", "JSON"},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct tm_err e = {0};
        assert_null(tuf_bundle_parse(files[i].text, strlen(files[i].text), &e));
        if (strstr(e.text, files[i].why) == NULL)
            fail_msg("file %zu: %s", i, e.text);
    }
}

static void what_a_later_bundle_adds_is_ignored(void **state)
{
    (void)state;
    struct scene s;
    set_up(&s, (struct signed_options){.log = LOG_HASHEDREKORD_1, .logged_at = SIGNED_NOW + 9});
    s.job.tlogs = 1;
    json_t *material = json_object_get(s.made.json, "verificationMaterial");
    json_t *log = json_array_get(json_object_get(material, "tlogEntries"), 0);
    json_t *message = json_object_get(s.made.json, "messageSignature");
    json_object_set_new(s.made.json, "extra", json_integer(1));
    json_object_set_new(material, "later", json_object());
    json_object_set_new(log, "later", json_null());
    json_object_set_new(json_object_get(log, "inclusionProof"), "later", json_true());
    json_object_set_new(log, "inclusion_promise",
                        json_incref(json_object_get(log, "inclusionPromise")));
    json_object_del(log, "inclusionPromise");
    json_object_set_new(json_object_get(message, "messageDigest"), "algorithm", json_integer(1));
    passes(&s);
    json_object_set_new(json_object_get(message, "messageDigest"), "algorithm",
                        json_string("SHA4_256")); /* a hint that says nothing */
    passes(&s);
    scene_free(&s);
}

static void an_entry_is_wanted_where_a_log_was_when_it_was_signed(void **state)
{
    (void)state;
    struct scene s;
    set_up(&s, (struct signed_options){.stamped_at = SIGNED_NOW + MINUTE});
    s.job.tlogs_by_time = true;
    fails(&s, "log entry", "0 trusted transparency logs hold this signature, 1 wanted");
    struct tuf_trusted_root *trust = own_trust(&s);
    for (size_t i = 0; tuf_trusted_root_entry(trust, TRUST_TLOG, i) != NULL; i++) {
        struct tuf_trust_entry *log =
            (struct tuf_trust_entry *)tuf_trusted_root_entry(trust, TRUST_TLOG, i);
        log->valid.start_ms = (SIGNED_NOW + DAY) * 1000;
    }
    passes(&s);
    s.job.tlogs = 1;
    fails(&s, "log entry", "1 wanted");
    scene_free(&s);
}

static void an_old_bundle_brings_a_chain_but_no_root(void **state)
{
    (void)state;
    struct scene s;
    set_up(&s, (struct signed_options){.log = LOG_HASHEDREKORD_1, .logged_at = SIGNED_NOW + 9});
    json_t *material = json_object_get(s.made.json, "verificationMaterial");
    json_t *leaf = json_incref(json_object_get(material, "certificate"));
    json_t *chain = json_pack("{s:[O]}", "certificates", leaf);
    json_object_del(material, "certificate");
    json_object_set_new(material, "x509CertificateChain", chain);
    unparsable(&s, "not 'x509CertificateChain'");
    json_object_set_new(s.made.json, "mediaType",
                        json_string("application/vnd.dev.sigstore.bundle+json;version=0.1"));
    passes(&s);
    json_object_set_new(s.made.json, "mediaType",
                        json_string("application/vnd.dev.sigstore.bundle+json;version=0.2"));
    passes(&s);
    unsigned char *der = NULL;
    int n = i2d_X509(world.root, &der);
    struct tm_buf text = {0};
    tm_b64_encode(B64_STD, der, (size_t)n, &text);
    json_array_append_new(json_object_get(chain, "certificates"),
                          json_pack("{s:s}", "rawBytes", tm_buf_str(&text)));
    unparsable(&s, "certificate 2 is a root");
    json_array_clear(json_object_get(chain, "certificates"));
    unparsable(&s, "empty");
    OPENSSL_free(der);
    tm_buf_free(&text);
    json_decref(leaf);
    scene_free(&s);
}

static void what_we_write_reads_back(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tm_buf out = {0};
    struct scene s;
    set_up(&s, (struct signed_options){.stamped_at = SIGNED_NOW + MINUTE});
    struct tuf_bundle *b = signed_parse(&s.made, &e);
    assert_int_equal(tuf_bundle_write(b, &out, &e), 0);
    json_decref(s.made.json);
    s.made.json = json_loadb((const char *)out.data, out.len, 0, NULL);
    s.job.timestamps = 1;
    s.job.now_ms = LATER * 1000;
    passes(&s);
    tuf_bundle_free(b);
    tm_buf_free(&out);
    scene_free(&s);
}

/* Names come from certificates and bundles: they must not steer a terminal. */
static void reports_hold_no_control_bytes(void **state)
{
    (void)state;
    struct tuf_report r = {0};
    tuf_report_fail(&r, "x", "a\x1b[2Jb\nc\xff d \xc3\xa9");
    tuf_report_remedy(&r, "\x07");
    assert_string_equal(r.check[0].detail, "a?[2Jb?c? d \xc3\xa9");
    assert_string_equal(r.check[0].remedy, "?");
    assert_false(tuf_report_ok(&r));
    struct tuf_report none = {0};
    assert_false(tuf_report_ok(&none)); /* nothing checked is nothing verified */
    tuf_report_note(&none, "x", "y");
    assert_false(tuf_report_ok(&none));
    for (size_t i = 0; i < REPORT_CHECKS_MAX + 1; i++)
        tuf_report_pass(&none, "x", "y");
    assert_false(tuf_report_ok(&none)); /* what did not fit might have failed */
}

static int start(void **state)
{
    (void)state;
    signed_world_build(&world);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    signed_world_free(&world);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_bundle_verifies),
        cmocka_unit_test(a_certificate_of_an_unknown_ca_fails),
        cmocka_unit_test(a_certificate_issued_by_the_root_itself_fails),
        cmocka_unit_test(without_a_trusted_time_an_expired_certificate_fails),
        cmocka_unit_test(a_signature_after_the_certificates_life_fails),
        cmocka_unit_test(the_cas_window_decides_at_issue_and_at_signing),
        cmocka_unit_test(a_certificate_for_something_else_fails),
        cmocka_unit_test(scts_are_wanted_from_trusted_logs),
        cmocka_unit_test(an_sct_of_another_certificate_fails),
        cmocka_unit_test(the_policy_names_issuer_identity_and_extensions),
        cmocka_unit_test(odd_subject_names_are_refused),
        cmocka_unit_test(patterns_match_whole_texts_within_limits),
        cmocka_unit_test(field_names_are_suggested),
        cmocka_unit_test(timestamps_count_only_from_trusted_authorities),
        cmocka_unit_test(a_timestamp_over_something_else_does_not_count),
        cmocka_unit_test(log_entries_are_wanted_from_trusted_logs),
        cmocka_unit_test(a_version_2_log_is_trusted_within_its_window),
        cmocka_unit_test(damaged_evidence_of_a_known_log_fails),
        cmocka_unit_test(an_entry_about_something_else_fails),
        cmocka_unit_test(another_artifact_fails),
        cmocka_unit_test(a_digest_serves_where_the_key_signs_digests),
        cmocka_unit_test(a_predicate_is_wanted_of_attestations_only),
        cmocka_unit_test(a_name_is_quoted_for_the_shell_and_offered_of_a_known_ca_only),
        cmocka_unit_test(attestations_must_be_about_the_artifact),
        cmocka_unit_test(statements_must_name_the_artifact),
        cmocka_unit_test(an_envelope_has_one_signature),
        cmocka_unit_test(a_bundle_signed_by_a_key_needs_that_key),
        cmocka_unit_test(damaged_bundles_are_refused_with_the_member_named),
        cmocka_unit_test(a_log_of_version_1_signs_by_the_name_of_its_configuration),
        cmocka_unit_test(a_log_of_version_1_may_have_an_ed25519_key),
        cmocka_unit_test(files_that_are_no_bundle_are_named_for_what_they_are),
        cmocka_unit_test(what_a_later_bundle_adds_is_ignored),
        cmocka_unit_test(an_entry_is_wanted_where_a_log_was_when_it_was_signed),
        cmocka_unit_test(an_old_bundle_brings_a_chain_but_no_root),
        cmocka_unit_test(what_we_write_reads_back),
        cmocka_unit_test(reports_hold_no_control_bytes),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
