/* SCTs against OpenSSL's own certificate transparency, and every damage refused. */
#include "tests/support/pki.h"
#include "tests/support/cmocka_all.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "ca/cert/cert.h"
#include "common/clock.h"
#include "common/transparency/digsig.h"
#include "common/transparency/sct.h"
#include "tests/support/ctpeer.h"

#define NOW_MS 1767225600000 /* 2026-01-01 */

struct scene {
    struct ca_signer *ca;
    EVP_PKEY *client;
    unsigned char *spki;
    struct oidc_principal who;
    struct ca_cert_spec spec;
    EVP_PKEY *log;
};

static int scene_up(void **state)
{
    static struct scene s;
    struct tm_err e = {0};
    struct ca_signer_options so = {.backend = "ephemeral"};
    s = (struct scene){0};
    s.ca = ca_signer_open(&so, tm_clock_wall_ms() / 1000, &e);
    s.client = EVP_EC_gen("P-256");
    s.log = EVP_EC_gen("P-256");
    s.who.san_kind = IDENTITY_SAN_EMAIL;
    s.who.san = (char *)"dev@example.com";
    s.who.field[IDENTITY_ISSUER] = (char *)"https://issuer.example.com";
    s.who.field[IDENTITY_ISSUER_V1] = (char *)"https://issuer.example.com";
    assert_int_equal(ca_cert_spec_init(&s.spec, s.ca, tm_clock_wall_ms() / 1000, 600, &e), 0);
    s.spec.spki_len = (size_t)i2d_PUBKEY(s.client, &s.spki);
    s.spec.spki = s.spki;
    s.spec.principal = &s.who;
    *state = &s;
    return 0;
}

static int scene_down(void **state)
{
    struct scene *s = *state;
    ca_signer_unref(s->ca);
    EVP_PKEY_free(s->client);
    EVP_PKEY_free(s->log);
    OPENSSL_free(s->spki);
    return 0;
}

/* A serialised SCT by `log` over the entry, appended to `out`. */
static void make_sct(EVP_PKEY *log, const struct tm_sct_entry *entry, uint64_t time_ms,
                     int64_t index, struct tm_buf *out)
{
    struct tm_err e = {0};
    struct tm_sct s = {.timestamp_ms = time_ms};
    struct tm_buf ext = {0}, data = {0}, sig = {0};
    assert_int_equal(tm_digsig_log_id(log, s.log_id, &e), 0);
    if (index >= 0)
        tm_sct_leaf_index_put((uint64_t)index, &ext);
    s.extensions = ext.data;
    s.extensions_len = ext.len;
    assert_int_equal(tm_sct_signed_data(&s, entry, &data, &e), 0);
    assert_int_equal(tm_digsig_sign(log, data.data, data.len, &sig, &e), 0);
    s.signature = sig.data;
    s.signature_len = sig.len;
    tm_sct_put(&s, out);
    tm_buf_free(&ext);
    tm_buf_free(&data);
    tm_buf_free(&sig);
}

/* A certificate with one embedded SCT. */
static X509 *make_certificate(struct scene *s, EVP_PKEY *log, struct tm_buf *der)
{
    struct tm_err e = {0};
    struct tm_buf logged = {0}, sct = {0}, list = {0}, tbs = {0};
    assert_int_equal(ca_cert_tbs(&s->spec, s->ca, CERT_LOGGED_TBS, NULL, &logged, &e), 0);
    const struct tm_sct_entry entry = {SCT_PRECERT, logged.data, logged.len,
                                       ca_signer_chain(s->ca)->spki_sha256};
    make_sct(log, &entry, NOW_MS, 1099511627775, &sct);
    assert_int_equal(tm_sct_list_put(&sct, 1, &list, &e), 0);
    assert_int_equal(ca_cert_tbs(&s->spec, s->ca, CERT_FINAL, &list, &tbs, &e), 0);
    assert_int_equal(ca_cert_sign(&tbs, s->ca, der, &e), 0);
    const unsigned char *p = der->data;
    X509 *cert = d2i_X509(NULL, &p, (long)der->len);
    assert_non_null(cert);
    tm_buf_free(&logged);
    tm_buf_free(&sct);
    tm_buf_free(&list);
    tm_buf_free(&tbs);
    return cert;
}

