/* Metadata of each role: whatever parses can be viewed, verified, dumped and parsed again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json/strictjson.h"
#include "tuf/metadata/build.h"
#include "tuf/metadata/canonical.h"
#include "tuf/metadata/delegation.h"
#include "tuf/metadata/internal.h"
#include "tuf/metadata/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void view_root(const struct tuf_metadata *m)
{
    for (int i = 0; i < TUF_ROLE_COUNT; i++) {
        struct tm_err e = {0};
        struct tuf_signers by;
        tuf_root_signers(m, (enum tuf_role)i, &by);
        if ((tuf_verify(m, &by, "root", &e) == 0) !=
            (tuf_verify_each(m, &by, NULL, NULL) >= by.threshold))
            abort();
    }
    tuf_root_consistent_snapshot(m);
}

static void view_file(const struct tuf_file_info *info)
{
    struct tm_err e = {0};
    if (tuf_file_check(info, "x", 1, &e) != 0 && e.text[0] == '\0')
        abort();
}

static void view_targets(const struct tuf_metadata *m)
{
    struct tm_err e = {0};
    struct tuf_path path;
    struct tuf_delegation d;
    struct tuf_delegation again;
    struct tuf_file_info info;
    size_t at = 0;
    if (tuf_path_init(&path, "dir/file.txt", &e) != 0)
        abort();
    if (tuf_targets_find(m, path.text, &info))
        view_file(&info);
    while (tuf_delegation_next(m, &path, &at, &d)) {
        if (!tuf_delegation_find(m, d.name, &again) || again.signers.role != d.signers.role)
            abort();
        (void)tuf_verify(m, &d.signers, d.name, &e);
    }
}

static void view(const struct tuf_metadata *m)
{
    struct tuf_file_info info;
    switch (tuf_metadata_role(m)) {
    case TUF_ROOT:
        view_root(m);
        break;
    case TUF_TIMESTAMP:
        tuf_timestamp_snapshot(m, &info);
        view_file(&info);
        break;
    case TUF_SNAPSHOT:
        if (tuf_snapshot_find(m, "targets", &info))
            view_file(&info);
        break;
    default:
        view_targets(m);
    }
}

static void dump_again(const struct tuf_metadata *m, const json_t *tree)
{
    struct tm_err e = {0};
    struct tm_buf b = {0};
    char *same = json_dumps(tree, JSON_INDENT(1) | JSON_SORT_KEYS);
    if (tuf_metadata_dump(m, true, tm_jsondump_to_buf, &b, &e) != 0 || same == NULL ||
        b.len != strlen(same) + 1 || memcmp(b.data, same, b.len - 1) != 0)
        abort();
    struct tuf_metadata *n = tuf_metadata_parse(b.data, b.len, tuf_metadata_role(m), &e);
    if (n != NULL && !tuf_metadata_equal(m, n))
        abort();
    tuf_metadata_free(n);
    free(same);
    tm_buf_free(&b);
}

/* Maps kept as bytes hold what the tree holds. */
static void compare_with_tree(const struct tuf_metadata *m, const uint8_t *data, size_t size)
{
    struct tm_err e = {0};
    struct tm_buf b = {0};
    json_t *tree = tm_strictjson_parse_aside((const char *)data, size, NULL, &e);
    const json_t *body = json_object_get(tree, "signed");
    const struct tm_buf *bytes = tuf_metadata_canonical(m);
    bool canonical = tuf_canonical_write(body, &b, &e) == 0;
    if (tree == NULL || canonical != (bytes != NULL) ||
        (canonical && (b.len != bytes->len || memcmp(b.data, bytes->data, b.len) != 0)))
        abort();
    dump_again(m, tree);
    const char *name;
    json_t *entry;
    struct tuf_file_info info;
    const char *map = m->role == TUF_TARGETS ? "targets" : "meta";
    json_t *written = tuf_write_document(&m->file, NULL, &e);
    if (m->map != NULL)
        json_object_set(json_object_get(written, "signed"), map, json_object_get(body, map));
    if (!json_equal(written, tree))
        abort();
    json_decref(written);
    json_object_foreach(json_object_get(body, map), name, entry)
    {
        if (m->map != NULL && !tuf_entry_find(m, name, &info))
            abort();
    }
    json_decref(tree);
    tm_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int i = 0; i < TUF_ROLE_COUNT; i++) {
        struct tm_err e = {0};
        struct tuf_metadata *m = tuf_metadata_parse(data, size, (enum tuf_role)i, &e);
        if (m == NULL && e.text[0] == '\0')
            abort();
        if (m == NULL)
            continue;
        view(m);
        compare_with_tree(m, data, size);
        tuf_metadata_free(m);
    }
    return 0;
}
