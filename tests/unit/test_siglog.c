/* The log of signatures: what it takes, what it writes, and the proof that each submitter gets. */
#include "tests/support/cmocka_all.h"

#include <jansson.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ca/log/engine/reader.h"
#include "ca/log/engine/view.h"
#include "ca/log/signatures/format.h"
#include "ca/log/signatures/siglog.h"
#include "common/b64.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/transparency/note.h"
#include "tests/support/logbox.h"
#include "tests/support/pki.h"
#include "tests/support/waiting.h"

#define ORIGIN "rekor.example.com"
#define PAYLOAD_TYPE "application/vnd.in-toto+json"
#define PAYLOAD "{\"_type\":\"https://in-toto.io/Statement/v1\"}"

struct box {
    struct logbox files; /* its directory only */
    EVP_PKEY *key;
    struct ca_log_options o;
    struct ca_siglog *log;
};

static void box_open(struct box *b)
{
    struct tm_err e = {0};
    b->log = ca_siglog_open(&b->o, &e);
    if (b->log == NULL)
        fail_msg("open: %s", e.text);
}

static void box_init(struct box *b, const char *key_type)
{
    struct tm_err e = {0};
    *b = (struct box){.key = pki_key(key_type)};
    logbox_init(&b->files);
    ca_log_options_default(&b->o);
    b->o.directory = b->files.dir;
    b->o.origin = ORIGIN;
    b->o.key = b->key;
    b->o.checkpoint_interval_ms = 20;
    if (ca_siglog_create(&b->o, &e) != 0)
        fail_msg("create: %s", e.text);
    box_open(b);
}

static void box_free(struct box *b)
{
    ca_siglog_close(b->log);
    EVP_PKEY_free(b->key);
    logbox_free(&b->files);
}

/* ---- requests ---- */

static void base64(struct tm_buf *out, const void *data, size_t len)
{
    tm_buf_puts(out, "\"");
    tm_b64_encode(B64_STD, data, len, out);
    tm_buf_puts(out, "\"");
}

static bool trailing; /* a byte follows what the next verifiers hold */

/* {"x509Certificate":…} of a certificate for `key`, or {"publicKey":…}. */
static void verifier(struct tm_buf *out, EVP_PKEY *key, bool certificate, const char *details)
{
    static const struct pki_extension none[] = {{NULL, NULL}};
    unsigned char *der = NULL;
    int len;
    if (certificate) {
        EVP_PKEY *ca_key = pki_key("P-256");
        X509 *ca = pki_ca("ca", ca_key, NULL, NULL, 1700000000, 1900000000);
        const struct pki_spec spec = {"leaf", key, ca, ca_key, 1700000000, 1700000600, none};
        X509 *leaf = pki_cert(&spec);
        len = i2d_X509(leaf, &der);
        X509_free(leaf);
        X509_free(ca);
        EVP_PKEY_free(ca_key);
    } else {
        len = i2d_PUBKEY(key, &der);
    }
    tm_buf_printf(out, "{\"%s\":{\"rawBytes\":", certificate ? "x509Certificate" : "publicKey");
    if (trailing) {
        struct tm_buf longer = {0};
        tm_buf_append(&longer, der, (size_t)len);
        buf_putc(&longer, 0);
        base64(out, longer.data, longer.len);
        tm_buf_free(&longer);
    } else {
        base64(out, der, (size_t)len);
    }
    tm_buf_printf(out, "},\"keyDetails\":\"%s\"}", details);
    OPENSSL_free(der);
}

struct kind {
    const char *key, *digest, *details;
};
static const struct kind kinds[] = {
    {"P-256", "SHA256", "PKIX_ECDSA_P256_SHA_256"},
    {"P-384", "SHA384", "PKIX_ECDSA_P384_SHA_384"},
    {"P-521", "SHA512", "PKIX_ECDSA_P521_SHA_512"},
    {"RSA", "SHA256", "PKIX_RSA_PKCS1V15_2048_SHA256"},
};

/* A good hashedrekord request for an artifact. */
static void hashed(struct tm_buf *out, const struct kind *k, const char *artifact, bool certificate)
{
    EVP_PKEY *key = pki_key(k->key);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    struct tm_buf sig = {0};
    EVP_Digest(artifact, strlen(artifact), digest, &len, EVP_get_digestbyname(k->digest), NULL);
    pki_sign(key, k->digest, artifact, strlen(artifact), &sig);
    tm_buf_puts(out, "{\"hashedRekordRequestV002\":{\"digest\":");
    base64(out, digest, len);
    tm_buf_puts(out, ",\"signature\":{\"content\":");
    base64(out, sig.data, sig.len);
    tm_buf_puts(out, ",\"verifier\":");
    verifier(out, key, certificate, k->details);
    tm_buf_puts(out, "}}}");
    tm_buf_free(&sig);
    EVP_PKEY_free(key);
}

