#include "tests/support/signed.h"

#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/ts.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "common/transparency/digsig.h"
#include "common/transparency/note.h"
#include "common/transparency/sct.h"
#include "tests/support/pki.h"
#include "tuf/verify/bundle/dsse.h"
#include "tuf/verify/bundle/timestamp.h"

#define LIFE 600
#define YEAR (365 * 86400LL)
#define SCTS_MAX 4

static void must(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "signed: %s failed\n", what);
    abort();
}

static void must_add(int rc, const struct tm_err *e)
{
    if (rc != 0)
        fprintf(stderr, "%s\n", e->text);
    must(rc == 0, "trusted root");
}

static void add_log(struct tuf_trusted_root *r, enum tuf_trust_list list, const char *url,
                    EVP_PKEY *key)
{
    struct tm_buf pem = {0};
    struct tm_err e = {0};
    const struct tuf_validity v = {.has_start = true, .start_ms = (SIGNED_NOW - YEAR) * 1000};
    pki_public_pem(key, &pem);
    must_add(tuf_trusted_root_add_log(r, list, url, pem.data, pem.len, &v, &e), &e);
    tm_buf_free(&pem);
}

static void add_authority(struct tuf_trusted_root *r, enum tuf_trust_list list, const char *url,
                          X509 *cert, X509 *root)
{
    struct tm_buf pem = {0};
    struct tm_err e = {0};
    const struct tuf_validity v = {0};
    pki_pem(cert, &pem);
    pki_pem(root, &pem);
    must_add(tuf_trusted_root_add_authority(r, list, url, pem.data, pem.len, &v, &e), &e);
    tm_buf_free(&pem);
}

void signed_world_build(struct signed_world *w)
{
    static const struct pki_extension tsa[] = {{"keyUsage", "critical,digitalSignature"},
                                               {"extendedKeyUsage", "critical,timeStamping"},
                                               {"subjectKeyIdentifier", "hash"},
                                               {NULL, NULL}};
    struct tm_err e = {0};
    int64_t from = SIGNED_NOW - YEAR;
    int64_t to = SIGNED_NOW + 5 * YEAR;
    *w = (struct signed_world){.root_key = pki_key("P-384"),
                               .ca_key = pki_key("P-256"),
                               .ct_key = pki_key("P-256"),
                               .log_key = pki_key("P-256"),
                               .log2_key = pki_key("ED25519"),
                               .tsa_root_key = pki_key("P-256"),
                               .tsa_key = pki_key("P-256")};
    w->root = pki_ca("Root", w->root_key, NULL, NULL, from, to);
    w->ca = pki_ca("CA", w->ca_key, w->root, w->root_key, from, to);
    w->tsa_root = pki_ca("TSA root", w->tsa_root_key, NULL, NULL, from, to);
    const struct pki_spec spec = {"TSA", w->tsa_key, w->tsa_root, w->tsa_root_key, from, to, tsa};
    w->tsa = pki_cert(&spec);
    w->trust = tuf_trusted_root_new(&e);
    add_authority(w->trust, TRUST_CA, "https://ca.example.com", w->ca, w->root);
    add_authority(w->trust, TRUST_TSA, "https://tsa.example.com", w->tsa, w->tsa_root);
    add_log(w->trust, TRUST_CTLOG, "https://ct.example.com", w->ct_key);
    add_log(w->trust, TRUST_TLOG, "https://log.example.com", w->log_key);
    add_log(w->trust, TRUST_TLOG, "https://log2.example.com", w->log2_key);
}

void signed_world_free(struct signed_world *w)
{
    EVP_PKEY *keys[] = {w->root_key, w->ca_key,       w->ct_key, w->log_key,
                        w->log2_key, w->tsa_root_key, w->tsa_key};
    X509 *certs[] = {w->root, w->ca, w->tsa_root, w->tsa};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        EVP_PKEY_free(keys[i]);
    for (size_t i = 0; i < sizeof(certs) / sizeof(certs[0]); i++)
        X509_free(certs[i]);
    tuf_trusted_root_free(w->trust);
}

/* --- the leaf with its SCT --- */

