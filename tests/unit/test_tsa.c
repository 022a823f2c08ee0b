/* The timestamp authority, judged by OpenSSL's own reader. */
#include "tests/support/cmocka_all.h"

#include <openssl/err.h>
#include <openssl/ts.h>
#include <string.h>

#include "ca/tsa/tsa.h"
#include "tests/support/pki.h"

#define NOW ((int64_t)1790000000)
#define YEAR ((int64_t)365 * 86400)
#define POLICY "1.3.6.1.4.1.57264.2"

static const struct pki_extension leaf_ext[] = {{"keyUsage", "critical,digitalSignature"},
                                                {"extendedKeyUsage", "critical,timeStamping"},
                                                {NULL, NULL}};
static const struct pki_extension inter_ext[] = {{"basicConstraints", "critical,CA:TRUE,pathlen:0"},
                                                 {"keyUsage", "critical,keyCertSign,cRLSign"},
                                                 {"extendedKeyUsage", "timeStamping"},
                                                 {NULL, NULL}};

/* Root, intermediate, leaf; the leaf's key is of `type`, its extensions are given. */
struct chain {
    EVP_PKEY *root_key, *inter_key, *key;
    X509 *root, *inter, *leaf;
    struct tm_buf pem; /* leaf, intermediate, root */
};

static struct chain chain_new(const char *type, const struct pki_extension *leaf)
{
    struct chain c = {0};
    c.root_key = pki_key("P-256");
    c.inter_key = pki_key("P-256");
    c.key = pki_key(type);
    c.root = pki_ca("root", c.root_key, NULL, NULL, NOW - YEAR, NOW + 9 * YEAR);
    const struct pki_spec inter = {"intermediate", c.inter_key, c.root,   c.root_key,
                                   NOW - YEAR,     NOW + YEAR,  inter_ext};
    c.inter = pki_cert(&inter);
    const struct pki_spec spec = {"authority", c.key,      c.inter, c.inter_key,
                                  NOW - 86400, NOW + YEAR, leaf};
    c.leaf = pki_cert(&spec);
    pki_pem(c.leaf, &c.pem);
    pki_pem(c.inter, &c.pem);
    pki_pem(c.root, &c.pem);
    return c;
}

static void chain_free(struct chain *c)
{
    EVP_PKEY_free(c->root_key);
    EVP_PKEY_free(c->inter_key);
    EVP_PKEY_free(c->key);
    X509_free(c->root);
    X509_free(c->inter);
    X509_free(c->leaf);
    tm_buf_free(&c->pem);
}

struct fixed_clock {
    int64_t seconds;
    bool doubtful;
};

static int read_clock(void *ctx, int64_t *seconds, struct tm_err *e)
{
    const struct fixed_clock *c = ctx;
    *seconds = c->seconds;
    return c->doubtful ? tm_err_set(e, "the clock jumped") : 0;
}

static struct ca_tsa *authority(const struct chain *c, struct fixed_clock *clock, struct tm_err *e)
{
    const struct ca_tsa_options o = {.chain_pem = (const char *)c->pem.data,
                                     .chain_len = c->pem.len,
                                     .key = c->key,
                                     .clock = read_clock,
                                     .clock_ctx = clock};
    return ca_tsa_new(&o, NOW, e);
}

/* A query by OpenSSL over "artifact". `nonce` 0: none. */
static TS_REQ *query(const EVP_MD *md, unsigned long long nonce, bool certs, const char *policy)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    TS_REQ *req = TS_REQ_new();
    TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
    X509_ALGOR *alg = X509_ALGOR_new();
    EVP_Digest("artifact", 8, digest, &len, md, NULL);
    X509_ALGOR_set0(alg, OBJ_nid2obj(EVP_MD_get_type(md)), V_ASN1_NULL, NULL);
    TS_MSG_IMPRINT_set_algo(imprint, alg);
    TS_MSG_IMPRINT_set_msg(imprint, digest, (int)len);
    TS_REQ_set_version(req, 1);
    TS_REQ_set_msg_imprint(req, imprint);
    TS_REQ_set_cert_req(req, certs);
    if (nonce != 0) {
        ASN1_INTEGER *n = ASN1_INTEGER_new();
        ASN1_INTEGER_set_uint64(n, nonce);
        TS_REQ_set_nonce(req, n);
        ASN1_INTEGER_free(n);
    }
    if (policy != NULL) {
        ASN1_OBJECT *oid = OBJ_txt2obj(policy, 1);
        TS_REQ_set_policy_id(req, oid);
        ASN1_OBJECT_free(oid);
    }
    TS_MSG_IMPRINT_free(imprint);
    X509_ALGOR_free(alg);
    return req;
}

