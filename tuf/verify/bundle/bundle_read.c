#include <stdlib.h>
#include <string.h>

#include "common/certs.h"
#include "common/json/strictjson.h"
#include "tuf/verify/trust/protojson.h"
#include "tuf/verify/bundle/bundle.h"

#define CERT_BYTES_MAX 65536
#define SIGNATURE_MAX 8192
#define TIMESTAMP_MAX 65536
#define BODY_MAX ((size_t)16 << 20)
#define HASHES_MAX MERKLE_PROOF_MAX

static const struct media {
    const char *text;
    bool promise;     /* every entry needs a signed entry timestamp */
    bool proof;       /* every entry needs an inclusion proof */
    bool chain;       /* x509CertificateChain is allowed */
    bool certificate; /* certificate is allowed */
} media_types[] = {
    {"application/vnd.dev.sigstore.bundle.v0.3+json", false, true, false, true},
    {"application/vnd.dev.sigstore.bundle+json;version=0.3", false, true, false, true},
    {"application/vnd.dev.sigstore.bundle+json;version=0.2", false, true, true, false},
    {"application/vnd.dev.sigstore.bundle+json;version=0.1", true, false, true, false},
};

static const struct media *read_media_type(const json_t *v, struct tm_err *e)
{
    const char *text;
    if (tuf_protojson_text(v, "mediaType", &text, e) != 0)
        return NULL;
    for (size_t i = 0; i < sizeof(media_types) / sizeof(media_types[0]); i++) {
        if (strcmp(text, media_types[i].text) == 0)
            return &media_types[i];
    }
    tm_err_set(e, "'mediaType' is '%.80s': bundles of versions 0.1 to 0.3 can be read", text);
    return NULL;
}

/* --- certificates --- */

static X509 *read_certificate(const json_t *v, struct tm_err *e)
{
    static const char *const known[] = {"rawBytes", NULL};
    struct tm_buf der = {0};
    X509 *cert = NULL;
    if (tuf_protojson_known(v, known, e) == 0 &&
        tuf_protojson_bytes(v, "rawBytes", CERT_BYTES_MAX, &der, e) == 0) {
        const unsigned char *p = der.data;
        cert = der.len > 0 ? d2i_X509(NULL, &p, (long)der.len) : NULL;
        if (cert == NULL) {
            tm_err_openssl(e, "cannot be parsed");
        } else if (p != der.data + der.len) {
            X509_free(cert);
            cert = NULL;
            tm_err_set(e, "trailing bytes follow the certificate");
        }
    }
    tm_buf_free(&der);
    return cert;
}

/* Only the leaf is kept: a path leads through the trusted root's own certificates. A root in a
 * bundle is against the proto and a mistake worth telling. */
static int read_chain(const json_t *v, struct tuf_bundle *b, struct tm_err *e)
{
    static const char *const known[] = {"certificates", NULL};
    json_t *list;
    size_t i;
    const json_t *one;
    if (tuf_protojson_known(v, known, e) != 0 ||
        tuf_protojson_array(v, "certificates", CERTS_MAX, &list, e) != 0)
        return -1;
    json_array_foreach(list, i, one)
    {
        X509 *cert = read_certificate(one, e);
        if (cert == NULL)
            return tm_err_wrap(e, "certificate %zu", i + 1);
        bool self_signed = X509_self_signed(cert, 0) == 1;
        if (i == 0)
            b->leaf = cert;
        else
            X509_free(cert);
        if (self_signed)
            return tm_err_set(e, "certificate %zu is a root, which no bundle may bring along",
                              i + 1);
    }
    return b->leaf != NULL ? 0 : tm_err_set(e, "the certificate chain is empty");
}

static int read_key_material(const json_t *material, const struct media *media,
                             struct tuf_bundle *b, struct tm_err *e)
{
    static const char *const hint[] = {"hint", NULL};
    json_t *key;
    json_t *chain;
    json_t *cert;
    if (tuf_protojson_object(material, "publicKey", &key, e) != 0 ||
        tuf_protojson_object(material, "x509CertificateChain", &chain, e) != 0 ||
        tuf_protojson_object(material, "certificate", &cert, e) != 0)
        return -1;
    if ((key != NULL) + (chain != NULL) + (cert != NULL) != 1)
        return tm_err_set(e, "there must be one of 'certificate', 'x509CertificateChain' and "
                             "'publicKey'");
    if (key != NULL)
        return tuf_protojson_known(key, hint, e);
    if ((chain != NULL && !media->chain) || (cert != NULL && !media->certificate))
        return tm_err_set(e, "this version of bundles has %s",
                          media->chain ? "'x509CertificateChain', not 'certificate'"
                                       : "'certificate', not 'x509CertificateChain'");
    if (chain != NULL)
        return read_chain(chain, b, e) == 0 ? 0 : tm_err_wrap(e, "'x509CertificateChain'");
    b->leaf = read_certificate(cert, e);
    return b->leaf != NULL ? 0 : tm_err_wrap(e, "'certificate'");
}

