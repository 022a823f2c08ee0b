/* trusted_root.json: strict reading, exact writing, edits with their windows, warnings. */
#include "tests/support/cmocka_all.h"

#include <openssl/x509v3.h>
#include <string.h>

#include "common/b64.h"
#include "common/clock.h"
#include "common/json/strictjson.h"
#include "tests/support/pki.h"
#include "tuf/verify/trust/jsontypes.h"
#include "tuf/verify/trust/trusted_root.h"

#define T0 1767225600LL /* 2026-01-01T00:00:00Z */
#define DAY 86400LL
#define YEAR (365 * DAY)

struct authority { /* a CA or TSA of two certificates */
    EVP_PKEY *root_key, *key;
    X509 *root, *cert;
    struct tm_buf pem;
};

static void authority_free(struct authority *a)
{
    EVP_PKEY_free(a->root_key);
    EVP_PKEY_free(a->key);
    X509_free(a->root);
    X509_free(a->cert);
    tm_buf_free(&a->pem);
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

static struct tuf_validity from(int64_t seconds)
{
    return (struct tuf_validity){.has_start = true, .start_ms = seconds * 1000};
}

static void add_log(struct tuf_trusted_root *r, enum tuf_trust_list list, const char *type,
                    const char *url, int64_t start)
{
    struct tm_err e = {0};
    EVP_PKEY *key = pki_key(type);
    struct tm_buf pem = {0};
    struct tuf_validity v = from(start);
    pki_public_pem(key, &pem);
    if (tuf_trusted_root_add_log(r, list, url, pem.data, pem.len, &v, &e) != 0)
        fail_msg("%s", e.text);
    tm_buf_free(&pem);
    EVP_PKEY_free(key);
}

/* One of each. */
static struct tuf_trusted_root *whole(void)
{
    struct tm_err e = {0};
    struct authority ca = {0};
    struct authority tsa = {0};
    struct tuf_validity v = from(T0 + 2 * DAY);
    struct tuf_trusted_root *r = tuf_trusted_root_new(&e);
    make_ca(&ca);
    make_tsa(&tsa, "critical,timeStamping");
    assert_int_equal(tuf_trusted_root_add_authority(r, TRUST_CA, "https://ca.example.com",
                                                    ca.pem.data, ca.pem.len, &v, &e),
                     0);
    assert_int_equal(tuf_trusted_root_add_authority(r, TRUST_TSA, "https://tsa.example.com",
                                                    tsa.pem.data, tsa.pem.len, &v, &e),
                     0);
    add_log(r, TRUST_CTLOG, "P-256", "https://ct.example.com/2026", T0);
    add_log(r, TRUST_TLOG, "ED25519", "https://log.example.com/", T0);
    authority_free(&ca);
    authority_free(&tsa);
    return r;
}

static void has_only(const json_t *v, const char *const *names)
{
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)v, key, member)
    {
        size_t i = 0;
        while (names[i] != NULL && strcmp(names[i], key) != 0)
            i++;
        if (names[i] == NULL)
            fail_msg("'%s' is written", key);
    }
}

static void a_new_root_is_written_in_version_0_1_with_its_fields_only(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tm_buf out = {0};
    struct tuf_trusted_root *r = whole();
    assert_int_equal(tuf_trusted_root_write(r, &out, &e), 0);
    json_t *v = tm_strictjson_parse((const char *)out.data, out.len, out.len, &e);
    assert_string_equal(json_string_value(json_object_get(v, "mediaType")),
                        "application/vnd.dev.sigstore.trustedroot+json;version=0.1");
    static const char *const log_fields[] = {"baseUrl", "hashAlgorithm", "publicKey", "logId",
                                             NULL};
    static const char *const ca_fields[] = {"subject", "uri", "certChain", "validFor", NULL};
    const json_t *ca = json_array_get(json_object_get(v, "certificateAuthorities"), 0);
    const json_t *ct = json_array_get(json_object_get(v, "ctlogs"), 0);
    has_only(ct, log_fields);
    has_only(ca, ca_fields);
    const json_t *key = json_object_get(ct, "publicKey");
    assert_string_equal(json_string_value(json_object_get(key, "keyDetails")),
                        "PKIX_ECDSA_P256_SHA_256");
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(key, "validFor"), "start")),
        "2026-01-01T00:00:00Z");
    assert_null(json_object_get(json_object_get(key, "validFor"), "end"));
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(ca, "subject"), "commonName")), "Root");
    const json_t *certs = json_object_get(json_object_get(ca, "certChain"), "certificates");
    assert_int_equal(json_array_size(certs), 2);
    json_decref(v);

    struct tuf_trusted_root *again = tuf_trusted_root_parse(out.data, out.len, &e);
    struct tm_buf twice = {0};
    assert_non_null(again);
    assert_int_equal(tuf_trusted_root_write(again, &twice, &e), 0);
    assert_int_equal(twice.len, out.len);
    assert_memory_equal(twice.data, out.data, out.len);
    tuf_trusted_root_free(again);
    tuf_trusted_root_free(r);
    tm_buf_free(&out);
    tm_buf_free(&twice);
}

