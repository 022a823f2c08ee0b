/* Sigstore bundles to and from their struct. */
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "common/file.h"
#include "common/grow.h"
#include "common/json/jsonfile.h"
#include "common/json/strictjson.h"
#include "tuf/verify/bundle/bundle.h"
#include "tuf/verify/trust/jsontypes.h"

#define SIGNATURE_MAX 8192
#define TIMESTAMP_MAX 65536
#define BODY_MAX ((size_t)16 << 20)

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

/* --- transparency log entries --- */

static int read_hash(const json_t *v, void *place, const struct tm_jsonmap_how *how,
                     struct tm_err *e)
{
    struct tm_merkle_hash *out = place;
    struct tm_buf bytes = {0};
    const char *text = json_string_value(v);
    int rc = 0;
    (void)how;
    if (text == NULL || tm_b64_decode(B64_ANY, text, strlen(text), &bytes) != 0)
        rc = tm_err_set(e, "is not base64");
    else if (bytes.len != MERKLE_HASH)
        rc = tm_err_set(e, "has %zu bytes, not %d", bytes.len, MERKLE_HASH);
    else
        memcpy(out->b, bytes.data, MERKLE_HASH);
    tm_buf_free(&bytes);
    return rc;
}

static json_t *write_hash(const void *place, struct tm_err *e)
{
    const struct tm_merkle_hash *h = place;
    struct tm_buf text = {0};
    (void)e;
    tm_b64_encode(B64_STD, h->b, MERKLE_HASH, &text);
    json_t *v = json_string(tm_buf_str(&text));
    tm_buf_free(&text);
    return v;
}

static const struct tm_jsonmap_type hash_type = {read_hash, write_hash, NULL};
static const struct tm_jsonmap_member a_hash = {.kind = JSONMAP_OWN, .type = &hash_type};

#define ENTRY(member) JSONMAP_AT(struct tuf_log_entry, member)

TUF_JSON_MESSAGE(
    checkpoint, struct tuf_log_entry,
    {.name = "envelope", ENTRY(checkpoint), .kind = JSONMAP_TEXT, .flags = JSONMAP_REQUIRED});

TUF_JSON_MESSAGE(proof, struct tuf_log_entry,
                 {.name = "logIndex",
                  ENTRY(proof_index),
                  .kind = JSONMAP_INTEGER,
                  .flags = JSONMAP_QUOTED,
                  .max = INT64_MAX},
                 {.name = "rootHash",
                  ENTRY(root),
                  .kind = JSONMAP_OWN,
                  .type = &hash_type,
                  .flags = JSONMAP_REQUIRED},
                 {.name = "treeSize",
                  ENTRY(tree_size),
                  .kind = JSONMAP_INTEGER,
                  .flags = JSONMAP_REQUIRED | JSONMAP_QUOTED,
                  .min = 1,
                  .max = INT64_MAX},
                 {.name = "hashes",
                  ENTRY(hashes),
                  .kind = JSONMAP_LIST,
                  .each = &a_hash,
                  .size = sizeof(struct tm_merkle_hash),
                  .max = MERKLE_PROOF_MAX,
                  .flags = JSONMAP_ALWAYS}, /* sigstore-python reads no proof without it */
                 {.name = "checkpoint",
                  .kind = JSONMAP_OBJECT,
                  .map = &checkpoint_map,
                  .flags = JSONMAP_REQUIRED});

TUF_JSON_MESSAGE(
    promise, struct tuf_log_entry,
    {.name = "signedEntryTimestamp", ENTRY(promise), .kind = JSONMAP_BASE64, .max = SIGNATURE_MAX});

TUF_JSON_MESSAGE(kind, struct tuf_log_entry, {.name = "kind", ENTRY(kind), .kind = JSONMAP_TEXT},
                 {.name = "version", ENTRY(version), .kind = JSONMAP_TEXT});