static void openssl_validates_our_embedded_sct(void **state)
{
    struct scene *s = *state;
    struct tm_buf der = {0};
    X509 *cert = make_certificate(s, s->log, &der);
    X509 *issuer = ca_signer_chain(s->ca)->cert[0];
    EVP_PKEY *other = EVP_EC_gen("P-256");
    assert_int_equal(ctpeer_embedded(cert, issuer, s->log, NOW_MS), SCT_VALIDATION_STATUS_VALID);
    assert_int_equal(ctpeer_embedded(cert, issuer, other, NOW_MS),
                     SCT_VALIDATION_STATUS_UNKNOWN_LOG);
    assert_int_equal(ctpeer_embedded(cert, issuer, s->log, NOW_MS - 1),
                     SCT_VALIDATION_STATUS_INVALID);
    EVP_PKEY_free(other);
    X509_free(cert);
    tm_buf_free(&der);
}

static void certificate_gives_back_what_was_logged(void **state)
{
    struct scene *s = *state;
    struct tm_err e = {0};
    struct tm_buf der = {0}, tbs = {0}, want = {0}, pre = {0}, pre_der = {0}, unpoisoned = {0};
    struct tm_sct sct;
    const unsigned char *list = NULL;
    size_t list_len = 0, at = 0;
    uint64_t index = 0;
    X509 *cert = make_certificate(s, s->log, &der);
    assert_int_equal(tm_sct_from_certificate(der.data, der.len, &list, &list_len, &tbs, &e), 1);
    assert_int_equal(ca_cert_tbs(&s->spec, s->ca, CERT_LOGGED_TBS, NULL, &want, &e), 0);
    assert_int_equal(tbs.len, want.len);
    assert_memory_equal(tbs.data, want.data, want.len);
    assert_int_equal(tm_sct_list_next(list, list_len, &at, &sct, &e), 1);
    assert_int_equal(tm_sct_leaf_index_get(&sct, &index, &e), 1);
    assert_int_equal(index, 1099511627775);
    const struct tm_sct_entry entry = {SCT_PRECERT, tbs.data, tbs.len,
                                       ca_signer_chain(s->ca)->spki_sha256};
    assert_int_equal(tm_sct_verify(&sct, &entry, s->log, NOW_MS, 0, &e), 0);
    assert_int_equal(tm_sct_list_next(list, list_len, &at, &sct, &e), 0);

    assert_int_equal(ca_cert_tbs(&s->spec, s->ca, CERT_PRECERT, NULL, &pre, &e), 0);
    assert_int_equal(ca_cert_sign(&pre, s->ca, &pre_der, &e), 0);
    assert_int_equal(tm_sct_from_precertificate(pre_der.data, pre_der.len, &unpoisoned, &e), 0);
    assert_int_equal(unpoisoned.len, want.len);
    assert_memory_equal(unpoisoned.data, want.data, want.len);
    X509_free(cert);
    tm_buf_free(&der);
    tm_buf_free(&tbs);
    tm_buf_free(&want);
    tm_buf_free(&pre);
    tm_buf_free(&pre_der);
    tm_buf_free(&unpoisoned);
}

static void forms_are_told_apart(void **state)
{
    struct scene *s = *state;
    struct tm_err e = {0};
    struct tm_buf pre = {0}, der = {0}, out = {0}, final = {0}, final_der = {0};
    const unsigned char *list = NULL;
    size_t len = 0;
    ca_cert_tbs(&s->spec, s->ca, CERT_PRECERT, NULL, &pre, &e);
    ca_cert_sign(&pre, s->ca, &der, &e);
    ca_cert_tbs(&s->spec, s->ca, CERT_FINAL, NULL, &final, &e);
    ca_cert_sign(&final, s->ca, &final_der, &e);
    assert_int_equal(tm_sct_from_certificate(der.data, der.len, &list, &len, &out, &e), 0);
    assert_int_equal(tm_sct_from_certificate(final_der.data, final_der.len, &list, &len, &out, &e),
                     0);
    assert_int_equal(out.len, 0);
    assert_int_equal(tm_sct_from_precertificate(final_der.data, final_der.len, &out, &e), -1);
    assert_non_null(strstr(e.text, "no poison"));
    tm_buf_free(&pre);
    tm_buf_free(&der);
    tm_buf_free(&out);
    tm_buf_free(&final);
    tm_buf_free(&final_der);
}