struct signers { /* of an envelope: a P-256 and an RSA key */
    EVP_PKEY *key[2];
    struct tm_buf sig[2];
};

static struct signers signers_new(void)
{
    struct signers s = {.key = {pki_key("P-256"), pki_key("RSA")}};
    struct tm_buf pae = {0};
    tm_buf_printf(&pae, "DSSEv1 %zu %s %zu %s", strlen(PAYLOAD_TYPE), PAYLOAD_TYPE, strlen(PAYLOAD),
                  PAYLOAD);
    for (int i = 0; i < 2; i++)
        pki_sign(s.key[i], "SHA256", pae.data, pae.len, &s.sig[i]);
    tm_buf_free(&pae);
    return s;
}

static void signers_free(struct signers *s)
{
    for (int i = 0; i < 2; i++) {
        EVP_PKEY_free(s->key[i]);
        tm_buf_free(&s->sig[i]);
    }
}

/* A good DSSE request; the signatures in either order, the verifiers always in the other. */
static void dsse_of(const struct signers *s, bool swapped, struct tm_buf *out)
{
    static const int details[] = {0, 3}; /* of kinds */
    tm_buf_puts(out, "{\"dsseRequestV002\":{\"envelope\":{\"payload\":");
    base64(out, PAYLOAD, strlen(PAYLOAD));
    tm_buf_puts(out, ",\"payloadType\":\"" PAYLOAD_TYPE "\",\"signatures\":[");
    for (int i = 0; i < 2; i++) {
        const struct tm_buf *sig = &s->sig[swapped ? 1 - i : i];
        tm_buf_puts(out, i > 0 ? ",{\"sig\":" : "{\"sig\":");
        base64(out, sig->data, sig->len);
        tm_buf_puts(out, ",\"keyid\":\"\"}");
    }
    tm_buf_puts(out, "]},\"verifiers\":[");
    for (int i = 0; i < 2; i++) {
        int k = swapped ? i : 1 - i;
        tm_buf_puts(out, i > 0 ? "," : "");
        verifier(out, s->key[k], false, kinds[details[k]].details);
    }
    tm_buf_puts(out, "]}}");
}

static void dsse(struct tm_buf *out)
{
    struct signers s = signers_new();
    dsse_of(&s, false, out);
    signers_free(&s);
}

/* ---- a submitter that waits ---- */

static enum ca_siglog_status submit(struct ca_siglog *s, const struct tm_buf *request,
                                    struct tm_buf *out, uint64_t *index, struct tm_err *e)
{
    struct waiting w = WAITING_INIT;
    struct ca_siglog_job *job = NULL;
    enum ca_siglog_status status = ca_siglog_begin(s, (const char *)request->data, request->len,
                                                   waiting_wake, &w, &job, index, e);
    for (int waits = 1; status == SIGLOG_WAIT; waits++) {
        assert_int_equal(waiting_for(&w, waits), 0);
        status = ca_siglog_step(job, waiting_wake, &w, out, e);
    }
    if (job != NULL)
        assert_false(ca_siglog_job_free(job));
    return status;
}

/* ---- what an answer must prove ---- */

static void decode(const json_t *v, struct tm_buf *out)
{
    const char *text = json_string_value(v);
    assert_non_null(text);
    assert_int_equal(tm_b64_decode(B64_STD, text, strlen(text), out), 0);
}

static uint64_t number(const json_t *v)
{
    assert_true(json_is_string(v));
    return strtoull(json_string_value(v), NULL, 10);
}

static void check_note(const struct box *b, const char *text, struct tm_checkpoint *c)
{
    struct tm_note n;
    struct tm_note_key k;
    struct tm_err e;
    bool ed25519 = EVP_PKEY_is_a(b->key, "ED25519");
    assert_int_equal(tm_note_parse(text, strlen(text), &n, &e), 0);
    assert_int_equal(tm_checkpoint_parse(&n, c, &e), 0);
    assert_int_equal(tm_note_key_init(&k, ORIGIN, ed25519 ? NOTE_ED25519 : NOTE_ECDSA, b->key, &e),
                     0);
    assert_int_equal(tm_note_verify(&n, &k, NULL, &e), 0);
    assert_string_equal(c->origin, ORIGIN);
    tm_note_free(&n);
}

