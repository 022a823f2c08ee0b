#include "tuf/metadata/typesjson.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tuf/metadata/canonical.h"
#include "tuf/metadata/rows.h"

/* ---- reading and writing ---- */

static int read_by(const json_t *v, const struct tm_jsonmap *map, void *out, struct tm_err *e)
{
    if (tm_jsonmap_read(v, map, NULL, out, e) == 0)
        return 0;
    tm_jsonmap_free(map, out);
    return -1;
}

static int copy_by(const struct tm_jsonmap *map, const void *from, void *to, struct tm_err *e)
{
    json_t *v = tm_jsonmap_write(map, from, e);
    int rc = v != NULL ? read_by(v, map, to, e) : -1;
    json_decref(v);
    return rc;
}

static int by_keyid(const void *a, const void *b)
{
    return strcmp(((const struct tuf_public_key *)a)->keyid,
                  ((const struct tuf_public_key *)b)->keyid);
}

static void sort_keys(struct tuf_keys *keys)
{
    if (keys->count > 1)
        qsort(keys->item, keys->count, sizeof(*keys->item), by_keyid);
}

static int read_signed(const json_t *v, enum tuf_role role, struct tuf_signed *out,
                       struct tm_err *e)
{
    out->role = role;
    if (read_by(v, &tuf_signed_maps[role], out, e) != 0)
        return -1;
    if (role == TUF_ROOT)
        sort_keys(&out->root.keys);
    if (role == TUF_TARGETS)
        sort_keys(&out->targets.delegations.keys);
    return 0;
}

json_t *tuf_write_signed(const struct tuf_signed *s, struct tm_err *e)
{
    return tm_jsonmap_write(&tuf_signed_maps[s->role], s, e);
}

int tuf_copy_signed(const struct tuf_signed *from, struct tuf_signed *to, struct tm_err *e)
{
    to->role = from->role;
    return copy_by(&tuf_signed_maps[from->role], from, to, e);
}

void tuf_free_signed(struct tuf_signed *s)
{
    tm_jsonmap_free(&tuf_signed_maps[s->role], s);
    *s = (struct tuf_signed){0};
}

int tuf_read_document(const json_t *v, enum tuf_role role, struct tuf_document *out, json_t **body,
                      struct tm_err *e)
{
    struct tuf_file f = {0};
    if (read_by(v, &tuf_file_map, &f, e) != 0)
        return -1;
    int rc = read_signed(f.body, role, &out->body, e);
    if (rc == 0 && body != NULL)
        *body = json_incref(f.body);
    json_decref(f.body);
    out->signatures = f.signatures;
    out->rest = f.rest;
    if (rc != 0)
        tuf_free_document(out);
    return rc;
}

json_t *tuf_write_document(const struct tuf_document *d, json_t *body, struct tm_err *e)
{
    struct tuf_file f = {d->signatures,
                         body != NULL ? json_incref(body) : tuf_write_signed(&d->body, e), d->rest};
    json_t *v = f.body != NULL ? tm_jsonmap_write(&tuf_file_map, &f, e) : NULL;
    json_decref(f.body);
    return v;
}

void tuf_free_document(struct tuf_document *d)
{
    struct tuf_file f = {d->signatures, NULL, d->rest};
    tm_jsonmap_free(&tuf_file_map, &f);
    tuf_free_signed(&d->body);
    *d = (struct tuf_document){0};
}

int tuf_read_key(const json_t *v, struct tuf_public_key *out, struct tm_err *e)
{
    return read_by(v, &tuf_key_map, out, e);
}

json_t *tuf_write_key(const struct tuf_public_key *key, struct tm_err *e)
{
    return tm_jsonmap_write(&tuf_key_map, key, e);
}

int tuf_copy_key(const struct tuf_public_key *from, struct tuf_public_key *to, struct tm_err *e)
{
    if (copy_by(&tuf_key_map, from, to, e) != 0)
        return -1;
    if (tuf_text_set(&to->keyid, from->keyid) == 0)
        return 0;
    tuf_free_key(to);
    return tm_err_set(e, "out of memory");
}

void tuf_free_key(struct tuf_public_key *key)
{
    tm_jsonmap_free(&tuf_key_map, key);
    free(key->keyid);
    *key = (struct tuf_public_key){0};
}

/* NULL on either side, when memory is out, is the same as nothing. */
static bool same_by(const struct tm_jsonmap *map, const void *a, const void *b)
{
    json_t *x = tm_jsonmap_write(map, a, NULL);
    json_t *y = tm_jsonmap_write(map, b, NULL);
    bool same = x != NULL && y != NULL && json_equal(x, y) == 1;
    json_decref(x);
    json_decref(y);
    return same;
}

bool tuf_same_key(const struct tuf_public_key *a, const struct tuf_public_key *b)
{
    return same_by(&tuf_key_map, a, b);
}

void tuf_free_keys(struct tuf_keys *keys)
{
    tm_jsonmap_free(&tuf_keys_map, keys);
}