/* A certificate with one extension, as OpenSSL's configuration writes it: DER. */
static void extended(const char *oid, const char *value, struct tm_buf *der)
{
    const struct pki_extension extensions[] = {{oid, value}, {NULL, NULL}};
    EVP_PKEY *key = pki_key("P-256");
    const struct pki_spec spec = {"one", key, NULL, NULL, 1700000000, 1800000000, extensions};
    X509 *cert = pki_cert(&spec);
    unsigned char *text = NULL;
    int len = i2d_X509(cert, &text);
    tm_buf_append(der, text, (size_t)len);
    OPENSSL_free(text);
    X509_free(cert);
    EVP_PKEY_free(key);
}

#define POISON "1.3.6.1.4.1.11129.2.4.3"
#define SCTS "1.3.6.1.4.1.11129.2.4.2"

static void an_extension_has_one_form(void **state)
{
    (void)state;
    static const struct {
        const char *oid, *value;
        int rc; /* of reading it as what it is */
    } rows[] = {
        {POISON, "critical,DER:05:00", 0},     {POISON, "DER:05:00", -1}, /* not critical */
        {POISON, "critical,DER:05:00:00", -1},                            /* more than NULL */
        {POISON, "critical,DER:04:00", -1},    {SCTS, "DER:04:02:00:00", 1},
        {SCTS, "DER:04:02:00:00:05:00", -1}, /* something follows */
        {SCTS, "DER:03:02:00:00", -1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tm_buf der = {0};
        struct tm_buf tbs = {0};
        struct tm_err e = {0};
        const unsigned char *list;
        size_t len;
        extended(rows[i].oid, rows[i].value, &der);
        int rc = strcmp(rows[i].oid, POISON) == 0
                     ? tm_sct_from_precertificate(der.data, der.len, &tbs, &e)
                     : tm_sct_from_certificate(der.data, der.len, &list, &len, &tbs, &e);
        if (rc != rows[i].rc)
            fail_msg("row %zu: %d %s", i, rc, e.text);
        tm_buf_free(&der);
        tm_buf_free(&tbs);
    }
}

/* TRUE is one byte of ones in DER, and of any but zeros in BER. */
static void a_critical_mark_is_in_der(void **state)
{
    (void)state;
    static const unsigned char mark[] = {0x01, 0x01, 0xff, 0x04, 0x02, 0x05, 0x00};
    struct tm_buf der = {0};
    struct tm_buf tbs = {0};
    struct tm_err e = {0};
    extended(POISON, "critical,DER:05:00", &der);
    unsigned char *at = memmem(der.data, der.len, mark, sizeof(mark));
    assert_non_null(at);
    assert_int_equal(tm_sct_from_precertificate(der.data, der.len, &tbs, &e), 0);
    at[2] = 0x01;
    assert_int_equal(tm_sct_from_precertificate(der.data, der.len, &tbs, &e), -1);
    tm_buf_free(&der);
    tm_buf_free(&tbs);
}

/* The same structure, read and written by OpenSSL. */
static void openssl_reads_and_writes_the_same_bytes(void **state)
{
    struct scene *s = *state;
    struct tm_err e = {0};
    struct tm_buf der = {0}, ours = {0}, again = {0};
    const struct tm_sct_entry entry = {SCT_X509, (const unsigned char *)"cert", 4, NULL};
    make_sct(s->log, &entry, NOW_MS, 77, &ours);
    const unsigned char *p = ours.data;
    SCT *theirs = o2i_SCT(NULL, &p, ours.len);
    assert_non_null(theirs);
    assert_int_equal(SCT_get_timestamp(theirs), NOW_MS);
    unsigned char *ext = NULL;
    size_t ext_len = SCT_get0_extensions(theirs, &ext);
    assert_int_equal(ext_len, 8);
    assert_memory_equal(ext, "\0\0\5\0\0\0\0\x4d", 8);
    unsigned char *back = NULL;
    int back_len = i2o_SCT(theirs, &back);
    assert_int_equal(back_len, ours.len);
    assert_memory_equal(back, ours.data, ours.len);
    struct tm_sct sct;
    assert_int_equal(tm_sct_parse(back, (size_t)back_len, &sct, &e), 0);
    tm_sct_put(&sct, &again);
    assert_int_equal(again.len, ours.len);
    assert_memory_equal(again.data, ours.data, ours.len);
    OPENSSL_free(back);
    SCT_free(theirs);
    tm_buf_free(&der);
    tm_buf_free(&ours);
    tm_buf_free(&again);
}

static void every_truncation_and_every_trailing_byte_is_refused(void **state)
{
    struct scene *s = *state;
    struct tm_err e = {0};
    struct tm_buf one = {0}, list = {0}, more = {0};
    struct tm_sct sct;
    const struct tm_sct_entry entry = {SCT_X509, (const unsigned char *)"cert", 4, NULL};
    make_sct(s->log, &entry, NOW_MS, 1, &one);
    assert_int_equal(tm_sct_list_put(&one, 1, &list, &e), 0);
    for (size_t n = 0; n < one.len; n++)
        assert_int_equal(tm_sct_parse(one.data, n, &sct, &e), -1);
    for (size_t n = 0; n < list.len; n++) {
        size_t at = 0;
        assert_int_equal(tm_sct_list_next(list.data, n, &at, &sct, &e), -1);
    }
    tm_buf_append(&more, one.data, one.len);
    buf_putc(&more, 0);
    assert_int_equal(tm_sct_parse(more.data, more.len, &sct, &e), -1);
    assert_string_equal(e.text, "1 bytes after the SCT");
    buf_putc(&list, 0);
    size_t at = 0;
    assert_int_equal(tm_sct_list_next(list.data, list.len, &at, &sct, &e), -1);
    one.data[0] = 1;
    assert_int_equal(tm_sct_parse(one.data, one.len, &sct, &e), -1);
    assert_string_equal(e.text, "SCT of unknown version 1 (only v1, byte 0, is known)");
    tm_buf_free(&one);
    tm_buf_free(&list);
    tm_buf_free(&more);
}

/* One bit anywhere in the SCT, and it no longer parses or no longer verifies. */
static void every_changed_bit_is_refused(void **state)
{
    struct scene *s = *state;
    struct tm_err e = {0};
    struct tm_buf one = {0};
    struct tm_sct sct;
    const struct tm_sct_entry entry = {SCT_X509, (const unsigned char *)"cert", 4, NULL};
    make_sct(s->log, &entry, NOW_MS, 1, &one);
    assert_int_equal(tm_sct_parse(one.data, one.len, &sct, &e), 0);
    assert_int_equal(tm_sct_verify(&sct, &entry, s->log, NOW_MS, 0, &e), 0);
    for (size_t i = 0; i < one.len; i++) {
        unsigned char bit = (unsigned char)(1u << (i % 8));
        one.data[i] ^= bit;
        assert_true(tm_sct_parse(one.data, one.len, &sct, &e) != 0 ||
                    tm_sct_verify(&sct, &entry, s->log, NOW_MS + 1000, 0, &e) != 0);
        one.data[i] ^= bit;
    }
    tm_buf_free(&one);
}

static void wrong_key_time_and_entry_are_refused(void **state)
{
    struct scene *s = *state;
    struct tm_err e = {0};
    struct tm_buf one = {0};
    struct tm_sct sct;
    EVP_PKEY *other = EVP_EC_gen("P-256");
    const struct tm_sct_entry entry = {SCT_X509, (const unsigned char *)"cert", 4, NULL};
    const struct tm_sct_entry else_where = {SCT_X509, (const unsigned char *)"cerT", 4, NULL};
    make_sct(s->log, &entry, NOW_MS, 1, &one);
    assert_int_equal(tm_sct_parse(one.data, one.len, &sct, &e), 0);
    assert_int_equal(tm_sct_verify(&sct, &entry, other, NOW_MS, 0, &e), -1);
    assert_non_null(strstr(e.text, "another log"));
    assert_int_equal(tm_digsig_log_id(other, sct.log_id, &e), 0);
    assert_int_equal(tm_sct_verify(&sct, &entry, other, NOW_MS, 0, &e), -1);
    assert_non_null(strstr(e.text, "does not verify"));
    assert_int_equal(tm_digsig_log_id(s->log, sct.log_id, &e), 0);
    assert_int_equal(tm_sct_verify(&sct, &entry, s->log, NOW_MS - 10, 9, &e), -1);
    assert_non_null(strstr(e.text, "in the future"));
    assert_int_equal(tm_sct_verify(&sct, &entry, s->log, NOW_MS - 10, 10, &e), 0);
    assert_int_equal(tm_sct_verify(&sct, &else_where, s->log, NOW_MS, 0, &e), -1);
    sct.timestamp_ms = UINT64_MAX;
    assert_int_equal(tm_sct_verify(&sct, &entry, s->log, NOW_MS, 0, &e), -1);
    assert_non_null(strstr(e.text, "in the future"));
    EVP_PKEY_free(other);
    tm_buf_free(&one);
}

static void leaf_index_extension(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        int want;
        uint64_t index;
    } cases[] = {
        {"", 0, 0, 0},
        {"\0\0\5\0\0\0\1\2", 8, 1, 258},
        {"\0\0\5\xff\xff\xff\xff\xff", 8, 1, 1099511627775},
        {"\7\0\1x\0\0\5\0\0\0\0\3", 12, 1, 3}, /* unknown types are skipped */
        {"\7\0\0", 3, 0, 0},
        {"\0\0\4\0\0\0\1", 7, -1, 0},
        {"\0\0\5\0\0\0\1\2\0\0\5\0\0\0\1\2", 16, -1, 0},
        {"\0\0\5\0\0\0\1", 7, -1, 0},
        {"\0", 1, -1, 0},
    };
    struct tm_err e = {0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t index = 0;
        struct tm_sct s = {.extensions = (const unsigned char *)cases[i].bytes,
                           .extensions_len = cases[i].len};
        assert_int_equal(tm_sct_leaf_index_get(&s, &index, &e), cases[i].want);
        if (cases[i].want == 1)
            assert_int_equal(index, cases[i].index);
    }
}

