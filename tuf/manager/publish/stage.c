#include "tuf/manager/publish/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/hex.h"
#include "tuf/manager/publish/tree.h"

#define TARGETS "targets" /* as tuf_names_target() has it */
#define BLOCK 65536
#define SYNC_EACH_MAX 64 /* more files than this are synced with their whole file system */

static int open_folder(struct tuf_stage *s, struct tm_err *e)
{
    char targets[PATH_MAX];
    struct stat st;
    if (tm_file_join(s->tree, STAGE_FOLDER, s->dir, sizeof(s->dir), e) != 0 ||
        tm_file_join(s->tree, TARGETS, targets, sizeof(targets), e) != 0 ||
        tuf_tree_remove(s->dir, e) != 0 || tm_file_mkdirs(s->dir, 0700, e) != 0)
        return -1;
    s->fresh = lstat(targets, &st) != 0 && errno == ENOENT;
    s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return s->dir_fd >= 0 ? 0 : tm_err_errno(e, "open '%s'", s->dir);
}

int tuf_stage_open(const char *tree, struct tuf_stage *s, struct tm_err *e)
{
    *s = (struct tuf_stage){.dir_fd = -1};
    if (tuf_tree_make(tree, e) != 0)
        return -1;
    /* A tree that is a symbolic link stays one: what it points to changes. */
    if (realpath(tree, s->tree) == NULL)
        return tm_err_errno(e, "published tree '%s'", tree);
    if (open_folder(s, e) != 0)
        return -1;
    s->ctx = EVP_MD_CTX_new();
    s->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    return s->ctx != NULL && s->sha256 != NULL ? 0 : tm_err_openssl(e, "SHA-256");
}

void tuf_stage_close(struct tuf_stage *s)
{
    if (s->dir[0] != '\0') { /* else it was never opened */
        if (s->dir_fd >= 0)
            close(s->dir_fd);
        tuf_tree_remove(s->dir, NULL);
    }
    for (size_t i = 0; i < s->count; i++)
        free(s->file[i].name);
    free(s->file);
    EVP_MD_CTX_free(s->ctx);
    EVP_MD_free(s->sha256);
    *s = (struct tuf_stage){.dir_fd = -1};
}

static int add(struct tuf_stage *s, enum tuf_stage_phase phase, const char *name, struct tm_err *e)
{
    if (s->count == s->cap) {
        size_t cap = s->cap > 0 ? 2 * s->cap : 16;
        void *grown = realloc(s->file, cap * sizeof(*s->file));
        if (grown == NULL)
            return tm_err_set(e, "out of memory");
        s->file = grown;
        s->cap = cap;
    }
    char *copy = strdup(name);
    if (copy == NULL)
        return tm_err_set(e, "out of memory");
    s->file[s->count++] = (struct tuf_stage_file){.name = copy, .phase = phase};
    return 0;
}

/* A new file in the staging folder, its own folders made when the first try finds none. */
static int create(const struct tuf_stage *s, const char *name, struct tm_err *e)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    char path[PATH_MAX];
    int fd = openat(s->dir_fd, name, flags, 0644);
    if (fd < 0 && errno == ENOENT && tm_file_join(s->dir, name, path, sizeof(path), e) == 0 &&
        tuf_tree_make_parent(path, e) == 0)
        fd = openat(s->dir_fd, name, flags, 0644);
    if (fd < 0)
        return tm_err_errno(e, "create '%s/%s'", s->dir, name);
    if (fchmod(fd, 0644) != 0) { /* readers are others, whatever the umask */
        tm_err_errno(e, "chmod '%s/%s'", s->dir, name);
        close(fd);
        return -1;
    }
    return fd;
}

