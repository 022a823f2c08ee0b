#include <openssl/x509.h>
#include <string.h>

#include "common/certs.h"
#include "common/json/strictjson.h"
#include "tuf/verify/trust/internal.h"
#include "tuf/verify/trust/key_details.h"
#include "tuf/verify/trust/protojson.h"

#define CERT_BYTES_MAX 16384
#define KEY_BYTES_MAX 8192

static int read_certificate(const json_t *v, STACK_OF(X509) * chain, struct tm_err *e)
{
    static const char *const known[] = {"rawBytes", NULL};
    struct tm_buf der = {0};
    X509 *cert = NULL;
    int rc = -1;
    if (tuf_protojson_known(v, known, e) == 0 &&
        tuf_protojson_bytes(v, "rawBytes", CERT_BYTES_MAX, &der, e) == 0) {
        const unsigned char *p = der.data;
        cert = der.len > 0 ? d2i_X509(NULL, &p, (long)der.len) : NULL;
        if (cert == NULL)
            tm_err_openssl(e, "cannot be parsed");
        else if (p != der.data + der.len)
            tm_err_set(e, "trailing bytes follow the certificate");
        else
            rc = 0;
    }
    tm_buf_free(&der);
    if (rc == 0 && sk_X509_push(chain, cert) > 0)
        return 0;
    X509_free(cert);
    return rc == 0 ? tm_err_set(e, "out of memory") : rc;
}

static int read_chain(const json_t *v, struct tuf_trust_entry *t, struct tm_err *e)
{
    static const char *const known[] = {"certificates", NULL};
    json_t *chain;
    json_t *list;
    size_t i;
    const json_t *one;
    if (tuf_protojson_object(v, "certChain", &chain, e) != 0 ||
        (chain != NULL && tuf_protojson_known(chain, known, e) != 0) ||
        tuf_protojson_array(chain, "certificates", CERTS_MAX, &list, e) != 0)
        return -1;
    if (json_array_size(list) == 0)
        return tm_err_set(e, "'certChain' has no certificate");
    t->chain = sk_X509_new_null();
    if (t->chain == NULL)
        return tm_err_set(e, "out of memory");
    json_array_foreach(list, i, one)
    {
        if (read_certificate(one, t->chain, e) != 0)
            return tm_err_wrap(e, "certificate %zu", i + 1);
    }
    return 0;
}

static int read_subject(const json_t *v, struct tuf_trust_entry *t, struct tm_err *e)
{
    static const char *const known[] = {"organization", "commonName", NULL};
    json_t *subject;
    if (tuf_protojson_object(v, "subject", &subject, e) != 0)
        return -1;
    if (subject == NULL)
        return 0;
    return tuf_protojson_known(subject, known, e) != 0 ||
                   tuf_protojson_text_copy(subject, "organization", &t->organization, e) != 0 ||
                   tuf_protojson_text_copy(subject, "commonName", &t->common_name, e) != 0
               ? tm_err_wrap(e, "'subject'")
               : 0;
}

static int read_authority(const json_t *v, struct tuf_trust_entry *t, struct tm_err *e)
{
    static const char *const known[] = {"subject",  "uri",      "certChain",
                                        "validFor", "operator", NULL};
    if (tuf_protojson_known(v, known, e) != 0 || read_subject(v, t, e) != 0 ||
        tuf_protojson_text_copy(v, "uri", &t->uri, e) != 0 || read_chain(v, t, e) != 0 ||
        tuf_protojson_text_copy(v, "operator", &t->operator_name, e) != 0)
        return -1;
    return tuf_protojson_validity(v, "validFor", &t->valid, e);
}

/* A key of a type that OpenSSL lacks stays in the file and verifies nothing. */
static int keep_key(const struct tuf_key_details *d, const struct tm_buf *raw,
                    struct tuf_trust_entry *t, struct tm_err *e)
{
    if (tuf_key_details_read(d, raw->data, raw->len, &t->key, e) != 0)
        return -1;
    t->key_details = d->name;
    tm_buf_append(&t->key_bytes, raw->data, raw->len);
    return buf_failed(&t->key_bytes) ? tm_err_set(e, "out of memory") : 0;
}

static int read_public_key(const json_t *v, struct tuf_trust_entry *t, struct tm_err *e)
{
    static const char *const known[] = {"rawBytes", "keyDetails", "validFor", NULL};
    json_t *key;
    const char *details;
    struct tm_buf raw = {0};
    int rc = -1;
    if (tuf_protojson_object(v, "publicKey", &key, e) != 0)
        return -1;
    if (key == NULL)
        return tm_err_set(e, "'publicKey' is missing");
    if (tuf_protojson_known(key, known, e) == 0 &&
        tuf_protojson_text(key, "keyDetails", &details, e) == 0 &&
        tuf_protojson_bytes(key, "rawBytes", KEY_BYTES_MAX, &raw, e) == 0 &&
        tuf_protojson_validity(key, "validFor", &t->valid, e) == 0) {
        const struct tuf_key_details *d = tuf_key_details_by_name(details, e);
        if (raw.len == 0)
            tm_err_set(e, "'rawBytes' is missing");
        else if (!t->valid.has_start)
            tm_err_set(e, "'validFor' has no 'start'");
        else
            rc = d != NULL ? keep_key(d, &raw, t, e) : -1;
    }
    tm_buf_free(&raw);
    return rc == 0 ? 0 : tm_err_wrap(e, "'publicKey'");
}