static void lists_hold_several_and_have_limits(void **state)
{
    struct scene *s = *state;
    struct tm_err e = {0};
    struct tm_buf scts[3] = {{0}, {0}, {0}};
    struct tm_buf list = {0}, empty = {0};
    struct tm_sct sct;
    size_t at = 0;
    const struct tm_sct_entry entry = {SCT_X509, (const unsigned char *)"cert", 4, NULL};
    for (int i = 0; i < 3; i++)
        make_sct(s->log, &entry, NOW_MS + i, i - 1, &scts[i]);
    assert_int_equal(tm_sct_list_put(scts, 3, &list, &e), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(tm_sct_list_next(list.data, list.len, &at, &sct, &e), 1);
        assert_int_equal(sct.timestamp_ms, NOW_MS + i);
    }
    assert_int_equal(tm_sct_list_next(list.data, list.len, &at, &sct, &e), 0);
    const unsigned char *p = list.data;
    STACK_OF(SCT) *theirs = o2i_SCT_LIST(NULL, &p, list.len);
    assert_int_equal(sk_SCT_num(theirs), 3);
    SCT_LIST_free(theirs);
    at = 0;
    assert_int_equal(tm_sct_list_next("\0\0", 2, &at, &sct, &e), -1);
    assert_int_equal(tm_sct_list_put(&empty, 1, &list, &e), -1);
    assert_int_equal(tm_sct_list_put(scts, 0, &list, &e), -1);
    for (int i = 0; i < 3; i++)
        tm_buf_free(&scts[i]);
    tm_buf_free(&list);
}