TUF_JSON_MESSAGE(
    entry, struct tuf_log_entry,
    {.name = "logIndex",
     ENTRY(log_index),
     .kind = JSONMAP_INTEGER,
     .flags = JSONMAP_QUOTED,
     .max = INT64_MAX},
    {.name = "logId",
     ENTRY(log_id),
     .kind = JSONMAP_OBJECT,
     .map = &tuf_json_log_id,
     .flags = JSONMAP_REQUIRED},
    {.name = "kindVersion", .kind = JSONMAP_OBJECT, .map = &kind_map, .flags = JSONMAP_REQUIRED},
    {.name = "integratedTime",
     ENTRY(integrated_time),
     .kind = JSONMAP_INTEGER,
     .flags = JSONMAP_OMIT | JSONMAP_QUOTED,
     .max = INT64_MAX},
    {.name = "inclusionPromise",
     .kind = JSONMAP_OBJECT,
     .map = &promise_map,
     .flags = JSONMAP_OMIT},
    {.name = "inclusionProof",
     .kind = JSONMAP_OBJECT,
     .map = &proof_map,
     .flags = JSONMAP_NOTED,
     .has = offsetof(struct tuf_log_entry, has_proof)},
    {.name = "canonicalizedBody",
     ENTRY(body),
     .kind = JSONMAP_BASE64,
     .flags = JSONMAP_REQUIRED,
     .min = 1,
     .max = BODY_MAX});
static const struct tm_jsonmap_member an_entry = {.kind = JSONMAP_OBJECT, .map = &entry_map};

/* --- the file --- */

struct timestamps {
    struct tm_buf *item;
    size_t count;
};

struct signatures {
    struct tm_buf *item; /* struct tm_buf: `keyid` is nothing to a verifier */
    size_t count;
};

struct file {
    struct tuf_bundle b;
    char *media_type;
    char *hint;
    bool has_key, has_chain, has_certificate;
    STACK_OF(X509) * chain;
    bool has_timestamps;
    struct timestamps timestamps;
    bool has_message, has_envelope;
    int digest; /* enum HashAlgorithm */
    struct signatures signatures;
};
#define IN(member) JSONMAP_AT(struct file, member)

static const struct tm_jsonmap_name digests[] = {
    {"SHA2_256", 1, 1}, {"SHA2_384", 2, 2}, {"SHA2_512", 3, 3}, {NULL, 0, 0}};

TUF_JSON_MESSAGE(digest, struct file,
                 {.name = "algorithm", IN(digest), .kind = JSONMAP_ENUM, .names = digests},
                 {.name = "digest", IN(b.digest), .kind = JSONMAP_BASE64, .max = 64});

TUF_JSON_MESSAGE(
    message, struct file,
    {.name = "messageDigest",
     .kind = JSONMAP_OBJECT,
     .map = &digest_map,
     .flags = JSONMAP_NOTED,
     .has = offsetof(struct file, b.has_digest)},
    {.name = "signature", IN(b.signature), .kind = JSONMAP_BASE64, .max = SIGNATURE_MAX});

TUF_JSON_MESSAGE(signature, struct tm_buf,
                 {.name = "sig", .kind = JSONMAP_BASE64, .max = SIGNATURE_MAX});
static const struct tm_jsonmap_member a_signature = {.kind = JSONMAP_OBJECT, .map = &signature_map};

/* One signature, says the proto, although DSSE allows several. */
TUF_JSON_MESSAGE(
    envelope, struct file,
    {.name = "payload",
     IN(b.payload),
     .kind = JSONMAP_BASE64,
     .flags = JSONMAP_ALWAYS,
     .max = BUNDLE_BYTES_MAX},
    {.name = "payloadType", IN(b.payload_type), .kind = JSONMAP_TEXT, .flags = JSONMAP_ALWAYS},
    {.name = "signatures",
     IN(signatures),
     .kind = JSONMAP_LIST,
     .flags = JSONMAP_REQUIRED,
     .each = &a_signature,
     .size = sizeof(struct tm_buf),
     .min = 1,
     .max = 1});

TUF_JSON_MESSAGE(timestamp, struct tm_buf,
                 {.name = "signedTimestamp", .kind = JSONMAP_BASE64, .max = TIMESTAMP_MAX});
static const struct tm_jsonmap_member a_timestamp = {.kind = JSONMAP_OBJECT, .map = &timestamp_map};

