#include "tests/support/tufedit.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/hex.h"
#include "common/json/jsondump.h"
#include "tuf/metadata/canonical.h"
#include "tuf/metadata/typesjson.h"

int tuf_key_decode(const json_t *key, struct tuf_key *out, struct tm_err *e)
{
    struct tuf_public_key read = {0};
    *out = (struct tuf_key){0};
    if (!json_is_object(key))
        return tm_err_set(e, "a key needs keytype, scheme and keyval.public");
    int rc = tuf_read_key(key, &read, e) == 0 ? tuf_key_open(&read, out, e) : -1;
    tuf_free_key(&read);
    return rc;
}

json_t *tuf_key_from_pkey(EVP_PKEY *pkey, struct tm_err *e)
{
    struct tuf_public_key key = {0};
    json_t *v = tuf_key_of(pkey, &key, e) == 0 ? tuf_write_key(&key, e) : NULL;
    tuf_free_key(&key);
    return v;
}

int tuf_key_id(const json_t *key, char keyid[TUF_KEYID_SIZE], struct tm_err *e)
{
    return tuf_canonical_sha256(key, keyid, e);
}

static json_t *empty_roles(void)
{
    json_t *roles = json_object();
    for (int i = 0; i < TUF_ROLE_COUNT && roles != NULL; i++) {
        json_t *role = json_pack("{s:[], s:i}", "keyids", "threshold", 1);
        if (json_object_set_new(roles, tuf_role_name((enum tuf_role)i), role) != 0) {
            json_decref(roles);
            return NULL;
        }
    }
    return roles;
}

int tuf_signed_set_version(json_t *signed_part, int64_t version)
{
    return json_object_set_new(signed_part, "version", json_integer(version));
}

int tuf_signed_set_expires(json_t *signed_part, int64_t expires)
{
    char text[21];
    tm_clock_format(expires, text);
    return json_object_set_new(signed_part, "expires", json_string(text));
}

static int add_members(json_t *s, enum tuf_role role)
{
    switch (role) {
    case TUF_ROOT:
        return json_object_set_new(s, "consistent_snapshot", json_true()) != 0 ||
                       json_object_set_new(s, "keys", json_object()) != 0 ||
                       json_object_set_new(s, "roles", empty_roles()) != 0
                   ? -1
                   : 0;
    case TUF_TARGETS:
        return json_object_set_new(s, "targets", json_object());
    default:
        return json_object_set_new(s, "meta", json_object());
    }
}

json_t *tuf_signed_new(enum tuf_role role, int64_t version, int64_t expires)
{
    json_t *s =
        json_pack("{s:s, s:s}", "_type", tuf_role_name(role), "spec_version", TUF_SPEC_VERSION);
    if (s == NULL || tuf_signed_set_version(s, version) != 0 ||
        tuf_signed_set_expires(s, expires) != 0 || add_members(s, role) != 0) {
        json_decref(s);
        return NULL;
    }
    return s;
}

json_t *tuf_envelope_new(json_t *signed_part)
{
    return json_pack("{s:[], s:o}", "signatures", "signed", signed_part);
}

json_t *tuf_pinned_entry(int64_t version, int64_t length, const char sha256[65])
{
    json_t *entry =
        json_pack("{s:I, s:{s:s}}", "length", (json_int_t)length, "hashes", "sha256", sha256);
    if (version == 0 || json_object_set_new(entry, "version", json_integer(version)) == 0)
        return entry;
    json_decref(entry);
    return NULL;
}

int tuf_envelope_put_signature(json_t *envelope, json_t *signature)
{
    json_t *list = json_object_get(envelope, "signatures");
    const char *keyid = json_string_value(json_object_get(signature, "keyid"));
    size_t i;
    json_t *old;
    json_array_foreach(list, i, old)
    {
        const char *id = json_string_value(json_object_get(old, "keyid"));
        if (id != NULL && keyid != NULL && strcmp(id, keyid) == 0)
            return json_array_set_new(list, i, signature);
    }
    return json_array_append_new(list, signature);
}