static void damaged_certificates_are_refused(void **state)
{
    struct scene *s = *state;
    struct tm_err e = {0};
    struct tm_buf der = {0}, tbs = {0};
    const unsigned char *list = NULL;
    size_t len = 0;
    X509 *cert = make_certificate(s, s->log, &der);
    for (size_t n = 0; n < der.len; n++)
        assert_int_equal(tm_sct_from_certificate(der.data, n, &list, &len, &tbs, &e), -1);
    buf_putc(&der, 0);
    assert_int_equal(tm_sct_from_certificate(der.data, der.len, &list, &len, &tbs, &e), -1);
    X509_EXTENSION *twice = X509_get_ext(cert, X509_get_ext_by_NID(cert, NID_ct_precert_scts, -1));
    assert_int_equal(X509_add_ext(cert, twice, -1), 1);
    unsigned char *again = NULL;
    assert_true(i2d_re_X509_tbs(cert, NULL) > 0); /* forgets the encoding from before */
    int again_len = i2d_X509(cert, &again);
    assert_true(again_len > 0);
    assert_int_equal(tm_sct_from_certificate(again, (size_t)again_len, &list, &len, &tbs, &e), -1);
    assert_non_null(strstr(e.text, "repeated"));
    OPENSSL_free(again);
    X509_free(cert);
    tm_buf_free(&der);
    tm_buf_free(&tbs);
}

