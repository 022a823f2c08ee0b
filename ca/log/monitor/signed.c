#include "ca/log/monitor/signed.h"

#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "common/json/jsonmap.h"

#define ENTRY_MAX 65535 /* bytes: its length in a tile has 16 bits */
#define SIGNERS_MAX 64
#define DER_MAX 65535

/* The text's members as they stand; two shapes of one struct. */
struct signature {
    struct tm_buf content;
    struct ca_signed_by by;
};

struct hashed {
    struct tm_buf digest;
    char *hash;
    struct signature signature;
};

struct dsse {
    struct tm_buf digest;
    char *hash;
    struct {
        struct signature *item;
        size_t count;
    } signatures;
};

struct text {
    char *version, *kind;
    struct hashed hashed;
    struct dsse dsse;
};

#define MAP(name, rows, type) \
    static const struct tm_jsonmap name = { \
        .members = (rows), .size = sizeof(type), .unknown = JSONMAP_IGNORE}

static const struct tm_jsonmap_member certificate_members[] = {
    JSONMAP_NEED(struct ca_signed_by, "rawBytes", certificate, BASE64, .min = 1, .max = DER_MAX),
    {0}};
MAP(certificate_map, certificate_members, struct ca_signed_by);

static const struct tm_jsonmap_member key_members[] = {
    JSONMAP_NEED(struct ca_signed_by, "rawBytes", key, BASE64, .min = 1, .max = DER_MAX), {0}};
MAP(key_map, key_members, struct ca_signed_by);

static const struct tm_jsonmap_member by_members[] = {
    {.name = "x509Certificate", .kind = JSONMAP_OBJECT, .map = &certificate_map},
    {.name = "publicKey", .kind = JSONMAP_OBJECT, .map = &key_map},
    JSONMAP_ROW(struct ca_signed_by, "keyDetails", algorithm, TEXT),
    {0}};

static int check_by(const void *it, const struct tm_jsonmap_how *how, struct tm_err *e)
{
    const struct ca_signed_by *by = it;
    (void)how;
    return (by->certificate.len > 0) != (by->key.len > 0)
               ? 0
               : tm_err_set(e, "needs either 'x509Certificate' or 'publicKey'");
}

static const struct tm_jsonmap by_map = {.members = by_members,
                                         .size = sizeof(struct ca_signed_by),
                                         .unknown = JSONMAP_IGNORE,
                                         .check = check_by};

static const struct tm_jsonmap_member signature_members[] = {
    JSONMAP_NEED(struct signature, "content", content, BASE64),
    JSONMAP_NEED(struct signature, "verifier", by, OBJECT, .map = &by_map),
    {0}};
MAP(signature_map, signature_members, struct signature);
static const struct tm_jsonmap_member each_signature = {
    .name = "a signature", .kind = JSONMAP_OBJECT, .map = &signature_map};

#define DIGEST_MEMBERS(at) \
    { \
        {.name = "algorithm", \
         JSONMAP_AT(at, hash), \
         .kind = JSONMAP_TEXT, \
         .flags = JSONMAP_REQUIRED}, \
            {.name = "digest", \
             JSONMAP_AT(at, digest), \
             .kind = JSONMAP_BASE64, \
             .min = 1, \
             .max = 64, \
             .flags = JSONMAP_REQUIRED}, \
        { \
            0 \
        } \
    }
static const struct tm_jsonmap_member data_members[] = DIGEST_MEMBERS(struct hashed);
MAP(data_map, data_members, struct hashed);
static const struct tm_jsonmap_member payload_members[] = DIGEST_MEMBERS(struct dsse);
MAP(payload_map, payload_members, struct dsse);

static const struct tm_jsonmap_member hashed_members[] = {
    {.name = "data", .kind = JSONMAP_OBJECT, .map = &data_map, .flags = JSONMAP_REQUIRED},
    JSONMAP_NEED(struct hashed, "signature", signature, OBJECT, .map = &signature_map),
    {0}};
MAP(hashed_map, hashed_members, struct hashed);

static const struct tm_jsonmap_member dsse_members[] = {
    {.name = "payloadHash", .kind = JSONMAP_OBJECT, .map = &payload_map, .flags = JSONMAP_REQUIRED},
    JSONMAP_NEED(struct dsse, "signatures", signatures, LIST, .each = &each_signature,
                 .size = sizeof(struct signature), .min = 1, .max = SIGNERS_MAX),
    {0}};