int tuf_copy_role_keys(const struct tuf_role_keys *from, struct tuf_role_keys *to, struct tm_err *e)
{
    return copy_by(&tuf_role_keys_map, from, to, e);
}

void tuf_free_role_keys(struct tuf_role_keys *r)
{
    tm_jsonmap_free(&tuf_role_keys_map, r);
    *r = (struct tuf_role_keys){0};
}

int tuf_copy_delegated_role(const struct tuf_delegated_role *from, struct tuf_delegated_role *to,
                            struct tm_err *e)
{
    return copy_by(&tuf_delegated_map, from, to, e);
}

void tuf_free_delegations(struct tuf_delegations *d)
{
    tm_jsonmap_free(&tuf_delegations_map, d);
    *d = (struct tuf_delegations){0};
}

void tuf_free_signatures(struct tuf_signatures *s)
{
    struct tuf_file f = {.signatures = *s};
    tm_jsonmap_free(&tuf_file_map, &f);
    *s = (struct tuf_signatures){0};
}

static const struct tm_jsonmap *entry_map(enum tuf_role role)
{
    return role == TUF_TARGETS ? &tuf_target_map : &tuf_meta_map;
}

int tuf_read_entry(const json_t *v, enum tuf_role role, struct tuf_entry *out, struct tm_err *e)
{
    return read_by(v, entry_map(role), out, e);
}

json_t *tuf_write_entry(const struct tuf_entry *entry, enum tuf_role role, struct tm_err *e)
{
    return tm_jsonmap_write(entry_map(role), entry, e);
}

void tuf_free_entry(struct tuf_entry *entry)
{
    tm_jsonmap_free(&tuf_target_map, entry); /* which has all that the other has */
    *entry = (struct tuf_entry){0};
}

/* ---- what is unknown ---- */

int tuf_member_compare(const char *name, const json_t *was, const json_t *is, tuf_rest_fn each,
                       void *arg, struct tm_err *e)
{
    struct tm_buf before = {0};
    struct tm_buf after = {0};
    int rc = (was == NULL || tuf_canonical_write(was, &before, e) == 0) &&
                     (is == NULL || tuf_canonical_write(is, &after, e) == 0)
                 ? 0
                 : -1;
    if (rc == 0 && was != is && (was == NULL || is == NULL || json_equal(was, is) != 1))
        rc = each(arg, name, was != NULL ? tm_buf_str(&before) : NULL,
                  is != NULL ? tm_buf_str(&after) : NULL, e);
    tm_buf_free(&before);
    tm_buf_free(&after);
    return rc;
}

int tuf_rest_compare(const json_t *before, const json_t *after, tuf_rest_fn each, void *arg,
                     struct tm_err *e)
{
    const char *name;
    json_t *value;
    int rc = 0;
    json_object_foreach((json_t *)after, name, value)
    {
        if (rc == 0)
            rc = tuf_member_compare(name, json_object_get(before, name), value, each, arg, e);
    }
    json_object_foreach((json_t *)before, name, value)
    {
        if (rc == 0 && json_object_get(after, name) == NULL)
            rc = tuf_member_compare(name, value, NULL, each, arg, e);
    }
    return rc;
}

/* A member that some take for `name`, and we do not. */
static bool has_in_other_case(const json_t *rest, const char *name)
{
    const char *kept;
    json_t *value;
    bool found = false;
    json_object_foreach((json_t *)rest, kept, value)
    {
        found = found || (strcasecmp(kept, name) == 0 && strcmp(kept, name) != 0);
    }
    return found;
}

bool tuf_custom_is_ambiguous(const struct tuf_entry *entry)
{
    static const char *const told[] = {"usage", "status", "uri"};
    bool found = has_in_other_case(entry->rest, "custom") ||
                 has_in_other_case(entry->custom.rest, "sigstore");
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
        found = found || has_in_other_case(entry->custom.sigstore.rest, told[i]);
    return found;
}

bool tuf_rest_has(const json_t *rest, const char *name)
{
    return json_object_get(rest, name) != NULL;
}

int tuf_entry_rest_compare(const struct tuf_entry *before, const struct tuf_entry *after,
                           tuf_rest_fn each, void *arg, struct tm_err *e)
{
    const struct tuf_entry *const both[] = {before, after};
    json_t *v[2] = {NULL, NULL};
    int rc = 0;
    for (int i = 0; i < 2 && rc == 0; i++) {
        if (both[i] == NULL)
            continue;
        v[i] = tuf_write_entry(both[i], TUF_TARGETS, e);
        json_object_del(v[i], "hashes");
        json_object_del(v[i], "length");
        rc = v[i] != NULL ? 0 : -1;
    }
    if (rc == 0)
        rc = tuf_rest_compare(v[0], v[1], each, arg, e);
    json_decref(v[0]);
    json_decref(v[1]);
    return rc;
}
