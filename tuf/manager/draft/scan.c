#include "tuf/manager/draft/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tuf/manager/state/names.h"
#include "tuf/metadata/digest.h"

#define BLOCK 65536
#define DEPTH_MAX 32

struct walk {
    struct tuf_scan *out;
    size_t cap;
    EVP_MD_CTX *ctx;
    EVP_MD *sha256;
    const struct tuf_progress *progress;
    struct tm_err *e;
};

static int hash_fd(EVP_MD_CTX *ctx, const EVP_MD *md, int fd, unsigned char digest[32],
                   int64_t *length)
{
    unsigned char block[BLOCK];
    *length = 0;
    if (EVP_DigestInit_ex(ctx, md, NULL) != 1)
        return -1;
    for (;;) {
        ssize_t n = read(fd, block, sizeof(block));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || (n > 0 && EVP_DigestUpdate(ctx, block, (size_t)n) != 1))
            return -1;
        if (n == 0)
            break;
        *length += n;
    }
    return EVP_DigestFinal_ex(ctx, digest, NULL) == 1 ? 0 : -1;
}

int tuf_scan_is(const char *path, const struct tuf_file_info *info, struct tm_err *e)
{
    unsigned char block[BLOCK];
    struct tuf_digest *d = tuf_digest_new(info, e);
    int fd = d != NULL ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    int rc = d == NULL ? 0 : fd >= 0 ? 1 : tm_err_errno(e, "read '%s'", path);
    for (ssize_t n = 1; rc == 1 && n > 0;) {
        n = read(fd, block, sizeof(block));
        if (n < 0)
            rc = tm_err_errno(e, "read '%s'", path);
        else if (n > 0 && tuf_digest_add(d, block, (size_t)n, e) != 0)
            rc = 0;
    }
    if (rc == 1 && tuf_digest_check(d, e) != 0)
        rc = 0;
    if (fd >= 0)
        close(fd);
    tuf_digest_free(d);
    return rc;
}

static int add_file(struct walk *w, int dir_fd, const char *leaf, const char *path)
{
    struct tuf_scan *s = w->out;
    if (s->count == SCAN_FILES_MAX)
        return tm_err_set(w->e, "more than %d targets", SCAN_FILES_MAX);
    if (s->count == w->cap) {
        size_t cap = w->cap > 0 ? 2 * w->cap : 64;
        void *grown = realloc(s->entry, cap * sizeof(*s->entry));
        if (grown == NULL)
            return tm_err_set(w->e, "out of memory");
        s->entry = grown;
        w->cap = cap;
    }
    tuf_progress_tell(w->progress, "files read", s->count);
    struct tuf_scan_entry *entry = &s->entry[s->count];
    int fd = openat(dir_fd, leaf, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int rc = fd >= 0 && hash_fd(w->ctx, w->sha256, fd, entry->sha256, &entry->length) == 0
                 ? 0
                 : tm_err_errno(w->e, "read target '%s'", path);
    if (fd >= 0)
        close(fd);
    if (rc != 0)
        return rc;
    entry->path = (uint32_t)s->paths.len;
    tm_buf_append(&s->paths, path, strlen(path) + 1);
    if (buf_failed(&s->paths))
        return tm_err_set(w->e, "out of memory");
    s->count++;
    return 0;
}

static int walk(struct walk *w, int dir_fd, const char *prefix, int depth);

static int walk_entry(struct walk *w, int dir_fd, const char *leaf, const char *prefix, int depth)
{
    char path[PATH_MAX];
    struct stat st;
    size_t len = (size_t)snprintf(path, sizeof(path), "%s%s", prefix, leaf);
    if (len >= sizeof(path) - 1)
        return tm_err_set(w->e, "target '%.100s...': the path is too long", prefix);
    if (tuf_names_target_ok(path, w->e) != 0)
        return -1;
    if (fstatat(dir_fd, leaf, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return tm_err_errno(w->e, "target '%s'", path);
    if (S_ISREG(st.st_mode))
        return add_file(w, dir_fd, leaf, path);
    if (!S_ISDIR(st.st_mode))
        return tm_err_set(w->e, "target '%s' is a %s: only plain files are published", path,
                          S_ISLNK(st.st_mode) ? "symbolic link" : "special file");
    if (depth == DEPTH_MAX)
        return tm_err_set(w->e, "target folder '%.200s' is over %d deep", path, DEPTH_MAX);
    int fd = openat(dir_fd, leaf, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return tm_err_errno(w->e, "open target folder '%s'", path);
    path[len] = '/'; /* one byte was kept free */
    path[len + 1] = '\0';
    return walk(w, fd, path, depth + 1);
}

/* Takes over dir_fd. */
static int walk(struct walk *w, int dir_fd, const char *prefix, int depth)
{
    DIR *d = fdopendir(dir_fd);
    if (d == NULL) {
        close(dir_fd);
        return tm_err_errno(w->e, "read target folder '%s'", prefix);
    }
    int rc = 0;
    errno = 0;
    for (struct dirent *entry = readdir(d); entry != NULL && rc == 0; entry = readdir(d)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = walk_entry(w, dirfd(d), entry->d_name, prefix, depth);
        errno = 0;
    }
    if (rc == 0 && errno != 0)
        rc = tm_err_errno(w->e, "read target folder '%s'", prefix);
    closedir(d);
    return rc;
}

static int by_path(const void *a, const void *b, void *paths)
{
    const char *all = paths;
    return strcmp(all + ((const struct tuf_scan_entry *)a)->path,
                  all + ((const struct tuf_scan_entry *)b)->path);
}

int tuf_scan_directory(const char *dir, const struct tuf_progress *progress, struct tuf_scan *out,
                       struct tm_err *e)
{
    *out = (struct tuf_scan){0};
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : tm_err_errno(e, "open targets folder '%s'", dir);
    struct walk w = {.out = out,
                     .ctx = EVP_MD_CTX_new(),
                     .sha256 = EVP_MD_fetch(NULL, "SHA256", NULL),
                     .progress = progress,
                     .e = e};
    int rc = -1;
    if (w.ctx != NULL && w.sha256 != NULL) {
        rc = walk(&w, fd, "", 0);
    } else {
        close(fd);
        tm_err_openssl(e, "SHA-256");
    }
    EVP_MD_CTX_free(w.ctx);
    EVP_MD_free(w.sha256);
    if (rc != 0) {
        tuf_scan_free(out);
        return tm_err_wrap(e, "targets folder '%s'", dir);
    }
    if (out->count > 0)
        qsort_r(out->entry, out->count, sizeof(*out->entry), by_path, out->paths.data);
    return 0;
}

void tuf_scan_free(struct tuf_scan *s)
{
    free(s->entry);
    tm_buf_free(&s->paths);
    *s = (struct tuf_scan){0};
}