/* The keys of two public logs with the ids that they publish: a Rekor v2's is its note key id. */
static void log_ids_are_as_other_implementations_compute_them(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tm_buf der = {0};
    struct tm_buf want = {0};
    struct tuf_trusted_root *r = tuf_trusted_root_new(&e);
    struct tuf_validity v = from(T0);
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
        tm_buf_reset(&der);
        tm_buf_reset(&want);
        assert_int_equal(tm_b64_decode(B64_STD, cases[i].key, strlen(cases[i].key), &der), 0);
        assert_int_equal(tm_b64_decode(B64_STD, cases[i].id, strlen(cases[i].id), &want), 0);
        assert_int_equal(
            tuf_trusted_root_add_log(r, TRUST_TLOG, cases[i].url, der.data, der.len, &v, &e), 0);
        const struct tuf_trust_entry *t = tuf_trusted_root_entry(r, TRUST_TLOG, i);
        assert_int_equal(t->log_id.len, 32);
        assert_memory_equal(t->log_id.data, want.data, 32);
    }
    tm_buf_free(&der);
    tm_buf_free(&want);
    tuf_trusted_root_free(r);
}

static void entries_are_found_by_fingerprint_and_by_address(void **state)
{
    (void)state;
    struct tm_err e = {0};
    size_t at = 99;
    char id[TRUST_FINGERPRINT_MAX];
    struct tuf_trusted_root *r = whole();
    add_log(r, TRUST_CTLOG, "P-256", "https://ct.example.com/2027", T0 - DAY);
    assert_int_equal(tuf_trusted_root_find(r, TRUST_CTLOG, "https://ct.example.com/2027", &at, &e),
                     0);
    assert_int_equal(at, 0); /* its start is the older one */
    tuf_trust_entry_fingerprint(TRUST_CTLOG, tuf_trusted_root_entry(r, TRUST_CTLOG, 1), id);
    id[8] = '\0';
    assert_int_equal(tuf_trusted_root_find(r, TRUST_CTLOG, id, &at, &e), 0);
    assert_int_equal(at, 1);
    id[7] = '\0';
    assert_int_equal(tuf_trusted_root_find(r, TRUST_CTLOG, id, &at, &e), -1);
    assert_non_null(strstr(e.text, "https://ct.example.com/2026"));
    add_log(r, TRUST_CTLOG, "RSA", "https://ct.example.com/2027", T0 + DAY);
    assert_int_equal(tuf_trusted_root_find(r, TRUST_CTLOG, "https://ct.example.com/2027", &at, &e),
                     -1);
    assert_non_null(strstr(e.text, "more than one"));
    tuf_trusted_root_free(r);
}

static void retiring_ends_a_window_and_leaves_the_rest(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tuf_trusted_root *r = whole();
    const struct tuf_trust_entry *t = tuf_trusted_root_entry(r, TRUST_CA, 0);
    assert_int_equal(tuf_trusted_root_retire(r, TRUST_CA, 0, (T0 + DAY) * 1000, &e), -1);
    assert_non_null(strstr(e.text, "before the start"));
    assert_false(t->valid.has_end);
    int64_t end = (T0 + 40 * DAY) * 1000 + 999;
    assert_int_equal(tuf_trusted_root_retire(r, TRUST_CA, 0, end, &e), 0);
    assert_int_equal(tuf_validity_at(&t->valid, end), VALIDITY_INSIDE);
    assert_int_equal(tuf_validity_at(&t->valid, end + 1), VALIDITY_AFTER);
    assert_int_equal(tuf_validity_at(&t->valid, (T0 + 2 * DAY) * 1000), VALIDITY_INSIDE);
    assert_int_equal(tuf_validity_at(&t->valid, (T0 + 2 * DAY) * 1000 - 1), VALIDITY_BEFORE);
    struct tm_buf out = {0};
    assert_int_equal(tuf_trusted_root_write(r, &out, &e), 0);
    assert_non_null(strstr(tm_buf_str(&out), "\"end\": \"2026-02-10T00:00:00.999Z\""));
    struct tuf_trusted_root *again = tuf_trusted_root_parse(out.data, out.len, &e);
    assert_int_equal(tuf_trusted_root_entry(again, TRUST_CA, 0)->valid.end_ms, end);
    tuf_trusted_root_free(again);
    tm_buf_free(&out);
    assert_int_equal(tuf_trusted_root_remove(r, TRUST_CA, 1, &e), -1);
    assert_int_equal(tuf_trusted_root_remove(r, TRUST_CA, 0, &e), 0);
    assert_int_equal(tuf_trusted_root_count(r, TRUST_CA), 0);
    tuf_trusted_root_free(r);
}