static void put_sct(const struct tm_buf *tbs, X509 *issuer, EVP_PKEY *log, int64_t at_ms,
                    struct tm_buf *out)
{
    struct tm_err e = {0};
    struct tm_buf data = {0};
    struct tm_buf sig = {0};
    unsigned char key_hash[32];
    unsigned char *spki = NULL;
    int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(issuer), &spki);
    SHA256(spki, (size_t)n, key_hash);
    OPENSSL_free(spki);
    const struct tm_sct_entry entry = {SCT_PRECERT, tbs->data, tbs->len, key_hash};
    struct tm_sct s = {.timestamp_ms = (uint64_t)at_ms};
    must(tm_digsig_log_id(log, s.log_id, &e) == 0 &&
             tm_sct_signed_data(&s, &entry, &data, &e) == 0 &&
             tm_digsig_sign(log, data.data, data.len, &sig, &e) == 0,
         "SCT");
    s.signature = sig.data;
    s.signature_len = sig.len;
    tm_sct_put(&s, out);
    tm_buf_free(&data);
    tm_buf_free(&sig);
}

static void add_scts(X509 *leaf, X509 *issuer, EVP_PKEY *issuer_key, EVP_PKEY *log, int64_t at_ms,
                     unsigned count)
{
    struct tm_err e = {0};
    struct tm_buf one[SCTS_MAX] = {{0}};
    struct tm_buf list = {0};
    struct tm_buf tbs = {0};
    unsigned char *der = NULL;
    int n = i2d_re_X509_tbs(leaf, &der);
    tm_buf_append(&tbs, der, (size_t)n);
    OPENSSL_free(der);
    for (unsigned i = 0; i < count && i < SCTS_MAX; i++)
        put_sct(&tbs, issuer, log, at_ms + i, &one[i]);
    must(tm_sct_list_put(one, count, &list, &e) == 0, "SCT list");
    ASN1_OCTET_STRING *inner = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING *outer = ASN1_OCTET_STRING_new();
    der = NULL;
    ASN1_OCTET_STRING_set(inner, list.data, (int)list.len);
    n = i2d_ASN1_OCTET_STRING(inner, &der);
    ASN1_OCTET_STRING_set(outer, der, n);
    ASN1_OBJECT *oid = OBJ_txt2obj("1.3.6.1.4.1.11129.2.4.2", 1);
    X509_EXTENSION *ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, outer);
    must(ext != NULL && X509_add_ext(leaf, ext, -1) == 1 &&
             X509_sign(leaf, issuer_key, EVP_sha256()) > 0,
         "SCT extension");
    X509_EXTENSION_free(ext);
    ASN1_OBJECT_free(oid);
    ASN1_OCTET_STRING_free(inner);
    ASN1_OCTET_STRING_free(outer);
    OPENSSL_free(der);
    for (unsigned i = 0; i < SCTS_MAX; i++)
        tm_buf_free(&one[i]);
    tm_buf_free(&list);
    tm_buf_free(&tbs);
}

static X509 *make_leaf(const struct signed_world *w, const struct signed_options *o, EVP_PKEY *key)
{
    int64_t issued = o->issued != 0 ? o->issued : SIGNED_NOW;
    X509 *issuer = o->issuer != NULL ? o->issuer : w->ca;
    EVP_PKEY *issuer_key = o->issuer_key != NULL ? o->issuer_key : w->ca_key;
    const struct pki_extension extensions[] = {
        {"keyUsage", "critical,digitalSignature"},
        {"extendedKeyUsage", o->usage != NULL ? o->usage : "codeSigning"},
        {"authorityKeyIdentifier", "keyid"},
        {"basicConstraints", o->leaf_is_ca ? "critical,CA:TRUE" : "CA:FALSE"},
        {"subjectAltName", o->san != NULL ? o->san : "critical,URI:" SIGNED_IDENTITY},
        {"1.3.6.1.4.1.57264.1.1",
         "DER:" /* raw text */
         "68747470733a2f2f746f6b656e2e616374696f6e732e6769746875627573657263"
         "6f6e74656e742e636f6d"},
        {"1.3.6.1.4.1.57264.1.8", "ASN1:UTF8String:" SIGNED_ISSUER},
        {"1.3.6.1.4.1.57264.1.12", "ASN1:UTF8String:" SIGNED_SOURCE},
        {NULL, NULL}};
    const struct pki_spec spec = {NULL, key, issuer, issuer_key, issued, issued + LIFE, extensions};
    X509 *leaf = pki_cert(&spec);
    if (!o->no_sct)
        add_scts(leaf, issuer, issuer_key, o->sct_by != NULL ? o->sct_by : w->ct_key,
                 (o->sct_at != 0 ? o->sct_at : issued) * 1000, o->scts != 0 ? o->scts : 1);
    return leaf;
}