/* --- transparency log entries --- */

static int read_hash(const char *what, const struct tm_buf *bytes, struct tm_merkle_hash *out,
                     struct tm_err *e)
{
    if (bytes->len != MERKLE_HASH)
        return tm_err_set(e, "'%s' has %zu bytes, not %d", what, bytes->len, MERKLE_HASH);
    memcpy(out->b, bytes->data, MERKLE_HASH);
    return 0;
}

static int read_hashes(const json_t *proof, struct tuf_log_entry *t, struct tm_err *e)
{
    json_t *list;
    if (tuf_protojson_array(proof, "hashes", HASHES_MAX, &list, e) != 0)
        return -1;
    size_t n = json_array_size(list);
    t->hash = calloc(n > 0 ? n : 1, sizeof(*t->hash));
    if (t->hash == NULL)
        return tm_err_set(e, "out of memory");
    for (size_t i = 0; i < n; i++) {
        struct tm_buf bytes = {0};
        json_t *holder = json_pack("{s:O}", "hash", json_array_get(list, i));
        int rc = tuf_protojson_bytes(holder, "hash", MERKLE_HASH, &bytes, e);
        if (rc == 0)
            rc = read_hash("hashes", &bytes, &t->hash[i], e);
        tm_buf_free(&bytes);
        json_decref(holder);
        if (rc != 0)
            return rc;
    }
    t->hash_count = n;
    return 0;
}

static int read_checkpoint(const json_t *proof, struct tuf_log_entry *t, struct tm_err *e)
{
    static const char *const known[] = {"envelope", NULL};
    json_t *checkpoint;
    if (tuf_protojson_object(proof, "checkpoint", &checkpoint, e) != 0)
        return -1;
    if (checkpoint == NULL)
        return tm_err_set(e, "'checkpoint' is missing");
    return tuf_protojson_known(checkpoint, known, e) != 0
               ? -1
               : tuf_protojson_text_copy(checkpoint, "envelope", &t->checkpoint, e);
}

static int read_proof(const json_t *v, struct tuf_log_entry *t, struct tm_err *e)
{
    static const char *const known[] = {"logIndex", "rootHash",   "treeSize",
                                        "hashes",   "checkpoint", NULL};
    json_t *proof;
    struct tm_buf root = {0};
    int rc = -1;
    if (tuf_protojson_object(v, "inclusionProof", &proof, e) != 0)
        return -1;
    if (proof == NULL)
        return 0;
    if (tuf_protojson_known(proof, known, e) == 0 &&
        tuf_protojson_int64(proof, "logIndex", &t->proof_index, e) == 0 &&
        tuf_protojson_int64(proof, "treeSize", &t->tree_size, e) == 0 &&
        tuf_protojson_bytes(proof, "rootHash", MERKLE_HASH, &root, e) == 0 &&
        read_hash("rootHash", &root, &t->root, e) == 0 && read_hashes(proof, t, e) == 0)
        rc = read_checkpoint(proof, t, e);
    if (rc == 0 && (t->proof_index < 0 || t->tree_size < 1))
        rc = tm_err_set(e, "'logIndex' or 'treeSize' is negative or zero");
    t->has_proof = rc == 0;
    tm_buf_free(&root);
    return rc == 0 ? 0 : tm_err_wrap(e, "'inclusionProof'");
}

static int read_promise(const json_t *v, struct tuf_log_entry *t, struct tm_err *e)
{
    static const char *const known[] = {"signedEntryTimestamp", NULL};
    json_t *promise;
    if (tuf_protojson_object(v, "inclusionPromise", &promise, e) != 0)
        return -1;
    if (promise == NULL)
        return 0;
    return tuf_protojson_known(promise, known, e) != 0
               ? tm_err_wrap(e, "'inclusionPromise'")
               : tuf_protojson_bytes(promise, "signedEntryTimestamp", SIGNATURE_MAX, &t->promise,
                                     e);
}

static int read_log_id(const json_t *v, struct tuf_log_entry *t, struct tm_err *e)
{
    static const char *const known[] = {"keyId", NULL};
    json_t *id;
    struct tm_buf bytes = {0};
    int rc = -1;
    if (tuf_protojson_object(v, "logId", &id, e) != 0)
        return -1;
    if (id == NULL)
        return tm_err_set(e, "'logId' is missing");
    if (tuf_protojson_known(id, known, e) == 0 &&
        tuf_protojson_bytes(id, "keyId", sizeof(t->log_id), &bytes, e) == 0) {
        if (bytes.len > 0)
            memcpy(t->log_id, bytes.data, bytes.len);
        t->log_id_len = bytes.len;
        rc = bytes.len > 0 ? 0 : tm_err_set(e, "'keyId' is empty");
    }
    tm_buf_free(&bytes);
    return rc;
}