static void refuse(struct tuf_trusted_root *r, enum tuf_trust_list list, const struct tm_buf *pem,
                   struct tuf_validity v, const char *reason)
{
    struct tm_err e = {0};
    size_t before = tuf_trusted_root_count(r, list);
    assert_int_equal(tuf_trusted_root_add_authority(r, list, "https://x.example.com", pem->data,
                                                    pem->len, &v, &e),
                     -1);
    if (strstr(e.text, reason) == NULL)
        fail_msg("'%s' does not say '%s'", e.text, reason);
    assert_int_equal(tuf_trusted_root_count(r, list), before);
}

static void chains_that_verifiers_would_refuse_are_not_added(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct authority ca = {0};
    struct authority tsa = {0};
    struct authority wrong = {0};
    struct tuf_trusted_root *r = tuf_trusted_root_new(&e);
    make_ca(&ca);
    make_tsa(&tsa, "critical,timeStamping");
    make_tsa(&wrong, "timeStamping"); /* not critical */
    struct tm_buf upside_down = {0};
    struct tm_buf alone = {0};
    pki_pem(ca.root, &upside_down);
    pki_pem(ca.cert, &upside_down);
    pki_pem(tsa.cert, &alone);
    struct tuf_validity open = {0};
    struct tuf_validity early = from(T0);
    struct tuf_validity late = {true, true, (T0 + 2 * DAY) * 1000, (T0 + 4 * YEAR) * 1000};
    struct tuf_validity reversed = {true, true, (T0 + 3 * DAY) * 1000, (T0 + 2 * DAY) * 1000};
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
        tuf_trusted_root_add_authority(r, TRUST_CA, "u", ca.pem.data, ca.pem.len, &open, &e), 0);
    /* A window without start takes the chain's. */
    assert_int_equal(tuf_trusted_root_entry(r, TRUST_CA, 0)->valid.start_ms, (T0 + DAY) * 1000);
    refuse(r, TRUST_CA, &ca.pem, open, "already");
    tuf_trusted_root_free(r);
    tm_buf_free(&upside_down);
    tm_buf_free(&alone);
    authority_free(&ca);
    authority_free(&tsa);
    authority_free(&wrong);
}

static void bad_log_keys_are_not_added(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tuf_trusted_root *r = tuf_trusted_root_new(&e);
    struct tuf_validity v = from(T0);
    struct tuf_validity open = {0};
    EVP_PKEY *odd = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1");
    EVP_PKEY *fine = pki_key("P-256");
    struct tm_buf pem = {0};
    pki_public_pem(odd, &pem);
    assert_int_equal(tuf_trusted_root_add_log(r, TRUST_CTLOG, "u", pem.data, pem.len, &v, &e), -1);
    assert_non_null(strstr(e.text, "log key"));
    EVP_PKEY *edwards = pki_key("ED25519");
    tm_buf_reset(&pem);
    pki_public_pem(edwards, &pem);
    assert_int_equal(tuf_trusted_root_add_log(r, TRUST_CTLOG, "u", pem.data, pem.len, &v, &e), -1);
    assert_non_null(strstr(e.text, "P-256"));
    EVP_PKEY_free(edwards);
    assert_int_equal(tuf_trusted_root_add_log(r, TRUST_CTLOG, "u", "x", 1, &v, &e), -1);
    assert_int_equal(tuf_trusted_root_add_log(r, TRUST_CTLOG, "u", "", 0, &v, &e), -1);
    tm_buf_reset(&pem);
    pki_public_pem(fine, &pem);
    assert_int_equal(tuf_trusted_root_add_log(r, TRUST_CTLOG, "u", pem.data, pem.len, &open, &e),
                     -1);
    assert_non_null(strstr(e.text, "start"));
    assert_int_equal(tuf_trusted_root_add_log(r, TRUST_CTLOG, "u", pem.data, pem.len, &v, &e), 0);
    assert_int_equal(tuf_trusted_root_add_log(r, TRUST_CTLOG, "u", pem.data, pem.len, &v, &e), -1);
    assert_non_null(strstr(e.text, "already"));
    assert_int_equal(tuf_trusted_root_add_log(r, TRUST_CA, "u", pem.data, pem.len, &v, &e), -1);
    tm_buf_free(&pem);
    EVP_PKEY_free(odd);
    EVP_PKEY_free(fine);
    tuf_trusted_root_free(r);
}

