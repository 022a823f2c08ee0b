/* The pack's files: copied, listed with their hashes, and compared. */
#include <fts.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/hex.h"
#include "common/json/jsonfile.h"
#include "tools/tenmint-ca/evidence/evidence.h"
#include "tools/tenmint-ca/init/init_stage.h"

#define MANIFEST "evidence.json"
/* The number is the form of all that verify makes anew; 1 was of no released version. */
#define TYPE "tenmint evidence 2"
#define MANIFEST_BYTES_MAX ((size_t)64 << 20)
#define COPY_BYTES_MAX ((size_t)256 << 20) /* of one file */

/* ---- a folder's files ---- */

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Calls `each` with the name of each regular file below `dir`, from there, in order. */
static int each_file(const char *dir, int (*each)(void *arg, const char *name, struct tm_err *e),
                     void *arg, struct tm_err *e)
{
    char *const roots[] = {(char *)(uintptr_t)dir, NULL};
    FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
    FTSENT *at = NULL;
    int rc = fts != NULL ? 0 : tm_err_errno(e, "'%s'", dir);
    while (rc == 0 && (at = fts_read(fts)) != NULL) {
        if (at->fts_info == FTS_F)
            rc = each(arg, at->fts_path + strlen(dir) + 1, e);
        else if (at->fts_info == FTS_ERR || at->fts_info == FTS_DNR || at->fts_info == FTS_NS)
            rc = tm_err_set(e, "'%s': %s", at->fts_path, strerrordesc_np(at->fts_errno));
    }
    if (fts != NULL)
        (void)fts_close(fts);
    return rc;
}

static int hash_file(const char *path, struct tm_buf *sha256, struct tm_err *e)
{
    unsigned char bytes[65536];
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    size_t n = 0;
    FILE *f = fopen(path, "re");
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    int rc = f != NULL ? 0 : tm_err_errno(e, "open '%s'", path);
    if (rc == 0 && (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1))
        rc = tm_err_set(e, "out of memory");
    while (rc == 0 && (n = fread(bytes, 1, sizeof(bytes), f)) > 0)
        rc = EVP_DigestUpdate(md, bytes, n) == 1 ? 0 : tm_err_openssl(e, "SHA-256");
    if (rc == 0 && (ferror(f) || EVP_DigestFinal_ex(md, digest, &len) != 1))
        rc = tm_err_errno(e, "read '%s'", path);
    if (f != NULL)
        (void)fclose(f);
    EVP_MD_CTX_free(md);
    tm_buf_append(sha256, digest, len);
    return rc;
}

/* ---- the list ---- */

static const struct tm_jsonmap_member file_members[] = {
    JSONMAP_NEED(struct evidence_file, "name", name, TEXT, .min = 1, .max = 1024),
    JSONMAP_NEED(struct evidence_file, "sha256", sha256, HEX, .min = 32, .max = 32),
    {0}};
static const struct tm_jsonmap file_map = {
    .members = file_members, .size = sizeof(struct evidence_file), .unknown = JSONMAP_REFUSE};
static const struct tm_jsonmap_member file_row = {
    .name = "file", .kind = JSONMAP_OBJECT, .map = &file_map};
static const struct tm_jsonmap_member node_row = {
    .name = "node", .kind = JSONMAP_TEXT, .min = 1, .max = 255};

struct owned { /* as jsonmap has it */
    char *type;
    int64_t made_ms, since_ms, until_ms;
    struct tm_jsonmap_list nodes, files;
};

#define NUMBER_ROW(text, member) \
    { \
        .name = text, JSONMAP_AT(struct owned, member), .kind = JSONMAP_INTEGER, \
        .flags = JSONMAP_REQUIRED, .max = INT64_MAX \
    }
static const struct tm_jsonmap_member members[] = {
    JSONMAP_NEED(struct owned, "type", type, TEXT, .max = 64),
    NUMBER_ROW("made_ms", made_ms),
    NUMBER_ROW("since_ms", since_ms),
    NUMBER_ROW("until_ms", until_ms),
    JSONMAP_NEED(struct owned, "nodes", nodes, LIST, .max = 1024, .each = &node_row,
                 .size = sizeof(char *)),
    JSONMAP_NEED(struct owned, "files", files, LIST, .max = 1000000, .each = &file_row,
                 .size = sizeof(struct evidence_file)),
    {0}};
static const struct tm_jsonmap map = {
    .members = members, .size = sizeof(struct owned), .unknown = JSONMAP_REFUSE};

struct listing {
    const char *dir;
    struct evidence_manifest *m;
};

static int add_file(void *arg, const char *name, struct tm_err *e)
{
    const struct listing *l = arg;
    struct evidence_manifest *m = l->m;
    char path[PATH_MAX];
    if (strcmp(name, MANIFEST) == 0 || strcmp(name, INIT_STAGE_MARK) == 0)
        return 0;
    struct evidence_file *more = reallocarray(m->file, m->files + 1, sizeof(*more));
    if (more == NULL)
        return tm_err_set(e, "out of memory");
    m->file = more;
    m->file[m->files] = (struct evidence_file){.name = strdup(name)};
    if (m->file[m->files].name == NULL)
        return tm_err_set(e, "out of memory");
    m->files++;
    return tm_file_join(l->dir, name, path, sizeof(path), e) == 0
               ? hash_file(path, &m->file[m->files - 1].sha256, e)
               : -1;
}

int evidence_manifest_make(const char *dir, struct evidence_manifest *m, struct tm_err *e)
{
    struct listing l = {dir, m};
    return each_file(dir, add_file, &l, e);
}