static enum ca_tsa_status ask(struct ca_tsa *t, const TS_REQ *req, struct tm_buf *out,
                              struct tm_err *e)
{
    struct ca_tsa_request r;
    unsigned char *der = NULL;
    int len = i2d_TS_REQ(req, &der);
    enum ca_tsa_status status = TSA_BAD_REQUEST;
    if (ca_tsa_request_read(der, (size_t)len, &r, e) == 0)
        status = ca_tsa_answer(t, &r, out, e);
    OPENSSL_free(der);
    return status;
}

/* OpenSSL's whole verification of a response to `req`, with the root trusted. */
static bool verifies(const struct chain *c, TS_REQ *req, const struct tm_buf *response)
{
    const unsigned char *p = response->data;
    TS_RESP *resp = d2i_TS_RESP(NULL, &p, (long)response->len);
    TS_VERIFY_CTX *ctx = TS_REQ_to_TS_VERIFY_CTX(req, NULL);
    X509_STORE *store = X509_STORE_new();
    X509_VERIFY_PARAM *param = X509_STORE_get0_param(store);
    STACK_OF(X509) *others = sk_X509_new_null();
    X509_VERIFY_PARAM_set_time(param, NOW);
    X509_STORE_add_cert(store, c->root);
    X509_up_ref(c->inter);
    X509_up_ref(c->leaf);
    sk_X509_push(others, c->inter);
    sk_X509_push(others, c->leaf);
    TS_VERIFY_CTX_add_flags(ctx, TS_VFY_SIGNATURE);
    TS_VERIFY_CTX_set_store(ctx, store);
    TS_VERIFY_CTX_set_certs(ctx, others);
    bool ok = resp != NULL && p == (unsigned char *)response->data + response->len &&
              TS_RESP_verify_response(ctx, resp) == 1;
    if (!ok)
        ERR_print_errors_fp(stderr);
    TS_VERIFY_CTX_free(ctx);
    TS_RESP_free(resp);
    return ok;
}

static void each_kind_of_key_and_hash_makes_a_token_that_openssl_verifies(void **state)
{
    (void)state;
    static const char *const types[] = {"P-256", "P-384", "P-521", "RSA"};
    const EVP_MD *const mds[] = {EVP_sha256(), EVP_sha384(), EVP_sha512()};
    static const unsigned long long nonces[] = {0, 1, 0x80, 0xffffffffffffffffULL};
    struct fixed_clock clock = {.seconds = NOW};
    for (size_t i = 0; i < 4; i++) {
        struct chain c = chain_new(types[i], leaf_ext);
        struct tm_err e = {0};
        struct ca_tsa *t = authority(&c, &clock, &e);
        assert_non_null(t);
        for (size_t k = 0; k < 3 * 4 * 2; k++) {
            struct tm_buf out = {0};
            TS_REQ *req =
                query(mds[k % 3], nonces[k / 3 % 4], k / 12 != 0, k % 2 != 0 ? POLICY : NULL);
            assert_int_equal(ask(t, req, &out, &e), TSA_GRANTED);
            assert_true(verifies(&c, req, &out));
            TS_REQ_free(req);
            tm_buf_free(&out);
        }
        ca_tsa_free(t);
        chain_free(&c);
    }
}

static void a_token_states_the_checked_time_and_a_serial_of_its_own(void **state)
{
    (void)state;
    struct fixed_clock clock = {.seconds = NOW + 61};
    struct chain c = chain_new("P-256", leaf_ext);
    struct tm_err e = {0};
    struct ca_tsa *t = authority(&c, &clock, &e);
    TS_REQ *req = query(EVP_sha256(), 7, true, NULL);
    ASN1_INTEGER *before = NULL;
    for (int i = 0; i < 50; i++) {
        struct tm_buf out = {0};
        struct tm tm;
        assert_int_equal(ask(t, req, &out, &e), TSA_GRANTED);
        const unsigned char *p = out.data;
        TS_RESP *resp = d2i_TS_RESP(NULL, &p, (long)out.len);
        TS_TST_INFO *info = TS_RESP_get_tst_info(resp);
        assert_int_equal(ASN1_TIME_to_tm(TS_TST_INFO_get_time(info), &tm), 1);
        assert_int_equal(timegm(&tm), NOW + 61);
        assert_int_equal(ASN1_INTEGER_get(TS_ACCURACY_get_seconds(TS_TST_INFO_get_accuracy(info))),
                         1);
        const ASN1_INTEGER *serial = TS_TST_INFO_get_serial(info);
        assert_int_equal(ASN1_STRING_length(serial), 20);
        assert_true(before == NULL || ASN1_INTEGER_cmp(before, serial) != 0);
        ASN1_INTEGER_free(before);
        before = ASN1_INTEGER_dup(serial);
        TS_RESP_free(resp);
        tm_buf_free(&out);
    }
    ASN1_INTEGER_free(before);
    TS_REQ_free(req);
    ca_tsa_free(t);
    chain_free(&c);
}