/* Replaces the first `from_text` in a written root by `to`, which must then be refused. */
static void refuse_text(const struct tm_buf *good, const char *from_text, const char *to,
                        const char *reason)
{
    struct tm_err e = {0};
    struct tm_buf bad = {0};
    const char *text = (const char *)good->data;
    const char *at = strstr(text, from_text);
    if (at == NULL)
        fail_msg("the root does not hold %s", from_text);
    tm_buf_append(&bad, text, (size_t)(at - text));
    tm_buf_puts(&bad, to);
    tm_buf_puts(&bad, at + strlen(from_text));
    struct tuf_trusted_root *r = tuf_trusted_root_parse_strict(bad.data, bad.len, &e);
    if (r != NULL)
        fail_msg("accepted with %s", to);
    if (strstr(e.text, reason) == NULL)
        fail_msg("'%s' does not say '%s'", e.text, reason);
    tm_buf_free(&bad);
}

static void a_damaged_root_is_refused_with_the_member_named(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tm_buf good = {0};
    struct tuf_trusted_root *r = whole();
    assert_int_equal(tuf_trusted_root_write(r, &good, &e), 0);
    assert_non_null(tm_buf_str(&good));
    tuf_trusted_root_free(r);
    refuse_text(&good, ";version=0.1", ";version=0.9", "mediaType");
    refuse_text(&good, "\"uri\":", "\"url\":", "unknown member 'url'; is 'uri' meant?");
    refuse_text(&good, "\"SHA2_256\"", "\"SHA2_512\"", "hashAlgorithm");
    refuse_text(&good, "\"SHA2_256\"", "9", "hashAlgorithm");
    refuse_text(&good, "PKIX_ED25519", "PKIX_ED25520", "keyDetails");
    refuse_text(&good, "PKIX_ED25519", "PKIX_ECDSA_P256_SHA_256", "not of the type");
    refuse_text(&good, "\"start\": \"2026-01-01T00:00:00Z\"", "\"end\": \"2026-01-01T00:00:00Z\"",
                "no 'start'");
    refuse_text(&good, "2026-01-01T00:00:00Z", "2026-02-30T00:00:00Z", "'start' is not a time");
    refuse_text(&good, "\"rawBytes\": \"M", "\"rawBytes\": \"*", "not base64");
    refuse_text(&good, "\"rawBytes\": \"M", "\"rawBytes\": \"N", "publicKey");
    refuse_text(&good, "\"keyId\": \"", "\"keyId\": \"!AAA", "keyId");
    refuse_text(&good, "\"logId\": {", "\"logId\": {\"keyId\": \"AAAA\",", "duplicate");
    refuse_text(&good, "\"certificateAuthorities\": [", "\"certificateAuthorities\": [7,",
                "certificateAuthorities[0]");
    refuse_text(&good, "\"certificates\": [", "\"certificates\": [{},", "certificate 1");
    refuse_text(&good, "\n}\n", "\n}\nx", "follows");
    tm_buf_free(&good);
    assert_null(tuf_trusted_root_parse("", 0, &e));
    assert_null(tuf_trusted_root_parse("[]", 2, &e));
}

/* The text with the first `from_text` replaced, as a verifier reads it. */
static struct tuf_trusted_root *read_with(const struct tm_buf *good, const char *from_text,
                                          const char *to)
{
    struct tm_err e = {0};
    struct tm_buf text = {0};
    const char *at = strstr((const char *)good->data, from_text);
    assert_non_null(at);
    tm_buf_append(&text, good->data, (size_t)(at - (const char *)good->data));
    tm_buf_puts(&text, to);
    tm_buf_puts(&text, at + strlen(from_text));
    struct tuf_trusted_root *r = tuf_trusted_root_parse(text.data, text.len, &e);
    if (r == NULL)
        fail_msg("with %s: %s", to, e.text);
    tm_buf_free(&text);
    return r;
}

static void what_a_later_version_adds_is_ignored_by_a_verifier(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tm_buf good = {0};
    struct tuf_trusted_root *r = whole();
    assert_int_equal(tuf_trusted_root_write(r, &good, &e), 0);
    assert_non_null(tm_buf_str(&good));
    tuf_trusted_root_free(r);
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"\"tlogs\"", "\"policy\": {\"a\": [1]}, \"tlogs\""},
        {"\"subject\"", "\"later\": null, \"subject\""},
        {"\"rawBytes\"", "\"alsoLater\": 7, \"rawBytes\""},
        {"\"start\"", "\"middle\": \"x\", \"start\""},
        {"\"certChain\"", "\"cert_chain\""},
        {"\"hashAlgorithm\": \"SHA2_256\"", "\"hash_algorithm\": 1"},
        {"\"PKIX_ED25519\"", "7"},
        {"\"uri\"", "\"operator\": null, \"uri\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        r = read_with(&good, cases[i].from, cases[i].to);
        for (size_t l = 0; l < TRUST_LIST_COUNT; l++)
            assert_int_equal(tuf_trusted_root_count(r, (enum tuf_trust_list)l), 1);
        assert_null(tuf_trusted_root_left_out(r, 0));
        tuf_trusted_root_free(r);
    }
    tm_buf_free(&good);
}