TUF_JSON_MESSAGE(timestamps, struct file,
                 {.name = "rfc3161Timestamps",
                  IN(timestamps),
                  .kind = JSONMAP_LIST,
                  .each = &a_timestamp,
                  .size = sizeof(struct tm_buf),
                  .max = BUNDLE_TIMESTAMPS_MAX});

TUF_JSON_MESSAGE(hint, struct file,
                 {.name = "hint", IN(hint), .kind = JSONMAP_TEXT, .flags = JSONMAP_LOOSE});

TUF_JSON_MESSAGE(material, struct file,
                 {.name = "publicKey",
                  .kind = JSONMAP_OBJECT,
                  .map = &hint_map,
                  .flags = JSONMAP_NOTED,
                  .has = offsetof(struct file, has_key)},
                 {.name = "x509CertificateChain",
                  IN(chain),
                  .kind = JSONMAP_OBJECT,
                  .map = &tuf_json_chain,
                  .flags = JSONMAP_NOTED,
                  .has = offsetof(struct file, has_chain)},
                 {.name = "certificate",
                  IN(b.leaf),
                  .kind = JSONMAP_OBJECT,
                  .map = &tuf_json_certificate,
                  .flags = JSONMAP_NOTED,
                  .has = offsetof(struct file, has_certificate)},
                 {.name = "tlogEntries",
                  IN(b.entries),
                  .kind = JSONMAP_LIST,
                  .flags = JSONMAP_ALWAYS,
                  .each = &an_entry,
                  .size = sizeof(struct tuf_log_entry),
                  .max = BUNDLE_ENTRIES_MAX},
                 {.name = "timestampVerificationData",
                  .kind = JSONMAP_OBJECT,
                  .map = &timestamps_map,
                  .flags = JSONMAP_NOTED,
                  .has = offsetof(struct file, has_timestamps)});

TUF_JSON_MESSAGE(file, struct file, {.name = "mediaType", IN(media_type), .kind = JSONMAP_TEXT},
                 {.name = "verificationMaterial",
                  .kind = JSONMAP_OBJECT,
                  .map = &material_map,
                  .flags = JSONMAP_REQUIRED},
                 {.name = "messageSignature",
                  .kind = JSONMAP_OBJECT,
                  .map = &message_map,
                  .flags = JSONMAP_NOTED,
                  .has = offsetof(struct file, has_message)},
                 {.name = "dsseEnvelope",
                  .kind = JSONMAP_OBJECT,
                  .map = &envelope_map,
                  .flags = JSONMAP_NOTED,
                  .has = offsetof(struct file, has_envelope)});

/* --- what no table says --- */

static const struct media *media_of(const struct file *f, struct tm_err *e)
{
    for (size_t i = 0; i < sizeof(media_types) / sizeof(media_types[0]); i++) {
        if (strcmp(f->media_type, media_types[i].text) == 0)
            return &media_types[i];
    }
    return tm_err_null(e, "'mediaType' is '%.80s': bundles of versions 0.1 to 0.3 can be read",
                       f->media_type);
}

/* Only the leaf is kept: a path leads through the trusted root's own certificates. A root in a
 * bundle is against the proto and a mistake worth telling. */
static int take_leaf(struct file *f, struct tm_err *e)
{
    int n = f->chain != NULL ? sk_X509_num(f->chain) : 0;
    for (int i = 0; i < n; i++) {
        if (X509_self_signed(sk_X509_value(f->chain, i), 0) == 1)
            return tm_err_set(e,
                              "'x509CertificateChain': certificate %d is a root, which no bundle "
                              "may bring along",
                              i + 1);
    }
    if (n == 0)
        return tm_err_set(e, "'x509CertificateChain': the certificate chain is empty");
    f->b.leaf = sk_X509_shift(f->chain);
    return 0;
}