MAP(dsse_map, dsse_members, struct dsse);

static const struct tm_jsonmap_member spec_members[] = {
    JSONMAP_ROW(struct text, "hashedRekordV002", hashed, OBJECT, .map = &hashed_map),
    JSONMAP_ROW(struct text, "dsseV002", dsse, OBJECT, .map = &dsse_map),
    {0}};
MAP(spec_map, spec_members, struct text);

static const struct tm_jsonmap_member text_members[] = {
    JSONMAP_NEED(struct text, "apiVersion", version, TEXT),
    JSONMAP_NEED(struct text, "kind", kind, TEXT),
    {.name = "spec", .kind = JSONMAP_OBJECT, .map = &spec_map, .flags = JSONMAP_REQUIRED},
    {0}};
MAP(text_map, text_members, struct text);

static void take_text(char **to, char **from)
{
    *to = *from;
    *from = NULL;
}

static void take_buf(struct tm_buf *to, struct tm_buf *from)
{
    *to = *from;
    *from = (struct tm_buf){0};
}

/* Moves what was read to where callers look for it, whatever the kind. */
static int take(struct text *t, struct ca_signed_entry *out, struct tm_err *e)
{
    bool hashed = t->hashed.digest.len > 0;
    size_t count = hashed ? 1 : t->dsse.signatures.count;
    struct signature *from = hashed ? &t->hashed.signature : t->dsse.signatures.item;
    if (hashed == (t->dsse.digest.len > 0))
        return tm_err_set(e, "it is of kind '%.40s', which is not known here", t->kind);
    out->by.item = calloc(count, sizeof(*out->by.item));
    if (out->by.item == NULL)
        return tm_err_set(e, "out of memory");
    out->by.count = count;
    for (size_t i = 0; i < count; i++) {
        out->by.item[i] = from[i].by;
        from[i].by = (struct ca_signed_by){0};
    }
    take_text(&out->kind, &t->kind);
    take_text(&out->version, &t->version);
    take_text(&out->hash, hashed ? &t->hashed.hash : &t->dsse.hash);
    take_buf(&out->digest, hashed ? &t->hashed.digest : &t->dsse.digest);
    return 0;
}

int ca_signed_entry_read(const void *text, size_t len, struct ca_signed_entry *out,
                         struct tm_err *e)
{
    struct text t = {0};
    *out = (struct ca_signed_entry){0};
    int rc = tm_jsonmap_parse(text, len, ENTRY_MAX, &text_map, NULL, &t, e);
    if (rc == 0)
        rc = take(&t, out, e);
    tm_jsonmap_free(&text_map, &t);
    return rc;
}

void ca_signed_entry_free(struct ca_signed_entry *s)
{
    for (size_t i = 0; i < s->by.count; i++) {
        tm_buf_free(&s->by.item[i].certificate);
        tm_buf_free(&s->by.item[i].key);
        free(s->by.item[i].algorithm);
    }
    free(s->by.item);
    free(s->kind);
    free(s->version);
    free(s->hash);
    tm_buf_free(&s->digest);
    *s = (struct ca_signed_entry){0};
}

int ca_signed_certificate(const struct ca_signed_by *by, struct ca_certificate *out,
                          struct tm_err *e)
{
    const struct tm_sct_entry whole = {
        .type = SCT_X509, .cert = by->certificate.data, .cert_len = by->certificate.len};
    return by->certificate.len > 0 ? ca_certificate_read(&whole, out, e) : -1;
}

static int hash_certificate_key(const struct tm_buf *der, unsigned char out[32])
{
    unsigned char *spki = NULL;
    const unsigned char *p = der->data;
    X509 *cert = d2i_X509(NULL, &p, (long)der->len);
    int len = cert != NULL ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki) : -1;
    if (len > 0)
        SHA256(spki, (size_t)len, out);
    else
        ERR_clear_error();
    OPENSSL_free(spki);
    X509_free(cert);
    return len > 0 ? 0 : -1;
}

int ca_signed_key_hash(const struct ca_signed_by *by, unsigned char out[32])
{
    if (by->certificate.len > 0)
        return hash_certificate_key(&by->certificate, out);
    SHA256(by->key.data, by->key.len, out);
    return 0;
}
