#include "tuf/metadata/metadata.h"

#include <stdlib.h>

#include "common/json/strictjson.h"
#include "tuf/metadata/build.h"
#include "tuf/metadata/canonical.h"
#include "tuf/metadata/check.h"
#include "tuf/metadata/internal.h"

static struct tuf_metadata *metadata_new(enum tuf_role role, struct tm_err *e)
{
    struct tuf_metadata *m = calloc(1, sizeof(*m));
    if (m != NULL && (m->good = tuf_good_signatures_new()) != NULL) {
        m->refs = 1;
        m->role = role;
        m->map = tuf_role_map(role);
        return m;
    }
    free(m);
    return tm_err_null(e, "out of memory");
}

/* What is signed is the canonical form of what was read. */
static int set_bytes(struct tuf_metadata *m, const json_t *body, struct tm_err *e)
{
    if (tuf_check_signed(&m->file.body, e) != 0 ||
        tuf_check_signatures(&m->file.signatures, e) != 0)
        return -1;
    if (tuf_canonical_check(body, e) != 0)
        return tm_err_wrap(e, "nobody can sign it");
    return m->map != NULL ? tuf_entry_list_seal(&m->entries, body, m->map, e)
                          : tuf_canonical_write(body, &m->entries.text, e);
}

static int set_envelope(struct tuf_metadata *m, const json_t *envelope, struct tm_err *e)
{
    json_t *body = NULL;
    int rc = tuf_read_document(envelope, m->role, &m->file, &body, e);
    if (rc == 0)
        rc = set_bytes(m, body, e);
    json_decref(body);
    return rc;
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
    int rc = set_envelope(m, envelope, e);
    json_decref(envelope);
    if (rc == 0)
        return m;
    tuf_metadata_free(m);
    return NULL;
}

struct tuf_metadata *tuf_metadata_make(struct tuf_signed *body, struct tuf_entries *entries,
                                       struct tm_err *e)
{
    enum tuf_role role = body->role;
    const struct tuf_document file = {.body = *body};
    json_t *envelope = tuf_write_document(&file, NULL, e);
    tuf_free_signed(body);
    if (envelope != NULL)
        return tuf_metadata_build(envelope, role, entries, e);
    tuf_entries_free(entries);
    return NULL;
}

static struct tuf_metadata *parse(const void *data, size_t len, struct tm_buf *spent,
                                  enum tuf_role role, struct tm_err *e)
{
    struct tuf_entries *entries = NULL;
    if (len > TUF_METADATA_MAX)
        return tm_err_null(e, "JSON of %zu bytes is longer than %zu", len, TUF_METADATA_MAX);
    if (tuf_role_map(role) == NULL) {
        json_t *tree = tm_strictjson_parse_aside(data, len, NULL, e);
        return tree != NULL ? tuf_metadata_build(tree, role, NULL, e) : NULL;
    }
    /* Canonical JSON is never longer than what it was read from: it never moves. */
    entries = tuf_entries_new(role, len, e);
    if (entries == NULL)
        return NULL;
    const struct tm_jsonparse_aside aside = {.path = {"signed", tuf_role_map(role)},
                                             .depth = 2,
                                             .each = tuf_entries_add,
                                             .arg = entries,
                                             .spent = spent};
    json_t *envelope = tm_strictjson_parse_aside(data, len, &aside, e);
    if (envelope != NULL)
        return tuf_metadata_build(envelope, role, entries, e);
    tuf_entries_free(entries);
    return NULL;
}

struct tuf_metadata *tuf_metadata_parse(const void *data, size_t len, enum tuf_role role,
                                        struct tm_err *e)
{
    return parse(data, len, NULL, role, e);
}

struct tuf_metadata *tuf_metadata_parse_once(struct tm_buf *data, enum tuf_role role,
                                             struct tm_err *e)
{
    struct tuf_metadata *m = parse(data->data, data->len, data, role, e);
    tm_buf_free(data);
    return m;
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
    tuf_free_document(&m->file);
    tuf_entry_list_free(&m->entries);
    tuf_good_signatures_free(m->good);
    free(m);
}

const struct tm_buf *tuf_metadata_canonical(const struct tuf_metadata *m)
{
    return &m->entries.text;
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
    return m->file.body.version;
}

int64_t tuf_metadata_expires(const struct tuf_metadata *m)
{
    return m->file.body.expires;
}

bool tuf_metadata_expired(const struct tuf_metadata *m, int64_t now)
{
    return now >= m->file.body.expires;
}
