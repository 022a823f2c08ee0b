#include "tuf/metadata/metadata.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/strictjson.h"
#include "tuf/metadata/internal.h"

static const char *const role_names[TUF_ROLE_COUNT] = {"root", "timestamp", "snapshot", "targets"};

const char *tuf_role_name(enum tuf_role role)
{
    return role_names[role];
}

int tuf_role_from_name(const char *name, enum tuf_role *out)
{
    for (int i = 0; i < TUF_ROLE_COUNT; i++) {
        if (strcmp(role_names[i], name) == 0) {
            *out = (enum tuf_role)i;
            return 0;
        }
    }
    return -1;
}

bool tuf_role_encode(const char *name, char out[TUF_ROLE_NAME_MAX + 1])
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~";
    static const char digit[] = "0123456789ABCDEF";
    size_t n = 0;
    for (const unsigned char *p = (const unsigned char *)name; *p != '\0'; p++) {
        bool bare = strchr(plain, *p) != NULL;
        if (n + (bare ? 1 : 3) > TUF_ROLE_NAME_MAX)
            return false;
        if (bare) {
            out[n++] = (char)*p;
        } else {
            out[n++] = '%';
            out[n++] = digit[*p >> 4];
            out[n++] = digit[*p & 15];
        }
    }
    out[n] = '\0';
    return true;
}

/* "1.0", "1.0.34": two or three numbers, the first of them 1. */
static int check_spec_version(const json_t *body, struct err *e)
{
    const char *v = strictjson_str(body, "spec_version");
    if (v == NULL)
        return err_set(e, "spec_version is missing or not a string");
    unsigned parts = 1;
    bool digits = false;
    for (const char *p = v; *p != '\0'; p++) {
        if (*p == '.' && digits) {
            parts++;
            digits = false;
        } else if (*p >= '0' && *p <= '9') {
            digits = true;
        } else {
            parts = 0;
            break;
        }
    }
    if (!digits || parts < 2 || parts > 3)
        return err_set(e, "spec_version '%.20s' is not of the form 1.0 or 1.0.34", v);
    if (strncmp(v, "1.", 2) != 0)
        return err_set(e, "spec_version '%.20s': only 1.x is understood", v);
    return 0;
}

static int check_signatures(const json_t *signatures, struct err *e)
{
    size_t i;
    json_t *s;
    if (!json_is_array(signatures))
        return err_set(e, "'signatures' is missing or not an array");
    if (json_array_size(signatures) > TUF_SIGNATURES_MAX)
        return err_set(e, "more than %d signatures", TUF_SIGNATURES_MAX);
    json_t *seen = json_object();
    int rc = seen != NULL ? 0 : err_set(e, "out of memory");
    json_array_foreach(signatures, i, s)
    {
        const char *keyid = strictjson_str(s, "keyid");
        if (rc != 0)
            break;
        if (keyid == NULL || strictjson_str(s, "sig") == NULL)
            rc = err_set(e, "signature %zu has no keyid or sig", i);
        else if (json_object_get(seen, keyid) != NULL)
            rc = err_set(e, "two signatures with keyid '%.80s'", keyid);
        else if (json_object_set_new(seen, keyid, json_true()) != 0)
            rc = err_set(e, "out of memory");
    }
    json_decref(seen);
    return rc;
}

static int check_type(const json_t *body, enum tuf_role role, struct err *e)
{
    const char *type = strictjson_str(body, "_type");
    if (type == NULL)
        return err_set(e, "_type is missing or not a string");
    if (strcmp(type, role_names[role]) != 0)
        return err_set(e, "_type is '%.40s', not '%s'", type, role_names[role]);
    return 0;
}

static int check_body(struct tuf_metadata *m, struct err *e)
{
    if (!json_is_object(m->body))
        return err_set(e, "'signed' is missing or not an object");
    if (check_type(m->body, m->role, e) != 0 || check_spec_version(m->body, e) != 0 ||
        check_integer(m->body, "version", 1, TUF_VERSION_MAX, e) != 0)
        return -1;
    const char *expires = strictjson_str(m->body, "expires");
    if (expires == NULL || clock_parse(expires, &m->expires) != 0)
        return err_set(e, "expires is not a date of the form 2030-01-31T12:00:00Z");
    m->version = json_integer_value(json_object_get(m->body, "version"));
    return check_role_members(m->body, m->role, e);
}

struct tuf_metadata *tuf_metadata_from_json(json_t *envelope, enum tuf_role role, struct err *e)
{
    struct tuf_metadata *m = calloc(1, sizeof(*m));
    if (m == NULL || (m->good = calloc(1, sizeof(*m->good))) == NULL) {
        free(m);
        json_decref(envelope);
        err_set(e, "out of memory");
        return NULL;
    }
    m->envelope = envelope;
    m->role = role;
    m->body = json_object_get(envelope, "signed");
    int rc = json_is_object(envelope) ? 0 : err_set(e, "the file is not a JSON object");
    if (rc == 0 && check_body(m, e) == 0 &&
        check_signatures(json_object_get(envelope, "signatures"), e) == 0)
        return m;
    tuf_metadata_free(m);
    return NULL;
}

struct tuf_metadata *tuf_metadata_parse(const void *data, size_t len, enum tuf_role role,
                                        struct err *e)
{
    json_t *envelope = strictjson_parse(data, len, TUF_METADATA_MAX, e);
    return envelope != NULL ? tuf_metadata_from_json(envelope, role, e) : NULL;
}

void tuf_metadata_free(struct tuf_metadata *m)
{
    if (m == NULL)
        return;
    json_decref(m->envelope);
    if (m->good != NULL)
        good_signatures_free(*m->good);
    free(m->good);
    free(m);
}

json_t *tuf_metadata_envelope(const struct tuf_metadata *m)
{
    return m->envelope;
}

json_t *tuf_metadata_signed(const struct tuf_metadata *m)
{
    return m->body;
}

enum tuf_role tuf_metadata_role(const struct tuf_metadata *m)
{
    return m->role;
}

int64_t tuf_metadata_version(const struct tuf_metadata *m)
{
    return m->version;
}

int64_t tuf_metadata_expires(const struct tuf_metadata *m)
{
    return m->expires;
}

bool tuf_metadata_expired(const struct tuf_metadata *m, int64_t now)
{
    return now >= m->expires;
}