static int read_log_id(const json_t *v, struct tuf_trust_entry *t, struct tm_err *e)
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
        tuf_protojson_bytes(id, "keyId", TRUSTED_ROOT_ID_MAX, &bytes, e) == 0) {
        if (bytes.len == 0) {
            tm_err_set(e, "'keyId' is missing");
        } else {
            memcpy(t->log_id, bytes.data, bytes.len);
            t->log_id_len = bytes.len;
            rc = 0;
        }
    }
    tm_buf_free(&bytes);
    return rc == 0 ? 0 : tm_err_wrap(e, "'logId'");
}

static int read_checkpoint_id(const json_t *v, struct tuf_trust_entry *t, struct tm_err *e)
{
    static const char *const known[] = {"keyId", NULL};
    json_t *id;
    if (tuf_protojson_object(v, "checkpointKeyId", &id, e) != 0)
        return -1;
    if (id == NULL)
        return 0;
    return tuf_protojson_known(id, known, e) != 0 ||
                   tuf_protojson_bytes(id, "keyId", TRUSTED_ROOT_ID_MAX, &t->checkpoint_id, e) != 0
               ? tm_err_wrap(e, "'checkpointKeyId'")
               : 0;
}

static int read_log(const json_t *v, struct tuf_trust_entry *t, struct tm_err *e)
{
    static const char *const known[] = {"baseUrl",  "hashAlgorithm",   "publicKey", "logId",
                                        "operator", "checkpointKeyId", NULL};
    const char *hash;
    if (tuf_protojson_known(v, known, e) != 0 ||
        tuf_protojson_text_copy(v, "baseUrl", &t->uri, e) != 0 ||
        tuf_protojson_text(v, "hashAlgorithm", &hash, e) != 0)
        return -1;
    if (strcmp(hash, "SHA2_256") != 0)
        return tm_err_set(e, "'hashAlgorithm' is not SHA2_256");
    if (read_public_key(v, t, e) != 0 || read_log_id(v, t, e) != 0 ||
        read_checkpoint_id(v, t, e) != 0)
        return -1;
    return tuf_protojson_text_copy(v, "operator", &t->operator_name, e);
}

static int read_list(const json_t *root, enum tuf_trust_list list, struct tuf_trusted_root *r,
                     struct tm_err *e)
{
    json_t *items;
    size_t i;
    const json_t *one;
    if (tuf_protojson_array(root, tuf_trust_lists[list].key, TRUSTED_ROOT_ENTRIES_MAX, &items, e) !=
        0)
        return -1;
    json_array_foreach(items, i, one)
    {
        struct tuf_trust_entry *t = tuf_trust_entry_new(e);
        if (t == NULL)
            return -1;
        int rc = tuf_trust_lists[list].log ? read_log(one, t, e) : read_authority(one, t, e);
        if (rc == 0)
            rc = tuf_trusted_root_insert(r, list, t, e);
        if (rc != 0) {
            tuf_trust_entry_free(t);
            return tm_err_wrap(e, "%s[%zu]", tuf_trust_lists[list].key, i);
        }
    }
    return 0;
}

static int read_media_type(const json_t *v, struct tuf_trusted_root *r, struct tm_err *e)
{
    const char *text;
    if (tuf_protojson_text(v, "mediaType", &text, e) != 0)
        return -1;
    for (size_t i = 0; i < sizeof(tuf_trust_media_types) / sizeof(tuf_trust_media_types[0]); i++) {
        if (strcmp(text, tuf_trust_media_types[i].text) == 0) {
            r->media_type = tuf_trust_media_types[i].text;
            r->version = tuf_trust_media_types[i].version;
            return 0;
        }
    }
    return tm_err_set(e, "'mediaType' is '%.80s', not %s", text, tuf_trust_media_types[0].text);
}

static int read_root(const json_t *v, struct tuf_trusted_root *r, struct tm_err *e)
{
    static const char *const known[] = {
        "mediaType", "tlogs", "certificateAuthorities", "ctlogs", "timestampAuthorities", NULL};
    if (tuf_protojson_known(v, known, e) != 0 || read_media_type(v, r, e) != 0)
        return -1;
    for (size_t l = 0; l < TRUST_LIST_COUNT; l++) {
        if (read_list(v, (enum tuf_trust_list)l, r, e) != 0)
            return -1;
    }
    return 0;
}

struct tuf_trusted_root *tuf_trusted_root_parse(const void *json, size_t len, struct tm_err *e)
{
    json_t *v = tm_strictjson_parse(json, len, TRUSTED_ROOT_BYTES_MAX, e);
    struct tuf_trusted_root *r = v != NULL ? tuf_trusted_root_new(e) : NULL;
    if (r != NULL && read_root(v, r, e) != 0) {
        tuf_trusted_root_free(r);
        r = NULL;
    }
    json_decref(v);
    return r;
}
