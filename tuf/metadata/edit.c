#include "tuf/metadata/edit.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/hex.h"
#include "common/json/strictjson.h"
#include "tuf/metadata/canonical.h"
#include "tuf/metadata/typesjson.h"

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
    const char *keyid = tm_strictjson_str(signature, "keyid");
    size_t i;
    json_t *old;
    json_array_foreach(list, i, old)
    {
        const char *id = tm_strictjson_str(old, "keyid");
        if (id != NULL && keyid != NULL && strcmp(id, keyid) == 0)
            return json_array_set_new(list, i, signature);
    }
    return json_array_append_new(list, signature);
}

static int append(const char *data, size_t len, void *out)
{
    tm_buf_append(out, data, len);
    return buf_failed(out) ? -1 : 0;
}

int tuf_envelope_dump(const json_t *envelope, bool indented, struct tm_buf *out, struct tm_err *e)
{
    size_t form = indented ? JSON_INDENT(1) : JSON_COMPACT;
    if (json_dump_callback(envelope, append, out, form | JSON_SORT_KEYS) != 0)
        return tm_err_set(e, "out of memory");
    buf_putc(out, '\n');
    return buf_failed(out) ? tm_err_set(e, "out of memory") : 0;
}