/* --- timestamps --- */

static ASN1_INTEGER *ts_serial(TS_RESP_CTX *ctx, void *arg)
{
    (void)ctx;
    (void)arg;
    ASN1_INTEGER *n = ASN1_INTEGER_new();
    ASN1_INTEGER_set(n, 42);
    return n;
}

static int ts_time(TS_RESP_CTX *ctx, void *arg, long *sec, long *usec)
{
    (void)ctx;
    *sec = (long)*(const int64_t *)arg;
    *usec = 0;
    return 1;
}

void signed_reply(X509 *tsa, EVP_PKEY *key, int64_t at, const void *query, size_t len,
                  struct tm_buf *out)
{
    TS_RESP_CTX *ctx = TS_RESP_CTX_new();
    ASN1_OBJECT *policy = OBJ_txt2obj("1.3.6.1.4.1.57264.2", 1);
    must(ctx != NULL && TS_RESP_CTX_set_signer_cert(ctx, tsa) == 1 &&
             TS_RESP_CTX_set_signer_key(ctx, key) == 1 &&
             TS_RESP_CTX_set_signer_digest(ctx, EVP_sha256()) == 1 &&
             TS_RESP_CTX_set_ess_cert_id_digest(ctx, EVP_sha256()) == 1 &&
             TS_RESP_CTX_set_def_policy(ctx, policy) == 1 &&
             TS_RESP_CTX_add_md(ctx, EVP_sha256()) == 1,
         "TSA");
    TS_RESP_CTX_set_serial_cb(ctx, ts_serial, NULL);
    TS_RESP_CTX_set_time_cb(ctx, ts_time, &at);
    BIO *in = BIO_new_mem_buf(query, (int)len);
    TS_RESP *resp = TS_RESP_create_response(ctx, in);
    unsigned char *der = NULL;
    int n = i2d_TS_RESP(resp, &der);
    must(n > 0, "timestamp");
    tm_buf_append(out, der, (size_t)n);
    OPENSSL_free(der);
    TS_RESP_free(resp);
    BIO_free(in);
    ASN1_OBJECT_free(policy);
    TS_RESP_CTX_free(ctx);
}

void signed_timestamp(X509 *tsa, EVP_PKEY *key, int64_t at, const void *data, size_t len,
                      struct tm_buf *out)
{
    struct tm_err e = {0};
    struct tm_buf query = {0};
    must(tuf_timestamp_request(data, len, &query, &e) == 0, "timestamp request");
    signed_reply(tsa, key, at, query.data, query.len, out);
    tm_buf_free(&query);
}

/* --- log entries --- */

static json_t *b64(const void *data, size_t len)
{
    struct tm_buf text = {0};
    tm_b64_encode(B64_STD, data, len, &text);
    json_t *v = json_string(tm_buf_str(&text));
    tm_buf_free(&text);
    return v;
}

static json_t *b64_der(X509 *cert)
{
    unsigned char *der = NULL;
    int n = i2d_X509(cert, &der);
    json_t *v = b64(der, (size_t)n);
    OPENSSL_free(der);
    return v;
}

