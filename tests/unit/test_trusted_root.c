/* trusted_root.json: strict reading, exact writing, edits with their windows, warnings. */
#include "tests/support/cmocka_all.h"

#include <openssl/x509v3.h>
#include <string.h>

#include "common/b64.h"
#include "common/json/strictjson.h"
#include "tests/support/pki.h"
#include "tuf/verify/trust/protojson.h"
#include "tuf/verify/trust/trusted_root.h"

#define T0 1767225600LL /* 2026-01-01T00:00:00Z */
#define DAY 86400LL
#define YEAR (365 * DAY)

struct authority { /* a CA or TSA of two certificates */
    EVP_PKEY *root_key, *key;
    X509 *root, *cert;
    struct buf pem;
};

static void authority_free(struct authority *a)
{
    EVP_PKEY_free(a->root_key);
    EVP_PKEY_free(a->key);
    X509_free(a->root);
    X509_free(a->cert);
    buf_free(&a->pem);
}

static void make_ca(struct authority *a)
{
    a->root_key = pki_key("P-384");
    a->key = pki_key("P-256");
    a->root = pki_ca("Root", a->root_key, NULL, NULL, T0, T0 + 10 * YEAR);
    a->cert = pki_ca("Issuing", a->key, a->root, a->root_key, T0 + DAY, T0 + 3 * YEAR);
    pki_pem(a->cert, &a->pem);
    pki_pem(a->root, &a->pem);
}

static void make_tsa(struct authority *a, const char *usage)
{
    const struct pki_extension leaf[] = {
        {"keyUsage", "critical,digitalSignature"}, {"extendedKeyUsage", usage}, {NULL, NULL}};
    a->root_key = pki_key("P-384");
    a->key = pki_key("P-256");
    a->root = pki_ca("TSA root", a->root_key, NULL, NULL, T0, T0 + 10 * YEAR);
    const struct pki_spec spec = {"TSA", a->key, a->root, a->root_key, T0, T0 + YEAR, leaf};
    a->cert = pki_cert(&spec);
    pki_pem(a->cert, &a->pem);
    pki_pem(a->root, &a->pem);
}

static struct validity from(int64_t seconds)
{
    return (struct validity){.has_start = true, .start_ms = seconds * 1000};
}

static void add_log(struct trusted_root *r, enum trust_list list, const char *type, const char *url,
                    int64_t start)
{
    struct err e = {0};
    EVP_PKEY *key = pki_key(type);
    struct buf pem = {0};
    struct validity v = from(start);
    pki_public_pem(key, &pem);
    if (trusted_root_add_log(r, list, url, pem.data, pem.len, &v, &e) != 0)
        fail_msg("%s", e.text);
    buf_free(&pem);
    EVP_PKEY_free(key);
}

/* One of each. */
static struct trusted_root *whole(void)
{
    struct err e = {0};
    struct authority ca = {0};
    struct authority tsa = {0};
    struct validity v = from(T0 + 2 * DAY);
    struct trusted_root *r = trusted_root_new(&e);
    make_ca(&ca);
    make_tsa(&tsa, "critical,timeStamping");
    assert_int_equal(trusted_root_add_authority(r, TRUST_CA, "https://ca.example.com", ca.pem.data,
                                                ca.pem.len, &v, &e),
                     0);
    assert_int_equal(trusted_root_add_authority(r, TRUST_TSA, "https://tsa.example.com",
                                                tsa.pem.data, tsa.pem.len, &v, &e),
                     0);
    add_log(r, TRUST_CTLOG, "P-256", "https://ct.example.com/2026", T0);
    add_log(r, TRUST_TLOG, "ED25519", "https://log.example.com/", T0);
    authority_free(&ca);
    authority_free(&tsa);
    return r;
}