int tuf_envelope_dump(const json_t *envelope, bool indented, struct tm_buf *out, struct tm_err *e)
{
    char *text =
        json_dumps(envelope, (indented ? JSON_INDENT(1) : (size_t)JSON_COMPACT) | JSON_SORT_KEYS);
    if (text == NULL)
        return tm_err_set(e, "out of memory, or no UTF-8");
    tm_buf_puts(out, text);
    buf_putc(out, '\n');
    free(text);
    return buf_failed(out) ? tm_err_set(e, "out of memory") : 0;
}

struct tuf_metadata *tuf_metadata_from_json(json_t *envelope, enum tuf_role role, struct tm_err *e)
{
    struct tm_buf text = {0};
    struct tuf_metadata *m = NULL;
    if (tuf_envelope_dump(envelope, false, &text, e) == 0)
        m = tuf_metadata_parse(text.data, text.len, role, e);
    tm_buf_free(&text);
    json_decref(envelope);
    return m;
}

json_t *tuf_envelope_of(const struct tuf_metadata *m)
{
    struct tm_err e = {0};
    struct tm_buf text = {0};
    json_t *v = NULL;
    if (tuf_metadata_dump(m, false, tm_jsondump_to_buf, &text, &e) == 0)
        v = json_loadb((const char *)text.data, text.len, 0, NULL);
    tm_buf_free(&text);
    return v;
}

static json_t *hashed_entry(int64_t version, const void *data, size_t len)
{
    unsigned char md[32];
    char hex[2 * sizeof(md) + 1];
    if (EVP_Digest(data, len, md, NULL, EVP_sha256(), NULL) != 1)
        return NULL;
    tm_hex_encode(md, sizeof(md), hex);
    return tuf_pinned_entry(version, (int64_t)len, hex);
}

json_t *tuf_target_entry(const void *data, size_t len)
{
    return hashed_entry(0, data, len);
}

json_t *tuf_meta_entry(int64_t version, const void *data, size_t len)
{
    return data != NULL ? hashed_entry(version, data, len)
                        : json_pack("{s:I}", "version", (json_int_t)version);
}

static bool has_text(const json_t *list, const char *text)
{
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v)
    {
        if (json_is_string(v) && strcmp(json_string_value(v), text) == 0)
            return true;
    }
    return false;
}

int tuf_keys_add(json_t *keys, json_t *keyids, json_t *key, char keyid[TUF_KEYID_SIZE],
                 struct tm_err *e)
{
    int rc = tuf_key_id(key, keyid, e);
    if (rc == 0 && keys != NULL && json_object_set(keys, keyid, key) != 0)
        rc = tm_err_set(e, "out of memory");
    if (rc == 0 && keyids != NULL && !has_text(keyids, keyid) &&
        json_array_append_new(keyids, json_string(keyid)) != 0)
        rc = tm_err_set(e, "out of memory");
    json_decref(key);
    return rc;
}

json_t *tuf_sign(const json_t *signed_part, const char *keyid, const json_t *key, EVP_PKEY *pkey,
                 struct tm_err *e)
{
    struct tuf_public_key read = {0};
    struct tm_buf bytes = {0};
    struct tm_buf hex = {0};
    json_t *s = NULL;
    if (tuf_canonical_write(signed_part, &bytes, e) == 0 && tuf_read_key(key, &read, e) == 0 &&
        tuf_text_set(&read.keyid, keyid) == 0 && tuf_sign_hex(&bytes, &read, pkey, &hex, e) == 0)
        s = json_pack("{s:s, s:s}", "keyid", keyid, "sig", tm_buf_str(&hex));
    tuf_free_key(&read);
    tm_buf_free(&bytes);
    tm_buf_free(&hex);
    return s;
}
