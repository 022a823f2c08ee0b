/* TUF metadata: canonical JSON, keys, signatures, thresholds, delegations, strict form. */
#include "tests/support/cmocka_all.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/hex.h"
#include "common/json/strictjson.h"
#include "tuf/metadata/build.h"
#include "tuf/metadata/canonical.h"
#include "tuf/metadata/delegation.h"
#include "tuf/metadata/digest.h"
#include "tests/support/tufedit.h"
#include "tuf/metadata/internal.h"
#include "tuf/metadata/verify.h"

static json_t *parse(const char *text)
{
    struct tm_err e = {0};
    json_t *v = tm_strictjson_parse(text, strlen(text), strlen(text), &e);
    if (v == NULL)
        fail_msg("%s: %s", text, e.text);
    return v;
}

static void canonical_of(const char *text, struct tm_buf *out)
{
    struct tm_err e = {0};
    json_t *v = parse(text);
    tm_buf_reset(out);
    assert_int_equal(tuf_canonical_write(v, out, &e), 0);
    json_decref(v);
}

/* ---- canonical JSON ---- */

static void canonical_sorts_and_strips(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{\"b\": [1, true], \"A\": {}}", "{\"A\":{},\"b\":[1,true]}"},
        {" [ ] ", "[]"},
        {"{\"\":\"\"}", "{\"\":\"\"}"},
        {"{\"a\":{\"z\":null,\"y\":false},\"Z\":-1}", "{\"Z\":-1,\"a\":{\"y\":false,\"z\":null}}"},
        {"\"\\u0041\\/\\\\\\\"\"", "\"A/\\\\\\\"\""},
        {"9223372036854775807", "9223372036854775807"},
        {"{\"x\":\"line\\nbreak\"}", "{\"x\":\"line\nbreak\"}"},
        {"\"\\u0001\\u001f\\u007f\"", "\"\x01\x1f\x7f\""},
        /* U+FF5E sorts before U+10000 by code point; by UTF-16 unit it would not. */
        {"{\"\\ud800\\udc00\":1,\"\\uff5e\":2}", "{\"\xef\xbd\x9e\":2,\"\xf0\x90\x80\x80\":1}"},
    };
    struct tm_buf b = {0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        canonical_of(rows[i][0], &b);
        assert_string_equal(tm_buf_str(&b), rows[i][1]);
    }
    tm_buf_free(&b);
}

static void canonical_agrees_with_python_and_js(void **state)
{
    (void)state;
    struct tm_err e = {0};
    char hex[65];
    json_t *v = parse("{\"b\":[true,null,0,10],\"a\":\"tab\\there \\\"q\\\" back\\\\slash /slash "
                      "\\u00e9\",\"A\":{}}");
    assert_int_equal(tuf_canonical_sha256(v, hex, &e), 0);
    assert_string_equal(hex, "b579fd98de89109a762ec0dc72976ab00cc07988f89124938f048162f01618d1");
    json_decref(v);
}

/* What nobody reads may hold any integer; signatures cover its digits. */
static void integers_beyond_64_bits_keep_their_digits(void **state)
{
    (void)state;
    static const char text[] = "{\"signatures\":[],\"signed\":{\"_type\":\"targets\",\"expires\":"
                               "\"2030-01-01T00:00:00Z\",\"spec_version\":\"1.0\",\"targets\":{"
                               "\"a\":{\"custom\":-123456789012345678901234567890,\"hashes\":{"
                               "\"sha256\":\"00\"},\"length\":1}},\"version\":1,\"x\":"
                               "18446744073709551616}}";
    struct tm_err e = {0};
    struct tm_buf file = {0};
    struct tuf_metadata *m = tuf_metadata_parse(text, strlen(text), TUF_TARGETS, &e);
    if (m == NULL)
        fail_msg("%s", e.text);
    const struct tm_buf *got = tuf_metadata_canonical(m);
    const char *body = strstr(text, "{\"_type\"");
    assert_int_equal(got->len, strlen(body) - 1);
    assert_memory_equal(got->data, body, got->len);
    assert_int_equal(tuf_metadata_dump(m, false, tm_jsondump_to_buf, &file, &e), 0);
    assert_int_equal(file.len, strlen(text) + 1);
    assert_memory_equal(file.data, text, strlen(text));
    tm_buf_free(&file);
    tuf_metadata_free(m);
}

static void canonical_refuses_floats_and_depth(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tm_buf b = {0};
    json_t *v = parse("{\"a\":[1.5]}");
    assert_int_equal(tuf_canonical_write(v, &b, &e), -1);
    assert_non_null(strstr(e.text, "canonical"));
    json_decref(v);
    v = json_array();
    for (int i = 0; i < 100; i++) {
        json_t *outer = json_array();
        json_array_append_new(outer, v);
        v = outer;
    }
    assert_int_equal(tuf_canonical_write(v, &b, &e), -1);
    assert_non_null(strstr(e.text, "nested"));
    json_decref(v);
    tm_buf_free(&b);
}

/* ---- keys ---- */

#define RFC8032_PUBLIC "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define RFC8032_PRIVATE \
    "\x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4" \
    "\x44\x49\xc5\x69\x7b\x32\x69\x19\x70\x3b\xac\x03\x1c\xae\x7f\x60"

/* RFC 6979 A.2.5, P-256. */
#define RFC6979_X "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
#define RFC6979_Y "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"

static json_t *ed25519_key(void)
{
    return parse("{\"keytype\":\"ed25519\",\"scheme\":\"ed25519\",\"keyval\":{\"public\":"
                 "\"" RFC8032_PUBLIC "\"}}");
}

static EVP_PKEY *ed25519_private(void)
{
    return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL,
                                        (const unsigned char *)RFC8032_PRIVATE, 32);
}

static EVP_PKEY *rfc6979_public(void)
{
    EVP_PKEY *key = EVP_PKEY_new();
    EVP_PKEY *any = EVP_EC_gen("P-256");
    struct tm_buf point = {0};
    buf_putc(&point, 4);
    assert_int_equal(tm_hex_decode(RFC6979_X RFC6979_Y, 128, &point), 0);
    assert_int_equal(EVP_PKEY_copy_parameters(key, any), 1);
    assert_int_equal(EVP_PKEY_set1_encoded_public_key(key, point.data, point.len), 1);
    EVP_PKEY_free(any);
    tm_buf_free(&point);
    return key;
}

static void expect_keyid(const json_t *key, const char *want)
{
    struct tm_err e = {0};
    char keyid[TUF_KEYID_SIZE];
    assert_int_equal(tuf_key_id(key, keyid, &e), 0);
    if (strncmp(keyid, want, strlen(want)) != 0)
        fail_msg("keyid %s, want %s", keyid, want);
}

