/* What the roles say. tuf_metadata_parse() has checked all that is read here. */
#include <stdio.h>

#include "tuf/metadata/internal.h"

void tuf_root_signers(const struct tuf_metadata *root, enum tuf_role role, struct tuf_signers *out)
{
    const struct tuf_root *r = &root->file.body.root;
    out->known = &r->keys;
    out->role = &r->roles.role[role];
    out->threshold = out->role->threshold;
}

/* Absent means false, as python-tuf and go-tuf have it. */
bool tuf_root_consistent_snapshot(const struct tuf_metadata *root)
{
    return root->file.body.root.consistent_snapshot;
}

void tuf_entry_info(const struct tuf_entry *entry, struct tuf_file_info *out)
{
    const struct tuf_hashes *h = &entry->hashes;
    *out = (struct tuf_file_info){.version = entry->version,
                                  .length = entry->has_length ? entry->length : -1};
    for (; out->hash_count < h->count && out->hash_count < TUF_HASHES_MAX; out->hash_count++) {
        struct tuf_hash *to = &out->hash[out->hash_count];
        snprintf(to->algorithm, sizeof(to->algorithm), "%s", h->item[out->hash_count].algorithm);
        snprintf(to->hex, sizeof(to->hex), "%s", h->item[out->hash_count].hex);
    }
}

void tuf_timestamp_snapshot(const struct tuf_metadata *timestamp, struct tuf_file_info *out)
{
    tuf_entry_info(&timestamp->file.body.timestamp.snapshot, out);
}

bool tuf_entry_find(const struct tuf_metadata *m, const char *name, struct tuf_file_info *out)
{
    struct tuf_entry entry = {0};
    bool found = tuf_entry_load(m, name, &entry);
    if (found)
        tuf_entry_info(&entry, out);
    tuf_free_entry(&entry);
    return found;
}

bool tuf_entry_load(const struct tuf_metadata *m, const char *name, struct tuf_entry *out)
{
    return tuf_entry_list_look(&m->entries, name, m->role, out);
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

/* ---- all of a file's entries ---- */

size_t tuf_entries_count(const struct tuf_metadata *m)
{
    return m->entries.count;
}

int tuf_entry_get(const struct tuf_metadata *m, size_t i, struct tm_buf *name,
                  struct tuf_entry *out, struct tm_err *e)
{
    tm_buf_reset(name);
    if (tuf_entry_list_read(&m->entries, i, m->role, name, out) == 0)
        return 0;
    return tm_err_set(e, "out of memory");
}

int tuf_entries_each(const struct tuf_metadata *m, tuf_entry_fn each, void *arg, struct tm_err *e)
{
    struct tm_buf name = {0};
    struct tuf_file_info info;
    int rc = 0;
    for (size_t i = 0; i < m->entries.count && rc == 0; i++) {
        struct tuf_entry entry = {0};
        rc = tuf_entry_get(m, i, &name, &entry, e);
        if (rc == 0) {
            tuf_entry_info(&entry, &info);
            rc = each(arg, tm_buf_str(&name), &info, e);
        }
        tuf_free_entry(&entry);
    }
    tm_buf_free(&name);
    return rc;
}