/* The entry is in the tree of the signed checkpoint, and its text is canonical. */
static void check_answer(const struct box *b, struct tm_buf *out, const char *kind, uint64_t index)
{
    struct tm_merkle_hash proof[64];
    struct tm_merkle_hash leaf;
    struct tm_checkpoint c;
    struct tm_buf body = {0};
    struct tm_err e;
    json_t *v = json_loadb((const char *)out->data, out->len, 0, NULL);
    const json_t *p = json_object_get(v, "inclusionProof");
    const json_t *hashes = json_object_get(p, "hashes");
    size_t count = json_array_size(hashes);
    assert_int_equal(number(json_object_get(v, "logIndex")), index);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(v, "kindVersion"), "kind")), kind);
    decode(json_object_get(v, "canonicalizedBody"), &body);
    for (size_t i = 0; i < count; i++) {
        struct tm_buf hash = {0};
        decode(json_array_get(hashes, i), &hash);
        assert_int_equal(hash.len, 32);
        memcpy(proof[i].b, hash.data, 32);
        tm_buf_free(&hash);
    }
    check_note(b, json_string_value(json_object_get(json_object_get(p, "checkpoint"), "envelope")),
               &c);
    assert_int_equal(number(json_object_get(p, "treeSize")), c.size);
    tm_merkle_leaf(body.data, body.len, &leaf);
    assert_int_equal(tm_merkle_check_inclusion(index, c.size, &leaf, proof, count, &c.root, &e), 0);
    json_t *text = json_loadb((const char *)body.data, body.len, 0, NULL);
    char *sorted = json_dumps(text, JSON_SORT_KEYS | JSON_COMPACT);
    assert_int_equal(strlen(sorted), body.len);
    assert_memory_equal(sorted, body.data, body.len);
    free(sorted);
    json_decref(text);
    json_decref(v);
    tm_buf_free(&body);
}

static void each_kind_of_entry_is_logged_and_proven(void **state)
{
    (void)state;
    static const char *const log_keys[] = {"P-256", "ED25519"};
    for (size_t n = 0; n < 2; n++) {
        struct box b;
        uint64_t index = 0;
        uint64_t next = 0;
        box_init(&b, log_keys[n]);
        for (size_t i = 0; i <= 2 * 4; i++) {
            struct tm_buf request = {0};
            struct tm_buf out = {0};
            struct tm_err e = {0};
            if (i == 8)
                dsse(&request);
            else
                hashed(&request, &kinds[i / 2], "artifact", i % 2 == 0);
            enum ca_siglog_status status = submit(b.log, &request, &out, &index, &e);
            if (status != SIGLOG_LOGGED)
                fail_msg("request %zu: %d %s", i, status, e.text);
            check_answer(&b, &out, i == 8 ? "dsse" : "hashedrekord", next++);
            tm_buf_free(&request);
            tm_buf_free(&out);
        }
        box_free(&b);
    }
}

static void an_entry_is_logged_once_also_over_a_restart(void **state)
{
    (void)state;
    struct box b;
    struct tm_buf request = {0};
    struct tm_buf out = {0};
    struct tm_err e = {0};
    uint64_t index = 0;
    box_init(&b, "P-256");
    hashed(&request, &kinds[0], "first", true);
    assert_int_equal(submit(b.log, &request, &out, &index, &e), SIGLOG_LOGGED);
    index = 99;
    assert_int_equal(submit(b.log, &request, &out, &index, &e), SIGLOG_DUPLICATE);
    assert_int_equal(index, 0);
    ca_siglog_close(b.log);
    box_open(&b);
    index = 99;
    assert_int_equal(submit(b.log, &request, &out, &index, &e), SIGLOG_DUPLICATE);
    assert_int_equal(index, 0);
    struct ca_siglog_stats stats;
    ca_siglog_stats_get(b.log, &stats);
    assert_int_equal(stats.duplicates, 1);
    tm_buf_free(&request);
    tm_buf_free(&out);
    box_free(&b);
}

/* Replaces the first `from` in the text of a good request. */
static void replace(struct tm_buf *b, const char *from, const char *to)
{
    char *text = strdup(tm_buf_str(b));
    char *at = strstr(text, from);
    assert_non_null(at);
    tm_buf_reset(b);
    tm_buf_append(b, text, (size_t)(at - text));
    tm_buf_puts(b, to);
    tm_buf_puts(b, at + strlen(from));
    free(text);
}