static void a_new_root_is_written_in_version_0_1_with_its_fields_only(void **state)
{
    (void)state;
    struct err e = {0};
    struct buf out = {0};
    struct trusted_root *r = whole();
    assert_int_equal(trusted_root_write(r, &out, &e), 0);
    json_t *v = strictjson_parse((const char *)out.data, out.len, out.len, &e);
    assert_string_equal(strictjson_str(v, "mediaType"),
                        "application/vnd.dev.sigstore.trustedroot+json;version=0.1");
    static const char *const log_fields[] = {"baseUrl", "hashAlgorithm", "publicKey", "logId",
                                             NULL};
    static const char *const ca_fields[] = {"subject", "uri", "certChain", "validFor", NULL};
    const json_t *ca = json_array_get(json_object_get(v, "certificateAuthorities"), 0);
    const json_t *ct = json_array_get(json_object_get(v, "ctlogs"), 0);
    assert_int_equal(protojson_known(ct, log_fields, &e), 0);
    assert_int_equal(protojson_known(ca, ca_fields, &e), 0);
    const json_t *key = json_object_get(ct, "publicKey");
    assert_string_equal(strictjson_str(key, "keyDetails"), "PKIX_ECDSA_P256_SHA_256");
    assert_string_equal(strictjson_str(json_object_get(key, "validFor"), "start"),
                        "2026-01-01T00:00:00Z");
    assert_null(json_object_get(json_object_get(key, "validFor"), "end"));
    assert_string_equal(strictjson_str(json_object_get(ca, "subject"), "commonName"), "Root");
    const json_t *certs = json_object_get(json_object_get(ca, "certChain"), "certificates");
    assert_int_equal(json_array_size(certs), 2);
    json_decref(v);

    struct trusted_root *again = trusted_root_parse(out.data, out.len, &e);
    struct buf twice = {0};
    assert_non_null(again);
    assert_int_equal(trusted_root_write(again, &twice, &e), 0);
    assert_int_equal(twice.len, out.len);
    assert_memory_equal(twice.data, out.data, out.len);
    trusted_root_free(again);
    trusted_root_free(r);
    buf_free(&out);
    buf_free(&twice);
}

/* The keys of two public logs with the ids that they publish: a Rekor v2's is its note key id. */
static void log_ids_are_as_other_implementations_compute_them(void **state)
{
    (void)state;
    struct err e = {0};
    struct buf der = {0};
    struct buf want = {0};
    struct trusted_root *r = trusted_root_new(&e);
    struct validity v = from(T0);
    static const char v2[] = "MCowBQYDK2VwAyEAt8rlp1knGwjfbcXAYPYAkn0XiLz1x8O4t0YkEhie244=";
    static const char v2_id[] = "zxGZFVvd0FEmjR8WrFwMdcAJ9vtaY/QXf44Y1wUeP6A=";
    static const char v1[] = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2G2Y+2tabdTV5BcGiBIx0a9fAFwrkBbm"
                             "LSGtks4L3qX6yYY0zufBnhC8Ur/iy55GhWP/9A/bY2LhC30M9+RYtw==";
    static const char v1_id[] = "wNI9atQGlz+VWfO6LRygH4QUfY/8W4RFwiT5i5WRgB0=";
    const struct {
        const char *url, *key, *id;
    } cases[] = {{"https://log2025-1.rekor.sigstore.dev", v2, v2_id},
                 {"https://rekor.sigstore.dev", v1, v1_id}};
    for (size_t i = 0; i < 2; i++) {
        buf_reset(&der);
        buf_reset(&want);
        assert_int_equal(b64_decode(B64_STD, cases[i].key, strlen(cases[i].key), &der), 0);
        assert_int_equal(b64_decode(B64_STD, cases[i].id, strlen(cases[i].id), &want), 0);
        assert_int_equal(
            trusted_root_add_log(r, TRUST_TLOG, cases[i].url, der.data, der.len, &v, &e), 0);
        const struct trust_entry *t = trusted_root_entry(r, TRUST_TLOG, i);
        assert_int_equal(t->log_id_len, 32);
        assert_memory_equal(t->log_id, want.data, 32);
    }
    buf_free(&der);
    buf_free(&want);
    trusted_root_free(r);
}