static int read_kind(const json_t *v, struct tuf_log_entry *t, struct tm_err *e)
{
    static const char *const known[] = {"kind", "version", NULL};
    json_t *kind;
    if (tuf_protojson_object(v, "kindVersion", &kind, e) != 0)
        return -1;
    if (kind == NULL)
        return tm_err_set(e, "'kindVersion' is missing");
    return tuf_protojson_known(kind, known, e) != 0 ||
                   tuf_protojson_text_copy(kind, "kind", &t->kind, e) != 0
               ? -1
               : tuf_protojson_text_copy(kind, "version", &t->version, e);
}

static int tuf_check_entry(const struct tuf_log_entry *t, const struct media *media,
                           struct tm_err *e)
{
    if (t->log_index < 0 || t->integrated_time < 0)
        return tm_err_set(e, "'logIndex' or 'integratedTime' is negative");
    if (t->body.len == 0)
        return tm_err_set(e, "'canonicalizedBody' is missing");
    if (media->promise && t->promise.len == 0)
        return tm_err_set(e, "'inclusionPromise' is missing, which version 0.1 asks for");
    if (media->proof && !t->has_proof)
        return tm_err_set(e, "'inclusionProof' is missing, which every version since 0.2 asks for");
    return 0;
}

static int read_entry(const json_t *v, const struct media *media, struct tuf_log_entry *t,
                      struct tm_err *e)
{
    static const char *const known[] = {
        "logIndex",         "logId",          "kindVersion",       "integratedTime",
        "inclusionPromise", "inclusionProof", "canonicalizedBody", NULL};
    if (tuf_protojson_known(v, known, e) != 0 ||
        tuf_protojson_int64(v, "logIndex", &t->log_index, e) != 0 || read_log_id(v, t, e) != 0 ||
        read_kind(v, t, e) != 0 ||
        tuf_protojson_int64(v, "integratedTime", &t->integrated_time, e) != 0 ||
        read_promise(v, t, e) != 0 || read_proof(v, t, e) != 0 ||
        tuf_protojson_bytes(v, "canonicalizedBody", BODY_MAX, &t->body, e) != 0)
        return -1;
    return tuf_check_entry(t, media, e);
}

static int read_entries(const json_t *material, const struct media *media, struct tuf_bundle *b,
                        struct tm_err *e)
{
    json_t *list;
    size_t i;
    const json_t *one;
    if (tuf_protojson_array(material, "tlogEntries", BUNDLE_ENTRIES_MAX, &list, e) != 0)
        return -1;
    json_array_foreach(list, i, one)
    {
        b->entry[i] = calloc(1, sizeof(*b->entry[i]));
        if (b->entry[i] == NULL)
            return tm_err_set(e, "out of memory");
        if (read_entry(one, media, b->entry[i], e) != 0)
            return tm_err_wrap(e, "tlogEntries[%zu]", i);
        b->entry_count = i + 1;
    }
    return 0;
}

static int read_timestamps(const json_t *material, struct tuf_bundle *b, struct tm_err *e)
{
    static const char *const data_known[] = {"rfc3161Timestamps", NULL};
    static const char *const known[] = {"signedTimestamp", NULL};
    json_t *data;
    json_t *list;
    size_t i;
    const json_t *one;
    if (tuf_protojson_object(material, "timestampVerificationData", &data, e) != 0)
        return -1;
    if (data == NULL)
        return 0;
    if (tuf_protojson_known(data, data_known, e) != 0 ||
        tuf_protojson_array(data, "rfc3161Timestamps", BUNDLE_TIMESTAMPS_MAX, &list, e) != 0)
        return tm_err_wrap(e, "'timestampVerificationData'");
    json_array_foreach(list, i, one)
    {
        if (tuf_protojson_known(one, known, e) != 0 ||
            tuf_protojson_bytes(one, "signedTimestamp", TIMESTAMP_MAX, &b->timestamp[i], e) != 0)
            return tm_err_wrap(e, "rfc3161Timestamps[%zu]", i);
        b->timestamp_count = i + 1;
    }
    return 0;
}

static int read_material(const json_t *v, const struct media *media, struct tuf_bundle *b,
                         struct tm_err *e)
{
    static const char *const known[] = {"publicKey",   "x509CertificateChain",      "certificate",
                                        "tlogEntries", "timestampVerificationData", NULL};
    json_t *material;
    if (tuf_protojson_object(v, "verificationMaterial", &material, e) != 0)
        return -1;
    if (material == NULL)
        return tm_err_set(e, "'verificationMaterial' is missing");
    if (tuf_protojson_known(material, known, e) != 0 ||
        read_key_material(material, media, b, e) != 0 || read_entries(material, media, b, e) != 0 ||
        read_timestamps(material, b, e) != 0)
        return tm_err_wrap(e, "'verificationMaterial'");
    return 0;
}