static void keyids_are_as_others_compute_them(void **state)
{
    (void)state;
    struct tm_err e = {0};
    json_t *key = ed25519_key();
    expect_keyid(key, "74c181c7ad8a0855d4b55e44d2ba87aabdddb196832571f15f92fece332e4916");
    json_object_set_new(key, "x-tenmint-keyowner", json_string("@alice"));
    expect_keyid(key, "e8bc08dc5265c2ca47398da40ef99b5ece87342f933ca082cbec6519c826fedb");
    json_object_del(key, "x-tenmint-keyowner");
    json_object_set_new(key, "keyid_hash_algorithms", parse("[\"sha256\",\"sha512\"]"));
    expect_keyid(key, "01e8764e");
    json_decref(key);

    EVP_PKEY *ec = rfc6979_public();
    key = tuf_key_from_pkey(ec, &e);
    assert_non_null(key);
    expect_keyid(key, "716d622ec609eff48475645919645bb30ef604f59a69c764608fb64272dd5fe5");
    json_object_set_new(key, "keytype", json_string("ecdsa-sha2-nistp256"));
    expect_keyid(key, "5d5ce1aa");
    json_decref(key);
    EVP_PKEY_free(ec);
}

static void rfc8032_key_signs_the_known_bytes(void **state)
{
    (void)state;
    struct tm_err e = {0};
    json_t *body = parse("{\"_type\":\"timestamp\",\"expires\":\"2030-01-02T03:04:05Z\",\"meta\":"
                         "{\"snapshot.json\":{\"version\":3}},\"spec_version\":\"1.0\","
                         "\"version\":7}");
    json_t *key = ed25519_key();
    EVP_PKEY *pkey = ed25519_private();
    json_t *sig = tuf_sign(body, "id", key, pkey, &e);
    assert_non_null(sig);
    assert_string_equal(
        json_string_value(json_object_get(sig, "sig")),
        "cced96c35cb31036af6fe94e59c853239e2caf3d92e5c99c1a864b9815899ae42e1708189ac8fe260145b179c6"
        "6341cb9961267c6be0517e72940615cd75b804");
    json_decref(sig);
    json_decref(key);
    json_decref(body);
    EVP_PKEY_free(pkey);
}

static EVP_PKEY *make_key(const char *kind)
{
    if (strcmp(kind, "ed25519") == 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (strcmp(kind, "rsa") == 0)
        return EVP_RSA_gen(2048);
    return EVP_EC_gen(kind);
}

static void every_kind_of_key_signs_and_verifies(void **state)
{
    (void)state;
    static const char *const kinds[] = {"ed25519", "P-256", "P-384", "rsa"};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct tm_err e = {0};
        struct tm_buf sig = {0};
        struct tuf_key k;
        EVP_PKEY *pkey = make_key(kinds[i]);
        json_t *key = tuf_key_from_pkey(pkey, &e);
        assert_non_null(key);
        assert_int_equal(tuf_key_decode(key, &k, &e), 0);
        assert_int_equal(tuf_key_sign(&k, pkey, "data", 4, &sig, &e), 0);
        assert_true(tuf_key_verify(&k, "data", 4, sig.data, sig.len));
        assert_false(tuf_key_verify(&k, "datb", 4, sig.data, sig.len));
        assert_false(tuf_key_verify(&k, "data", 4, sig.data, sig.len - 1));
        buf_putc(&sig, 0);
        assert_false(tuf_key_verify(&k, "data", 4, sig.data, sig.len));
        sig.data[sig.len / 2] ^= 1;
        assert_false(tuf_key_verify(&k, "data", 4, sig.data, sig.len - 1));
        assert_false(tuf_key_verify(&k, "data", 4, NULL, 0));
        tm_buf_free(&sig);
        tuf_key_free(&k);
        json_decref(key);
        EVP_PKEY_free(pkey);
    }
}

static void another_private_key_cannot_sign(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tm_buf sig = {0};
    struct tuf_key k;
    EVP_PKEY *a = EVP_EC_gen("P-256");
    EVP_PKEY *b = EVP_EC_gen("P-256");
    json_t *key = tuf_key_from_pkey(a, &e);
    assert_int_equal(tuf_key_decode(key, &k, &e), 0);
    assert_int_equal(tuf_key_sign(&k, b, "data", 4, &sig, &e), -1);
    assert_non_null(strstr(e.text, "not this key's"));
    assert_int_equal(sig.len, 0);
    tm_buf_free(&sig);
    tuf_key_free(&k);
    json_decref(key);
    EVP_PKEY_free(a);
    EVP_PKEY_free(b);
}

static void pss_salt_of_any_length_is_read(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tuf_key k;
    EVP_PKEY *pkey = EVP_RSA_gen(2048);
    json_t *key = tuf_key_from_pkey(pkey, &e);
    assert_int_equal(tuf_key_decode(key, &k, &e), 0);
    static const int salts[] = {0, 20, 32, RSA_PSS_SALTLEN_MAX};
    for (size_t i = 0; i < sizeof(salts) / sizeof(salts[0]); i++) {
        unsigned char sig[256];
        size_t len = sizeof(sig);
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        EVP_PKEY_CTX *pctx = NULL;
        assert_int_equal(EVP_DigestSignInit(ctx, &pctx, EVP_sha256(), NULL, pkey), 1);
        EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, salts[i]);
        assert_int_equal(EVP_DigestSign(ctx, sig, &len, (const unsigned char *)"data", 4), 1);
        EVP_MD_CTX_free(ctx);
        assert_true(tuf_key_verify(&k, "data", 4, sig, len));
    }
    tuf_key_free(&k);
    json_decref(key);
    EVP_PKEY_free(pkey);
}

static json_t *key_json(const char *keytype, const char *scheme, const char *public_text)
{
    return json_pack("{s:s, s:s, s:{s:s}}", "keytype", keytype, "scheme", scheme, "keyval",
                     "public", public_text);
}

static void expect_no_key(json_t *key, const char *reason)
{
    struct tm_err e = {0};
    struct tuf_key k;
    assert_int_equal(tuf_key_decode(key, &k, &e), -1);
    if (strstr(e.text, reason) == NULL)
        fail_msg("'%s' does not say '%s'", e.text, reason);
    assert_null(k.pkey);
    json_decref(key);
}

static void pem_of(EVP_PKEY *key, bool compressed, struct tm_buf *out)
{
    char *data = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    if (compressed)
        EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                       OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_COMPRESSED);
    assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
    long len = BIO_get_mem_data(bio, &data);
    tm_buf_reset(out);
    tm_buf_append(out, data, (size_t)len);
    BIO_free(bio);
}

