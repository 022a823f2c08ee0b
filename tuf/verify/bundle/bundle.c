#include "tuf/verify/bundle/bundle.h"

#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "tuf/verify/trust/protojson.h"

struct tuf_bundle *tuf_bundle_new(struct tm_err *e)
{
    struct tuf_bundle *b = calloc(1, sizeof(*b));
    if (b == NULL)
        tm_err_set(e, "out of memory");
    return b;
}

static void log_entry_free(struct tuf_log_entry *t)
{
    if (t == NULL)
        return;
    free(t->kind);
    free(t->version);
    free(t->hash);
    free(t->checkpoint);
    tm_buf_free(&t->promise);
    tm_buf_free(&t->body);
    free(t);
}

void tuf_bundle_free(struct tuf_bundle *b)
{
    if (b == NULL)
        return;
    X509_free(b->leaf);
    tm_buf_free(&b->signature);
    tm_buf_free(&b->digest);
    free(b->payload_type);
    tm_buf_free(&b->payload);
    for (size_t i = 0; i < BUNDLE_ENTRIES_MAX; i++)
        log_entry_free(b->entry[i]);
    for (size_t i = 0; i < BUNDLE_TIMESTAMPS_MAX; i++)
        tm_buf_free(&b->timestamp[i]);
    free(b);
}

struct tuf_bundle *tuf_bundle_load(const char *path, struct tm_err *e)
{
    struct tm_buf json = {0};
    struct tuf_bundle *b = NULL;
    if (tm_file_read(path, BUNDLE_BYTES_MAX, &json, e) == 0) {
        b = tuf_bundle_parse(json.data != NULL ? (const char *)json.data : "", json.len, e);
        if (b == NULL)
            tm_err_wrap(e, "bundle '%s'", path);
    }
    tm_buf_free(&json);
    return b;
}

/* --- writing --- */

static int put_certificate(json_t *material, X509 *leaf)
{
    unsigned char *der = NULL;
    int len = i2d_X509(leaf, &der);
    json_t *cert = json_object();
    int rc = len > 0 && json_object_set_new(material, "certificate", cert) == 0
                 ? tuf_protojson_put_bytes(cert, "rawBytes", der, (size_t)len)
                 : -1;
    OPENSSL_free(der);
    return rc;
}

static int put_timestamps(json_t *material, const struct tuf_bundle *b)
{
    json_t *data = json_object();
    json_t *list = json_array();
    if (b->timestamp_count == 0) {
        json_decref(data);
        json_decref(list);
        return 0;
    }
    if (json_object_set_new(material, "timestampVerificationData", data) != 0 ||
        json_object_set_new(data, "rfc3161Timestamps", list) != 0)
        return -1;
    for (size_t i = 0; i < b->timestamp_count; i++) {
        json_t *one = json_object();
        if (json_array_append_new(list, one) != 0 ||
            tuf_protojson_put_bytes(one, "signedTimestamp", b->timestamp[i].data,
                                    b->timestamp[i].len) != 0)
            return -1;
    }
    return 0;
}

static int put_bundle(json_t *v, const struct tuf_bundle *b)
{
    json_t *material = json_object();
    json_t *message = json_object();
    json_t *digest = json_object();
    if (tuf_protojson_put_text(v, "mediaType", "application/vnd.dev.sigstore.bundle.v0.3+json") !=
            0 ||
        json_object_set_new(v, "verificationMaterial", material) != 0 ||
        json_object_set_new(v, "messageSignature", message) != 0 ||
        json_object_set_new(message, "messageDigest", digest) != 0)
        return -1;
    if (put_certificate(material, b->leaf) != 0 ||
        json_object_set_new(material, "tlogEntries", json_array()) != 0 ||
        put_timestamps(material, b) != 0)
        return -1;
    if (tuf_protojson_put_text(digest, "algorithm",
                               tuf_digest_table[b->digest_algorithm].proto_name) != 0 ||
        tuf_protojson_put_bytes(digest, "digest", b->digest.data, b->digest.len) != 0)
        return -1;
    return tuf_protojson_put_bytes(message, "signature", b->signature.data, b->signature.len);
}

int tuf_bundle_write(const struct tuf_bundle *b, struct tm_buf *out, struct tm_err *e)
{
    json_t *v = json_object();
    char *text = put_bundle(v, b) == 0 ? json_dumps(v, JSON_INDENT(2)) : NULL;
    if (text != NULL) {
        tm_buf_puts(out, text);
        buf_putc(out, '\n');
    }
    free(text);
    json_decref(v);
    return text != NULL && !buf_failed(out) ? 0 : tm_err_set(e, "the bundle cannot be written");
}
