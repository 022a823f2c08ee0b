/* Entries of `targets` from what a scan has found. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/json/strictjson.h"
#include "tuf/metadata/delegation.h"
#include "tuf/manager/draft/draft.h"

#define ENTRY_BYTES 150 /* about, with a name of 40 */

static const struct tuf_policy_custom *custom_of(const struct tuf_policy *p, const char *path)
{
    const struct tuf_policy_custom *c = p != NULL ? p->customs.item : NULL;
    for (size_t i = 0; c != NULL && i < p->customs.count; i++) {
        if (strcmp(c[i].name, path) == 0)
            return &c[i];
    }
    return NULL;
}

/* What the policy can say of a target; others' custom metadata stays as it is. */
static bool is_policys(const json_t *sigstore)
{
    return tuf_policy_custom_ok(tm_strictjson_str(sigstore, "usage"),
                                tm_strictjson_str(sigstore, "status"));
}

static int set_custom(json_t *entry, const struct tuf_policy_custom *c)
{
    json_t *custom = json_object_get(entry, "custom");
    json_t *sigstore = json_object_get(custom, "sigstore");
    if (c == NULL) {
        if (is_policys(sigstore)) {
            json_object_del(custom, "sigstore");
            if (json_object_size(custom) == 0)
                json_object_del(entry, "custom");
        }
        return 0;
    }
    if (!json_is_object(custom) &&
        json_object_set_new(entry, "custom", custom = json_object()) != 0)
        return -1;
    if (!json_is_object(sigstore) &&
        json_object_set_new(custom, "sigstore", sigstore = json_object()) != 0)
        return -1;
    json_object_del(sigstore, "uri");
    return json_object_set_new(sigstore, "usage", json_string(c->usage)) |
           json_object_set_new(sigstore, "status", json_string(c->status)) |
           (c->uri != NULL ? json_object_set_new(sigstore, "uri", json_string(c->uri)) : 0);
}

/* Others may list no sha256: then the file is read again. */
static bool is_same(const json_t *was, const json_t *is, const char *dir, const char *path)
{
    const char *a = tm_strictjson_str(json_object_get(was, "hashes"), "sha256");
    const char *b = tm_strictjson_str(json_object_get(is, "hashes"), "sha256");
    struct tuf_file_info info;
    char file[PATH_MAX];
    if (json_equal(json_object_get(was, "length"), json_object_get(is, "length")) != 1)
        return false;
    if (a != NULL)
        return b != NULL && strcmp(a, b) == 0;
    tuf_entry_read(was, &info);
    return dir != NULL && tm_file_join(dir, path, file, sizeof(file), NULL) == 0 &&
           tuf_scan_is(file, &info, NULL) == 1;
}

/* `was` (taken over; NULL: it is new) for what is published as it is; else a new entry with the
 * members of `was` that do not tell of its content. */
static json_t *carry_on(json_t *was, json_t *is, const char *dir, const char *path)
{
    bool same = was != NULL && is != NULL && is_same(was, is, dir, path);
    if (was != NULL && is != NULL && !same && json_object_update(was, is) != 0) {
        json_decref(was);
        was = NULL;
    }
    if (was == NULL)
        return is;
    json_decref(is);
    return was;
}

static int add_file(struct tuf_entries *out, const struct tuf_policy *p,
                    const struct tuf_draft_files *f, size_t i, const struct tuf_metadata *base,
                    struct tm_err *e)
{
    const struct tuf_scan *files = f->scan;
    const char *path = scan_path(files, i);
    json_t *name = json_string(path); /* only UTF-8 is one */
    json_t *entry = carry_on(base != NULL ? tuf_entry_named(base, path) : NULL,
                             tuf_scan_target(&files->entry[i]), f->dir, path);
    int rc = 0;
    if (name == NULL || entry == NULL || (p != NULL && set_custom(entry, custom_of(p, path)) != 0))
        rc = tm_err_set(e, "target '%.200s': out of memory, or its name is not UTF-8", path);
    else
        rc = tuf_entries_add(out, path, json_string_length(name), entry, e);
    json_decref(name);
    json_decref(entry);
    return rc;
}

static bool is_there(const struct tuf_scan *files, const char *path)
{
    size_t low = 0;
    size_t high = files->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(path, scan_path(files, middle));
        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

static int check_customs(const struct tuf_policy *p, const struct tuf_scan *files, struct tm_err *e)
{
    const struct tuf_policy_custom *c = p != NULL ? p->customs.item : NULL;
    for (size_t i = 0; c != NULL && i < p->customs.count; i++) {
        if (!is_there(files, c[i].name))
            return tm_err_set(e, "policy: 'custom' names target '%s', which does not exist",
                              c[i].name);
    }
    return 0;
}

/* The files numbered from[0] to from[count - 1], or all. */
static struct tuf_entries *entries_of(const struct tuf_policy *p, const struct tuf_draft_files *f,
                                      const uint32_t *from, size_t count,
                                      const struct tuf_metadata *base, struct tm_err *e)
{
    struct tuf_entries *out = tuf_entries_new(TUF_TARGETS, count * ENTRY_BYTES, e);
    for (size_t i = 0; i < count && out != NULL; i++) {
        if (add_file(out, p, f, from != NULL ? from[i] : i, base, e) != 0) {
            tuf_entries_free(out);
            return NULL;
        }
    }
    return out;
}

struct tuf_entries *tuf_draft_entries(const struct tuf_policy *p, const struct tuf_draft_files *f,
                                      const struct tuf_metadata *base, struct tm_err *e)
{
    const struct tuf_draft_bins *b = f->bins;
    const uint32_t *from = b != NULL ? b->file + b->first[f->bin] : NULL;
    size_t count = b != NULL ? b->first[f->bin + 1] - b->first[f->bin] : f->scan->count;
    return check_customs(p, f->scan, e) == 0 ? entries_of(p, f, from, count, base, e) : NULL;
}

/* ---- hash bins ---- */

void tuf_draft_bins_free(struct tuf_draft_bins *b)
{
    free(b->file);
    free(b->first);
    *b = (struct tuf_draft_bins){0};
}

/* Sorts by counting: the files of a bin keep their order. */
int tuf_draft_bins(const struct tuf_scan *files, unsigned bits, struct tuf_draft_bins *out,
                   struct tm_err *e)
{
    size_t bins = (size_t)1 << bits;
    uint32_t *bin = calloc(files->count + 1, sizeof(*bin));
    *out = (struct tuf_draft_bins){calloc(files->count + 1, sizeof(*out->file)),
                                   calloc(bins + 2, sizeof(*out->first))};
    int rc =
        bin != NULL && out->file != NULL && out->first != NULL ? 0 : tm_err_set(e, "out of memory");
    for (size_t i = 0; i < files->count && rc == 0; i++) {
        struct tuf_path path;
        rc = tuf_path_init(&path, scan_path(files, i), e);
        if (rc == 0) {
            bin[i] = tuf_succinct_bin(&path, bits);
            out->first[bin[i] + 2]++;
        }
    }
    for (size_t i = 2; i < bins + 2 && rc == 0; i++)
        out->first[i] += out->first[i - 1];
    for (size_t i = 0; i < files->count && rc == 0; i++)
        out->file[out->first[bin[i] + 1]++] = (uint32_t)i;
    free(bin);
    if (rc != 0)
        tuf_draft_bins_free(out);
    return rc;
}
