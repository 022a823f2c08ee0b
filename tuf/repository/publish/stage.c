#include "tuf/repository/publish/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "tuf/repository/publish/tree.h"

#define BLOCK 65536
#define SYNC_EACH_MAX 64 /* more files than this are synced with their whole file system */

int stage_open(const char *tree, struct stage *s, struct err *e)
{
    *s = (struct stage){0};
    if (tree_make(tree, e) != 0)
        return -1;
    /* A tree that is a symbolic link stays one: what it points to changes. */
    if (realpath(tree, s->tree) == NULL)
        return err_errno(e, "published tree '%s'", tree);
    if (file_join(s->tree, STAGE_FOLDER, s->dir, sizeof(s->dir), e) != 0 ||
        tree_remove(s->dir, e) != 0 || file_mkdirs(s->dir, 0700, e) != 0)
        return -1;
    return 0;
}

void stage_close(struct stage *s)
{
    if (s->dir[0] != '\0')
        tree_remove(s->dir, NULL);
    for (size_t i = 0; i < s->count; i++)
        free(s->file[i].name);
    free(s->file);
    *s = (struct stage){0};
}

static int add(struct stage *s, enum stage_phase phase, const char *name, struct err *e)
{
    if (s->count == s->cap) {
        size_t cap = s->cap > 0 ? 2 * s->cap : 16;
        void *grown = realloc(s->file, cap * sizeof(*s->file));
        if (grown == NULL)
            return err_set(e, "out of memory");
        s->file = grown;
        s->cap = cap;
    }
    char *copy = strdup(name);
    if (copy == NULL)
        return err_set(e, "out of memory");
    s->file[s->count++] = (struct stage_file){.name = copy, .phase = phase};
    return 0;
}

