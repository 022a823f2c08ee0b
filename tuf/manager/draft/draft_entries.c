/* Entries of `targets` from what a scan has found. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/hex.h"
#include "tuf/metadata/delegation.h"
#include "tuf/metadata/typesjson.h"
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
static bool is_policys(const struct tuf_sigstore_custom *said)
{
    return tuf_policy_custom_ok(said->usage, said->status);
}

static int set_custom(struct tuf_entry *entry, const struct tuf_policy_custom *c)
{
    struct tuf_custom *custom = &entry->custom;
    if (c == NULL && !(custom->has_sigstore && is_policys(&custom->sigstore)))
        return 0;
    entry->has_custom = custom->has_sigstore = true;
    int rc = tuf_text_set(&custom->sigstore.usage, c != NULL ? c->usage : NULL) |
             tuf_text_set(&custom->sigstore.status, c != NULL ? c->status : NULL) |
             tuf_text_set(&custom->sigstore.uri, c != NULL ? c->uri : NULL);
    if (c != NULL)
        return rc;
    json_decref(custom->sigstore.rest);
    custom->sigstore.rest = NULL;
    custom->has_sigstore = false;
    entry->has_custom = custom->rest != NULL;
    return rc;
}

/* Others may list no sha256: then the file is read again. */
static bool is_same(const struct tuf_entry *was, const struct tuf_scan_entry *is, const char *hex,
                    const char *dir, const char *path)
{
    const char *sha256 = tuf_hashes_find(&was->hashes, "sha256");
    struct tuf_file_info info;
    char file[PATH_MAX];
    if (was->length != is->length)
        return false;
    if (sha256 != NULL)
        return strcmp(sha256, hex) == 0;
    tuf_entry_info(was, &info);
    return dir != NULL && tm_file_join(dir, path, file, sizeof(file), NULL) == 0 &&
           tuf_scan_is(file, &info, NULL) == 1;
}

/* The entry as it is published when the content is; else a new one with the members that do not
 * tell of content. */
static int describe(const struct tuf_scan_entry *is, const char *dir, const char *path,
                    const struct tuf_metadata *base, struct tuf_entry *out, struct tm_err *e)
{
    char hex[65];
    tm_hex_encode(is->sha256, sizeof(is->sha256), hex);
    *out = (struct tuf_entry){0};
    if (base != NULL && tuf_entry_load(base, path, out) && is_same(out, is, hex, dir, path))
        return 0;
    struct tuf_entry old = {.hashes = out->hashes};
    out->hashes = (struct tuf_hashes){0};
    tuf_free_entry(&old);
    return tuf_entry_pin(out, 0, is->length, hex) == 0 ? 0 : tm_err_set(e, "out of memory");
}

static int add_file(struct tuf_entries *out, const struct tuf_policy *p,
                    const struct tuf_draft_files *f, size_t i, const struct tuf_metadata *base,
                    struct tm_err *e)
{
    const char *path = scan_path(f->scan, i);
    struct tuf_entry entry;
    int rc = describe(&f->scan->entry[i], f->dir, path, base, &entry, e);
    if (rc == 0 && p != NULL && set_custom(&entry, custom_of(p, path)) != 0)
        rc = tm_err_set(e, "out of memory");
    if (rc == 0)
        rc = tuf_entries_put(out, path, &entry, e);
    tuf_free_entry(&entry);
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