static void a_bad_request_is_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to; /* in a good request */
        const char *why;
    } rows[] = {
        {"PKIX_ECDSA_P256_SHA_256", "PKIX_ECDSA_P384_SHA_384", "32 bytes"},
        {"PKIX_ECDSA_P256_SHA_256", "PKIX_RSA_PKCS1V15_2048_SHA256", "kind that its keyDetails"},
        {"PKIX_ECDSA_P256_SHA_256", "PKIX_ED25519", "signs a digest"},
        {"PKIX_ECDSA_P256_SHA_256", "PKIX_ED25519_PH", "signs a digest"},
        {"PKIX_ECDSA_P256_SHA_256", "NONSENSE", "signs a digest"},
        {"\"digest\":\"", "\"digest\":\"AAAA", "digest"},
        {"\"content\":\"M", "\"content\":\"N", "signature does not verify"},
        {"\"rawBytes\":\"M", "\"rawBytes\":\"N", "whole certificate"},
        {"{\"hashedRekordRequestV002\"", "{\"extra\":1,\"hashedRekordRequestV002\"", "extra"},
        {"hashedRekordRequestV002", "hashedRekordRequestV001", "hashedRekordRequestV001"},
        {"}}}", "}}} ", NULL},
        {"}}}", "}}}x", ""},
        {"}}}", "}}", ""},
        {"x509Certificate", "publicKey", "key"},
        {",\"keyDetails\":\"PKIX_ECDSA_P256_SHA_256\"", "", "keyDetails"},
        {"hashedRekordRequestV002", "hashed_rekord_request_v002", NULL},
    };
    struct box b;
    box_init(&b, "P-256");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tm_buf request = {0};
        struct tm_buf out = {0};
        struct tm_err e = {0};
        uint64_t index = 0;
        hashed(&request, &kinds[0], "artifact", true);
        replace(&request, rows[i].from, rows[i].to);
        enum ca_siglog_status status = submit(b.log, &request, &out, &index, &e);
        if (status != (rows[i].why == NULL ? SIGLOG_LOGGED : SIGLOG_BAD) ||
            (rows[i].why != NULL && strstr(e.text, rows[i].why) == NULL))
            fail_msg("row %zu (%s): %d '%s'", i, rows[i].to, status, e.text);
        tm_buf_free(&request);
        tm_buf_free(&out);
    }
    box_free(&b);
}

static void a_byte_after_a_verifier_is_refused(void **state)
{
    (void)state;
    struct box b;
    box_init(&b, "P-256");
    for (int certificate = 0; certificate < 2; certificate++) {
        struct tm_buf request = {0};
        struct tm_buf out = {0};
        struct tm_err e = {0};
        uint64_t index = 0;
        trailing = true;
        hashed(&request, &kinds[0], "artifact", certificate == 1);
        trailing = false;
        assert_int_equal(submit(b.log, &request, &out, &index, &e), SIGLOG_BAD);
        tm_buf_free(&request);
        tm_buf_free(&out);
    }
    box_free(&b);
}

static void every_signature_of_an_envelope_needs_its_verifier(void **state)
{
    (void)state;
    struct box b;
    box_init(&b, "P-256");
    for (int i = 0; i < 4; i++) {
        struct tm_buf request = {0};
        struct tm_buf out = {0};
        struct tm_err e = {0};
        uint64_t index = 0;
        struct signers s = signers_new();
        if (i == 3) /* the second signature alone is damaged */
            ((unsigned char *)s.sig[1].data)[100] ^= 1;
        dsse_of(&s, false, &request);
        signers_free(&s);
        if (i == 3)
            assert_non_null(request.data);
        else if (i == 0)
            replace(&request, PAYLOAD_TYPE, "application/vnd.in-toto+jsom");
        else if (i == 1)
            replace(&request, "\"sig\":\"M", "\"sig\":\"N");
        else
            replace(&request, "PKIX_RSA_PKCS1V15_2048_SHA256", "PKIX_RSA_PKCS1V15_3072_SHA256");
        assert_int_equal(submit(b.log, &request, &out, &index, &e), SIGLOG_BAD);
        tm_buf_free(&request);
        tm_buf_free(&out);
    }
    box_free(&b);
}

static void an_entry_does_not_depend_on_the_order_of_signatures(void **state)
{
    (void)state;
    struct box b;
    struct signers s = signers_new();
    uint64_t index = 7;
    box_init(&b, "P-256");
    for (int i = 0; i < 2; i++) {
        struct tm_buf request = {0};
        struct tm_buf out = {0};
        struct tm_err e = {0};
        dsse_of(&s, i == 1, &request);
        assert_int_equal(submit(b.log, &request, &out, &index, &e),
                         i == 0 ? SIGLOG_LOGGED : SIGLOG_DUPLICATE);
        tm_buf_free(&request);
        tm_buf_free(&out);
    }
    assert_int_equal(index, 0);
    signers_free(&s);
    box_free(&b);
}