/* A new file below `dir`, its folders made when the first try finds none. */
static int create(const char *dir, const char *name, char path[PATH_MAX], struct err *e)
{
    if (file_join(dir, name, path, PATH_MAX, e) != 0)
        return -1;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0 && errno == ENOENT && tree_make_parent(path, e) == 0)
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return err_errno(e, "create '%s'", path);
    if (fchmod(fd, 0644) != 0) { /* readers are others, whatever the umask */
        err_errno(e, "chmod '%s'", path);
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

int stage_put(struct stage *s, enum stage_phase phase, const char *name, const void *data,
              size_t len, struct err *e)
{
    char path[PATH_MAX];
    int fd = create(s->dir, name, path, e);
    if (fd < 0)
        return -1;
    int rc = write_fd(fd, data, len) == 0 ? 0 : err_errno(e, "write '%s'", path);
    if (close(fd) != 0 && rc == 0)
        rc = err_errno(e, "write '%s'", path);
    return rc == 0 ? add(s, phase, name, e) : rc;
}

static int copy_hashed(int from, int to, unsigned char digest[32], const char *path, struct err *e)
{
    unsigned char block[BLOCK];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int rc = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1
                 ? 0
                 : err_openssl(e, "SHA-256");
    while (rc == 0) {
        ssize_t n = read(from, block, sizeof(block));
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            break;
        if (n < 0 || EVP_DigestUpdate(ctx, block, (size_t)n) != 1 ||
            write_fd(to, block, (size_t)n) != 0)
            rc = err_errno(e, "copy to '%s'", path);
    }
    if (rc == 0 && EVP_DigestFinal_ex(ctx, digest, NULL) != 1)
        rc = err_openssl(e, "SHA-256");
    EVP_MD_CTX_free(ctx);
    return rc;
}

static bool is_there(const struct stage *s, const char *name, long long length)
{
    char path[PATH_MAX];
    struct stat st;
    return file_join(s->tree, name, path, sizeof(path), NULL) == 0 && lstat(path, &st) == 0 &&
           S_ISREG(st.st_mode) && st.st_size == length;
}

int stage_put_target(struct stage *s, const char *name, const char *from, const char *sha256,
                     long long length, struct err *e)
{
    char path[PATH_MAX];
    char hex[65];
    unsigned char digest[32];
    if (is_there(s, name, length))
        return 0;
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (in < 0)
        return err_errno(e, "open target '%s'", from);
    int fd = create(s->dir, name, path, e);
    if (fd < 0) {
        close(in);
        return -1;
    }
    int rc = copy_hashed(in, fd, digest, path, e);
    close(in);
    if (close(fd) != 0 && rc == 0)
        rc = err_errno(e, "write '%s'", path);
    for (size_t i = 0; i < sizeof(digest) && rc == 0; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    if (rc == 0 && strcmp(hex, sha256) != 0)
        rc = err_set(e, "target '%s' is not what was signed: sha256 %.16s..., signed %.16s...",
                     from, hex, sha256);
    return rc == 0 ? add(s, STAGE_TARGET, name, e) : rc;
}

static int sync_all(const char *dir, struct err *e)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd >= 0 && syncfs(fd) == 0 ? 0 : err_errno(e, "sync '%s'", dir);
    if (fd >= 0)
        close(fd);
    return rc;
}

int stage_sync(struct stage *s, struct err *e)
{
    if (s->count > SYNC_EACH_MAX)
        return sync_all(s->dir, e);
    for (size_t i = 0; i < s->count; i++) {
        char path[PATH_MAX];
        if (file_join(s->dir, s->file[i].name, path, sizeof(path), e) != 0)
            return -1;
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        int rc = fd >= 0 && fsync(fd) == 0 ? 0 : err_errno(e, "sync '%s'", path);
        if (fd >= 0)
            close(fd);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int move_one(const struct stage *s, const struct stage_file *f, struct err *e)
{
    char from[PATH_MAX];
    char to[PATH_MAX];
    if (file_join(s->dir, f->name, from, sizeof(from), e) != 0 ||
        file_join(s->tree, f->name, to, sizeof(to), e) != 0)
        return -1;
    if (rename(from, to) == 0)
        return 0;
    if (errno == ENOENT && tree_make_parent(to, e) == 0 && rename(from, to) == 0)
        return 0;
    return err_errno(e, "move '%s' into place", to);
}

/* The folders of the files of phases first..last. */
static int sync_parents(const struct stage *s, int first, int last, struct err *e)
{
    for (size_t i = 0; i < s->count; i++) {
        char path[PATH_MAX];
        if ((int)s->file[i].phase < first || (int)s->file[i].phase > last)
            continue;
        if (file_join(s->tree, s->file[i].name, path, sizeof(path), e) != 0)
            return -1;
        *strrchr(path, '/') = '\0';
        if (file_sync_dir(path, e) != 0)
            return -1;
    }
    return 0;
}

int stage_commit(struct stage *s, struct err *e)
{
    size_t moved = 0;
    int first = STAGE_TARGET;
    for (int phase = STAGE_TARGET; phase <= STAGE_LATEST; phase++) {
        for (size_t i = 0; i < s->count; i++) {
            if ((int)s->file[i].phase != phase)
                continue;
            if (move_one(s, &s->file[i], e) != 0)
                return -1;
            moved++;
        }
        /* No client looks for target files and versioned metadata before a new root or timestamp
         * names them: one wait for the disk serves both. */
        if (phase == STAGE_TARGET)
            continue;
        if ((moved > SYNC_EACH_MAX ? sync_all(s->tree, e) : sync_parents(s, first, phase, e)) != 0)
            return -1;
        moved = 0;
        first = phase + 1;
    }
    return 0;
}

/* The new files beside the links to the old ones; a name that is there already is replaced. */
static int link_staged(const struct stage *s, const char *next, struct err *e)
{
    for (size_t i = 0; i < s->count; i++) {
        char from[PATH_MAX];
        char to[PATH_MAX];
        if (file_join(s->dir, s->file[i].name, from, sizeof(from), e) != 0 ||
            file_join(next, s->file[i].name, to, sizeof(to), e) != 0 ||
            tree_make_parent(to, e) != 0)
            return -1;
        if (unlink(to) != 0 && errno != ENOENT)
            return err_errno(e, "replace '%s'", to);
        if (link(from, to) != 0)
            return err_errno(e, "link '%s'", to);
    }
    return 0;
}

int stage_exchange(struct stage *s, bool *unsupported, struct err *e)
{
    char next[PATH_MAX];
    *unsupported = false;
    if ((size_t)snprintf(next, sizeof(next), "%s.next", s->tree) >= sizeof(next))
        return err_set(e, "'%s': the path is too long", s->tree);
    int rc = tree_remove(next, e);
    if (rc == 0)
        rc = tree_link(s->tree, next, STAGE_FOLDER, e);
    if (rc == 0)
        rc = link_staged(s, next, e);
    if (rc == 0)
        rc = sync_all(next, e);
    if (rc == 0 && renameat2(AT_FDCWD, next, AT_FDCWD, s->tree, RENAME_EXCHANGE) != 0) {
        *unsupported = errno == EINVAL || errno == ENOSYS || errno == EBUSY || errno == EOPNOTSUPP;
        rc = err_errno(e, "exchange '%s' with '%s'", next, s->tree);
    }
    if (rc == 0) {
        char parent[PATH_MAX];
        snprintf(parent, sizeof(parent), "%s", s->tree);
        char *slash = strrchr(parent, '/');
        slash[slash == parent ? 1 : 0] = '\0';
        rc = file_sync_dir(parent, e);
    }
    /* Either the copy that was not used, or the old tree. */
    if (tree_remove(next, rc == 0 ? e : NULL) != 0 && rc == 0)
        rc = -1;
    return rc;
}
