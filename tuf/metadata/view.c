/* What the roles say. tuf_metadata_parse() has checked all that is read here. */
#include <stdio.h>
#include <string.h>

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

static void read_info(const json_t *entry, struct tuf_file_info *out)
{
    const json_t *length = json_object_get(entry, "length");
    out->version = json_integer_value(json_object_get(entry, "version"));
    out->length = length != NULL ? json_integer_value(length) : -1;
    out->hashes = json_object_get(entry, "hashes");
}

void tuf_timestamp_snapshot(const struct tuf_metadata *timestamp, struct tuf_file_info *out)
{
    read_info(json_object_get(json_object_get(timestamp->body, "meta"), "snapshot.json"), out);
}

bool tuf_snapshot_find(const struct tuf_metadata *snapshot, const char *role_name,
                       struct tuf_file_info *out)
{
    char name[TUF_ROLE_NAME_MAX + sizeof(".json")];
    if ((size_t)snprintf(name, sizeof(name), "%s.json", role_name) >= sizeof(name))
        return false;
    const json_t *entry = json_object_get(json_object_get(snapshot->body, "meta"), name);
    if (entry != NULL)
        read_info(entry, out);
    return entry != NULL;
}

static const json_t *target_entry(const struct tuf_metadata *targets, const char *path)
{
    return json_object_get(json_object_get(targets->body, "targets"), path);
}

bool tuf_targets_find(const struct tuf_metadata *targets, const char *path,
                      struct tuf_file_info *out)
{
    const json_t *entry = target_entry(targets, path);
    if (entry != NULL)
        read_info(entry, out);
    return entry != NULL;
}

const json_t *tuf_target_custom(const struct tuf_metadata *targets, const char *path)
{
    return json_object_get(target_entry(targets, path), "custom");
}
