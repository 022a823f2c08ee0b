/* What a log entry is about. The body is the log's canonical JSON, hashed and signed by it. */
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "common/b64.h"
#include "common/json/strictjson.h"
#include "tuf/verify/trust/protojson.h"
#include "tuf/verify/bundle/dsse.h"
#include "tuf/verify/bundle/tlog.h"

#define BODY_MAX ((size_t)16 << 20)

struct subject { /* what the entry must be about */
    const struct tuf_bundle *bundle;
    const struct tuf_artifact *artifact; /* may be NULL for DSSE */
    struct tm_buf verifier;              /* DER: the leaf, or the key's SubjectPublicKeyInfo */
};

/* The object at a path of member names, NULL where there is none. */
static const json_t *at(const json_t *v, const char *const *path)
{
    for (; *path != NULL; path++)
        v = json_object_get(v, *path);
    return v;
}
#define AT(v, ...) at(v, (const char *const[]){__VA_ARGS__, NULL})

static bool equal(const struct tm_buf *a, const void *b, size_t len)
{
    return a->len == len && len > 0 && memcmp(a->data, b, len) == 0;
}

static int check_signature(const struct subject *s, const json_t *holder, const char *name,
                           bool twice, struct tm_err *e)
{
    struct tm_buf sig = {0};
    struct tm_buf inner = {0};
    int rc = tuf_protojson_bytes(holder, name, 65536, &sig, e);
    if (rc == 0 && twice && tm_b64_decode(B64_ANY, (const char *)sig.data, sig.len, &inner) != 0)
        rc = tm_err_set(e, "the entry's signature is not base64");
    if (rc == 0 &&
        !equal(twice ? &inner : &sig, s->bundle->signature.data, s->bundle->signature.len))
        rc = tm_err_set(e, "the log entry holds another signature");
    tm_buf_free(&sig);
    tm_buf_free(&inner);
    return rc;
}

/* PEM, of a certificate or a public key, in base64. */
static int check_pem_verifier(const struct subject *s, const json_t *holder, const char *name,
                              struct tm_err *e)
{
    struct tm_buf pem = {0};
    char *label = NULL;
    char *header = NULL;
    unsigned char *der = NULL;
    long len = 0;
    int rc = tuf_protojson_bytes(holder, name, 65536, &pem, e);
    BIO *in = rc == 0 ? BIO_new_mem_buf(pem.data, (int)pem.len) : NULL;
    if (rc == 0 && (in == NULL || PEM_read_bio(in, &label, &header, &der, &len) != 1))
        rc = tm_err_openssl(e, "the entry's certificate or key is no PEM");
    if (rc == 0 && !equal(&s->verifier, der, (size_t)len))
        rc = tm_err_set(e, "the log entry is by another certificate or key");
    BIO_free(in);
    OPENSSL_free(label);
    OPENSSL_free(header);
    OPENSSL_free(der);
    tm_buf_free(&pem);
    return rc;
}

/* Rekor v2's Verifier: {"x509Certificate": {"rawBytes"}} or {"publicKey": {"rawBytes"}}. */
static int check_verifier(const struct subject *s, const json_t *verifier, struct tm_err *e)
{
    struct tm_buf der = {0};
    const char *kind = s->bundle->leaf != NULL ? "x509Certificate" : "publicKey";
    int rc = tuf_protojson_bytes(json_object_get(verifier, kind), "rawBytes", 65536, &der, e);
    if (rc == 0 && !equal(&s->verifier, der.data, der.len))
        rc = tm_err_set(e, "the log entry is by another certificate or key");
    tm_buf_free(&der);
    return rc;
}

static int check_digest(const struct tuf_artifact *a, enum tuf_digest_algorithm algorithm,
                        const struct tm_buf *digest, const char *what, struct tm_err *e)
{
    if (!a->has[algorithm])
        return tm_err_set(e, "the log entry has a %s digest, which was not given",
                          tuf_digest_table[algorithm].name);
    return equal(digest, a->digest[algorithm], tuf_digest_table[algorithm].len)
               ? 0
               : tm_err_set(e, "the log entry is about another %s", what);
}

