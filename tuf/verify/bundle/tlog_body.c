/* What a log entry is about. The body is the log's canonical JSON, hashed and signed by it. */
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "common/b64.h"
#include "tuf/verify/bundle/dsse.h"
#include "tuf/verify/bundle/rekor_body.h"
#include "tuf/verify/bundle/tlog.h"

struct subject { /* what the entry must be about */
    const struct tuf_bundle *bundle;
    const struct tuf_artifact *artifact; /* may be NULL for DSSE */
    struct tm_buf verifier;              /* DER: the leaf, or the key's SubjectPublicKeyInfo */
};

static bool equal(const struct tm_buf *a, const void *b, size_t len)
{
    return a->len == len && len > 0 && memcmp(a->data, b, len) == 0;
}

static int check_signature(const struct subject *s, const struct tuf_rekor_body *body, bool twice,
                           struct tm_err *e)
{
    const struct tm_buf *sig = &body->signature.content;
    struct tm_buf inner = {0};
    int rc = 0;
    if (twice && tm_b64_decode(B64_ANY, (const char *)sig->data, sig->len, &inner) != 0)
        rc = tm_err_set(e, "the entry's signature is not base64");
    else if (!equal(twice ? &inner : sig, s->bundle->signature.data, s->bundle->signature.len))
        rc = tm_err_set(e, "the log entry holds another signature");
    tm_buf_free(&inner);
    return rc;
}

/* PEM, of a certificate or a public key. */
static int check_pem_verifier(const struct subject *s, const struct tuf_rekor_body *body,
                              struct tm_err *e)
{
    const struct tm_buf *pem = &body->signature.pem;
    char *label = NULL;
    char *header = NULL;
    unsigned char *der = NULL;
    long len = 0;
    int rc = 0;
    BIO *in = BIO_new_mem_buf(pem->data != NULL ? (const void *)pem->data : "", (int)pem->len);
    if (in == NULL || PEM_read_bio(in, &label, &header, &der, &len) != 1)
        rc = tm_err_openssl(e, "the entry's certificate or key is no PEM");
    else if (!equal(&s->verifier, der, (size_t)len))
        rc = tm_err_set(e, "the log entry is by another certificate or key");
    BIO_free(in);
    OPENSSL_free(label);
    OPENSSL_free(header);
    OPENSSL_free(der);
    return rc;
}

/* Rekor v2's Verifier: a certificate or a public key. */
static int check_verifier(const struct subject *s, const struct tuf_rekor_body *body,
                          struct tm_err *e)
{
    const struct tm_buf *der =
        s->bundle->leaf != NULL ? &body->signature.certificate : &body->signature.key;
    return equal(&s->verifier, der->data, der->len)
               ? 0
               : tm_err_set(e, "the log entry is by another certificate or key");
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

static int check_hash(const struct tuf_artifact *a, const struct tuf_rekor_body *body,
                      const char *what, struct tm_err *e)
{
    enum tuf_digest_algorithm algorithm;
    if (tuf_digest_by_name(body->algorithm != NULL ? body->algorithm : "", &algorithm, e) != 0)
        return -1;
    return check_digest(a, algorithm, &body->digest, what, e);
}

/* The payload alone (Rekor v1), or its pre-authentication encoding (v2). */
static int check_payload_hash(const struct subject *s, const struct tuf_rekor_body *body,
                              bool encoded, struct tm_err *e)
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
        rc = check_hash(&a, body, "payload", e);
    tuf_artifact_free(&a);
    tm_buf_free(&text);
    return rc;
}

static int check_message_hash(const struct subject *s, const struct tuf_rekor_body *body,
                              struct tm_err *e)
{
    if (s->artifact == NULL)
        return tm_err_set(e, "the log entry is about an artifact, which was not given");
    return check_hash(s->artifact, body, "artifact", e);
}

/* --- kinds --- */

static int hashedrekord_1(const struct subject *s, const struct tuf_rekor_body *body,
                          struct tm_err *e)
{
    return check_message_hash(s, body, e) == 0 && check_signature(s, body, false, e) == 0
               ? check_pem_verifier(s, body, e)
               : -1;
}

static int hashedrekord_2(const struct subject *s, const struct tuf_rekor_body *body,
                          struct tm_err *e)
{
    int rc = s->bundle->content == BUNDLE_DSSE ? check_payload_hash(s, body, true, e)
                                               : check_message_hash(s, body, e);
    return rc == 0 && check_signature(s, body, false, e) == 0 ? check_verifier(s, body, e) : -1;
}

static int dsse_1(const struct subject *s, const struct tuf_rekor_body *body, struct tm_err *e)
{
    return check_payload_hash(s, body, false, e) == 0 && check_signature(s, body, false, e) == 0
               ? check_pem_verifier(s, body, e)
               : -1;
}

static int dsse_2(const struct subject *s, const struct tuf_rekor_body *body, struct tm_err *e)
{
    return check_payload_hash(s, body, false, e) == 0 && check_signature(s, body, false, e) == 0
               ? check_verifier(s, body, e)
               : -1;
}

static int intoto_2(const struct subject *s, const struct tuf_rekor_body *body, struct tm_err *e)
{
    if (strcmp(body->payload_type, s->bundle->payload_type) != 0)
        return tm_err_set(e, "the log entry has another payload type");
    return check_payload_hash(s, body, false, e) == 0 && check_signature(s, body, true, e) == 0
               ? check_pem_verifier(s, body, e)
               : -1;
}

static const struct kind {
    const char *name;
    const char *version;
    bool message; /* may be about a message signature */
    bool dsse;    /* may be about a DSSE envelope */
    enum tuf_rekor_kind body;
    int (*check)(const struct subject *s, const struct tuf_rekor_body *body, struct tm_err *e);
} kinds[] = {
    {"hashedrekord", "0.0.1", true, false, REKOR_HASHEDREKORD_1, hashedrekord_1},
    {"hashedrekord", "0.0.2", true, true, REKOR_HASHEDREKORD_2, hashedrekord_2},
    {"dsse", "0.0.1", false, true, REKOR_DSSE_1, dsse_1},
    {"dsse", "0.0.2", false, true, REKOR_DSSE_2, dsse_2},
    {"intoto", "0.0.2", false, true, REKOR_INTOTO_2, intoto_2},
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
    return tm_err_null(e, "an entry of kind '%.40s' %.16s says nothing about %s", entry->kind,
                       entry->version,
                       b->content == BUNDLE_DSSE ? "a DSSE envelope" : "a message signature");
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
    struct tuf_rekor_body body = {0};
    const struct kind *k = find_kind(entry, bundle, e);
    int rc = -1;
    if (k == NULL)
        return -1;
    if (tuf_rekor_body_parse(k->body, k->name, k->version, entry->body.data, entry->body.len, &body,
                             e) != 0)
        tm_err_wrap(e, "the log entry");
    else if (read_verifier(&s, key, e) == 0)
        rc = k->check(&s, &body, e);
    tuf_rekor_body_free(&body);
    tm_buf_free(&s.verifier);
    return rc;
}
