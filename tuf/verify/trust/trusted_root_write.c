#include <stdlib.h>
#include <string.h>

#include "tuf/verify/trust/internal.h"
#include "tuf/verify/trust/protojson.h"

/* protobuf leaves out empty text. */
static int put_unless_empty(json_t *obj, const char *name, const char *text)
{
    return text[0] == '\0' ? 0 : tuf_protojson_put_text(obj, name, text);
}

static int put_chain(json_t *obj, STACK_OF(X509) * chain)
{
    json_t *list = json_array();
    json_t *holder = json_pack("{s:o}", "certificates", list);
    if (holder == NULL || json_object_set_new(obj, "certChain", holder) != 0)
        return -1;
    for (int i = 0; i < sk_X509_num(chain); i++) {
        unsigned char *der = NULL;
        int len = i2d_X509(sk_X509_value(chain, i), &der);
        json_t *one = json_object();
        int rc = len > 0 && json_array_append_new(list, one) == 0
                     ? tuf_protojson_put_bytes(one, "rawBytes", der, (size_t)len)
                     : -1;
        OPENSSL_free(der);
        if (rc != 0)
            return -1;
    }
    return 0;
}

static int put_authority(json_t *obj, const struct tuf_trust_entry *t)
{
    json_t *subject = json_object();
    if (json_object_set_new(obj, "subject", subject) != 0 ||
        put_unless_empty(subject, "organization", t->organization) != 0 ||
        put_unless_empty(subject, "commonName", t->common_name) != 0 ||
        put_unless_empty(obj, "uri", t->uri) != 0 || put_chain(obj, t->chain) != 0)
        return -1;
    return tuf_protojson_put_validity(obj, "validFor", &t->valid);
}

static int put_log(json_t *obj, const struct tuf_trust_entry *t)
{
    json_t *key = json_object();
    json_t *id = json_object();
    int rc = 0;
    rc |= tuf_protojson_put_text(obj, "baseUrl", t->uri);
    rc |= tuf_protojson_put_text(obj, "hashAlgorithm", "SHA2_256");
    rc |= json_object_set_new(obj, "publicKey", key);
    rc |= tuf_protojson_put_bytes(key, "rawBytes", t->key_bytes.data, t->key_bytes.len);
    rc |= tuf_protojson_put_text(key, "keyDetails", t->key_details);
    rc |= tuf_protojson_put_validity(key, "validFor", &t->valid);
    rc |= json_object_set_new(obj, "logId", id);
    rc |= tuf_protojson_put_bytes(id, "keyId", t->log_id, t->log_id_len);
    if (rc == 0 && t->checkpoint_id.len > 0) {
        json_t *checkpoint = json_object();
        rc |= json_object_set_new(obj, "checkpointKeyId", checkpoint);
        rc |= tuf_protojson_put_bytes(checkpoint, "keyId", t->checkpoint_id.data,
                                      t->checkpoint_id.len);
    }
    return rc;
}

static int put_list(json_t *root, const struct tuf_trusted_root *r, enum tuf_trust_list list)
{
    json_t *items = json_array();
    if (json_object_set_new(root, tuf_trust_lists[list].key, items) != 0)
        return -1;
    for (size_t i = 0; i < r->count[list]; i++) {
        const struct tuf_trust_entry *t = r->entry[list][i];
        json_t *obj = json_object();
        if (json_array_append_new(items, obj) != 0 ||
            (tuf_trust_lists[list].log ? put_log(obj, t) : put_authority(obj, t)) != 0 ||
            put_unless_empty(obj, "operator", t->operator_name) != 0)
            return -1;
    }
    return 0;
}

int tuf_trusted_root_write(const struct tuf_trusted_root *r, struct tm_buf *out, struct tm_err *e)
{
    static const enum tuf_trust_list order[] = {TRUST_TLOG, TRUST_CA, TRUST_CTLOG, TRUST_TSA};
    json_t *v = json_object();
    int rc = tuf_protojson_put_text(v, "mediaType", r->media_type);
    for (size_t i = 0; i < TRUST_LIST_COUNT && rc == 0; i++)
        rc = put_list(v, r, order[i]);
    char *text = rc == 0 ? json_dumps(v, JSON_INDENT(2)) : NULL;
    if (text != NULL) {
        tm_buf_puts(out, text);
        buf_putc(out, '\n');
    }
    free(text);
    json_decref(v);
    return text != NULL && !buf_failed(out) ? 0
                                            : tm_err_set(e, "the trusted root cannot be written");
}