static void bad_keys_are_refused(void **state)
{
    (void)state;
    struct tm_buf pem = {0};
    struct tm_buf other = {0};
    EVP_PKEY *p256 = EVP_EC_gen("P-256");
    EVP_PKEY *p384 = EVP_EC_gen("P-384");
    EVP_PKEY *rsa = EVP_RSA_gen(1024);
    pem_of(p384, false, &pem);
    expect_no_key(key_json("ecdsa", "ecdsa-sha2-nistp256", tm_buf_str(&pem)), "curve");
    expect_no_key(key_json("rsa", "rsassa-pss-sha256", tm_buf_str(&pem)), "type RSA");
    expect_no_key(key_json("ed25519", "ed25519", tm_buf_str(&pem)), "hex");
    expect_no_key(key_json("ecdsa", "ed25519", tm_buf_str(&pem)), "not known");
    expect_no_key(key_json("gpg", "gpg", tm_buf_str(&pem)), "not known");
    pem_of(rsa, false, &pem);
    expect_no_key(key_json("rsa", "rsassa-pss-sha256", tm_buf_str(&pem)), "1024 bits");
    pem_of(p256, false, &pem);
    tm_buf_puts(&other, "junk\n");
    tm_buf_puts(&other, tm_buf_str(&pem));
    expect_no_key(key_json("ecdsa", "ecdsa-sha2-nistp256", tm_buf_str(&other)), "PEM");
    tm_buf_reset(&other);
    tm_buf_puts(&other, tm_buf_str(&pem));
    tm_buf_puts(&other, tm_buf_str(&pem));
    expect_no_key(key_json("ecdsa", "ecdsa-sha2-nistp256", tm_buf_str(&other)), "PEM");
    expect_no_key(key_json("ecdsa", "ecdsa-sha2-nistp256", ""), "PEM");
    expect_no_key(key_json("ed25519", "ed25519", "d75a98"), "32 bytes");
    expect_no_key(key_json("ed25519", "ed25519", RFC8032_PUBLIC "0"), "32 bytes");
    expect_no_key(key_json("ed25519", "ed25519", RFC8032_PUBLIC "00"), "32 bytes");
    expect_no_key(key_json("ecdsa", "ecdsa-sha2-nistp256",
                           "-----BEGIN PUBLIC KEY-----\n"
                           "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEAQEBAQEBAQEBAQEBAQEBAQEBAQEB\n"
                           "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ==\n"
                           "-----END PUBLIC KEY-----\n"),
                  "no public key");
    expect_no_key(json_pack("{s:s}", "keytype", "ed25519"), "needs keytype");
    expect_no_key(json_null(), "needs keytype");
    tm_buf_free(&pem);
    tm_buf_free(&other);
    EVP_PKEY_free(p256);
    EVP_PKEY_free(p384);
    EVP_PKEY_free(rsa);
}

/* ---- thresholds ---- */

struct role_case {
    json_t *body;     /* a timestamp */
    json_t *envelope; /* around it */
    json_t *keys, *keyids;
    int64_t threshold;
    struct tuf_keys known; /* what is in them, once it is asked for */
    struct tuf_role_keys role;
};

static void role_start(struct role_case *r, int64_t threshold)
{
    r->body = tuf_signed_new(TUF_TIMESTAMP, 1, 2000000000);
    json_object_set_new(json_object_get(r->body, "meta"), "snapshot.json",
                        tuf_meta_entry(1, NULL, 0));
    r->envelope = tuf_envelope_new(json_incref(r->body));
    r->keys = json_object();
    r->keyids = json_array();
    r->threshold = threshold;
    r->known = (struct tuf_keys){0};
    r->role = (struct tuf_role_keys){0};
}

/* As they stand in the trees now. */
static struct tuf_signers signers(struct role_case *r)
{
    struct tm_err e = {0};
    size_t i;
    json_t *id;
    tuf_free_keys(&r->known);
    tuf_free_role_keys(&r->role);
    const char *name;
    json_t *key;
    json_object_foreach(r->keys, name, key)
    {
        struct tuf_public_key *place = tuf_keys_place(&r->known, name);
        assert_non_null(place);
        assert_int_equal(tuf_read_key(key, place, &e), 0);
    }
    json_array_foreach(r->keyids, i, id)
    {
        assert_int_equal(tuf_texts_add(&r->role.keyids, json_string_value(id)), 0);
    }
    return (struct tuf_signers){.known = &r->known, .role = &r->role, .threshold = r->threshold};
}

static void role_end(struct role_case *r)
{
    tuf_free_keys(&r->known);
    tuf_free_role_keys(&r->role);
    json_decref(r->body);
    json_decref(r->envelope);
    json_decref(r->keys);
    json_decref(r->keyids);
}

/* Adds the key (a changed object gets another keyid) and signs with it. */
static void role_sign(struct role_case *r, EVP_PKEY *pkey, json_t *key)
{
    struct tm_err e = {0};
    char keyid[TUF_KEYID_SIZE];
    assert_int_equal(tuf_keys_add(r->keys, r->keyids, json_incref(key), keyid, &e), 0);
    json_t *sig = tuf_sign(r->body, keyid, key, pkey, &e);
    assert_non_null(sig);
    assert_int_equal(tuf_envelope_put_signature(r->envelope, sig), 0);
    json_decref(key);
}

static int role_verify(struct role_case *r, struct tm_err *e)
{
    struct tuf_metadata *m = tuf_metadata_from_json(json_incref(r->envelope), TUF_TIMESTAMP, e);
    assert_non_null(m);
    struct tuf_signers by = signers(r);
    int rc = tuf_verify(m, &by, "timestamp", e);
    assert_int_equal(rc == 0, tuf_verify_each(m, &by, NULL, NULL) >= r->threshold);
    tuf_metadata_free(m);
    return rc;
}

static void threshold_counts_distinct_public_keys(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct role_case r;
    EVP_PKEY *a = EVP_EC_gen("P-256");
    EVP_PKEY *b = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    role_start(&r, 2);
    role_sign(&r, a, tuf_key_from_pkey(a, &e));
    assert_int_equal(role_verify(&r, &e), -1);
    assert_non_null(strstr(e.text, "signed by 1 of the 2 keys"));

    /* The same key under other keyids: an unknown member, the old keytype, a compressed point. */
    json_t *twin = tuf_key_from_pkey(a, &e);
    json_object_set_new(twin, "x-owner", json_string("eve"));
    role_sign(&r, a, twin);
    twin = tuf_key_from_pkey(a, &e);
    json_object_set_new(twin, "keytype", json_string("ecdsa-sha2-nistp256"));
    role_sign(&r, a, twin);
    struct tm_buf pem = {0};
    EVP_PKEY *copy = EVP_PKEY_dup(a);
    pem_of(copy, true, &pem);
    role_sign(&r, a, key_json("ecdsa", "ecdsa-sha2-nistp256", tm_buf_str(&pem)));
    assert_int_equal(json_array_size(r.keyids), 4);
    assert_int_equal(role_verify(&r, &e), -1);
    assert_non_null(strstr(e.text, "same public key"));

    role_sign(&r, b, tuf_key_from_pkey(b, &e));
    assert_int_equal(role_verify(&r, &e), 0);
    tm_buf_free(&pem);
    EVP_PKEY_free(copy);
    EVP_PKEY_free(a);
    EVP_PKEY_free(b);
    role_end(&r);
}