static int write_fd(int fd, const unsigned char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

struct writing {
    const struct tuf_stage *s;
    const char *name;
    int fd;
    int64_t length;
};

static int write_part(void *arg, const void *data, size_t len, struct tm_err *e)
{
    struct writing *w = arg;
    w->length += (int64_t)len;
    if (EVP_DigestUpdate(w->s->ctx, data, len) != 1)
        return tm_err_openssl(e, "SHA-256");
    return write_fd(w->fd, data, len) == 0 ? 0
                                           : tm_err_errno(e, "write '%s/%s'", w->s->dir, w->name);
}

int tuf_stage_put(struct tuf_stage *s, enum tuf_stage_phase phase, const char *name,
                  const struct tuf_metadata *m, bool indented, struct tuf_stage_pin *pin,
                  struct tm_err *e)
{
    unsigned char digest[32];
    if (EVP_DigestInit_ex(s->ctx, s->sha256, NULL) != 1)
        return tm_err_openssl(e, "SHA-256");
    struct writing w = {.s = s, .name = name, .fd = create(s, name, e)};
    if (w.fd < 0)
        return -1;
    int rc = tuf_metadata_dump(m, indented, write_part, &w, e);
    if (close(w.fd) != 0 && rc == 0)
        rc = tm_err_errno(e, "write '%s/%s'", s->dir, name);
    if (rc == 0 && EVP_DigestFinal_ex(s->ctx, digest, NULL) != 1)
        rc = tm_err_openssl(e, "SHA-256");
    if (rc == 0 && pin != NULL) {
        pin->length = w.length;
        tm_hex_encode(digest, sizeof(digest), pin->sha256);
    }
    return rc == 0 ? add(s, phase, name, e) : rc;
}

/* The first `length` bytes: what is signed has no more. */
static int copy_hashed(const struct tuf_stage *s, int from, int to, long long length,
                       unsigned char digest[32])
{
    unsigned char block[BLOCK];
    if (EVP_DigestInit_ex(s->ctx, s->sha256, NULL) != 1)
        return -1;
    while (length > 0) {
        ssize_t n = read(from, block, length < BLOCK ? (size_t)length : BLOCK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || EVP_DigestUpdate(s->ctx, block, (size_t)n) != 1 ||
            write_fd(to, block, (size_t)n) != 0)
            return -1;
        if (n == 0)
            break;
        length -= n;
    }
    return EVP_DigestFinal_ex(s->ctx, digest, NULL) == 1 ? 0 : -1;
}

static bool is_there(const struct tuf_stage *s, const char *name, long long length)
{
    char path[PATH_MAX];
    struct stat st;
    return !s->fresh && tm_file_join(s->tree, name, path, sizeof(path), NULL) == 0 &&
           lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == length;
}

int tuf_stage_put_target(struct tuf_stage *s, const char *name, const char *from,
                         const char *sha256, long long length, struct tm_err *e)
{
    char hex[65];
    unsigned char digest[32];
    if (is_there(s, name, length))
        return 0;
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (in < 0)
        return tm_err_errno(e, "open target '%s'", from);
    int fd = create(s, name, e);
    if (fd < 0) {
        close(in);
        return -1;
    }
    int rc = copy_hashed(s, in, fd, length, digest) == 0
                 ? 0
                 : tm_err_errno(e, "copy '%s' to '%s/%s'", from, s->dir, name);
    close(in);
    if (close(fd) != 0 && rc == 0)
        rc = tm_err_errno(e, "write '%s/%s'", s->dir, name);
    if (rc != 0)
        return rc;
    tm_hex_encode(digest, sizeof(digest), hex);
    if (strcmp(hex, sha256) != 0)
        return tm_err_set(e, "target '%s' is not what was signed: sha256 %.16s..., signed %.16s...",
                          from, hex, sha256);
    s->targets++;
    return 0;
}

static int sync_all(const char *dir, struct tm_err *e)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd >= 0 && syncfs(fd) == 0 ? 0 : tm_err_errno(e, "sync '%s'", dir);
    if (fd >= 0)
        close(fd);
    return rc;
}

size_t tuf_stage_count(const struct tuf_stage *s)
{
    return s->count + s->targets;
}

static int sync_file(void *dir, const char *name, bool folder, struct tm_err *e)
{
    char path[PATH_MAX];
    if (folder)
        return 0;
    if (tm_file_join(dir, name, path, sizeof(path), e) != 0)
        return -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = fd >= 0 && fsync(fd) == 0 ? 0 : tm_err_errno(e, "sync '%s'", path);
    if (fd >= 0)
        close(fd);
    return rc;
}

int tuf_stage_sync(struct tuf_stage *s, struct tm_err *e)
{
    if (tuf_stage_count(s) > SYNC_EACH_MAX)
        return sync_all(s->dir, e);
    for (size_t i = 0; i < s->count; i++) {
        if (sync_file(s->dir, s->file[i].name, false, e) != 0)
            return -1;
    }
    return s->targets > 0 ? tuf_tree_walk(s->dir, TARGETS, sync_file, s->dir, e) : 0;
}

static int move_one(const struct tuf_stage *s, const char *name, struct tm_err *e)
{
    char from[PATH_MAX];
    char to[PATH_MAX];
    if (tm_file_join(s->dir, name, from, sizeof(from), e) != 0 ||
        tm_file_join(s->tree, name, to, sizeof(to), e) != 0)
        return -1;
    if (rename(from, to) == 0)
        return 0;
    if (errno == ENOENT && tuf_tree_make_parent(to, e) == 0 && rename(from, to) == 0)
        return 0;
    return tm_err_errno(e, "move '%s' into place", to);
}

static int move_target(void *stage, const char *name, bool folder, struct tm_err *e)
{
    return folder ? 0 : move_one(stage, name, e);
}