static int check_material(struct file *f, const struct media *media, struct tm_err *e)
{
    if (f->has_key + f->has_chain + f->has_certificate != 1)
        return tm_err_set(e, "there must be one of 'certificate', 'x509CertificateChain' and "
                             "'publicKey'");
    if ((f->has_chain && !media->chain) || (f->has_certificate && !media->certificate))
        return tm_err_set(e, "this version of bundles has %s",
                          media->chain ? "'x509CertificateChain', not 'certificate'"
                                       : "'certificate', not 'x509CertificateChain'");
    return f->has_chain ? take_leaf(f, e) : 0;
}

static int check_entries(const struct tuf_bundle *b, const struct media *media, struct tm_err *e)
{
    for (size_t i = 0; i < b->entries.count; i++) {
        const struct tuf_log_entry *t = &b->entries.item[i];
        const char *missing = t->log_id.len == 0                      ? "'logId': 'keyId'"
                              : media->promise && t->promise.len == 0 ? "'inclusionPromise'"
                              : media->proof && !t->has_proof         ? "'inclusionProof'"
                                                                      : NULL;
        if (missing != NULL)
            return tm_err_set(e, "tlogEntries[%zu]: %s is missing, which this version asks for", i,
                              missing);
    }
    return 0;
}

static int check_digest(struct file *f, struct tm_err *e)
{
    struct tuf_bundle *b = &f->b;
    b->has_digest = b->has_digest && f->digest > 0;
    if (!b->has_digest)
        return 0;
    b->digest_algorithm = (enum tuf_digest_algorithm)(f->digest - 1);
    return b->digest.len == tuf_digest_table[b->digest_algorithm].len
               ? 0
               : tm_err_set(e, "'messageDigest' has the wrong length");
}

static int check_content(struct file *f, struct tm_err *e)
{
    struct tuf_bundle *b = &f->b;
    if (f->has_message == f->has_envelope)
        return tm_err_set(e, "there must be one of 'messageSignature' and 'dsseEnvelope'");
    b->content = f->has_message ? BUNDLE_MESSAGE : BUNDLE_DSSE;
    if (f->has_envelope) {
        b->signature = f->signatures.item[0];
        f->signatures.item[0] = (struct tm_buf){0};
    } else if (check_digest(f, e) != 0) {
        return -1;
    }
    return b->signature.len > 0
               ? 0
               : tm_err_set(e, f->has_message ? "messageSignature: 'signature' is missing"
                                              : "dsseEnvelope: 'sig' is missing");
}

static int complete(struct file *f, struct tm_err *e)
{
    const struct media *media = media_of(f, e);
    if (media == NULL || check_material(f, media, e) != 0 || check_entries(&f->b, media, e) != 0 ||
        check_content(f, e) != 0)
        return -1;
    for (size_t i = 0; i < f->timestamps.count; i++) {
        f->b.timestamp[i] = f->timestamps.item[i];
        f->timestamps.item[i] = (struct tm_buf){0};
    }
    f->b.timestamp_count = f->timestamps.count;
    return 0;
}

static void file_free(struct file *f)
{
    for (size_t i = 0; i < BUNDLE_TIMESTAMPS_MAX; i++)
        tm_buf_free(&f->b.timestamp[i]);
    tm_jsonmap_free(&file_map, f);
}

struct tuf_bundle *tuf_bundle_new(struct tm_err *e)
{
    struct tuf_bundle *b = calloc(1, sizeof(*b));
    if (b == NULL)
        tm_err_set(e, "out of memory");
    return b;
}

/* What others write beside bundles, by a member that only it has. */
#define OTHER_FORMS 5
#define OTHER(i, member) \
    { \
        .name = (member), .place = (i) * sizeof(json_t *), .kind = JSONMAP_TREE \
    }
static const struct tm_jsonmap_member other_members[OTHER_FORMS + 1] = {
    OTHER(0, "base64Signature"),      OTHER(1, "SignedRFC3161Timestamp"),
    OTHER(2, "SignedEntryTimestamp"), OTHER(3, "payloadType"),
    OTHER(4, "trustedRoot"),          {0}};
static const struct tm_jsonmap other_map = {
    .members = other_members, .size = OTHER_FORMS * sizeof(json_t *), .unknown = JSONMAP_IGNORE};