static void a_doubtful_clock_or_an_ended_certificate_gets_no_time(void **state)
{
    (void)state;
    struct fixed_clock clock = {.seconds = NOW, .doubtful = true};
    struct chain c = chain_new("P-256", leaf_ext);
    struct tm_err e = {0};
    struct tm_buf out = {0};
    struct ca_tsa *t = authority(&c, &clock, &e);
    TS_REQ *req = query(EVP_sha256(), 7, true, NULL);
    assert_int_equal(ask(t, req, &out, &e), TSA_NOT_NOW);
    assert_non_null(strstr(e.text, "jumped"));
    clock = (struct fixed_clock){.seconds = NOW + YEAR + 1};
    assert_int_equal(ask(t, req, &out, &e), TSA_NOT_NOW);
    clock.seconds = NOW - 86401; /* before the leaf's first day */
    assert_int_equal(ask(t, req, &out, &e), TSA_NOT_NOW);
    assert_int_equal(out.len, 0);
    clock.seconds = NOW + YEAR;
    assert_int_equal(ask(t, req, &out, &e), TSA_GRANTED);
    assert_int_equal(ca_tsa_not_after(t), NOW + YEAR);
    tm_buf_free(&out);
    TS_REQ_free(req);
    ca_tsa_free(t);
    chain_free(&c);
}

static void what_no_authority_can_grant_is_refused_with_the_reason(void **state)
{
    (void)state;
    struct fixed_clock clock = {.seconds = NOW};
    struct chain c = chain_new("P-256", leaf_ext);
    struct tm_err e = {0};
    struct tm_buf out = {0};
    struct ca_tsa *t = authority(&c, &clock, &e);
    TS_REQ *sha1 = query(EVP_sha1(), 0, false, NULL);
    assert_int_equal(ask(t, sha1, &out, &e), TSA_BAD_REQUEST);
    assert_non_null(strstr(e.text, "SHA-256"));
    TS_REQ *other = query(EVP_sha256(), 0, false, "1.2.3.4");
    assert_int_equal(ask(t, other, &out, &e), TSA_BAD_REQUEST);
    assert_non_null(strstr(e.text, "policy"));
    TS_REQ *version = query(EVP_sha256(), 0, false, NULL);
    TS_REQ_set_version(version, 2);
    assert_int_equal(ask(t, version, &out, &e), TSA_BAD_REQUEST);
    assert_non_null(strstr(e.text, "version"));
    TS_REQ *shorter = query(EVP_sha256(), 0, false, NULL);
    TS_MSG_IMPRINT_set_msg(TS_REQ_get_msg_imprint(shorter), (unsigned char *)"0123", 4);
    assert_int_equal(ask(t, shorter, &out, &e), TSA_BAD_REQUEST);
    assert_non_null(strstr(e.text, "4 bytes"));
    unsigned char *der = NULL;
    struct ca_tsa_request r;
    TS_REQ *good = query(EVP_sha256(), 77, true, NULL);
    int len = i2d_TS_REQ(good, &der);
    for (int cut = 0; cut < len; cut++)
        assert_int_equal(ca_tsa_request_read(der, (size_t)cut, &r, &e), -1);
    unsigned char longer[256] = {0};
    memcpy(longer, der, (size_t)len);
    assert_int_equal(ca_tsa_request_read(longer, (size_t)len + 1, &r, &e), -1);
    assert_int_equal(ca_tsa_request_read(longer, (size_t)len, &r, &e), 0);
    assert_int_equal(out.len, 0);
    OPENSSL_free(der);
    TS_REQ *const all[] = {sha1, other, version, shorter, good};
    for (size_t i = 0; i < 5; i++)
        TS_REQ_free(all[i]);
    ca_tsa_free(t);
    chain_free(&c);
}

