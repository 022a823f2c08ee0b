#include "tuf/metadata/metadata.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json/strictjson.h"
#include "tuf/metadata/build.h"
#include "tuf/metadata/canonical.h"
#include "tuf/metadata/internal.h"

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
static int check_spec_version(const json_t *body, struct tm_err *e)
{
    const char *v = tm_strictjson_str(body, "spec_version");
    if (v == NULL)
        return tm_err_set(e, "spec_version is missing or not a string");
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
        return tm_err_set(e, "spec_version '%.20s' is not of the form 1.0 or 1.0.34", v);
    if (strncmp(v, "1.", 2) != 0)
        return tm_err_set(e, "spec_version '%.20s': only 1.x is understood", v);
    return 0;
}

static int check_signatures(const json_t *signatures, struct tm_err *e)
{
    size_t i;
    json_t *s;
    if (!json_is_array(signatures))
        return tm_err_set(e, "'signatures' is missing or not an array");
    if (json_array_size(signatures) > TUF_SIGNATURES_MAX)
        return tm_err_set(e, "more than %d signatures", TUF_SIGNATURES_MAX);
    json_t *seen = json_object();
    int rc = seen != NULL ? 0 : tm_err_set(e, "out of memory");
    json_array_foreach(signatures, i, s)
    {
        const char *keyid = tm_strictjson_str(s, "keyid");
        if (rc != 0)
            break;
        if (keyid == NULL || tm_strictjson_str(s, "sig") == NULL)
            rc = tm_err_set(e, "signature %zu has no keyid or sig", i);
        else if (json_object_get(seen, keyid) != NULL)
            rc = tm_err_set(e, "two signatures with keyid '%.80s'", keyid);
        else if (json_object_set_new(seen, keyid, json_true()) != 0)
            rc = tm_err_set(e, "out of memory");
    }
    json_decref(seen);
    return rc;
}

static int check_type(const json_t *body, enum tuf_role role, struct tm_err *e)
{
    const char *type = tm_strictjson_str(body, "_type");
    if (type == NULL)
        return tm_err_set(e, "_type is missing or not a string");
    if (strcmp(type, tuf_role_name(role)) != 0)
        return tm_err_set(e, "_type is '%.40s', not '%s'", type, tuf_role_name(role));
    return 0;
}

static int check_body(struct tuf_metadata *m, struct tm_err *e)
{
    if (!json_is_object(m->body))
        return tm_err_set(e, "'signed' is missing or not an object");
    if (check_type(m->body, m->role, e) != 0 || check_spec_version(m->body, e) != 0 ||
        tuf_check_integer(m->body, "version", 1, TUF_VERSION_MAX, e) != 0)
        return -1;
    const char *expires = tm_strictjson_str(m->body, "expires");
    if (expires == NULL || tm_clock_parse(expires, &m->expires) != 0)
        return tm_err_set(e, "expires is not a date of the form 2030-01-31T12:00:00Z");
    m->version = json_integer_value(json_object_get(m->body, "version"));
    if (tuf_check_role_members(m->body, m->role, e) != 0)
        return -1;
    return tuf_canonical_check(m->body, e) == 0 ? 0 : tm_err_wrap(e, "nobody can sign it");
}

const char *tuf_metadata_map(enum tuf_role role)
{
    static const char *const maps[TUF_ROLE_COUNT] = {
        [TUF_SNAPSHOT] = "meta", [TUF_TARGETS] = "targets"};
    return maps[role];
}

static struct tuf_metadata *metadata_new(enum tuf_role role, struct tm_err *e)
{
    struct tuf_metadata *m = calloc(1, sizeof(*m));
    if (m != NULL && (m->good = calloc(1, sizeof(struct tuf_good_signatures))) != NULL) {
        m->refs = 1;
        m->role = role;
        m->map = tuf_metadata_map(role);
        return m;
    }
    free(m);
    tm_err_set(e, "out of memory");
    return NULL;
}

/* Takes over `envelope`. */
static int set_envelope(struct tuf_metadata *m, json_t *envelope, struct tm_err *e)
{
    m->envelope = envelope;
    m->body = json_object_get(envelope, "signed");
    if (!json_is_object(envelope))
        return tm_err_set(e, "the file is not a JSON object");
    if (check_body(m, e) != 0 || check_signatures(json_object_get(envelope, "signatures"), e) != 0)
        return -1;
    return tuf_read_document(envelope, m->role, &m->file, e);
}