/* {"algorithm": "sha256", "value": HEX} (v1), {"algorithm": "SHA2_256", "digest": base64} (v2). */
static int check_hash(const struct tuf_artifact *a, const json_t *hash, const char *what,
                      struct tm_err *e)
{
    const char *name = tm_strictjson_str(hash, "algorithm");
    const char *hex = tm_strictjson_str(hash, "value");
    enum tuf_digest_algorithm algorithm;
    struct tm_buf digest = {0};
    int rc = tuf_digest_by_name(name != NULL ? name : "", &algorithm, e);
    if (rc == 0 && hex != NULL) {
        long len = 0;
        unsigned char *bytes = strchr(hex, ':') == NULL ? OPENSSL_hexstr2buf(hex, &len) : NULL;
        tm_buf_append(&digest, bytes, (size_t)len);
        OPENSSL_free(bytes);
    } else if (rc == 0) {
        rc = tuf_protojson_bytes(hash, "digest", 64, &digest, e);
    }
    if (rc == 0)
        rc = check_digest(a, algorithm, &digest, what, e);
    tm_buf_free(&digest);
    return rc;
}

/* The payload alone (Rekor v1), or its pre-authentication encoding (v2). */
static int check_payload_hash(const struct subject *s, const json_t *hash, bool encoded,
                              struct tm_err *e)
{
    const struct tuf_bundle *b = s->bundle;
    struct tm_buf text = {0};
    struct tuf_artifact a = {0};
    if (encoded)
        tuf_dsse_pae(b->payload_type, b->payload.data, b->payload.len, &text);
    else
        tm_buf_append(&text, b->payload.data, b->payload.len);
    int rc = buf_failed(&text) ? tm_err_set(e, "out of memory")
                               : tuf_artifact_from_bytes(text.data, text.len, &a, e);
    if (rc == 0)
        rc = check_hash(&a, hash, "payload", e);
    tuf_artifact_free(&a);
    tm_buf_free(&text);
    return rc;
}

static int check_message_hash(const struct subject *s, const json_t *hash, struct tm_err *e)
{
    if (s->artifact == NULL)
        return tm_err_set(e, "the log entry is about an artifact, which was not given");
    return check_hash(s->artifact, hash, "artifact", e);
}

/* --- kinds --- */

static int hashedrekord_1(const struct subject *s, const json_t *spec, struct tm_err *e)
{
    const json_t *sig = AT(spec, "signature");
    if (check_message_hash(s, AT(spec, "data", "hash"), e) != 0 ||
        check_signature(s, sig, "content", false, e) != 0)
        return -1;
    return check_pem_verifier(s, AT(sig, "publicKey"), "content", e);
}

static int hashedrekord_2(const struct subject *s, const json_t *spec, struct tm_err *e)
{
    const json_t *v = AT(spec, "hashedRekordV002");
    const json_t *hash = AT(v, "data");
    int rc = s->bundle->content == BUNDLE_DSSE ? check_payload_hash(s, hash, true, e)
                                               : check_message_hash(s, hash, e);
    if (rc != 0 || check_signature(s, AT(v, "signature"), "content", false, e) != 0)
        return -1;
    return check_verifier(s, AT(v, "signature", "verifier"), e);
}

static const json_t *only(const json_t *list)
{
    return json_array_size(list) == 1 ? json_array_get(list, 0) : NULL;
}

static int dsse_1(const struct subject *s, const json_t *spec, struct tm_err *e)
{
    const json_t *sig = only(AT(spec, "signatures"));
    if (check_payload_hash(s, AT(spec, "payloadHash"), false, e) != 0 ||
        check_signature(s, sig, "signature", false, e) != 0)
        return -1;
    return check_pem_verifier(s, sig, "verifier", e);
}