static void the_json_form_asks_for_the_same(void **state)
{
    (void)state;
#define HASH "\"artifactHash\":\"n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=\""
    static const struct {
        const char *text;
        const char *why; /* NULL: taken */
    } rows[] = {
        {"{" HASH ",\"hashAlgorithm\":\"sha256\"}", NULL},
        {"{" HASH ",\"hashAlgorithm\":\"sha256\",\"nonce\":9007199254740993,\"certificates\":true,"
         "\"tsaPolicyOID\":\"1.3.6.1.4.1.57264.2\"}",
         NULL},
        {"{" HASH ",\"hashAlgorithm\":\"sha1\"}", "hashAlgorithm"},
        {"{" HASH ",\"hashAlgorithm\":\"sha512\"}", "32 bytes"},
        {"{" HASH "}", "hashAlgorithm"},
        {"{\"hashAlgorithm\":\"sha256\"}", "artifactHash"},
        {"{" HASH ",\"hashAlgorithm\":\"sha256\",\"nonce\":-1}", "nonce"},
        {"{" HASH ",\"hashAlgorithm\":\"sha256\",\"tsaPolicyOID\":\"sigstore\"}", "tsaPolicyOID"},
        {"{" HASH ",\"hashAlgorithm\":\"sha256\",\"hashAlgorithm\":\"sha256\"}", ""},
        {"{" HASH ",\"hashAlgorithm\":\"sha256\"} x", ""},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ca_tsa_request r;
        struct tm_err e = {0};
        int rc = ca_tsa_request_read_json(rows[i].text, strlen(rows[i].text), &r, &e);
        if ((rc == 0) != (rows[i].why == NULL) || (rc != 0 && strstr(e.text, rows[i].why) == NULL))
            fail_msg("%s: %d %s", rows[i].text, rc, e.text);
    }
    struct ca_tsa_request r;
    struct tm_err e = {0};
    assert_int_equal(ca_tsa_request_read_json(rows[1].text, strlen(rows[1].text), &r, &e), 0);
    assert_int_equal(r.nonce_len, 7);
    assert_memory_equal(r.nonce, "\x20\x00\x00\x00\x00\x00\x01", 7);
    assert_true(r.certificates);
}

static void a_chain_that_verifiers_would_refuse_is_refused(void **state)
{
    (void)state;
    static const struct pki_extension quiet[] = {{"extendedKeyUsage", "timeStamping"},
                                                 {NULL, NULL}};
    static const struct pki_extension two[] = {
        {"extendedKeyUsage", "critical,timeStamping,codeSigning"}, {NULL, NULL}};
    static const struct pki_extension none[] = {{"keyUsage", "critical,digitalSignature"},
                                                {NULL, NULL}};
    static const struct pki_extension *const bad[] = {quiet, two, none};
    struct fixed_clock clock = {.seconds = NOW};
    struct tm_err e = {0};
    for (size_t i = 0; i < 3; i++) {
        struct chain c = chain_new("P-256", bad[i]);
        assert_null(authority(&c, &clock, &e));
        assert_non_null(strstr(e.text, "timeStamping"));
        chain_free(&c);
    }
    struct chain c = chain_new("P-256", leaf_ext);
    EVP_PKEY *own = c.key;
    c.key = c.inter_key;
    assert_null(authority(&c, &clock, &e));
    assert_non_null(strstr(e.text, "not that of"));
    c.key = own;
    struct tm_buf pem = c.pem;
    c.pem = (struct tm_buf){0};
    pki_pem(c.leaf, &c.pem);
    pki_pem(c.root, &c.pem); /* the intermediate is missing */
    assert_null(authority(&c, &clock, &e));
    tm_buf_free(&c.pem);
    c.pem = pem;
    struct chain ed = chain_new("ED25519", leaf_ext);
    assert_null(authority(&ed, &clock, &e));
    chain_free(&ed);
    chain_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_key_and_hash_makes_a_token_that_openssl_verifies),
        cmocka_unit_test(a_token_states_the_checked_time_and_a_serial_of_its_own),
        cmocka_unit_test(a_doubtful_clock_or_an_ended_certificate_gets_no_time),
        cmocka_unit_test(what_no_authority_can_grant_is_refused_with_the_reason),
        cmocka_unit_test(the_json_form_asks_for_the_same),
        cmocka_unit_test(a_chain_that_verifiers_would_refuse_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