static const char *const other_forms[OTHER_FORMS] = {
    "this is the bundle of cosign 1 and 2: sign with --new-bundle-format, or "
    "verify its signature and certificate by --signature and --certificate",
    "this is cosign's file of a timestamp, not a bundle: sign with "
    "--new-bundle-format, which holds it",
    "this is a log entry as cosign 1 and 2 keep it, not a bundle",
    "this is a bare DSSE envelope, without certificate and log entry",
    "this is a ClientTrustConfig, not a bundle",
};

/* The reason of a refusal becomes what the file is, when that is known. */
static void name_other_form(const void *json, size_t len, struct tm_err *e)
{
    json_t *form[OTHER_FORMS] = {NULL};
    if (tm_jsonmap_parse(json, len, BUNDLE_BYTES_MAX, &other_map, NULL, form, NULL) == 0) {
        for (size_t i = OTHER_FORMS; i-- > 0;) {
            if (form[i] != NULL)
                tm_err_set(e, "%s", other_forms[i]);
        }
    }
    tm_jsonmap_free(&other_map, form);
}

struct tuf_bundle *tuf_bundle_parse(const void *json, size_t len, struct tm_err *e)
{
    struct file f = {0};
    struct tuf_bundle *b = tuf_bundle_new(e);
    if (b != NULL && tm_jsonmap_parse(json, len, BUNDLE_BYTES_MAX, &file_map, NULL, &f, e) == 0 &&
        complete(&f, e) == 0) {
        *b = f.b;
        f.b = (struct tuf_bundle){0};
    } else {
        free(b);
        b = NULL;
        name_other_form(json, len, e);
    }
    file_free(&f);
    return b;
}

struct tuf_bundle *tuf_bundle_load(const char *path, struct tm_err *e)
{
    struct tm_buf json = {0};
    struct tuf_bundle *b = NULL;
    if (tm_file_read_text(path, BUNDLE_BYTES_MAX, &json, e) == 0) {
        b = tuf_bundle_parse(json.data != NULL ? (const char *)json.data : "", json.len, e);
        if (b == NULL)
            tm_err_wrap(e, "bundle '%s'", path);
    }
    tm_buf_free(&json);
    return b;
}

int tuf_bundle_add_entry(struct tuf_bundle *b, const void *json, size_t len, struct tm_err *e)
{
    struct tuf_log_entry entry = {0};
    struct tuf_log_entry *place = NULL;
    int rc = tm_jsonmap_parse(json, len, 2 * BODY_MAX, &entry_map, NULL, &entry, e);
    if (rc == 0 && !entry.has_proof)
        rc = tm_err_set(e, "the log's answer has no 'inclusionProof'");
    if (rc == 0 && b->entries.count == BUNDLE_ENTRIES_MAX)
        rc = tm_err_set(e, "more than %d log entries", BUNDLE_ENTRIES_MAX);
    if (rc == 0)
        place = tm_grow(&b->entries.item, &b->entries.count, sizeof(*place), e);
    if (place != NULL)
        *place = entry;
    else
        tm_jsonmap_free(&entry_map, &entry);
    return place != NULL ? 0 : -1;
}

void tuf_bundle_free(struct tuf_bundle *b)
{
    if (b == NULL)
        return;
    struct file f = {.b = *b};
    file_free(&f);
    free(b);
}

int tuf_bundle_write(const struct tuf_bundle *b, struct tm_buf *out, struct tm_err *e)
{
    struct tm_buf signature = b->signature;
    struct file f = {.b = *b,
                     .media_type = (char *)media_types[0].text,
                     .has_key = b->leaf == NULL,
                     .has_certificate = b->leaf != NULL,
                     .has_timestamps = b->timestamp_count > 0,
                     .timestamps = {(struct tm_buf *)b->timestamp, b->timestamp_count},
                     .has_message = b->content == BUNDLE_MESSAGE,
                     .has_envelope = b->content == BUNDLE_DSSE,
                     .digest = (int)b->digest_algorithm + 1,
                     .signatures = {&signature, 1}};
    return tm_jsonfile_put(&file_map, &f, out, e) == 0
               ? 0
               : tm_err_wrap(e, "the bundle cannot be written");
}