/* What was found good once is not checked again; anything else is. */
static void good_signatures_are_remembered_exactly(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct role_case r;
    EVP_PKEY *a = EVP_EC_gen("P-256");
    EVP_PKEY *b = EVP_RSA_gen(2048);
    role_start(&r, 2);
    role_sign(&r, a, tuf_key_from_pkey(a, &e));
    role_sign(&r, b, tuf_key_from_pkey(b, &e));
    struct tuf_metadata *m = tuf_metadata_from_json(json_incref(r.envelope), TUF_TIMESTAMP, &e);
    struct tuf_signers by = signers(&r);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(tuf_verify(m, &by, "timestamp", &e), 0);
        assert_int_equal(tuf_verify_each(m, &by, NULL, NULL), 2);
    }
    /* The same signature as that of a key that is no longer what it was. */
    struct tuf_public_key *first = tuf_keys_place(&r.known, r.role.keyids.item[0]);
    struct tuf_public_key *second = tuf_keys_place(&r.known, r.role.keyids.item[1]);
    assert_int_equal(tuf_text_set(&first->scheme, "ecdsa-sha2-nistp384"), 0);
    assert_int_equal(tuf_verify(m, &by, "timestamp", &e), -1);
    assert_int_equal(tuf_text_set(&first->scheme, "ecdsa-sha2-nistp256"), 0);
    assert_int_equal(tuf_verify(m, &by, "timestamp", &e), 0);
    const struct tuf_public_key was = *first;
    *first = *second; /* but for its keyid */
    first->keyid = was.keyid;
    assert_int_equal(tuf_verify(m, &by, "timestamp", &e), -1);
    *first = was;
    /* The same key with another signature, then the first one again under another keyid. */
    struct tuf_signatures *list = &m->file.signatures;
    assert_int_equal(list->count, 2);
    char *good = strdup(list->item[0].sig);
    assert_int_equal(tuf_text_set(&list->item[0].sig, "00"), 0);
    assert_int_equal(tuf_verify(m, &by, "timestamp", &e), -1);
    assert_int_equal(tuf_text_set(&list->item[0].sig, good), 0);
    assert_int_equal(tuf_text_set(&list->item[1].sig, good), 0);
    char *keyid = second->keyid;
    const struct tuf_public_key other = *second;
    *second = *first;
    second->keyid = keyid;
    assert_int_equal(tuf_verify(m, &by, "timestamp", &e), -1);
    assert_non_null(strstr(e.text, "same public key"));
    *second = other;
    free(good);
    tuf_metadata_free(m);
    EVP_PKEY_free(a);
    EVP_PKEY_free(b);
    role_end(&r);
}

static void bad_and_empty_signatures_do_not_count_nor_harm(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct role_case r;
    EVP_PKEY *a = EVP_EC_gen("P-256");
    EVP_PKEY *b = EVP_EC_gen("P-256");
    role_start(&r, 1);
    role_sign(&r, a, tuf_key_from_pkey(a, &e));
    role_sign(&r, b, tuf_key_from_pkey(b, &e));
    json_t *list = json_object_get(r.envelope, "signatures");
    static const char *const bad[] = {"", "zz", "0", "00", "3006020101020101"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        json_object_set_new(json_array_get(list, 0), "sig", json_string(bad[i]));
        r.threshold = 1;
        assert_int_equal(role_verify(&r, &e), 0);
        r.threshold = 2;
        assert_int_equal(role_verify(&r, &e), -1);
    }
    /* A signature of a key that is not the role's, and a keyid without a key. */
    json_array_append_new(list, json_pack("{s:s, s:s}", "keyid", "ff", "sig", "00"));
    json_array_append_new(r.keyids, json_string("ff"));
    r.threshold = 1;
    assert_int_equal(role_verify(&r, &e), 0);
    EVP_PKEY_free(a);
    EVP_PKEY_free(b);
    role_end(&r);
}

static void unknown_members_are_signed_bytes(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct role_case r;
    EVP_PKEY *a = EVP_EC_gen("P-256");
    role_start(&r, 1);
    json_object_set_new(r.body, "x-note", parse("{\"deep\":[1,{\"er\":null}]}"));
    role_sign(&r, a, tuf_key_from_pkey(a, &e));
    json_object_set_new(r.envelope, "outside", json_true());
    assert_int_equal(role_verify(&r, &e), 0);
    json_object_set_new(r.body, "x-note", json_null());
    assert_int_equal(role_verify(&r, &e), -1);
    assert_non_null(strstr(e.text, "signature is wrong"));
    EVP_PKEY_free(a);
    role_end(&r);
}

/* ---- form ---- */

static const char root_text[] =
    "{\"signatures\":[],\"signed\":{\"_type\":\"root\",\"spec_version\":\"1.0.34\",\"version\":1,"
    "\"expires\":\"2030-01-01T00:00:00Z\",\"consistent_snapshot\":true,\"keys\":{\"k\":{\"keytype\""
    ":\"ed25519\",\"scheme\":\"ed25519\",\"keyval\":{\"public\":\"00\"}}},\"roles\":{\"root\":{"
    "\"keyids\":[\"k\"],\"threshold\":1},\"timestamp\":{\"keyids\":[\"k\"],\"threshold\":1},"
    "\"snapshot\":{\"keyids\":[\"k\"],\"threshold\":1},\"targets\":{\"keyids\":[\"k\"],"
    "\"threshold\":1}}}}";
static const char timestamp_text[] =
    "{\"signatures\":[],\"signed\":{\"_type\":\"timestamp\",\"spec_version\":\"1.0\",\"version\":1,"
    "\"expires\":\"2030-01-01T00:00:00Z\",\"meta\":{\"snapshot.json\":{\"version\":1,\"length\":5,"
    "\"hashes\":{\"sha256\":\"00\"}}}}}";
static const char targets_text[] =
    "{\"signatures\":[],\"signed\":{\"_type\":\"targets\",\"spec_version\":\"1.0\",\"version\":1,"
    "\"expires\":\"2030-01-01T00:00:00Z\",\"targets\":{\"a\":{\"length\":1,\"hashes\":{\"sha256\":"
    "\"00\"}}},\"delegations\":{\"keys\":{},\"roles\":[{\"name\":\"d\",\"keyids\":[\"k\"],"
    "\"threshold\":1,\"terminating\":false,\"paths\":[\"*\"]}]}}}";

struct change {
    const char *from, *to, *reason;
};

static void expect_form(const char *text, enum tuf_role role, const struct change *c)
{
    struct tm_err e = {0};
    struct tm_buf b = {0};
    const char *at = strstr(text, c->from);
    assert_non_null(at);
    tm_buf_append(&b, text, (size_t)(at - text));
    tm_buf_puts(&b, c->to);
    tm_buf_puts(&b, at + strlen(c->from));
    struct tuf_metadata *m = tuf_metadata_parse(b.data, b.len, role, &e);
    if (c->reason == NULL && m == NULL)
        fail_msg("%s -> %s: %s", c->from, c->to, e.text);
    if (c->reason != NULL && m != NULL)
        fail_msg("%s -> %s is taken", c->from, c->to);
    if (c->reason != NULL && strstr(e.text, c->reason) == NULL)
        fail_msg("%s -> %s: '%s' does not say '%s'", c->from, c->to, e.text, c->reason);
    tuf_metadata_free(m);
    tm_buf_free(&b);
}