static int dsse_2(const struct subject *s, const json_t *spec, struct tm_err *e)
{
    const json_t *v = AT(spec, "dsseV002");
    const json_t *sig = only(AT(v, "signatures"));
    if (check_payload_hash(s, AT(v, "payloadHash"), false, e) != 0 ||
        check_signature(s, sig, "content", false, e) != 0)
        return -1;
    return check_verifier(s, AT(sig, "verifier"), e);
}

static int intoto_2(const struct subject *s, const json_t *spec, struct tm_err *e)
{
    const json_t *content = AT(spec, "content");
    const json_t *envelope = AT(content, "envelope");
    const json_t *sig = only(AT(envelope, "signatures"));
    const char *type = tm_strictjson_str(envelope, "payloadType");
    if (type == NULL || strcmp(type, s->bundle->payload_type) != 0)
        return tm_err_set(e, "the log entry has another payload type");
    if (check_payload_hash(s, AT(content, "payloadHash"), false, e) != 0 ||
        check_signature(s, sig, "sig", true, e) != 0)
        return -1;
    return check_pem_verifier(s, sig, "publicKey", e);
}

static const struct kind {
    const char *name;
    const char *version;
    bool message; /* may be about a message signature */
    bool dsse;    /* may be about a DSSE envelope */
    int (*check)(const struct subject *s, const json_t *spec, struct tm_err *e);
} kinds[] = {
    {"hashedrekord", "0.0.1", true, false, hashedrekord_1},
    {"hashedrekord", "0.0.2", true, true, hashedrekord_2},
    {"dsse", "0.0.1", false, true, dsse_1},
    {"dsse", "0.0.2", false, true, dsse_2},
    {"intoto", "0.0.2", false, true, intoto_2},
};

static const struct kind *find_kind(const struct tuf_log_entry *entry, const struct tuf_bundle *b,
                                    struct tm_err *e)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const struct kind *k = &kinds[i];
        if (strcmp(k->name, entry->kind) != 0 || strcmp(k->version, entry->version) != 0)
            continue;
        if (b->content == BUNDLE_DSSE ? k->dsse : k->message)
            return k;
    }
    tm_err_set(e, "an entry of kind '%.40s' %.16s says nothing about %s", entry->kind,
               entry->version,
               b->content == BUNDLE_DSSE ? "a DSSE envelope" : "a message signature");
    return NULL;
}

static int read_verifier(struct subject *s, EVP_PKEY *key, struct tm_err *e)
{
    unsigned char *der = NULL;
    int len = s->bundle->leaf != NULL ? i2d_X509(s->bundle->leaf, &der) : i2d_PUBKEY(key, &der);
    if (len > 0)
        tm_buf_append(&s->verifier, der, (size_t)len);
    OPENSSL_free(der);
    return len > 0 && !buf_failed(&s->verifier) ? 0 : tm_err_openssl(e, "encode the certificate");
}

int tuf_tlog_check_body(const struct tuf_log_entry *entry, const struct tuf_bundle *bundle,
                        EVP_PKEY *key, const struct tuf_artifact *artifact, struct tm_err *e)
{
    struct subject s = {bundle, artifact, {0}};
    const struct kind *k = find_kind(entry, bundle, e);
    json_t *body = k != NULL ? tm_strictjson_parse((const char *)entry->body.data, entry->body.len,
                                                   BODY_MAX, e)
                             : NULL;
    const char *name = tm_strictjson_str(body, "kind");
    const char *version = tm_strictjson_str(body, "apiVersion");
    int rc = -1;
    if (body == NULL)
        tm_err_wrap(e, "the log entry");
    else if (name == NULL || version == NULL || strcmp(name, k->name) != 0 ||
             strcmp(version, k->version) != 0)
        tm_err_set(e, "the log entry is of another kind than the bundle says");
    else if (read_verifier(&s, key, e) == 0)
        rc = k->check(&s, json_object_get(body, "spec"), e);
    json_decref(body);
    tm_buf_free(&s.verifier);
    return rc;
}