static json_t *hex_sha256(const void *data, size_t len)
{
    unsigned char digest[32];
    char hex[65];
    SHA256(data, len, digest);
    for (size_t i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return json_string(hex);
}

static json_t *b64_sha256(const void *data, size_t len)
{
    unsigned char digest[32];
    SHA256(data, len, digest);
    return b64(digest, 32);
}

struct making {
    const struct signed_options *o;
    X509 *leaf;
    struct tm_buf payload; /* DSSE */
    struct tm_buf covered; /* what is signed: the artifact or the envelope's encoding */
    struct tm_buf sig;
};

static json_t *pem_verifier(const struct making *m)
{
    struct tm_buf pem = {0};
    pki_pem(m->leaf, &pem);
    json_t *v = b64(pem.data, pem.len);
    tm_buf_free(&pem);
    return v;
}

static json_t *twice(const struct tm_buf *sig)
{
    json_t *once = b64(sig->data, sig->len);
    json_t *v = b64(json_string_value(once), json_string_length(once));
    json_decref(once);
    return v;
}

static json_t *body(const struct making *m)
{
    const struct tm_buf *p = &m->payload;
    switch (m->o->log) {
    case LOG_HASHEDREKORD_1:
        return json_pack("{s:s,s:s,s:{s:{s:{s:s,s:o}},s:{s:o,s:{s:o}}}}", "apiVersion", "0.0.1",
                         "kind", "hashedrekord", "spec", "data", "hash", "algorithm", "sha256",
                         "value", hex_sha256(m->covered.data, m->covered.len), "signature",
                         "content", b64(m->sig.data, m->sig.len), "publicKey", "content",
                         pem_verifier(m));
    case LOG_HASHEDREKORD_2:
        return json_pack(
            "{s:s,s:s,s:{s:{s:{s:s,s:o},s:{s:o,s:{s:s,s:{s:o}}}}}}", "apiVersion", "0.0.2", "kind",
            "hashedrekord", "spec", "hashedRekordV002", "data", "algorithm", "SHA2_256", "digest",
            b64_sha256(m->covered.data, m->covered.len), "signature", "content",
            b64(m->sig.data, m->sig.len), "verifier", "keyDetails", "PKIX_ECDSA_P256_SHA_256",
            "x509Certificate", "rawBytes", b64_der(m->leaf));
    case LOG_DSSE_1:
        return json_pack("{s:s,s:s,s:{s:{s:s,s:o},s:[{s:o,s:o}]}}", "apiVersion", "0.0.1", "kind",
                         "dsse", "spec", "payloadHash", "algorithm", "sha256", "value",
                         hex_sha256(p->data, p->len), "signatures", "signature",
                         b64(m->sig.data, m->sig.len), "verifier", pem_verifier(m));
    case LOG_DSSE_2:
        return json_pack("{s:s,s:s,s:{s:{s:{s:s,s:o},s:[{s:o,s:{s:s,s:{s:o}}}]}}}", "apiVersion",
                         "0.0.2", "kind", "dsse", "spec", "dsseV002", "payloadHash", "algorithm",
                         "SHA2_256", "digest", b64_sha256(p->data, p->len), "signatures", "content",
                         b64(m->sig.data, m->sig.len), "verifier", "keyDetails",
                         "PKIX_ECDSA_P256_SHA_256", "x509Certificate", "rawBytes",
                         b64_der(m->leaf));
    default:
        return json_pack("{s:s,s:s,s:{s:{s:{s:s,s:[{s:o,s:o}]},s:{s:s,s:o}}}}", "apiVersion",
                         "0.0.2", "kind", "intoto", "spec", "content", "envelope", "payloadType",
                         DSSE_IN_TOTO, "signatures", "sig", twice(&m->sig), "publicKey",
                         pem_verifier(m), "payloadHash", "algorithm", "sha256", "value",
                         hex_sha256(p->data, p->len));
    }
}

static bool is_ed25519(const EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "ED25519");
}

void signed_key_id(EVP_PKEY *key, unsigned char out[32])
{
    unsigned char *spki = NULL;
    int n = i2d_PUBKEY(key, &spki);
    must(n > 0, "public key");
    SHA256(spki, (size_t)n, out);
    OPENSSL_free(spki);
}