/* A first publication's targets move as one folder. */
static int move_targets(struct tuf_stage *s, struct tm_err *e)
{
    char to[PATH_MAX];
    if (s->targets == 0)
        return 0;
    if (s->fresh && tm_file_join(s->tree, TARGETS, to, sizeof(to), NULL) == 0 &&
        renameat(s->dir_fd, TARGETS, AT_FDCWD, to) == 0) {
        s->moved = true;
        return 0;
    }
    return tuf_tree_walk(s->dir, TARGETS, move_target, s, e);
}

static int sync_folder(void *stage, const char *name, bool folder, struct tm_err *e)
{
    const struct tuf_stage *s = stage;
    char path[PATH_MAX];
    if (!folder)
        return 0;
    return tm_file_join(s->tree, name, path, sizeof(path), e) == 0 ? tm_file_sync_dir(path, e) : -1;
}

/* The folders that target files have come into: what the staging folder had. */
static int sync_targets(struct tuf_stage *s, struct tm_err *e)
{
    if (s->targets == 0)
        return 0;
    if (s->targets > SYNC_EACH_MAX)
        return sync_all(s->tree, e);
    return tuf_tree_walk(s->moved ? s->tree : s->dir, TARGETS, sync_folder, s, e);
}

static int move_phase(struct tuf_stage *s, enum tuf_stage_phase phase, struct tm_err *e)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->file[i].phase == phase && move_one(s, s->file[i].name, e) != 0)
            return -1;
    }
    return 0;
}

/* No client looks for target files and versioned metadata before a new root or timestamp names
 * them: one wait for the disk serves both. */
int tuf_stage_commit(struct tuf_stage *s, struct tm_err *e)
{
    if (move_targets(s, e) != 0 || move_phase(s, STAGE_METADATA, e) != 0 ||
        sync_targets(s, e) != 0 || tm_file_sync_dir(s->tree, e) != 0)
        return -1;
    for (int phase = STAGE_ROOT; phase <= STAGE_LATEST; phase++) {
        if (move_phase(s, (enum tuf_stage_phase)phase, e) != 0 || tm_file_sync_dir(s->tree, e) != 0)
            return -1;
    }
    return 0;
}

struct linking {
    const struct tuf_stage *s;
    const char *next;
};

/* A new file beside the links to the old ones; a name that is there already is replaced. */
static int link_one(void *arg, const char *name, bool folder, struct tm_err *e)
{
    const struct linking *l = arg;
    char from[PATH_MAX];
    char to[PATH_MAX];
    if (folder)
        return 0;
    if (tm_file_join(l->s->dir, name, from, sizeof(from), e) != 0 ||
        tm_file_join(l->next, name, to, sizeof(to), e) != 0 || tuf_tree_make_parent(to, e) != 0)
        return -1;
    if (unlink(to) != 0 && errno != ENOENT)
        return tm_err_errno(e, "replace '%s'", to);
    return link(from, to) == 0 ? 0 : tm_err_errno(e, "link '%s'", to);
}

static int link_staged(const struct tuf_stage *s, const char *next, struct tm_err *e)
{
    struct linking l = {s, next};
    for (size_t i = 0; i < s->count; i++) {
        if (link_one(&l, s->file[i].name, false, e) != 0)
            return -1;
    }
    return s->targets > 0 ? tuf_tree_walk(s->dir, TARGETS, link_one, &l, e) : 0;
}

int tuf_stage_exchange(struct tuf_stage *s, bool *unsupported, struct tm_err *e)
{
    char next[PATH_MAX];
    *unsupported = false;
    if ((size_t)snprintf(next, sizeof(next), "%s.next", s->tree) >= sizeof(next))
        return tm_err_set(e, "'%s': the path is too long", s->tree);
    int rc = tuf_tree_remove(next, e);
    if (rc == 0)
        rc = tuf_tree_link(s->tree, next, STAGE_FOLDER, e);
    if (rc == 0)
        rc = link_staged(s, next, e);
    if (rc == 0)
        rc = sync_all(next, e);
    if (rc == 0 && renameat2(AT_FDCWD, next, AT_FDCWD, s->tree, RENAME_EXCHANGE) != 0) {
        *unsupported = errno == EINVAL || errno == ENOSYS || errno == EBUSY || errno == EOPNOTSUPP;
        rc = tm_err_errno(e, "exchange '%s' with '%s'", next, s->tree);
    }
    if (rc == 0) {
        char parent[PATH_MAX];
        snprintf(parent, sizeof(parent), "%s", s->tree);
        char *slash = strrchr(parent, '/');
        slash[slash == parent ? 1 : 0] = '\0';
        rc = tm_file_sync_dir(parent, e);
    }
    /* Either the copy that was not used, or the old tree. */
    if (tuf_tree_remove(next, rc == 0 ? e : NULL) != 0 && rc == 0)
        rc = -1;
    return rc;
}