static void entries_are_found_by_fingerprint_and_by_address(void **state)
{
    (void)state;
    struct err e = {0};
    size_t at = 99;
    char id[TRUST_FINGERPRINT_MAX];
    struct trusted_root *r = whole();
    add_log(r, TRUST_CTLOG, "P-256", "https://ct.example.com/2027", T0 - DAY);
    assert_int_equal(trusted_root_find(r, TRUST_CTLOG, "https://ct.example.com/2027", &at, &e), 0);
    assert_int_equal(at, 0); /* its start is the older one */
    trust_entry_fingerprint(TRUST_CTLOG, trusted_root_entry(r, TRUST_CTLOG, 1), id);
    id[8] = '\0';
    assert_int_equal(trusted_root_find(r, TRUST_CTLOG, id, &at, &e), 0);
    assert_int_equal(at, 1);
    id[7] = '\0';
    assert_int_equal(trusted_root_find(r, TRUST_CTLOG, id, &at, &e), -1);
    assert_non_null(strstr(e.text, "https://ct.example.com/2026"));
    add_log(r, TRUST_CTLOG, "RSA", "https://ct.example.com/2027", T0 + DAY);
    assert_int_equal(trusted_root_find(r, TRUST_CTLOG, "https://ct.example.com/2027", &at, &e), -1);
    assert_non_null(strstr(e.text, "more than one"));
    trusted_root_free(r);
}

static void retiring_ends_a_window_and_leaves_the_rest(void **state)
{
    (void)state;
    struct err e = {0};
    struct trusted_root *r = whole();
    const struct trust_entry *t = trusted_root_entry(r, TRUST_CA, 0);
    assert_int_equal(trusted_root_retire(r, TRUST_CA, 0, (T0 + DAY) * 1000, &e), -1);
    assert_non_null(strstr(e.text, "before the start"));
    assert_false(t->valid.has_end);
    int64_t end = (T0 + 40 * DAY) * 1000 + 999;
    assert_int_equal(trusted_root_retire(r, TRUST_CA, 0, end, &e), 0);
    assert_int_equal(validity_at(&t->valid, end), VALIDITY_INSIDE);
    assert_int_equal(validity_at(&t->valid, end + 1), VALIDITY_AFTER);
    assert_int_equal(validity_at(&t->valid, (T0 + 2 * DAY) * 1000), VALIDITY_INSIDE);
    assert_int_equal(validity_at(&t->valid, (T0 + 2 * DAY) * 1000 - 1), VALIDITY_BEFORE);
    struct buf out = {0};
    assert_int_equal(trusted_root_write(r, &out, &e), 0);
    assert_non_null(strstr(buf_str(&out), "\"end\": \"2026-02-10T00:00:00.999Z\""));
    struct trusted_root *again = trusted_root_parse(out.data, out.len, &e);
    assert_int_equal(trusted_root_entry(again, TRUST_CA, 0)->valid.end_ms, end);
    trusted_root_free(again);
    buf_free(&out);
    assert_int_equal(trusted_root_remove(r, TRUST_CA, 1, &e), -1);
    assert_int_equal(trusted_root_remove(r, TRUST_CA, 0, &e), 0);
    assert_int_equal(trusted_root_count(r, TRUST_CA), 0);
    trusted_root_free(r);
}

static void refuse(struct trusted_root *r, enum trust_list list, const struct buf *pem,
                   struct validity v, const char *reason)
{
    struct err e = {0};
    size_t before = trusted_root_count(r, list);
    assert_int_equal(
        trusted_root_add_authority(r, list, "https://x.example.com", pem->data, pem->len, &v, &e),
        -1);
    if (strstr(e.text, reason) == NULL)
        fail_msg("'%s' does not say '%s'", e.text, reason);
    assert_int_equal(trusted_root_count(r, list), before);
}