static json_t *promise(const struct signed_world *w, const struct signed_options *o,
                       const struct tm_buf *stored, const struct tuf_trust_entry *log)
{
    struct tm_buf text = {0};
    struct tm_buf sig = {0};
    tm_buf_puts(&text, "{\"body\":\"");
    tm_b64_encode(B64_STD, stored->data, stored->len, &text);
    tm_buf_printf(&text, "\",\"integratedTime\":%lld,\"logID\":\"", (long long)o->logged_at);
    for (size_t i = 0; i < 32; i++)
        tm_buf_printf(&text, "%02x", log->log_id.data[i]);
    tm_buf_puts(&text, "\",\"logIndex\":901}");
    pki_sign(w->log_key, is_ed25519(w->log_key) ? NULL : "SHA256", text.data, text.len, &sig);
    json_t *v = json_pack("{s:o}", "signedEntryTimestamp", b64(sig.data, sig.len));
    tm_buf_free(&text);
    tm_buf_free(&sig);
    return v;
}

/* The second of two leaves. */
static json_t *proof(bool v2, const char *given, const struct tm_buf *stored, EVP_PKEY *key)
{
    const char *origin = given != NULL ? given : v2 ? "log2.example.com" : "log.example.com - 77";
    char name[128];
    struct tm_err e = {0};
    struct tm_merkle_hash first;
    struct tm_merkle_hash leaf;
    struct tm_checkpoint c = {.size = 2};
    struct tm_note_key k;
    struct tm_buf text = {0};
    tm_merkle_leaf("first", 5, &first);
    tm_merkle_leaf(stored->data, stored->len, &leaf);
    tm_merkle_node(&first, &leaf, &c.root);
    snprintf(c.origin, sizeof(c.origin), "%s", origin);
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(origin, " "), origin);
    tm_checkpoint_text(&c, &text);
    size_t len = text.len;
    must(tm_note_key_init(&k, name, is_ed25519(key) ? NOTE_ED25519 : NOTE_ECDSA, key, &e) == 0,
         "note key");
    if (!v2) { /* Rekor v1's ids hash the key alone, whatever its kind */
        unsigned char id[32];
        signed_key_id(key, id);
        memcpy(k.id, id, sizeof(k.id));
    }
    buf_putc(&text, '\n');
    char *note_text = strndup((const char *)text.data, len);
    must(tm_note_sign(note_text, len, &k, 0, &text, &e) == 0, "checkpoint");
    free(note_text);
    json_t *v = json_pack("{s:s,s:o,s:s,s:[o],s:{s:s}}", "logIndex", "1", "rootHash",
                          b64(c.root.b, 32), "treeSize", "2", "hashes", b64(first.b, 32),
                          "checkpoint", "envelope", tm_buf_str(&text));
    tm_buf_free(&text);
    return v;
}

static json_t *entry(const struct signed_world *w, const struct making *m)
{
    bool v2 = m->o->log == LOG_HASHEDREKORD_2 || m->o->log == LOG_DSSE_2;
    json_t *content = body(m);
    char *text = json_dumps(content, JSON_COMPACT | JSON_SORT_KEYS);
    struct tm_buf stored = {0};
    tm_buf_puts(&stored, text);
    size_t at = 0;
    const struct tuf_trust_entry *log = tuf_trusted_root_entry(w->trust, TRUST_TLOG, 0);
    while (log != NULL && EVP_PKEY_eq(log->key, v2 ? w->log2_key : w->log_key) != 1)
        log = tuf_trusted_root_entry(w->trust, TRUST_TLOG, ++at);
    if (log == NULL)
        abort(); /* the world's trusted root has both logs */
    json_t *v = json_pack("{s:s,s:{s:o},s:{s:s,s:s},s:o,s:o}", "logIndex", v2 ? "1" : "901",
                          "logId", "keyId", b64(log->log_id.data, 32), "kindVersion", "kind",
                          json_string_value(json_object_get(content, "kind")), "version",
                          json_string_value(json_object_get(content, "apiVersion")),
                          "canonicalizedBody", b64(stored.data, stored.len), "inclusionProof",
                          proof(v2, m->o->origin, &stored, v2 ? w->log2_key : w->log_key));
    if (m->o->logged_at != 0) {
        json_object_set_new(v, "integratedTime", json_sprintf("%lld", (long long)m->o->logged_at));
        json_object_set_new(v, "inclusionPromise", promise(w, m->o, &stored, log));
    }
    free(text);
    json_decref(content);
    tm_buf_free(&stored);
    return v;
}