struct tuf_metadata *tuf_metadata_build(json_t *envelope, enum tuf_role role,
                                        struct tuf_entries *entries, struct tm_err *e)
{
    struct tuf_metadata *m = NULL;
    if (envelope != NULL)
        m = metadata_new(role, e);
    else
        tm_err_set(e, "out of memory");
    if (m == NULL) {
        json_decref(envelope);
        tuf_entries_free(entries);
        return NULL;
    }
    if (entries != NULL) {
        m->entries = entries->list;
        free(entries);
    }
    if (set_envelope(m, envelope, e) == 0 &&
        (m->map == NULL || tuf_entry_list_seal(&m->entries, m->body, m->map, e) == 0))
        return m;
    tuf_metadata_free(m);
    return NULL;
}

struct tuf_metadata *tuf_metadata_make(struct tuf_signed *body, struct tuf_entries *entries,
                                       struct tm_err *e)
{
    enum tuf_role role = body->role;
    const struct tuf_document file = {.body = *body};
    json_t *envelope = tuf_write_document(&file, e);
    tuf_free_signed(body);
    if (envelope != NULL)
        return tuf_metadata_build(envelope, role, entries, e);
    tuf_entries_free(entries);
    return NULL;
}

struct tuf_metadata *tuf_metadata_from_json(json_t *envelope, enum tuf_role role, struct tm_err *e)
{
    const char *name = tuf_metadata_map(role);
    const json_t *map = json_object_get(json_object_get(envelope, "signed"), name);
    struct tuf_entries *entries = NULL;
    if (name == NULL || json_object_size(map) == 0)
        return tuf_metadata_build(envelope, role, NULL, e);
    json_t *hollow = tuf_entries_take_out(envelope, role, &entries, e);
    json_decref(envelope);
    if (hollow != NULL)
        return tuf_metadata_build(hollow, role, entries, e);
    tuf_entries_free(entries);
    return NULL;
}

struct tuf_metadata *tuf_metadata_parse(const void *data, size_t len, enum tuf_role role,
                                        struct tm_err *e)
{
    struct tuf_entries *entries = NULL;
    if (len > TUF_METADATA_MAX) {
        tm_err_set(e, "JSON of %zu bytes is longer than %zu", len, TUF_METADATA_MAX);
        return NULL;
    }
    if (tuf_metadata_map(role) == NULL) {
        json_t *tree = tm_strictjson_parse_aside(data, len, NULL, e);
        return tree != NULL ? tuf_metadata_build(tree, role, NULL, e) : NULL;
    }
    /* Canonical JSON is never longer than what it was read from: it never moves. */
    entries = tuf_entries_new(role, len, e);
    if (entries == NULL)
        return NULL;
    const struct tm_jsonparse_aside aside = {.path = {"signed", tuf_metadata_map(role)},
                                             .depth = 2,
                                             .each = tuf_entries_add,
                                             .arg = entries};
    json_t *envelope = tm_strictjson_parse_aside(data, len, &aside, e);
    if (envelope != NULL)
        return tuf_metadata_build(envelope, role, entries, e);
    tuf_entries_free(entries);
    return NULL;
}

struct tuf_metadata *tuf_metadata_ref(const struct tuf_metadata *m)
{
    struct tuf_metadata *same = (struct tuf_metadata *)m;
    same->refs++;
    return same;
}

void tuf_metadata_free(struct tuf_metadata *m)
{
    if (m == NULL || --m->refs > 0)
        return;
    json_decref(m->envelope);
    tuf_free_document(&m->file);
    tuf_entry_list_free(&m->entries);
    tuf_good_signatures_free(m->good);
    free(m);
}

const struct tm_buf *tuf_metadata_canonical(const struct tuf_metadata *m, struct tm_buf *own,
                                            struct tm_err *e)
{
    if (m->map != NULL)
        return &m->entries.text;
    return tuf_canonical_write(m->body, own, e) == 0 ? own : NULL;
}

const json_t *tuf_metadata_body(const struct tuf_metadata *m)
{
    return m->body;
}

const struct tuf_signed *tuf_metadata_signed(const struct tuf_metadata *m)
{
    return &m->file.body;
}

const struct tuf_signatures *tuf_metadata_signature_list(const struct tuf_metadata *m)
{
    return &m->file.signatures;
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
