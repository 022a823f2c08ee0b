#include <openssl/x509.h>
#include <string.h>

#include "common/certs.h"
#include "common/json/strictjson.h"
#include "tuf/verify/trust/internal.h"
#include "tuf/verify/trust/key_details.h"
#include "tuf/verify/trust/protojson.h"

#define CERT_BYTES_MAX 16384
#define KEY_BYTES_MAX 8192

static int read_certificate(const json_t *v, STACK_OF(X509) * chain, struct err *e)
{
    static const char *const known[] = {"rawBytes", NULL};
    struct buf der = {0};
    X509 *cert = NULL;
    int rc = -1;
    if (protojson_known(v, known, e) == 0 &&
        protojson_bytes(v, "rawBytes", CERT_BYTES_MAX, &der, e) == 0) {
        const unsigned char *p = der.data;
        cert = der.len > 0 ? d2i_X509(NULL, &p, (long)der.len) : NULL;
        if (cert == NULL)
            err_openssl(e, "cannot be parsed");
        else if (p != der.data + der.len)
            err_set(e, "trailing bytes follow the certificate");
        else
            rc = 0;
    }
    buf_free(&der);
    if (rc == 0 && sk_X509_push(chain, cert) > 0)
        return 0;
    X509_free(cert);
    return rc == 0 ? err_set(e, "out of memory") : rc;
}

static int read_chain(const json_t *v, struct trust_entry *t, struct err *e)
{
    static const char *const known[] = {"certificates", NULL};
    json_t *chain;
    json_t *list;
    size_t i;
    const json_t *one;
    if (protojson_object(v, "certChain", &chain, e) != 0 ||
        (chain != NULL && protojson_known(chain, known, e) != 0) ||
        protojson_array(chain, "certificates", CERTS_MAX, &list, e) != 0)
        return -1;
    if (json_array_size(list) == 0)
        return err_set(e, "'certChain' has no certificate");
    t->chain = sk_X509_new_null();
    if (t->chain == NULL)
        return err_set(e, "out of memory");
    json_array_foreach(list, i, one)
    {
        if (read_certificate(one, t->chain, e) != 0)
            return err_wrap(e, "certificate %zu", i + 1);
    }
    return 0;
}

static int read_subject(const json_t *v, struct trust_entry *t, struct err *e)
{
    static const char *const known[] = {"organization", "commonName", NULL};
    json_t *subject;
    if (protojson_object(v, "subject", &subject, e) != 0)
        return -1;
    if (subject == NULL)
        return 0;
    return protojson_known(subject, known, e) != 0 ||
                   protojson_text_copy(subject, "organization", &t->organization, e) != 0 ||
                   protojson_text_copy(subject, "commonName", &t->common_name, e) != 0
               ? err_wrap(e, "'subject'")
               : 0;
}

static int read_authority(const json_t *v, struct trust_entry *t, struct err *e)
{
    static const char *const known[] = {"subject",  "uri",      "certChain",
                                        "validFor", "operator", NULL};
    if (protojson_known(v, known, e) != 0 || read_subject(v, t, e) != 0 ||
        protojson_text_copy(v, "uri", &t->uri, e) != 0 || read_chain(v, t, e) != 0 ||
        protojson_text_copy(v, "operator", &t->operator_name, e) != 0)
        return -1;
    return protojson_validity(v, "validFor", &t->valid, e);
}

/* A key of a type that OpenSSL lacks stays in the file and verifies nothing. */
static int keep_key(const struct key_details *d, const struct buf *raw, struct trust_entry *t,
                    struct err *e)
{
    if (key_details_read(d, raw->data, raw->len, &t->key, e) != 0)
        return -1;
    t->key_details = d->name;
    buf_append(&t->key_bytes, raw->data, raw->len);
    return buf_failed(&t->key_bytes) ? err_set(e, "out of memory") : 0;
}

static int read_public_key(const json_t *v, struct trust_entry *t, struct err *e)
{
    static const char *const known[] = {"rawBytes", "keyDetails", "validFor", NULL};
    json_t *key;
    const char *details;
    struct buf raw = {0};
    int rc = -1;
    if (protojson_object(v, "publicKey", &key, e) != 0)
        return -1;
    if (key == NULL)
        return err_set(e, "'publicKey' is missing");
    if (protojson_known(key, known, e) == 0 &&
        protojson_text(key, "keyDetails", &details, e) == 0 &&
        protojson_bytes(key, "rawBytes", KEY_BYTES_MAX, &raw, e) == 0 &&
        protojson_validity(key, "validFor", &t->valid, e) == 0) {
        const struct key_details *d = key_details_by_name(details, e);
        if (raw.len == 0)
            err_set(e, "'rawBytes' is missing");
        else if (!t->valid.has_start)
            err_set(e, "'validFor' has no 'start'");
        else
            rc = d != NULL ? keep_key(d, &raw, t, e) : -1;
    }
    buf_free(&raw);
    return rc == 0 ? 0 : err_wrap(e, "'publicKey'");
}

