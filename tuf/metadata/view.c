/* What the roles say. tuf_metadata_parse() has checked all that is read here. */
#include <stdio.h>
#include <string.h>

#include "tuf/metadata/build.h"
#include "tuf/metadata/internal.h"

void tuf_root_signers(const struct tuf_metadata *root, enum tuf_role role, struct tuf_signers *out)
{
    const json_t *r = json_object_get(json_object_get(root->body, "roles"), tuf_role_name(role));
    out->keys = json_object_get(root->body, "keys");
    out->keyids = json_object_get(r, "keyids");
    out->threshold = json_integer_value(json_object_get(r, "threshold"));
}

/* Absent means false, as python-tuf and go-tuf have it. */
bool tuf_root_consistent_snapshot(const struct tuf_metadata *root)
{
    return json_is_true(json_object_get(root->body, "consistent_snapshot"));
}

static json_t *tree_map(const struct tuf_metadata *m)
{
    return json_object_get(m->body, m->role == TUF_TARGETS ? "targets" : "meta");
}

static void read_hashes(const json_t *hashes, struct tuf_file_info *out)
{
    const char *name;
    json_t *hex;
    json_object_foreach((json_t *)hashes, name, hex)
    {
        if (out->hash_count == TUF_HASHES_MAX)
            return;
        struct tuf_hash *h = &out->hash[out->hash_count++];
        snprintf(h->algorithm, sizeof(h->algorithm), "%s", name);
        snprintf(h->hex, sizeof(h->hex), "%s", json_string_value(hex));
    }
}

void tuf_entry_read(const json_t *entry, struct tuf_file_info *out)
{
    const json_t *length = json_object_get(entry, "length");
    *out = (struct tuf_file_info){0};
    out->version = json_integer_value(json_object_get(entry, "version"));
    out->length = length != NULL ? json_integer_value(length) : -1;
    read_hashes(json_object_get(entry, "hashes"), out);
}

void tuf_timestamp_snapshot(const struct tuf_metadata *timestamp, struct tuf_file_info *out)
{
    tuf_entry_read(json_object_get(tree_map(timestamp), "snapshot.json"), out);
}

json_t *tuf_entry_named(const struct tuf_metadata *m, const char *name)
{
    return m->map != NULL ? tuf_entry_list_find(&m->entries, name)
                          : json_incref(json_object_get(tree_map(m), name));
}

bool tuf_entry_find(const struct tuf_metadata *m, const char *name, struct tuf_file_info *out)
{
    json_t *entry = tuf_entry_named(m, name);
    if (entry != NULL)
        tuf_entry_read(entry, out);
    json_decref(entry);
    return entry != NULL;
}

bool tuf_snapshot_find(const struct tuf_metadata *snapshot, const char *role_name,
                       struct tuf_file_info *out)
{
    char name[TUF_ROLE_NAME_MAX + sizeof(".json")];
    if ((size_t)snprintf(name, sizeof(name), "%s.json", role_name) >= sizeof(name))
        return false;
    return tuf_entry_find(snapshot, name, out);
}

bool tuf_targets_find(const struct tuf_metadata *targets, const char *path,
                      struct tuf_file_info *out)
{
    return tuf_entry_find(targets, path, out);
}

json_t *tuf_target_custom(const struct tuf_metadata *targets, const char *path)
{
    json_t *entry = tuf_entry_named(targets, path);
    json_t *custom = json_incref(json_object_get(entry, "custom"));
    json_decref(entry);
    return custom;
}

/* ---- all of a file's entries ---- */

size_t tuf_entries_count(const struct tuf_metadata *m)
{
    return m->map != NULL ? m->entries.count : json_object_size(tree_map(m));
}

static int each_of_tree(const struct tuf_metadata *m, tuf_entry_fn each, void *arg,
                        struct tm_err *e)
{
    const char *name;
    json_t *entry;
    json_object_foreach(tree_map(m), name, entry)
    {
        struct tuf_file_info info;
        tuf_entry_read(entry, &info);
        if (each(arg, name, &info, e) != 0)
            return -1;
    }
    return 0;
}

int tuf_entries_each(const struct tuf_metadata *m, tuf_entry_fn each, void *arg, struct tm_err *e)
{
    struct tm_buf name = {0};
    int rc = 0;
    if (m->map == NULL)
        return each_of_tree(m, each, arg, e);
    for (size_t i = 0; i < m->entries.count && rc == 0; i++) {
        struct tuf_file_info info;
        tm_buf_reset(&name);
        json_t *entry = tuf_entry_list_get(&m->entries, i, &name);
        tuf_entry_read(entry, &info);
        rc = entry != NULL && tm_buf_str(&name) != NULL ? each(arg, tm_buf_str(&name), &info, e)
                                                        : tm_err_set(e, "out of memory");
        json_decref(entry);
    }
    tm_buf_free(&name);
    return rc;
}