static void r11_chains_that_verifiers_would_refuse_are_not_added(void **state)
{
    (void)state;
    struct err e = {0};
    struct authority ca = {0};
    struct authority tsa = {0};
    struct authority wrong = {0};
    struct trusted_root *r = trusted_root_new(&e);
    make_ca(&ca);
    make_tsa(&tsa, "critical,timeStamping");
    make_tsa(&wrong, "timeStamping"); /* not critical */
    struct buf upside_down = {0};
    struct buf alone = {0};
    pki_pem(ca.root, &upside_down);
    pki_pem(ca.cert, &upside_down);
    pki_pem(tsa.cert, &alone);
    struct validity open = {0};
    struct validity early = from(T0);
    struct validity late = {true, true, (T0 + 2 * DAY) * 1000, (T0 + 4 * YEAR) * 1000};
    struct validity reversed = {true, true, (T0 + 3 * DAY) * 1000, (T0 + 2 * DAY) * 1000};
    refuse(r, TRUST_CA, &upside_down, open, "order the chain");
    refuse(r, TRUST_CA, &tsa.pem, open, "not a CA");
    refuse(r, TRUST_TSA, &ca.pem, open, "timeStamping");
    refuse(r, TRUST_TSA, &wrong.pem, open, "timeStamping");
    refuse(r, TRUST_TSA, &alone, open, "alone");
    refuse(r, TRUST_CA, &ca.pem, early, "wider than");
    refuse(r, TRUST_CA, &ca.pem, late, "wider than");
    refuse(r, TRUST_CA, &ca.pem, reversed, "before it starts");
    refuse(r, TRUST_CTLOG, &ca.pem, open, "no authority");
    assert_int_equal(
        trusted_root_add_authority(r, TRUST_CA, "u", ca.pem.data, ca.pem.len, &open, &e), 0);
    /* A window without start takes the chain's. */
    assert_int_equal(trusted_root_entry(r, TRUST_CA, 0)->valid.start_ms, (T0 + DAY) * 1000);
    refuse(r, TRUST_CA, &ca.pem, open, "already");
    trusted_root_free(r);
    buf_free(&upside_down);
    buf_free(&alone);
    authority_free(&ca);
    authority_free(&tsa);
    authority_free(&wrong);
}

static void bad_log_keys_are_not_added(void **state)
{
    (void)state;
    struct err e = {0};
    struct trusted_root *r = trusted_root_new(&e);
    struct validity v = from(T0);
    struct validity open = {0};
    EVP_PKEY *odd = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1");
    EVP_PKEY *fine = pki_key("P-256");
    struct buf pem = {0};
    pki_public_pem(odd, &pem);
    assert_int_equal(trusted_root_add_log(r, TRUST_CTLOG, "u", pem.data, pem.len, &v, &e), -1);
    assert_non_null(strstr(e.text, "log key"));
    EVP_PKEY *edwards = pki_key("ED25519");
    buf_reset(&pem);
    pki_public_pem(edwards, &pem);
    assert_int_equal(trusted_root_add_log(r, TRUST_CTLOG, "u", pem.data, pem.len, &v, &e), -1);
    assert_non_null(strstr(e.text, "P-256"));
    EVP_PKEY_free(edwards);
    assert_int_equal(trusted_root_add_log(r, TRUST_CTLOG, "u", "x", 1, &v, &e), -1);
    assert_int_equal(trusted_root_add_log(r, TRUST_CTLOG, "u", "", 0, &v, &e), -1);
    buf_reset(&pem);
    pki_public_pem(fine, &pem);
    assert_int_equal(trusted_root_add_log(r, TRUST_CTLOG, "u", pem.data, pem.len, &open, &e), -1);
    assert_non_null(strstr(e.text, "start"));
    assert_int_equal(trusted_root_add_log(r, TRUST_CTLOG, "u", pem.data, pem.len, &v, &e), 0);
    assert_int_equal(trusted_root_add_log(r, TRUST_CTLOG, "u", pem.data, pem.len, &v, &e), -1);
    assert_non_null(strstr(e.text, "already"));
    assert_int_equal(trusted_root_add_log(r, TRUST_CA, "u", pem.data, pem.len, &v, &e), -1);
    buf_free(&pem);
    EVP_PKEY_free(odd);
    EVP_PKEY_free(fine);
    trusted_root_free(r);
}

/* Replaces the first `from_text` in a written root by `to`, which must then be refused. */
static void refuse_text(const struct buf *good, const char *from_text, const char *to,
                        const char *reason)
{
    struct err e = {0};
    struct buf bad = {0};
    const char *text = (const char *)good->data;
    const char *at = strstr(text, from_text);
    if (at == NULL)
        fail_msg("the root does not hold %s", from_text);
    buf_append(&bad, text, (size_t)(at - text));
    buf_puts(&bad, to);
    buf_puts(&bad, at + strlen(from_text));
    struct trusted_root *r = trusted_root_parse(bad.data, bad.len, &e);
    if (r != NULL)
        fail_msg("accepted with %s", to);
    if (strstr(e.text, reason) == NULL)
        fail_msg("'%s' does not say '%s'", e.text, reason);
    buf_free(&bad);
}