static void keys_that_no_log_may_have_are_refused(void **state)
{
    struct scene *s = *state;
    struct tm_err e = {0};
    EVP_PKEY *p384 = EVP_EC_gen("P-384");
    EVP_PKEY *small = EVP_RSA_gen(1024);
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    struct tm_buf ds = {0};
    assert_int_equal(tm_digsig_check_key(s->log, &e), 0);
    assert_int_equal(tm_digsig_check_key(rsa, &e), 0);
    assert_int_equal(tm_digsig_check_key(p384, &e), -1);
    assert_int_equal(tm_digsig_check_key(small, &e), -1);
    assert_int_equal(tm_digsig_check_key(ed, &e), -1);
    assert_int_equal(tm_digsig_sign(p384, "x", 1, &ds, &e), -1);
    assert_int_equal(ds.len, 0);
    assert_int_equal(tm_digsig_sign(rsa, "x", 1, &ds, &e), 0);
    assert_int_equal(ds.len, 4 + 256);
    assert_int_equal(tm_digsig_verify(rsa, "x", 1, ds.data, ds.len, &e), 0);
    assert_int_equal(tm_digsig_verify(rsa, "y", 1, ds.data, ds.len, &e), -1);
    assert_int_equal(tm_digsig_verify(s->log, "x", 1, ds.data, ds.len, &e), -1);
    assert_non_null(strstr(e.text, "algorithm 1"));
    EVP_PKEY_free(p384);
    EVP_PKEY_free(small);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ed);
    tm_buf_free(&ds);
}

static void public_key_files_are_read_strictly(void **state)
{
    struct scene *s = *state;
    struct tm_err e = {0};
    struct tm_buf text = {0};
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem = NULL;
    assert_int_equal(PEM_write_bio_PUBKEY(bio, s->log), 1);
    long len = BIO_get_mem_data(bio, &pem);
    unsigned char *der = NULL;
    int der_len = i2d_PUBKEY(s->log, &der);
    EVP_PKEY *k = tm_digsig_key_parse(pem, (size_t)len, &e);
    assert_int_equal(EVP_PKEY_eq(k, s->log), 1);
    EVP_PKEY_free(k);
    k = tm_digsig_key_parse(der, (size_t)der_len, &e);
    assert_int_equal(EVP_PKEY_eq(k, s->log), 1);
    EVP_PKEY_free(k);
    tm_buf_append(&text, pem, (size_t)len);
    tm_buf_append(&text, pem, (size_t)len);
    assert_null(tm_digsig_key_parse(text.data, text.len, &e));
    text.len = (size_t)len;
    tm_buf_puts(&text, " \n\t");
    k = tm_digsig_key_parse(text.data, text.len, &e);
    assert_non_null(k);
    EVP_PKEY_free(k);
    buf_putc(&text, 'x');
    assert_null(tm_digsig_key_parse(text.data, text.len, &e));
    assert_null(tm_digsig_key_parse("", 0, &e));
    assert_null(tm_digsig_key_parse("rubbish", 7, &e));
    assert_null(tm_digsig_key_parse(der, (size_t)der_len - 1, &e));
    BIO_free(bio);
    OPENSSL_free(der);
    tm_buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openssl_validates_our_embedded_sct),
        cmocka_unit_test(certificate_gives_back_what_was_logged),
        cmocka_unit_test(an_extension_has_one_form),
        cmocka_unit_test(a_critical_mark_is_in_der),
        cmocka_unit_test(forms_are_told_apart),
        cmocka_unit_test(openssl_reads_and_writes_the_same_bytes),
        cmocka_unit_test(every_truncation_and_every_trailing_byte_is_refused),
        cmocka_unit_test(every_changed_bit_is_refused),
        cmocka_unit_test(wrong_key_time_and_entry_are_refused),
        cmocka_unit_test(leaf_index_extension),
        cmocka_unit_test(lists_hold_several_and_have_limits),
        cmocka_unit_test(damaged_certificates_are_refused),
        cmocka_unit_test(keys_that_no_log_may_have_are_refused),
        cmocka_unit_test(public_key_files_are_read_strictly),
    };
    return cmocka_run_group_tests(tests, scene_up, scene_down);
}