static void common_members_are_checked(void **state)
{
    (void)state;
    static const struct change rows[] = {
        {"1.0.34", "1.0", NULL},
        {"1.0.34", "1.99.1", NULL},
        {"1.0.34", "1", "spec_version"},
        {"1.0.34", "1.0.3.4", "spec_version"},
        {"1.0.34", "1.x", "spec_version"},
        {"1.0.34", "1..0", "spec_version"},
        {"1.0.34", "2.0", "only 1.x"},
        {"1.0.34", "10.0", "only 1.x"},
        {"\"1.0.34\"", "1.0", "spec_version"},
        {"\"version\":1", "\"version\":0", "'version' is out of range"},
        {"\"version\":1", "\"version\":-1", "'version' is out of range"},
        {"\"version\":1", "\"version\":9007199254740991", NULL},
        {"\"version\":1", "\"version\":9007199254740992", "'version' is out of range"},
        {"\"version\":1", "\"version\":9223372036854775807", "'version' is out of range"},
        {"\"version\":1", "\"version\":9223372036854775808", "not an integer"},
        {"\"version\":1", "\"version\":1,\"x\":[9223372036854775808]", NULL},
        {"\"version\":1", "\"version\":1.0", "not an integer"},
        {"\"version\":1", "\"version\":true", "not an integer"},
        {"\"version\":1", "\"version\":\"1\"", "not an integer"},
        {"\"version\":1,", "", "'version' is missing"},
        {"\"version\":1", "\"version\":1,\"x\":[{\"y\":1.0}]", "canonical"},
        {"\"version\":1", "\"version\":1,\"x\":1e3", "canonical"},
        {"2030-01-01T00:00:00Z", "2030-01-01T00:00:00.5Z", "expires"},
        {"2030-01-01T00:00:00Z", "2030-01-01T00:00:00+01:00", "expires"},
        {"2030-01-01T00:00:00Z", "2030-02-30T00:00:00Z", "expires"},
        {"\"2030-01-01T00:00:00Z\"", "1893456000", "expires"},
        {"\"_type\":\"root\"", "\"_type\":\"timestamp\"", "'_type' is 'timestamp', not 'root'"},
        {"\"_type\":\"root\"", "\"_type\":null", "_type"},
        {"\"version\":1", "\"version\":1,\"version\":2", "duplicate"},
        {"\"signatures\":[]", "\"signatures\":{}", "signatures"},
        {"\"signatures\":[]", "\"signatures\":[null]", "signatures[0]"},
        {"\"signatures\":[]", "\"signatures\":[{\"keyid\":\"a\"}]", "signatures[0]"},
        {"\"signatures\":[]",
         "\"signatures\":[{\"keyid\":\"a\",\"sig\":\"\"},{\"keyid\":\"a\",\"sig\":\"\"}]",
         "two signatures"},
        {"\"signatures\":[]", "\"signatures\":[{\"keyid\":\"a\",\"sig\":\"\",\"x\":1}],\"y\":2",
         NULL},
        {"\"signatures\":[],", "", "signatures"},
        {"\"signed\":", "\"signet\":", "signed"},
        {"}}}}", "}}}}x", "follows"},
        {"}}}}", "}}}", "too early"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_form(root_text, TUF_ROOT, &rows[i]);
    static const char *const whole[] = {"", "null", "[]", "7", "\"x\"", "{}", "{\"signed\":null}"};
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        struct tm_err e = {0};
        assert_null(tuf_metadata_parse(whole[i], strlen(whole[i]), TUF_ROOT, &e));
        assert_true(e.text[0] != '\0');
    }
}

static void root_members_are_checked(void **state)
{
    (void)state;
    static const struct change rows[] = {
        {"\"threshold\":1", "\"threshold\":0", "'threshold' is out of range"},
        {"\"threshold\":1", "\"threshold\":-1", "'threshold' is out of range"},
        {"\"threshold\":1", "\"threshold\":2147483648", "'threshold' is out of range"},
        {"\"threshold\":1", "\"threshold\":\"1\"", "not an integer"},
        {"\"threshold\":1", "\"threshold\":7", NULL},
        {"[\"k\"]", "[\"k\",\"k\"]", "twice"},
        {"[\"k\"]", "[]", NULL},
        {"[\"k\"]", "[1]", "not a string"},
        {"[\"k\"]", "\"k\"", "not an array"},
        {"\"timestamp\":{\"keyids\":[\"k\"],\"threshold\":1},", "",
         "roles: 'timestamp' is missing"},
        {"\"roles\":{", "\"roles\":{\"mirrors\":{},", NULL},
        {"\"roles\":{", "\"roles\":{\"snapshots\":{},", "unknown member 'snapshots'"},
        {"\"timestamp\":{\"keyids\"", "\"other\":{\"keyids\"", "unknown member 'other'"},
        {"\"roles\":{", "\"rolez\":{", "'roles' is missing"},
        {"\"consistent_snapshot\":true", "\"consistent_snapshot\":1", "consistent_snapshot"},
        {"\"keys\":{\"k\":{", "\"keys\":{\"k\":null,\"l\":{", "keys: 'k' is not an object"},
        {"\"keyval\":{\"public\":\"00\"}", "\"keyval\":[]", NULL},
        {"\"keys\":{", "\"keys\":{\"x\":7,", "keys: 'x' is not an object"},
        {"\"scheme\":\"ed25519\",", "", NULL},
        {"\"keytype\":\"ed25519\"", "\"keytype\":\"future\",\"x\":[]", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_form(root_text, TUF_ROOT, &rows[i]);
}

static void meta_members_are_checked(void **state)
{
    (void)state;
    static const struct change rows[] = {
        {"\"length\":5,\"hashes\":{\"sha256\":\"00\"}", "\"x\":1", NULL},
        {"{\"version\":1,\"length\"", "{\"length\"", "'version' is missing"},
        {"{\"version\":1,\"length\"", "{\"version\":0,\"length\"", "'version' is out of range"},
        {"\"length\":5", "\"length\":-5", "'length' is out of range"},
        {"\"length\":5", "\"length\":null", "length"},
        {"\"hashes\":{\"sha256\":\"00\"}", "\"hashes\":{}", "hashes"},
        {"\"hashes\":{\"sha256\":\"00\"}", "\"hashes\":null", "hashes"},
        {"\"hashes\":{\"sha256\":\"00\"}", "\"hashes\":{\"sha256\":0}", "not a string"},
        {"\"snapshot.json\"", "\"other.json\"", "unknown member 'other.json'"},
        {"\"meta\":{", "\"meta\":{\"x.json\":{\"version\":1},", "unknown member 'x.json'"},
        {"\"meta\":{", "\"meat\":{", "'meta' is missing"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_form(timestamp_text, TUF_TIMESTAMP, &rows[i]);
}

static void targets_members_are_checked(void **state)
{
    (void)state;
    static const struct change rows[] = {
        {"\"length\":1,", "", "length"},
        {"\"length\":1", "\"length\":-1", "'length' is out of range"},
        {"\"hashes\":{\"sha256\":\"00\"}", "\"hashes\":{}", "hashes"},
        {"\"hashes\":{\"sha256\":\"00\"}", "\"custom\":{}", "hashes"},
        {"\"targets\":{\"a\"", "\"targetz\":{\"a\"", "'targets' is missing"},
        {"\"a\":{", "\"a\":null,\"b\":{", "target 'a'"},
        {"\"name\":\"d\"", "\"name\":\"\"", "empty name"},
        {"\"name\":\"d\"", "\"name\":\"root\"", "top-level"},
        {"\"name\":\"d\"", "\"name\":7", "'name' is not a string"},
        {"\"name\":\"d\"", "\"name\":\"../x\"", NULL},
        {"\"name\":\"d\"", "\"name\":\"a\\u0000b\"", "NUL"},
        {"\"terminating\":false,", "", "terminating"},
        {"\"terminating\":false", "\"terminating\":0", "terminating"},
        {"\"paths\":[\"*\"]", "\"paths\":[]", NULL},
        {"\"paths\":[\"*\"]", "\"paths\":\"*\"", "paths"},
        {"\"paths\":[\"*\"]", "\"path_hash_prefixes\":[\"0a\"]", NULL},
        {"\"paths\":[\"*\"]", "\"path_hash_prefixes\":[\"0A\"]", "path_hash_prefixes"},
        {"\"paths\":[\"*\"]", "\"paths\":[],\"path_hash_prefixes\":[]", "either"},
        {"\"paths\":[\"*\"]", "\"x\":0", "either"},
        {"\"paths\":[\"*\"]", "\"paths\":null,\"path_hash_prefixes\":[\"0a\"]", NULL},
        {"\"paths\":[\"*\"]", "\"paths\":[\"*\"],\"path_hash_prefixes\":null", NULL},
        {"\"paths\":[\"*\"]", "\"paths\":null", "either"},
        {"\"paths\":[\"*\"]", "\"paths\":null,\"path_hash_prefixes\":null", "either"},
        {"\"roles\":[", "\"roles\":[null,", "'roles[0]' is not an object"},
        {"\"roles\":[",
         "\"roles\":[{\"name\":\"d\",\"keyids\":[],\"threshold\":1,\"terminating\":true,"
         "\"paths\":[]},",
         "two roles"},
        {"\"keys\":{},\"roles\"", "\"roles\"", "'keys' is missing"},
        {"\"keys\":{},\"roles\"",
         "\"keys\":{},\"succinct_roles\":{\"keyids\":[],\"threshold\":1,\"bit_length\":4,"
         "\"name_prefix\":\"b\"},\"roles\"",
         "either"},
        {"\"delegations\":{\"keys\"", "\"delegations\":null,\"x\":{\"keys\"", "not an object"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_form(targets_text, TUF_TARGETS, &rows[i]);
    char name[400];
    struct tm_buf to = {0};
    memset(name, 'x', sizeof(name));
    tm_buf_printf(&to, "\"name\":\"%.*s\"", TUF_ROLE_NAME_MAX, name);
    expect_form(targets_text, TUF_TARGETS,
                &(struct change){"\"name\":\"d\"", tm_buf_str(&to), NULL});
    tm_buf_reset(&to);
    tm_buf_printf(&to, "\"name\":\"%.*s\"", TUF_ROLE_NAME_MAX + 1, name);
    expect_form(targets_text, TUF_TARGETS,
                &(struct change){"\"name\":\"d\"", tm_buf_str(&to), "longer than"});
    tm_buf_free(&to);
}

/* ---- delegations ---- */

static void globs_match_by_segment(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *path;
        bool match;
    } rows[] = {
        {"*", "a", true},
        {"*", "", true},
        {"*", "a/b", false},
        {"*/*", "a/b", true},
        {"*/*", "a/b/c", false},
        {"a/*", "a/", true},
        {"?", "a", true},
        {"?", "ab", false},
        {"?", "/", false},
        {"?", "\xc3\xa9", true},
        {"a?c", "a/c", false},
        {"*.tgz", "x.tgz", true},
        {"*.tgz", "x.TGZ", false},
        {"a*b*c", "aXbYbZc", true},
        {"a*b*c", "aXbYbZ", false},
        {"**", "abc", true},
        {"**", "a/b", false},
        {"", "", true},
        {"", "a", false},
        {"a", "", false},
        {"[ab]", "b", true},
        {"[!ab]", "b", false},
        {"[!ab]", "c", true},
        {"[a-c]x", "bx", true},
        {"[", "[", true},
        {"[a", "[a", true},
        {"[]]", "]", true},
        {"[a-]", "-", true},
        {"x[/]y", "x/y", false},
        {"[!a]", "/", false},
        {"foo/*/bar", "foo/q/bar", true},
        {"foo/*/bar", "foo/bar", false},
        {"a\\*", "a\\b", true},
        {"registry.npmjs.org/*", "registry.npmjs.org/keys.json", true},
        {"*a/b", "a/b", true},
        {"a*/b", "ac/d/b", false},
        {"/*", "/a", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (tuf_path_glob(rows[i].pattern, rows[i].path) != rows[i].match)
            fail_msg("'%s' against '%s'", rows[i].pattern, rows[i].path);
    }
    /* Exponential in a naive matcher. */
    char pattern[2001];
    char path[2001];
    for (int i = 0; i < 2000; i += 2) {
        pattern[i] = '*';
        pattern[i + 1] = 'a';
    }
    memset(path, 'a', sizeof(path) - 1);
    pattern[1999] = 'b';
    pattern[2000] = path[2000] = '\0';
    assert_false(tuf_path_glob(pattern, path));
}

static void succinct_bins_are_where_others_look(void **state)
{
    (void)state;
    static const struct {
        unsigned bits;
        const char *name;
    } rows[] = {{1, "bin-1"}, {4, "bin-a"}, {10, "bin-2af"}, {32, "bin-abefa304"}};
    struct tm_err e = {0};
    struct tuf_path path;
    assert_int_equal(tuf_path_init(&path, "trusted_root.json", &e), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char name[32];
        uint32_t bin = tuf_succinct_bin(&path, rows[i].bits);
        assert_int_equal(tuf_succinct_name("bin", rows[i].bits, bin, name, sizeof(name)), 0);
        assert_string_equal(name, rows[i].name);
    }
    static const char text[] =
        "{\"signatures\":[],\"signed\":{\"_type\":\"targets\",\"spec_version\":\"1.0\",\"version\":"
        "1,\"expires\":\"2030-01-01T00:00:00Z\",\"targets\":{},\"delegations\":{\"keys\":{},"
        "\"succinct_roles\":{\"keyids\":[\"k\"],\"threshold\":1,\"bit_length\":10,"
        "\"name_prefix\":\"bin\"}}}}";
    struct tuf_metadata *m = tuf_metadata_parse(text, sizeof(text) - 1, TUF_TARGETS, &e);
    assert_non_null(m);
    struct tuf_delegation d;
    size_t at = 0;
    assert_true(tuf_delegation_next(m, &path, &at, &d));
    assert_string_equal(d.name, "bin-2af");
    assert_true(d.terminating);
    assert_false(tuf_delegation_next(m, &path, &at, &d));
    assert_true(tuf_delegation_find(m, "bin-3ff", &d));
    assert_false(tuf_delegation_find(m, "bin-400", &d));
    assert_false(tuf_delegation_find(m, "bin-3FF", &d));
    assert_false(tuf_delegation_find(m, "bin-03ff", &d));
    assert_false(tuf_delegation_find(m, "bin", &d));
    tuf_metadata_free(m);
}

static void role_names_become_file_names(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"targets", "targets"}, {"../x", "..%2Fx"},     {"a b", "a%20b"},
        {"?", "%3F"},           {"\xc3\xa9", "%C3%A9"}, {"%2F", "%252F"},
    };
    char out[TUF_ROLE_NAME_MAX + 1];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(tuf_role_encode(rows[i][0], out));
        assert_string_equal(out, rows[i][1]);
    }
    char longest[TUF_ROLE_NAME_MAX + 2];
    memset(longest, 'x', sizeof(longest));
    longest[TUF_ROLE_NAME_MAX + 1] = '\0';
    assert_false(tuf_role_encode(longest, out));
    assert_true(tuf_role_encode(longest + 1, out));
}

static void pinned_files_are_checked(void **state)
{
    (void)state;
    struct tm_err e = {0};
    json_t *entry = tuf_target_entry("hello", 5);
    const char *sha256 =
        json_string_value(json_object_get(json_object_get(entry, "hashes"), "sha256"));
    struct tuf_file_info info = {.length = 5, .hash_count = 1};
    snprintf(info.hash[0].algorithm, sizeof(info.hash[0].algorithm), "sha256");
    snprintf(info.hash[0].hex, sizeof(info.hash[0].hex), "%s", sha256);
    assert_int_equal(tuf_file_check(&info, "hello", 5, &e), 0);
    assert_int_equal(tuf_file_check(&info, "hellO", 5, &e), -1);
    assert_non_null(strstr(e.text, "sha256"));
    assert_int_equal(tuf_file_check(&info, "hell", 4, &e), -1);
    assert_non_null(strstr(e.text, "4 bytes, but 5"));
    assert_int_equal(tuf_file_check(&info, "hello!", 6, &e), -1);
    assert_non_null(strstr(e.text, "longer"));
    info.hash[1] = (struct tuf_hash){"sha512", "00"};
    info.hash_count = 2;
    assert_int_equal(tuf_file_check(&info, "hello", 5, &e), -1);
    info.hash[1] = (struct tuf_hash){"md5", "00"};
    assert_int_equal(tuf_file_check(&info, "hello", 5, &e), -1);
    assert_non_null(strstr(e.text, "md5"));
    info = (struct tuf_file_info){.length = -1};
    assert_int_equal(tuf_file_check(&info, "anything", 8, &e), 0);
    json_decref(entry);
}

/* ---- maps that are kept as bytes ---- */

#define ENTRY "{\"hashes\": {\"sha256\": \"00\"}, \"length\": 1}"
#define AROUND \
    "\"_type\": \"targets\", \"spec_version\": \"1.0\", \"expires\": \"2030-01-01T00:00:00Z\""

/* In any order, with any name: the same canonical bytes as the tree, and every entry is found. */
static void entries_are_what_the_tree_is(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{" AROUND ", \"version\": 1, \"targets\": {}}",
        "{\"targets\": {\"b\": " ENTRY ", \"a\": " ENTRY "}, " AROUND ", \"version\": 1}",
        "{" AROUND ", \"zz\": 1, \"version\": 1, \"targets\": {\"a\": " ENTRY ", \"B\": " ENTRY
        "}}",
        "{\"a\": {\"targets\": {}}, \"targets\": {\"q\\\"\": " ENTRY ", \"q\": " ENTRY
        ", \"\": " ENTRY ", \"\\\\\": " ENTRY ", \"\\u00e9\\n\": " ENTRY
        ", \"\\ud800\\udc00\": " ENTRY ", \"\\uff5e\": " ENTRY "}, \"version\": 1, " AROUND "}",
        "{\"targets\": {\"a\": {\"length\": 1, \"custom\": {\"z\": \"\\u0001\", \"b\": [null]}, "
        "\"hashes\": {\"sha512\": \"1\", \"sha256\": \"0\"}}}, \"version\": 1, " AROUND "}",
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct tm_err e = {0};
        struct tm_buf text = {0};
        struct tm_buf want = {0};
        const char *name;
        json_t *entry;
        tm_buf_printf(&text, "{\"signatures\": [], \"signed\": %s}", bodies[i]);
        struct tuf_metadata *m = tuf_metadata_parse(text.data, text.len, TUF_TARGETS, &e);
        if (m == NULL)
            fail_msg("%s: %s", bodies[i], e.text);
        json_t *tree = tm_strictjson_parse((char *)text.data, text.len, text.len, &e);
        const json_t *body = json_object_get(tree, "signed");
        assert_int_equal(tuf_canonical_write(body, &want, &e), 0);
        const struct tm_buf *got = tuf_metadata_canonical(m);
        assert_int_equal(got->len, want.len);
        assert_memory_equal(got->data, want.data, want.len);
        json_object_foreach(json_object_get(body, "targets"), name, entry)
        {
            struct tuf_file_info info;
            struct tuf_entry read = {0};
            assert_true(tuf_entry_load(m, name, &read));
            json_t *same = tuf_write_entry(&read, TUF_TARGETS, &e);
            assert_true(json_equal(entry, same));
            assert_true(tuf_targets_find(m, name, &info));
            assert_int_equal(info.length, 1);
            assert_string_equal(info.hash[0].algorithm, "sha256");
            json_decref(same);
            tuf_free_entry(&read);
        }
        assert_int_equal(tuf_entries_count(m), json_object_size(json_object_get(body, "targets")));
        json_t *all = tuf_entries_tree(m);
        assert_true(json_equal(all, json_object_get(body, "targets")));
        json_decref(all);
        json_decref(tree);
        tuf_metadata_free(m);
        tm_buf_free(&text);
        tm_buf_free(&want);
    }
}

static int until_c(void *arg, const char *name, const struct tuf_file_info *info, struct tm_err *e)
{
    (void)info;
    ++*(int *)arg;
    return strcmp(name, "c") == 0 ? tm_err_set(e, "enough") : 0;
}

static void entries_are_refused_as_a_tree_is(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{\"a\": " ENTRY ", \"b\": " ENTRY ", \"\\u0061\": " ENTRY "}", "\"a\""},
        {"{\"a\": {\"length\": 1}}", "target 'a'"},
        {"{\"a\": []}", "target 'a'"},
        {"{\"a\": {\"length\": 1, \"hashes\": {\"sha256\": \"0\"}, \"x\": 1.5}}", "targets 'a'"},
        {"{\"a\": " ENTRY ",}", "JSON line 1"},
        {"{\"a\": {\"length\": 1, \"length\": 1}}", "duplicate key"},
        {"[]", "not an object"},
        {"{}, \"targets\": {}", "duplicate key"},
    };
    struct tm_err e = {0};
    struct tm_buf text = {0};
    int seen = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tm_buf_reset(&text);
        tm_buf_printf(&text,
                      "{\"signatures\": [], \"signed\": {" AROUND
                      ", \"version\": 1, \"targets\": %s}}",
                      rows[i][0]);
        assert_null(tuf_metadata_parse(text.data, text.len, TUF_TARGETS, &e));
        if (strstr(e.text, rows[i][1]) == NULL)
            fail_msg("%s: %s", rows[i][0], e.text);
    }
    tm_buf_reset(&text);
    tm_buf_puts(&text,
                "{\"signatures\": [], \"signed\": {" AROUND ", \"version\": 1, \"targets\": {"
                "\"d\": " ENTRY ", \"c\": " ENTRY ", \"b\": " ENTRY "}}}");
    struct tuf_metadata *m = tuf_metadata_parse(text.data, text.len, TUF_TARGETS, &e);
    assert_int_equal(tuf_entries_each(m, until_c, &seen, &e), -1);
    assert_int_equal(seen, 2);
    struct tuf_file_info info;
    static const char *const absent[] = {"", "a", "bb", "e", "\"", "\\"};
    for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
        assert_false(tuf_targets_find(m, absent[i], &info));
    tuf_metadata_free(m);
    tm_buf_free(&text);
}

/* ---- what is published ---- */

static struct tuf_metadata *load(const char *name, enum tuf_role role)
{
    struct tm_err e = {0};
    struct tm_buf b = {0};
    char path[128];
    snprintf(path, sizeof(path), "testdata/tuf/sigstore-root/%s", name);
    assert_int_equal(tm_file_read(path, 1 << 20, &b, &e), 0);
    struct tuf_metadata *m = tuf_metadata_parse(b.data, b.len, role, &e);
    if (m == NULL)
        fail_msg("%s: %s", path, e.text);
    tm_buf_free(&b);
    return m;
}

static void sigstore_roots_verify_each_other(void **state)
{
    (void)state;
    struct tuf_metadata *old = load("5.root.json", TUF_ROOT);
    for (int v = 6; v <= 15; v++) {
        char name[32];
        struct tm_err e = {0};
        struct tuf_signers by;
        snprintf(name, sizeof(name), "%d.root.json", v);
        struct tuf_metadata *new = load(name, TUF_ROOT);
        assert_int_equal(tuf_metadata_version(new), v);
        tuf_root_signers(old, TUF_ROOT, &by);
        if (tuf_verify(new, &by, "root", &e) != 0)
            fail_msg("%d: %s", v, e.text);
        tuf_root_signers(new, TUF_ROOT, &by);
        if (tuf_verify(new, &by, "root", &e) != 0)
            fail_msg("%d: %s", v, e.text);
        tuf_metadata_free(old);
        old = new;
    }
    tuf_metadata_free(old);
}

/* What we dump is what we read: editing keeps every member. */
static void dump_and_parse_keep_the_tree(void **state)
{
    (void)state;
    struct tm_err e = {0};
    struct tm_buf b = {0};
    struct tuf_metadata *m = load("15.root.json", TUF_ROOT);
    for (int indented = 0; indented < 2; indented++) {
        tm_buf_reset(&b);
        assert_int_equal(tuf_metadata_dump(m, indented, tm_jsondump_to_buf, &b, &e), 0);
        struct tuf_metadata *again = tuf_metadata_parse(b.data, b.len, TUF_ROOT, &e);
        assert_non_null(again);
        assert_true(tuf_metadata_equal(m, again));
        tuf_metadata_free(again);
    }
    tm_buf_free(&b);
    tuf_metadata_free(m);
}

static void new_trees_are_valid(void **state)
{
    (void)state;
    for (int i = 0; i < TUF_ROLE_COUNT; i++) {
        struct tm_err e = {0};
        enum tuf_role role = (enum tuf_role)i;
        json_t *body = tuf_signed_new(role, 3, 1893456000);
        if (role == TUF_TIMESTAMP)
            json_object_set_new(json_object_get(body, "meta"), "snapshot.json",
                                tuf_meta_entry(1, "x", 1));
        struct tuf_metadata *m = tuf_metadata_from_json(tuf_envelope_new(body), role, &e);
        if (m == NULL)
            fail_msg("%s: %s", tuf_role_name(role), e.text);
        assert_int_equal(tuf_metadata_version(m), 3);
        assert_int_equal(tuf_metadata_expires(m), 1893456000);
        assert_true(tuf_metadata_expired(m, 1893456000));
        assert_false(tuf_metadata_expired(m, 1893455999));
        tuf_metadata_free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_beyond_64_bits_keep_their_digits),
        cmocka_unit_test(canonical_sorts_and_strips),
        cmocka_unit_test(canonical_agrees_with_python_and_js),
        cmocka_unit_test(canonical_refuses_floats_and_depth),
        cmocka_unit_test(keyids_are_as_others_compute_them),
        cmocka_unit_test(rfc8032_key_signs_the_known_bytes),
        cmocka_unit_test(every_kind_of_key_signs_and_verifies),
        cmocka_unit_test(another_private_key_cannot_sign),
        cmocka_unit_test(pss_salt_of_any_length_is_read),
        cmocka_unit_test(bad_keys_are_refused),
        cmocka_unit_test(threshold_counts_distinct_public_keys),
        cmocka_unit_test(good_signatures_are_remembered_exactly),
        cmocka_unit_test(bad_and_empty_signatures_do_not_count_nor_harm),
        cmocka_unit_test(unknown_members_are_signed_bytes),
        cmocka_unit_test(common_members_are_checked),
        cmocka_unit_test(root_members_are_checked),
        cmocka_unit_test(meta_members_are_checked),
        cmocka_unit_test(targets_members_are_checked),
        cmocka_unit_test(globs_match_by_segment),
        cmocka_unit_test(succinct_bins_are_where_others_look),
        cmocka_unit_test(role_names_become_file_names),
        cmocka_unit_test(pinned_files_are_checked),
        cmocka_unit_test(entries_are_what_the_tree_is),
        cmocka_unit_test(entries_are_refused_as_a_tree_is),
        cmocka_unit_test(sigstore_roots_verify_each_other),
        cmocka_unit_test(dump_and_parse_keep_the_tree),
        cmocka_unit_test(new_trees_are_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