static void an_origin_with_a_port_or_path_is_refused(void **state)
{
    (void)state;
    static const char *const origins[] = {"rekor.example.com:3000", "rekor.example.com/log",
                                          "https://rekor.example.com"};
    struct logbox files;
    EVP_PKEY *key = pki_key("P-256");
    logbox_init(&files);
    for (size_t i = 0; i < 3; i++) {
        struct tm_err e = {0};
        struct ca_log_options o;
        ca_log_options_default(&o);
        o.directory = files.dir;
        o.key = key;
        o.origin = origins[i];
        assert_int_equal(ca_siglog_create(&o, &e), -1);
        assert_non_null(strstr(e.text, "bare host name"));
    }
    EVP_PKEY_free(key);
    logbox_free(&files);
}

/* A hundred at once: a journal's group, a checkpoint, a tile's nodes kept. */
static void many_submitters_get_their_own_proofs(void **state)
{
    (void)state;
    enum { MANY = 300 };
    static struct waiting w[MANY];
    static struct ca_siglog_job *job[MANY];
    struct box b;
    struct tm_err e = {0};
    uint64_t index = 0;
    bool seen[MANY] = {false};
    box_init(&b, "P-256");
    for (int i = 0; i < MANY; i++) {
        struct tm_buf request = {0};
        char artifact[16];
        snprintf(artifact, sizeof(artifact), "artifact %d", i);
        hashed(&request, &kinds[0], artifact, false);
        w[i] = (struct waiting)WAITING_INIT;
        assert_int_equal(ca_siglog_begin(b.log, (const char *)request.data, request.len,
                                         waiting_wake, &w[i], &job[i], &index, &e),
                         SIGLOG_WAIT);
        tm_buf_free(&request);
    }
    for (int i = 0; i < MANY; i++) {
        struct tm_buf out = {0};
        enum ca_siglog_status status = SIGLOG_WAIT;
        for (int waits = 1; status == SIGLOG_WAIT; waits++) {
            assert_int_equal(waiting_for(&w[i], waits), 0);
            status = ca_siglog_step(job[i], waiting_wake, &w[i], &out, &e);
        }
        assert_int_equal(status, SIGLOG_LOGGED);
        json_t *v = json_loadb((const char *)out.data, out.len, 0, NULL);
        index = number(json_object_get(v, "logIndex"));
        assert_true(index < MANY && !seen[index]);
        seen[index] = true;
        json_decref(v);
        check_answer(&b, &out, "hashedrekord", index);
        tm_buf_free(&out);
        (void)ca_siglog_job_free(job[i]);
    }
    box_free(&b);
}

static void a_submission_may_be_given_up_at_any_time(void **state)
{
    (void)state;
    struct box b;
    struct tm_err e = {0};
    box_init(&b, "P-256");
    for (int i = 0; i < 20; i++) {
        struct waiting *w = calloc(1, sizeof(*w));
        struct ca_siglog_job *job = NULL;
        struct tm_buf request = {0};
        struct tm_buf out = {0};
        char artifact[16];
        uint64_t index = 0;
        *w = (struct waiting)WAITING_INIT;
        snprintf(artifact, sizeof(artifact), "given up %d", i);
        hashed(&request, &kinds[0], artifact, false);
        assert_int_equal(ca_siglog_begin(b.log, (const char *)request.data, request.len,
                                         waiting_wake, w, &job, &index, &e),
                         SIGLOG_WAIT);
        assert_int_equal(waiting_for(w, 1), 0);
        enum ca_siglog_status status = ca_siglog_step(job, waiting_wake, w, &out, &e);
        bool will_not_come = ca_siglog_job_free(job);
        if (status == SIGLOG_WAIT && !will_not_come)
            assert_int_equal(waiting_for(w, 2), 0); /* the checkpoint was faster */
        free(w);
        tm_buf_free(&request);
        tm_buf_free(&out);
    }
    box_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_entry_is_logged_and_proven),
        cmocka_unit_test(an_entry_is_logged_once_also_over_a_restart),
        cmocka_unit_test(a_bad_request_is_refused_with_the_reason),
        cmocka_unit_test(a_byte_after_a_verifier_is_refused),
        cmocka_unit_test(every_signature_of_an_envelope_needs_its_verifier),
        cmocka_unit_test(an_entry_does_not_depend_on_the_order_of_signatures),
        cmocka_unit_test(an_origin_with_a_port_or_path_is_refused),
        cmocka_unit_test(many_submitters_get_their_own_proofs),
        cmocka_unit_test(a_submission_may_be_given_up_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
