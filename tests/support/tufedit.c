#include "tests/support/tufedit.h"

#include <string.h>

#include "common/hex.h"
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