static void an_entry_of_an_unknown_kind_counts_for_nothing_and_is_noted(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tm_buf good = {0};
    struct tuf_trusted_root *r = whole();
    assert_int_equal(tuf_trusted_root_write(r, &good, &e), 0);
    assert_non_null(tm_buf_str(&good));
    tuf_trusted_root_free(r);
    static const struct {
        const char *from, *to, *note;
    } cases[] = {
        {"PKIX_ED25519", "PKIX_SLH_DSA_NEW", "tlogs[0] (https://log.example.com/) counts for"},
        {"\"PKIX_ED25519\"", "99", "'keyDetails'"},
        {"SHA2_256", "SHA3_256", "'hashAlgorithm'"},
        {"\"validFor\"", "\"validity\"", "'validFor' is missing"},
        {"\"start\"", "\"begin\"", "no 'start'"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        r = read_with(&good, cases[i].from, cases[i].to);
        const struct tuf_trust_left_out *out = tuf_trusted_root_left_out(r, 0);
        assert_int_equal(tuf_trusted_root_count(r, TRUST_TLOG), 0);
        assert_int_equal(tuf_trusted_root_count(r, TRUST_CTLOG), 1);
        assert_non_null(out);
        assert_int_equal(out->list, TRUST_TLOG);
        if (strstr(out->note, cases[i].note) == NULL)
            fail_msg("'%s' does not say '%s'", out->note, cases[i].note);
        tuf_trusted_root_free(r);
    }
    tm_buf_free(&good);
}

/* What a later writer, or a mistaken one, may put where a member is expected; HUGE stands for an
 * integer beyond 64 bits. */
#define HUGE_TEXT "\"@HUGE@\""
static const char *const odd_values[] = {
    "null", "true", "-1", "\"\"", "{}", "[]", "[null]", HUGE_TEXT, "\"99999-01-01T00:00:00Z\""};
#define ODD_COUNT (sizeof(odd_values) / sizeof(odd_values[0]))

/* `file` as text, read by a verifier. */
static struct tuf_trusted_root *read_tree(const json_t *file)
{
    struct tm_err e = {0};
    struct tm_buf text = {0};
    char *dumped = json_dumps(file, JSON_COMPACT);
    assert_non_null(dumped);
    char *at = strstr(dumped, HUGE_TEXT);
    if (at != NULL)
        *at = '\0';
    tm_buf_puts(&text, dumped);
    if (at != NULL) {
        tm_buf_puts(&text, "18446744073709551616");
        tm_buf_puts(&text, at + strlen(HUGE_TEXT));
    }
    struct tuf_trusted_root *r = tuf_trusted_root_parse(text.data, text.len, &e);
    if (r == NULL)
        fail_msg("%s is refused: %s", tm_buf_str(&text), e.text);
    free(dumped);
    tm_buf_free(&text);
    return r;
}

/* Puts a value at "publicKey.rawBytes" of an entry; "": in the entry's own place. */
static void put_at(json_t *list, const char *path, const char *value)
{
    json_t *v = json_loads(value, JSON_DECODE_ANY, NULL);
    json_t *in = json_array_get(list, 0);
    assert_non_null(v);
    const char *dot = strchr(path, '.');
    if (dot != NULL) {
        char name[32] = "";
        assert_true((size_t)(dot - path) < sizeof(name));
        memcpy(name, path, (size_t)(dot - path));
        in = json_object_get(in, name);
        assert_non_null(in);
    }
    assert_int_equal(*path == '\0' ? json_array_set_new(list, 0, v)
                                   : json_object_set_new(in, dot != NULL ? dot + 1 : path, v),
                     0);
}

struct odd_row {
    enum tuf_trust_list list;
    const char *key, *path;
    const char *fine; /* "*": every value; else those with which the entry still counts */
};

/* One odd value of one member: the entry counts for nothing and a note says which, or it counts,
 * and nothing is noted; the other lists are whole. */
static void try_odd(const json_t *good, const struct odd_row *row, const char *value)
{
    json_t *file = json_deep_copy(good);
    put_at(json_object_get(file, row->key), row->path, value);
    struct tuf_trusted_root *r = read_tree(file);
    bool counts = strcmp(row->fine, "*") == 0 || strstr(row->fine, value) != NULL;
    const struct tuf_trust_left_out *out = tuf_trusted_root_left_out(r, 0);
    for (size_t l = 0; l < TRUST_LIST_COUNT; l++) {
        size_t want = l == (size_t)row->list && !counts ? 0 : 1;
        if (tuf_trusted_root_count(r, (enum tuf_trust_list)l) != want)
            fail_msg("%s.%s %s: %s has not %zu", row->key, row->path, value,
                     tuf_trust_list_name((enum tuf_trust_list)l), want);
    }
    if ((out == NULL) != counts)
        fail_msg("%s.%s %s: %s", row->key, row->path, value, out != NULL ? out->note : "no note");
    if (out != NULL) {
        assert_int_equal(out->list, row->list);
        assert_ptr_equal(strstr(out->note, row->key), out->note);
        assert_non_null(strstr(out->note, " counts for nothing: "));
    }
    tuf_trusted_root_free(r);
    json_decref(file);
}

static void one_odd_value_spoils_its_own_entry_at_most(void **state)
{
    (void)state;
    static const struct odd_row rows[] = {
        {TRUST_TLOG, "tlogs", "", ""},
        {TRUST_TLOG, "tlogs", "baseUrl", "*"},
        {TRUST_TLOG, "tlogs", "operator", "*"},
        {TRUST_TLOG, "tlogs", "checkpointKeyId", "*"},
        {TRUST_TLOG, "tlogs", "hashAlgorithm", ""},
        {TRUST_TLOG, "tlogs", "publicKey", ""},
        {TRUST_TLOG, "tlogs", "publicKey.rawBytes", ""},
        {TRUST_TLOG, "tlogs", "publicKey.keyDetails", ""},
        {TRUST_TLOG, "tlogs", "publicKey.validFor", ""},
        {TRUST_TLOG, "tlogs", "logId", ""},
        {TRUST_TLOG, "tlogs", "logId.keyId", ""},
        {TRUST_CTLOG, "ctlogs", "baseUrl", "*"},
        {TRUST_CTLOG, "ctlogs", "publicKey.keyDetails", ""},
        {TRUST_CA, "certificateAuthorities", "", ""},
        {TRUST_CA, "certificateAuthorities", "subject", "*"},
        {TRUST_CA, "certificateAuthorities", "subject.organization", "*"},
        {TRUST_CA, "certificateAuthorities", "subject.commonName", "*"},
        {TRUST_CA, "certificateAuthorities", "uri", "*"},
        {TRUST_CA, "certificateAuthorities", "operator", "*"},
        {TRUST_CA, "certificateAuthorities", "certChain", ""},
        {TRUST_CA, "certificateAuthorities", "certChain.certificates", ""},
        {TRUST_CA, "certificateAuthorities", "validFor", "{}"},
        {TRUST_CA, "certificateAuthorities", "validFor.start", "null"},
        {TRUST_CA, "certificateAuthorities", "validFor.end", "null"},
        {TRUST_TSA, "timestampAuthorities", "uri", "*"},
        {TRUST_TSA, "timestampAuthorities", "certChain.certificates", ""},
        {TRUST_TSA, "timestampAuthorities", "validFor.end", "null"},
    };
    struct tm_err e = {0};
    struct tm_buf text = {0};
    struct tuf_trusted_root *r = whole();
    assert_int_equal(tuf_trusted_root_write(r, &text, &e), 0);
    json_t *good = json_loadb((const char *)text.data, text.len, 0, NULL);
    assert_non_null(good);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t v = 0; v < ODD_COUNT; v++)
            try_odd(good, &rows[i], odd_values[v]);
    }
    json_decref(good);
    tm_buf_free(&text);
    tuf_trusted_root_free(r);
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
        assert_int_equal(tm_clock_parse_rfc3339(good[i].text, good[i].up, &ms), 0);
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
        assert_int_equal(tm_clock_parse_rfc3339(bad[i], false, &ms), -1);
}