/* --- the bundle --- */

static void make_payload(struct making *m)
{
    json_t *v = json_pack("{s:s,s:[{s:s,s:{s:o}}],s:s,s:{}}", "_type",
                          "https://in-toto.io/Statement/v1", "subject", "name", "app", "digest",
                          "sha256", hex_sha256(SIGNED_ARTIFACT, strlen(SIGNED_ARTIFACT)),
                          "predicateType", SIGNED_PREDICATE, "predicate");
    char *text = json_dumps(v, JSON_COMPACT);
    tm_buf_puts(&m->payload, m->o->statement != NULL ? m->o->statement : text);
    free(text);
    json_decref(v);
    tuf_dsse_pae(DSSE_IN_TOTO, m->payload.data, m->payload.len, &m->covered);
}

static const char *digest_of(const char *key)
{
    return key == NULL || strcmp(key, "P-256") == 0 || strcmp(key, "RSA") == 0 ? "SHA256"
           : strcmp(key, "P-384") == 0                                         ? "SHA384"
           : strcmp(key, "P-521") == 0                                         ? "SHA512"
                                                                               : NULL;
}

static json_t *content(const struct making *m)
{
    if (m->o->dsse)
        return json_pack("{s:s,s:o,s:[{s:o}]}", "payloadType", DSSE_IN_TOTO, "payload",
                         b64(m->payload.data, m->payload.len), "signatures", "sig",
                         b64(m->sig.data, m->sig.len));
    return json_pack("{s:{s:s,s:o},s:o}", "messageDigest", "algorithm", "SHA2_256", "digest",
                     b64_sha256(m->covered.data, m->covered.len), "signature",
                     b64(m->sig.data, m->sig.len));
}

void signed_make(const struct signed_world *w, const struct signed_options *o,
                 struct signed_bundle *out)
{
    struct making m = {.o = o};
    out->key = pki_key(o->key != NULL ? o->key : "P-256");
    out->leaf = m.leaf = make_leaf(w, o, out->key);
    if (o->dsse)
        make_payload(&m);
    else
        tm_buf_puts(&m.covered, SIGNED_ARTIFACT);
    pki_sign(out->key, digest_of(o->key), m.covered.data, m.covered.len, &m.sig);
    json_t *material =
        json_pack("{s:{s:o},s:[]}", "certificate", "rawBytes", b64_der(m.leaf), "tlogEntries");
    if (o->log != LOG_NONE)
        json_array_append_new(json_object_get(material, "tlogEntries"), entry(w, &m));
    if (o->stamped_at != 0) {
        struct tm_buf stamp = {0};
        signed_timestamp(w->tsa, w->tsa_key, o->stamped_at, m.sig.data, m.sig.len, &stamp);
        json_object_set_new(material, "timestampVerificationData",
                            json_pack("{s:[{s:o}]}", "rfc3161Timestamps", "signedTimestamp",
                                      b64(stamp.data, stamp.len)));
        tm_buf_free(&stamp);
    }
    out->json = json_pack("{s:s,s:o,s:o}", "mediaType",
                          "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial",
                          material, o->dsse ? "dsseEnvelope" : "messageSignature", content(&m));
    must(out->json != NULL, "bundle");
    tm_buf_free(&m.payload);
    tm_buf_free(&m.covered);
    tm_buf_free(&m.sig);
}

void signed_free(struct signed_bundle *b)
{
    json_decref(b->json);
    X509_free(b->leaf);
    EVP_PKEY_free(b->key);
    *b = (struct signed_bundle){0};
}

struct tuf_bundle *signed_parse(const struct signed_bundle *b, struct tm_err *e)
{
    char *text = json_dumps(b->json, JSON_COMPACT);
    struct tuf_bundle *parsed = tuf_bundle_parse(text, strlen(text), e);
    free(text);
    return parsed;
}