int evidence_manifest_digest(const char *dir, char out[65], struct tm_err *e)
{
    char path[PATH_MAX];
    struct tm_buf sha256 = {0};
    int rc = tm_file_join(dir, MANIFEST, path, sizeof(path), e);
    if (rc == 0)
        rc = hash_file(path, &sha256, e);
    if (rc == 0 && buf_failed(&sha256))
        rc = tm_err_set(e, "out of memory");
    if (rc == 0)
        tm_hex_encode(sha256.data, sha256.len, out);
    tm_buf_free(&sha256);
    return rc;
}

int evidence_manifest_write(const char *dir, const struct evidence_manifest *m, struct tm_err *e)
{
    char type[] = TYPE;
    char path[PATH_MAX];
    const struct owned o = {.type = type,
                            .made_ms = m->made_ms,
                            .since_ms = m->period.since_ms,
                            .until_ms = m->period.until_ms,
                            .nodes = {m->node, m->nodes},
                            .files = {m->file, m->files}};
    return tm_file_join(dir, MANIFEST, path, sizeof(path), e) == 0
               ? tm_jsonfile_write(path, 0644, &map, &o, e)
               : -1;
}

int evidence_manifest_read(const char *dir, struct evidence_manifest *m, struct tm_err *e)
{
    struct owned o = {0};
    char path[PATH_MAX];
    *m = (struct evidence_manifest){0};
    if (tm_file_join(dir, MANIFEST, path, sizeof(path), e) != 0)
        return -1;
    int rc = tm_jsonfile_read(path, MANIFEST_BYTES_MAX, &map, &o, e);
    if (rc == 0 && strcmp(o.type, TYPE) != 0)
        rc = tm_err_set(e,
                        "'%s' is a '%s', and '" TYPE "' is what this version makes: verify it by "
                        "the version that made it, which index.html names at its end",
                        path, o.type);
    if (rc != 0) {
        tm_jsonmap_free(&map, &o);
        return -1;
    }
    free(o.type);
    *m = (struct evidence_manifest){.period = {o.since_ms, o.until_ms},
                                    .made_ms = o.made_ms,
                                    .node = o.nodes.item,
                                    .nodes = o.nodes.count,
                                    .file = o.files.item,
                                    .files = o.files.count};
    return 0;
}

int evidence_manifest_check(const char *dir, const struct evidence_manifest *m, struct tm_err *e)
{
    struct evidence_manifest now = {0};
    int rc = evidence_manifest_make(dir, &now, e);
    for (size_t i = 0; rc == 0 && (i < m->files || i < now.files); i++) {
        const struct evidence_file *a = i < m->files ? &m->file[i] : NULL;
        const struct evidence_file *b = i < now.files ? &now.file[i] : NULL;
        int order = a == NULL ? 1 : b == NULL ? -1 : strcmp(a->name, b->name);
        if (order != 0)
            rc = tm_err_set(e, "'%s' %s", order < 0 ? a->name : b->name,
                            order < 0 ? "is missing" : "is not of the pack");
        else if (a->sha256.len != b->sha256.len ||
                 memcmp(a->sha256.data, b->sha256.data, a->sha256.len) != 0)
            rc = tm_err_set(e, "'%s' was altered", a->name);
    }
    evidence_manifest_free(&now);
    return rc;
}

void evidence_manifest_free(struct evidence_manifest *m)
{
    for (size_t i = 0; i < m->nodes; i++)
        free(m->node[i]);
    for (size_t i = 0; i < m->files; i++) {
        free(m->file[i].name);
        tm_buf_free(&m->file[i].sha256);
    }
    free((void *)m->node);
    free(m->file);
    *m = (struct evidence_manifest){0};
}

/* ---- copies ---- */

int evidence_copy_file(const char *from, const char *to, size_t max, struct tm_err *e)
{
    struct tm_buf bytes = {0};
    int rc = tm_file_read(from, max, &bytes, e);
    if (rc == 0)
        rc = tm_file_write_passing(to, 0644, bytes.data, bytes.len, e);
    tm_buf_free(&bytes);
    return rc;
}

int evidence_copy_into(const char *from, const char *dir, const char *name, struct tm_err *e)
{
    char to[PATH_MAX];
    int rc = tm_file_join(dir, name, to, sizeof(to), e);
    return rc == 0 ? evidence_copy_file(from, to, EVIDENCE_FILE_MAX, e) : rc;
}

int evidence_compare(const char *dir, const char *name, const struct tm_buf *made,
                     const char *source, struct tm_err *e)
{
    char path[PATH_MAX];
    struct tm_buf is = {0};
    int rc = tm_file_join(dir, name, path, sizeof(path), e);
    if (rc == 0)
        rc = tm_file_read(path, EVIDENCE_FILE_MAX, &is, e);
    if (rc == 0 && (is.len != made->len || memcmp(is.data, made->data, is.len) != 0))
        rc = tm_err_set(e, "'%s' is not %s", name, source);
    tm_buf_free(&is);
    return rc;
}

struct copying {
    const char *from, *to;
};

static int copy_file(void *arg, const char *name, struct tm_err *e)
{
    const struct copying *c = arg;
    char from[PATH_MAX], to[PATH_MAX], folder[PATH_MAX];
    if (tm_file_join(c->from, name, from, sizeof(from), e) != 0 ||
        tm_file_join(c->to, name, to, sizeof(to), e) != 0)
        return -1;
    memcpy(folder, to, sizeof(folder));
    *strrchr(folder, '/') = '\0';
    int rc = tm_file_mkdirs(folder, 0755, e);
    return rc == 0 ? evidence_copy_file(from, to, COPY_BYTES_MAX, e) : rc;
}

int evidence_copy(const char *from, const char *to, struct tm_err *e)
{
    struct copying c = {from, to};
    return each_file(from, copy_file, &c, e);
}