struct said {
    struct tm_buf text;
    int dangers;
};

/* The tests see into the entry that the module owns. */
static struct tuf_trust_entry *entry(struct tuf_trusted_root *r, enum tuf_trust_list list)
{
    return (struct tuf_trust_entry *)tuf_trusted_root_entry(r, list, 0);
}

static void hear(void *arg, const char *text)
{
    struct said *s = arg;
    tm_buf_puts(&s->text, text);
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
    struct tm_err e = {0};
    struct said s = {0};
    struct tuf_trusted_root *r = whole();
    tuf_trusted_root_lint(r, (T0 + 3 * DAY) * 1000, hear, &s);
    assert_non_null(strstr(tm_buf_str(&s.text), "(https://log.example.com/) has no ECDSA key: "
                                                "policy-controller refuses"));
    tm_buf_reset(&s.text);
    tuf_trusted_root_remove(r, TRUST_TLOG, 0, &e);
    add_log(r, TRUST_TLOG, "P-256", "https://log.example.com/", T0);
    tuf_trusted_root_lint(r, (T0 + 3 * DAY) * 1000, hear, &s);
    assert_string_equal(tm_buf_str(&s.text), "");
    tuf_trusted_root_retire(r, TRUST_CTLOG, 0, (T0 + 5 * DAY) * 1000, &e);
    tuf_trusted_root_lint(r, (T0 + 6 * DAY) * 1000, hear, &s);
    assert_non_null(strstr(tm_buf_str(&s.text), "no CT log is valid now"));
    tm_buf_reset(&s.text);
    add_log(r, TRUST_CTLOG, "P-256", "https://ct2.example.com", T0 + 7 * DAY);
    tuf_trusted_root_lint(r, (T0 + 8 * DAY) * 1000, hear, &s);
    assert_string_equal(tm_buf_str(&s.text), "no CT log is valid from 2026-01-06T00:00:00Z to "
                                             "2026-01-08T00:00:00Z\n");
    tm_buf_reset(&s.text);
    tuf_trusted_root_remove(r, TRUST_TLOG, 0, &e);
    tuf_trusted_root_lint(r, (T0 + 8 * DAY) * 1000, hear, &s);
    assert_non_null(strstr(tm_buf_str(&s.text), "sigstore-python"));
    tm_buf_free(&s.text);
    tuf_trusted_root_free(r);
}