static int read_log_id(const json_t *v, struct trust_entry *t, struct err *e)
{
    static const char *const known[] = {"keyId", NULL};
    json_t *id;
    struct buf bytes = {0};
    int rc = -1;
    if (protojson_object(v, "logId", &id, e) != 0)
        return -1;
    if (id == NULL)
        return err_set(e, "'logId' is missing");
    if (protojson_known(id, known, e) == 0 &&
        protojson_bytes(id, "keyId", TRUSTED_ROOT_ID_MAX, &bytes, e) == 0) {
        if (bytes.len == 0) {
            err_set(e, "'keyId' is missing");
        } else {
            memcpy(t->log_id, bytes.data, bytes.len);
            t->log_id_len = bytes.len;
            rc = 0;
        }
    }
    buf_free(&bytes);
    return rc == 0 ? 0 : err_wrap(e, "'logId'");
}

static int read_checkpoint_id(const json_t *v, struct trust_entry *t, struct err *e)
{
    static const char *const known[] = {"keyId", NULL};
    json_t *id;
    if (protojson_object(v, "checkpointKeyId", &id, e) != 0)
        return -1;
    if (id == NULL)
        return 0;
    return protojson_known(id, known, e) != 0 ||
                   protojson_bytes(id, "keyId", TRUSTED_ROOT_ID_MAX, &t->checkpoint_id, e) != 0
               ? err_wrap(e, "'checkpointKeyId'")
               : 0;
}

static int read_log(const json_t *v, struct trust_entry *t, struct err *e)
{
    static const char *const known[] = {"baseUrl",  "hashAlgorithm",   "publicKey", "logId",
                                        "operator", "checkpointKeyId", NULL};
    const char *hash;
    if (protojson_known(v, known, e) != 0 || protojson_text_copy(v, "baseUrl", &t->uri, e) != 0 ||
        protojson_text(v, "hashAlgorithm", &hash, e) != 0)
        return -1;
    if (strcmp(hash, "SHA2_256") != 0)
        return err_set(e, "'hashAlgorithm' is not SHA2_256");
    if (read_public_key(v, t, e) != 0 || read_log_id(v, t, e) != 0 ||
        read_checkpoint_id(v, t, e) != 0)
        return -1;
    return protojson_text_copy(v, "operator", &t->operator_name, e);
}

static int read_list(const json_t *root, enum trust_list list, struct trusted_root *r,
                     struct err *e)
{
    json_t *items;
    size_t i;
    const json_t *one;
    if (protojson_array(root, trust_lists[list].key, TRUSTED_ROOT_ENTRIES_MAX, &items, e) != 0)
        return -1;
    json_array_foreach(items, i, one)
    {
        struct trust_entry *t = trust_entry_new(e);
        if (t == NULL)
            return -1;
        int rc = trust_lists[list].log ? read_log(one, t, e) : read_authority(one, t, e);
        if (rc == 0)
            rc = trusted_root_insert(r, list, t, e);
        if (rc != 0) {
            trust_entry_free(t);
            return err_wrap(e, "%s[%zu]", trust_lists[list].key, i);
        }
    }
    return 0;
}

static int read_media_type(const json_t *v, struct trusted_root *r, struct err *e)
{
    const char *text;
    if (protojson_text(v, "mediaType", &text, e) != 0)
        return -1;
    for (size_t i = 0; i < sizeof(trust_media_types) / sizeof(trust_media_types[0]); i++) {
        if (strcmp(text, trust_media_types[i].text) == 0) {
            r->media_type = trust_media_types[i].text;
            r->version = trust_media_types[i].version;
            return 0;
        }
    }
    return err_set(e, "'mediaType' is '%.80s', not %s", text, trust_media_types[0].text);
}

static int read_root(const json_t *v, struct trusted_root *r, struct err *e)
{
    static const char *const known[] = {
        "mediaType", "tlogs", "certificateAuthorities", "ctlogs", "timestampAuthorities", NULL};
    if (protojson_known(v, known, e) != 0 || read_media_type(v, r, e) != 0)
        return -1;
    for (size_t l = 0; l < TRUST_LIST_COUNT; l++) {
        if (read_list(v, (enum trust_list)l, r, e) != 0)
            return -1;
    }
    return 0;
}

struct trusted_root *trusted_root_parse(const void *json, size_t len, struct err *e)
{
    json_t *v = strictjson_parse(json, len, TRUSTED_ROOT_BYTES_MAX, e);
    struct trusted_root *r = v != NULL ? trusted_root_new(e) : NULL;
    if (r != NULL && read_root(v, r, e) != 0) {
        trusted_root_free(r);
        r = NULL;
    }
    json_decref(v);
    return r;
}