static void a_damaged_root_is_refused_with_the_member_named(void **state)
{
    (void)state;
    struct err e = {0};
    struct buf good = {0};
    struct trusted_root *r = whole();
    assert_int_equal(trusted_root_write(r, &good, &e), 0);
    assert_non_null(buf_str(&good));
    trusted_root_free(r);
    refuse_text(&good, ";version=0.1", ";version=0.9", "mediaType");
    refuse_text(&good, "\"uri\":", "\"url\":", "unknown member 'url'; is 'uri' meant?");
    refuse_text(&good, "\"SHA2_256\"", "\"SHA2_512\"", "hashAlgorithm");
    refuse_text(&good, "\"SHA2_256\"", "1", "hashAlgorithm");
    refuse_text(&good, "PKIX_ED25519", "PKIX_ED25520", "keyDetails");
    refuse_text(&good, "PKIX_ED25519", "PKIX_ECDSA_P256_SHA_256", "not of the type");
    refuse_text(&good, "\"start\": \"2026-01-01T00:00:00Z\"", "\"end\": \"2026-01-01T00:00:00Z\"",
                "no 'start'");
    refuse_text(&good, "2026-01-01T00:00:00Z", "2026-02-30T00:00:00Z", "'start' is not a time");
    refuse_text(&good, "\"rawBytes\": \"M", "\"rawBytes\": \"*", "not base64");
    refuse_text(&good, "\"rawBytes\": \"M", "\"rawBytes\": \"N", "publicKey");
    refuse_text(&good, "\"keyId\": \"", "\"keyId\": \"AAAA", "keyId");
    refuse_text(&good, "\"logId\": {", "\"logId\": {\"keyId\": \"AAAA\",", "duplicate");
    refuse_text(&good, "\"certificateAuthorities\": [", "\"certificateAuthorities\": [7,",
                "certificateAuthorities[0]");
    refuse_text(&good, "\"certificates\": [", "\"certificates\": [{},", "certificate 1");
    refuse_text(&good, "\n}\n", "\n}\nx", "follows");
    buf_free(&good);
    assert_null(trusted_root_parse("", 0, &e));
    assert_null(trusted_root_parse("[]", 2, &e));
}