static void a_diff_names_each_change_and_marks_the_dangerous(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct said s = {0};
    struct tm_buf json = {0};
    struct tuf_trusted_root *old = whole();
    assert_int_equal(tuf_trusted_root_write(old, &json, &e), 0);
    struct tuf_trusted_root *now = tuf_trusted_root_parse(json.data, json.len, &e);
    tuf_trusted_root_diff(old, now, (T0 + 8 * DAY) * 1000, hear_change, &s);
    assert_string_equal(tm_buf_str(&s.text), "");
    tuf_trusted_root_retire(now, TRUST_CA, 0, (T0 + 9 * DAY) * 1000, &e);
    add_log(now, TRUST_CTLOG, "P-256", "https://ct2.example.com", T0 + 7 * DAY);
    tuf_trusted_root_diff(old, now, (T0 + 8 * DAY) * 1000, hear_change, &s);
    assert_non_null(strstr(tm_buf_str(&s.text), "to 2026-01-10T00:00:00Z, was valid from"));
    assert_non_null(strstr(tm_buf_str(&s.text), "(https://ct2.example.com) is new"));
    assert_int_equal(s.dangers, 0);
    tuf_trusted_root_diff(now, old, (T0 + 8 * DAY) * 1000, hear_change,
                          &s); /* the other way, a log goes */
    assert_int_equal(s.dangers, 1);
    assert_non_null(strstr(tm_buf_str(&s.text), "(https://ct2.example.com) is removed"));
    tm_buf_free(&s.text);
    tm_buf_free(&json);
    tuf_trusted_root_free(old);
    tuf_trusted_root_free(now);
}

static struct tuf_trusted_root *of_chain(const struct tm_buf *pem)
{
    struct tm_err e = {0};
    struct tuf_validity v = from(T0 + DAY);
    struct tuf_trusted_root *r = tuf_trusted_root_new(&e);
    assert_int_equal(tuf_trusted_root_add_authority(r, TRUST_CA, "https://ca.example.com",
                                                    pem->data, pem->len, &v, &e),
                     0);
    return r;
}

/* The same issuing certificate under another root of the same name and key: whoever compares the
 * first fingerprint alone sees no difference. */
static void an_authority_under_another_root_is_refused_and_marked(void **state)
{
    (void)state;
    char first[TRUST_UNDER_MAX];
    char other[TRUST_UNDER_MAX];
    struct said s = {0};
    struct tm_buf swapped = {0};
    struct authority ca = {0};
    make_ca(&ca);
    X509 *root = pki_ca("Root", ca.root_key, NULL, NULL, T0, T0 + 11 * YEAR);
    pki_pem(ca.cert, &swapped);
    pki_pem(root, &swapped);
    struct tuf_trusted_root *old = of_chain(&ca.pem);
    struct tuf_trusted_root *now = of_chain(&swapped);
    tuf_trust_entry_under(TRUST_CA, entry(old, TRUST_CA), first);
    tuf_trust_entry_under(TRUST_CA, entry(now, TRUST_CA), other);
    assert_int_equal(strlen(first), strlen(", under 0123456789abcdef"));
    assert_string_not_equal(first, other);
    refuse(old, TRUST_CA, &swapped, from(T0 + DAY), "already, by a chain that goes on otherwise");
    refuse(old, TRUST_CA, &ca.pem, from(T0 + DAY), "already: ");
    tuf_trusted_root_diff(old, now, (T0 + 2 * DAY) * 1000, hear_change, &s);
    assert_int_equal(s.dangers, 2); /* one goes, the other comes */
    assert_non_null(strstr(tm_buf_str(&s.text), other));
    assert_non_null(strstr(tm_buf_str(&s.text), "was trusted by another chain"));
    tm_buf_free(&s.text);
    tm_buf_free(&swapped);
    tuf_trusted_root_free(old);
    tuf_trusted_root_free(now);
    X509_free(root);
    authority_free(&ca);
}