/* --- what was signed --- */

static int read_digest(const json_t *message, struct tuf_bundle *b, struct tm_err *e)
{
    static const char *const known[] = {"algorithm", "digest", NULL};
    json_t *digest;
    const char *name;
    if (tuf_protojson_object(message, "messageDigest", &digest, e) != 0)
        return -1;
    if (digest == NULL)
        return 0;
    if (tuf_protojson_known(digest, known, e) != 0 ||
        tuf_protojson_text(digest, "algorithm", &name, e) != 0 ||
        tuf_protojson_bytes(digest, "digest", 64, &b->digest, e) != 0 ||
        tuf_digest_by_name(name, &b->digest_algorithm, e) != 0)
        return tm_err_wrap(e, "'messageDigest'");
    b->has_digest = true;
    return b->digest.len == tuf_digest_table[b->digest_algorithm].len
               ? 0
               : tm_err_set(e, "'messageDigest' has the wrong length");
}

static int read_message(const json_t *message, struct tuf_bundle *b, struct tm_err *e)
{
    static const char *const known[] = {"messageDigest", "signature", NULL};
    b->content = BUNDLE_MESSAGE;
    if (tuf_protojson_known(message, known, e) != 0 || read_digest(message, b, e) != 0 ||
        tuf_protojson_bytes(message, "signature", SIGNATURE_MAX, &b->signature, e) != 0)
        return -1;
    return b->signature.len > 0 ? 0 : tm_err_set(e, "'signature' is missing");
}

/* One signature, says the proto, although DSSE allows several. */
static int read_envelope(const json_t *envelope, struct tuf_bundle *b, struct tm_err *e)
{
    static const char *const known[] = {"payload", "payloadType", "signatures", NULL};
    static const char *const sig_known[] = {"sig", "keyid", NULL};
    json_t *list;
    b->content = BUNDLE_DSSE;
    if (tuf_protojson_known(envelope, known, e) != 0 ||
        tuf_protojson_text_copy(envelope, "payloadType", &b->payload_type, e) != 0 ||
        tuf_protojson_bytes(envelope, "payload", BUNDLE_BYTES_MAX, &b->payload, e) != 0 ||
        tuf_protojson_array(envelope, "signatures", 1, &list, e) != 0)
        return -1;
    if (json_array_size(list) != 1)
        return tm_err_set(e, "'signatures' is empty");
    const json_t *one = json_array_get(list, 0);
    if (tuf_protojson_known(one, sig_known, e) != 0 ||
        tuf_protojson_bytes(one, "sig", SIGNATURE_MAX, &b->signature, e) != 0)
        return -1;
    return b->signature.len > 0 ? 0 : tm_err_set(e, "'sig' is missing");
}

static int read_content(const json_t *v, struct tuf_bundle *b, struct tm_err *e)
{
    json_t *message;
    json_t *envelope;
    if (tuf_protojson_object(v, "messageSignature", &message, e) != 0 ||
        tuf_protojson_object(v, "dsseEnvelope", &envelope, e) != 0)
        return -1;
    if ((message != NULL) == (envelope != NULL))
        return tm_err_set(e, "there must be one of 'messageSignature' and 'dsseEnvelope'");
    if (message != NULL)
        return read_message(message, b, e) == 0 ? 0 : tm_err_wrap(e, "'messageSignature'");
    return read_envelope(envelope, b, e) == 0 ? 0 : tm_err_wrap(e, "'dsseEnvelope'");
}

static int read_bundle(const json_t *v, struct tuf_bundle *b, struct tm_err *e)
{
    static const char *const known[] = {"mediaType", "verificationMaterial", "messageSignature",
                                        "dsseEnvelope", NULL};
    if (tuf_protojson_known(v, known, e) != 0)
        return -1;
    const struct media *media = read_media_type(v, e);
    if (media == NULL)
        return -1;
    return read_material(v, media, b, e) == 0 ? read_content(v, b, e) : -1;
}

struct tuf_bundle *tuf_bundle_parse(const void *json, size_t len, struct tm_err *e)
{
    json_t *v = tm_strictjson_parse(json, len, BUNDLE_BYTES_MAX, e);
    struct tuf_bundle *b = v != NULL ? tuf_bundle_new(e) : NULL;
    if (b != NULL && read_bundle(v, b, e) != 0) {
        tuf_bundle_free(b);
        b = NULL;
    }
    json_decref(v);
    return b;
}