static void times_are_read_as_protobuf_writes_them(void **state)
{
    (void)state;
    int64_t ms = 0;
    static const struct {
        const char *text;
        bool up;
        int64_t ms;
    } good[] = {
        {"2022-12-31T23:59:59.999Z", false, 1672531199999},
        {"2022-12-31T23:59:59.9990001Z", false, 1672531199999},
        {"2022-12-31T23:59:59.9990001Z", true, 1672531200000},
        {"2022-12-31T23:59:59Z", true, 1672531199000},
        {"2023-01-01T01:00:00+01:00", false, 1672531200000},
        {"2022-12-31T22:30:00.5-01:30", false, 1672531200500},
        {"1969-12-31T23:59:59.5Z", false, -500},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(protojson_parse_time(good[i].text, good[i].up, &ms), 0);
        assert_int_equal(ms, good[i].ms);
    }
    static const char *const bad[] = {"",
                                      "2022-12-31",
                                      "2022-12-31T23:59:59",
                                      "2022-12-31T23:59:59.Z",
                                      "2022-12-31T23:59:59.1234567890Z",
                                      "2022-12-31T23:59:59+1:00",
                                      "2022-12-31T23:59:59+24:00",
                                      "2022-12-31T23:59:59Zz",
                                      "2022-13-31T23:59:59Z",
                                      "2022-12-31t23:59:59Z",
                                      "0001-01-01T00:00:00+00:01",
                                      "9999-12-31T23:59:59-00:01",
                                      "0000-12-31T23:59:59Z"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(protojson_parse_time(bad[i], false, &ms), -1);
}

struct said {
    struct buf text;
    int dangers;
};

static void hear(void *arg, const char *text)
{
    struct said *s = arg;
    buf_puts(&s->text, text);
    buf_putc(&s->text, '\n');
}

static void hear_change(void *arg, const char *text, bool danger)
{
    struct said *s = arg;
    hear(arg, text);
    s->dangers += danger ? 1 : 0;
}

static void lint_says_what_verifiers_stumble_over(void **state)
{
    (void)state;
    struct err e = {0};
    struct said s = {0};
    struct trusted_root *r = whole();
    trusted_root_lint(r, (T0 + 3 * DAY) * 1000, hear, &s);
    assert_string_equal(buf_str(&s.text), "");
    trusted_root_retire(r, TRUST_CTLOG, 0, (T0 + 5 * DAY) * 1000, &e);
    trusted_root_lint(r, (T0 + 6 * DAY) * 1000, hear, &s);
    assert_non_null(strstr(buf_str(&s.text), "no CT log is valid now"));
    buf_reset(&s.text);
    add_log(r, TRUST_CTLOG, "P-256", "https://ct2.example.com", T0 + 7 * DAY);
    trusted_root_lint(r, (T0 + 8 * DAY) * 1000, hear, &s);
    assert_string_equal(buf_str(&s.text), "no CT log is valid from 2026-01-06T00:00:00Z to "
                                          "2026-01-08T00:00:00Z\n");
    buf_reset(&s.text);
    trusted_root_remove(r, TRUST_TLOG, 0, &e);
    trusted_root_lint(r, (T0 + 8 * DAY) * 1000, hear, &s);
    assert_non_null(strstr(buf_str(&s.text), "sigstore-python"));
    buf_free(&s.text);
    trusted_root_free(r);
}

static void a_diff_names_each_change_and_marks_the_dangerous(void **state)
{
    (void)state;
    struct err e = {0};
    struct said s = {0};
    struct buf json = {0};
    struct trusted_root *old = whole();
    assert_int_equal(trusted_root_write(old, &json, &e), 0);
    struct trusted_root *now = trusted_root_parse(json.data, json.len, &e);
    trusted_root_diff(old, now, (T0 + 8 * DAY) * 1000, hear_change, &s);
    assert_string_equal(buf_str(&s.text), "");
    trusted_root_retire(now, TRUST_CA, 0, (T0 + 9 * DAY) * 1000, &e);
    add_log(now, TRUST_CTLOG, "P-256", "https://ct2.example.com", T0 + 7 * DAY);
    trusted_root_diff(old, now, (T0 + 8 * DAY) * 1000, hear_change, &s);
    assert_non_null(strstr(buf_str(&s.text), "to 2026-01-10T00:00:00Z, was valid from"));
    assert_non_null(strstr(buf_str(&s.text), "(https://ct2.example.com) is new"));
    assert_int_equal(s.dangers, 0);
    trusted_root_diff(now, old, (T0 + 8 * DAY) * 1000, hear_change,
                      &s); /* the other way, a log goes */
    assert_int_equal(s.dangers, 1);
    assert_non_null(strstr(buf_str(&s.text), "(https://ct2.example.com) is removed"));
    buf_free(&s.text);
    buf_free(&json);
    trusted_root_free(old);
    trusted_root_free(now);
}

/* Addresses are what the file's writer chose. */
static void what_is_told_moves_no_cursor(void **state)
{
    (void)state;
    struct err e = {0};
    struct said s = {0};
    struct trusted_root *none = trusted_root_new(&e);
    struct trusted_root *r = whole();
    struct trust_entry *t = (struct trust_entry *)trusted_root_entry(r, TRUST_CTLOG, 0);
    free(t->uri);
    t->uri = strdup("https://x\x1b[2J\n\xe2\x80\xae");
    trusted_root_diff(none, r, T0 * 1000, hear_change, &s);
    assert_non_null(strstr(buf_str(&s.text), "(https://x?[2J?\?\?\?) is new"));
    buf_free(&s.text);
    trusted_root_free(none);
    trusted_root_free(r);
}

/* R11: each edit that breaks what verifies, or opens the past, is marked; `trust` then asks for
 * --confirm, and a review shows DANGER. */

#define R11_AT ((T0 + 20 * DAY) * 1000)

/* The dangers of going from whole() to what `edit` makes of it. */
static int dangers_of(void (*edit)(struct trusted_root *r), const char *says)
{
    struct err e = {0};
    struct said s = {0};
    struct buf json = {0};
    struct trusted_root *old = whole();
    assert_int_equal(trusted_root_write(old, &json, &e), 0);
    struct trusted_root *now = trusted_root_parse(json.data, json.len, &e);
    edit(now);
    trusted_root_diff(old, now, R11_AT, hear_change, &s);
    if (s.text.len == 0 || strstr(buf_str(&s.text), says) == NULL)
        fail_msg("'%s' does not say '%s'", s.text.len > 0 ? buf_str(&s.text) : "", says);
    buf_free(&s.text);
    buf_free(&json);
    trusted_root_free(old);
    trusted_root_free(now);
    return s.dangers;
}

/* The tests see into the entry that the module owns. */
static struct trust_entry *entry(struct trusted_root *r, enum trust_list list)
{
    return (struct trust_entry *)trusted_root_entry(r, list, 0);
}

static void remove_log(struct trusted_root *r)
{
    struct err e = {0};
    assert_int_equal(trusted_root_remove(r, TRUST_CTLOG, 0, &e), 0);
}

static void start_earlier(struct trusted_root *r)
{
    entry(r, TRUST_CA)->valid.start_ms -= 1000;
}

static void start_dropped(struct trusted_root *r)
{
    entry(r, TRUST_CA)->valid.has_start = false;
}

static void end_in_the_past(struct trusted_root *r)
{
    struct err e = {0};
    assert_int_equal(trusted_root_retire(r, TRUST_CA, 0, R11_AT - 1000, &e), 0);
}

static void end_now(struct trusted_root *r)
{
    struct err e = {0};
    assert_int_equal(trusted_root_retire(r, TRUST_CA, 0, R11_AT, &e), 0);
}

static void end_to_come(struct trusted_root *r)
{
    struct err e = {0};
    assert_int_equal(trusted_root_retire(r, TRUST_CA, 0, R11_AT + 1000, &e), 0);
}

static void other_log_id(struct trusted_root *r)
{
    entry(r, TRUST_CTLOG)->log_id[0] ^= 1;
}

static void new_log_of_the_past(struct trusted_root *r)
{
    add_log(r, TRUST_CTLOG, "P-256", "https://old.example.com", T0 + 12 * DAY);
}

static void new_log_of_today(struct trusted_root *r)
{
    add_log(r, TRUST_CTLOG, "P-256", "https://new.example.com", T0 + 19 * DAY);
}

static void r11_edits_that_break_or_reopen_are_marked(void **state)
{
    (void)state;
    static const struct {
        void (*edit)(struct trusted_root *r);
        int dangers;
        const char *says;
    } rows[] = {
        {remove_log, 1, "is removed"},         {start_earlier, 1, "was valid from"},
        {start_dropped, 1, "is valid always"}, {end_in_the_past, 1, "may stop to"},
        {end_now, 1, "may stop to"},           {end_to_come, 0, "is valid from"},
        {other_log_id, 1, "another log id"},   {new_log_of_the_past, 1, "reaches into the past"},
        {new_log_of_today, 0, "is new"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int got = dangers_of(rows[i].edit, rows[i].says);
        if (got != rows[i].dangers)
            fail_msg("row %zu (%s): %d dangers", i, rows[i].says, got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_root_is_written_in_version_0_1_with_its_fields_only),
        cmocka_unit_test(log_ids_are_as_other_implementations_compute_them),
        cmocka_unit_test(entries_are_found_by_fingerprint_and_by_address),
        cmocka_unit_test(retiring_ends_a_window_and_leaves_the_rest),
        cmocka_unit_test(r11_chains_that_verifiers_would_refuse_are_not_added),
        cmocka_unit_test(bad_log_keys_are_not_added),
        cmocka_unit_test(a_damaged_root_is_refused_with_the_member_named),
        cmocka_unit_test(times_are_read_as_protobuf_writes_them),
        cmocka_unit_test(lint_says_what_verifiers_stumble_over),
        cmocka_unit_test(what_is_told_moves_no_cursor),
        cmocka_unit_test(a_diff_names_each_change_and_marks_the_dangerous),
        cmocka_unit_test(r11_edits_that_break_or_reopen_are_marked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