/* Addresses are what the file's writer chose. */
static void what_is_told_moves_no_cursor(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct said s = {0};
    struct tuf_trusted_root *none = tuf_trusted_root_new(&e);
    struct tuf_trusted_root *r = whole();
    struct tuf_trust_entry *t = (struct tuf_trust_entry *)tuf_trusted_root_entry(r, TRUST_CTLOG, 0);
    free(t->uri);
    t->uri = strdup("https://x\x1b[2J\n\xe2\x80\xae");
    tuf_trusted_root_diff(none, r, T0 * 1000, hear_change, &s);
    assert_non_null(strstr(tm_buf_str(&s.text), "(https://x?[2J?\?\?\?) is new"));
    tm_buf_free(&s.text);
    tuf_trusted_root_free(none);
    tuf_trusted_root_free(r);
}

/* Each edit that breaks what verifies, or opens the past, is marked; `trust` then asks for
 * --confirm, and a review shows DANGER. */

#define R11_AT ((T0 + 20 * DAY) * 1000)

/* The dangers of going from whole() to what `edit` makes of it. */
static int dangers_of(void (*edit)(struct tuf_trusted_root *r), const char *says)
{
    struct tm_err e = {0};
    struct said s = {0};
    struct tm_buf json = {0};
    struct tuf_trusted_root *old = whole();
    assert_int_equal(tuf_trusted_root_write(old, &json, &e), 0);
    struct tuf_trusted_root *now = tuf_trusted_root_parse(json.data, json.len, &e);
    edit(now);
    tuf_trusted_root_diff(old, now, R11_AT, hear_change, &s);
    if (s.text.len == 0 || strstr(tm_buf_str(&s.text), says) == NULL)
        fail_msg("'%s' does not say '%s'", s.text.len > 0 ? tm_buf_str(&s.text) : "", says);
    tm_buf_free(&s.text);
    tm_buf_free(&json);
    tuf_trusted_root_free(old);
    tuf_trusted_root_free(now);
    return s.dangers;
}

static void remove_log(struct tuf_trusted_root *r)
{
    struct tm_err e = {0};
    assert_int_equal(tuf_trusted_root_remove(r, TRUST_CTLOG, 0, &e), 0);
}

static void start_earlier(struct tuf_trusted_root *r)
{
    entry(r, TRUST_CA)->valid.start_ms -= 1000;
}

static void start_dropped(struct tuf_trusted_root *r)
{
    entry(r, TRUST_CA)->valid.has_start = false;
}

static void end_in_the_past(struct tuf_trusted_root *r)
{
    struct tm_err e = {0};
    assert_int_equal(tuf_trusted_root_retire(r, TRUST_CA, 0, R11_AT - 1000, &e), 0);
}

static void end_now(struct tuf_trusted_root *r)
{
    struct tm_err e = {0};
    assert_int_equal(tuf_trusted_root_retire(r, TRUST_CA, 0, R11_AT, &e), 0);
}

static void end_to_come(struct tuf_trusted_root *r)
{
    struct tm_err e = {0};
    assert_int_equal(tuf_trusted_root_retire(r, TRUST_CA, 0, R11_AT + 1000, &e), 0);
}

static void other_log_id(struct tuf_trusted_root *r)
{
    entry(r, TRUST_CTLOG)->log_id.data[0] ^= 1;
}

static void new_log_of_the_past(struct tuf_trusted_root *r)
{
    add_log(r, TRUST_CTLOG, "P-256", "https://old.example.com", T0 + 12 * DAY);
}

static void new_log_of_today(struct tuf_trusted_root *r)
{
    add_log(r, TRUST_CTLOG, "P-256", "https://new.example.com", T0 + 19 * DAY);
}

static void edits_that_break_or_reopen_are_marked(void **state)
{
    (void)state;
    static const struct {
        void (*edit)(struct tuf_trusted_root *r);
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
        cmocka_unit_test(chains_that_verifiers_would_refuse_are_not_added),
        cmocka_unit_test(bad_log_keys_are_not_added),
        cmocka_unit_test(a_damaged_root_is_refused_with_the_member_named),
        cmocka_unit_test(what_a_later_version_adds_is_ignored_by_a_verifier),
        cmocka_unit_test(an_entry_of_an_unknown_kind_counts_for_nothing_and_is_noted),
        cmocka_unit_test(one_odd_value_spoils_its_own_entry_at_most),
        cmocka_unit_test(times_are_read_as_protobuf_writes_them),
        cmocka_unit_test(lint_says_what_verifiers_stumble_over),
        cmocka_unit_test(what_is_told_moves_no_cursor),
        cmocka_unit_test(a_diff_names_each_change_and_marks_the_dangerous),
        cmocka_unit_test(an_authority_under_another_root_is_refused_and_marked),
        cmocka_unit_test(edits_that_break_or_reopen_are_marked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
