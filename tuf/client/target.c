/* Targets (spec §5.7): fetched in parts, checked on the way, named only when they are good. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "tuf/client/internal.h"
#include "tuf/metadata/digest.h"

#define CHUNK ((size_t)64 * 1024)

/* Part of a URL or of a mirror directory's path: no segment may be empty, "." or "..". */
static int check_name(const char *name, struct tm_err *e)
{
    for (const char *p = name;; p++) {
        size_t len = strcspn(p, "/");
        if (len == 0 || (len == 1 && p[0] == '.') || (len == 2 && p[0] == '.' && p[1] == '.'))
            return tm_err_set(
                e, "the target name '%.200s' has a segment that is empty, '.' or '..'", name);
        p += len;
        if (*p == '\0')
            return 0;
    }
}

int tuf_client_target_path(const struct tuf_client *c, const char *name, char *out, size_t size,
                           struct tm_err *e)
{
    char encoded[TUF_ROLE_NAME_MAX + 1];
    if (!tuf_role_encode(name, encoded))
        return tm_err_set(e, "the target name '%.40s…' is too long for a file in the cache", name);
    if ((size_t)snprintf(out, size, "%s/targets/%s", c->store.dir, encoded) >= size)
        return tm_err_set(e, "the cache directory's path is too long");
    return 0;
}

/* "dir/name" to "dir/<hash>.name", with the hash that is listed first. */
static int remote_name(const struct tuf_client *c, const char *name,
                       const struct tuf_file_info *info, struct tm_buf *out, struct tm_err *e)
{
    const char *slash = strrchr(name, '/');
    size_t dir = slash != NULL ? (size_t)(slash - name) + 1 : 0;
    tm_buf_append(out, name, dir);
    if (tuf_root_consistent_snapshot(c->top[TUF_ROOT])) {
        const char *hash = info->hash[0].hex; /* of a target there is one at least */
        if (strspn(hash, "0123456789abcdef") != strlen(hash))
            return tm_err_set(e, "target '%.200s': its hash is not in lower-case hex", name);
        tm_buf_printf(out, "%s.", hash);
    }
    tm_buf_puts(out, name + dir);
    return buf_failed(out) ? tm_err_set(e, "out of memory") : 0;
}

/* ---- where the bytes go ---- */

struct arrival {
    const char *path;
    const struct tuf_file_info *info;
    struct tuf_digest *digest;
    struct tm_file_stream file;
};

static int arrival_begin(void *arg, struct tm_err *e)
{
    struct arrival *a = arg;
    tm_file_stream_abort(&a->file);
    tuf_digest_free(a->digest);
    a->digest = tuf_digest_new(a->info, e);
    return a->digest != NULL ? tm_file_stream_open(&a->file, a->path, 0644, e) : -1;
}

static int arrival_add(void *arg, const void *data, size_t len, struct tm_err *e)
{
    struct arrival *a = arg;
    return tuf_digest_add(a->digest, data, len, e) == 0
               ? tm_file_stream_write(&a->file, data, len, e)
               : -1;
}

static int arrival_accept(void *arg, struct tm_err *e)
{
    struct arrival *a = arg;
    if (tuf_digest_check(a->digest, e) != 0)
        return tm_err_wrap(e, "mix-and-match");
    return tm_file_stream_commit(&a->file, e);
}

static void arrival_end(struct arrival *a)
{
    tm_file_stream_abort(&a->file);
    tuf_digest_free(a->digest);
}

/* ---- where they may be already ---- */

/* 0: the file at `path` is the target; its bytes went to `to`, unless that is NULL. */
static int check_file(const char *path, const struct tuf_file_info *info, struct arrival *to,
                      struct tm_err *e)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct tuf_digest *d = tuf_digest_new(info, e);
    unsigned char *chunk = malloc(CHUNK);
    int rc = fd >= 0 && d != NULL && chunk != NULL && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
                     st.st_size == info->length
                 ? 0
                 : -1;
    while (rc == 0) {
        ssize_t n = read(fd, chunk, CHUNK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            rc = n == 0 ? tuf_digest_check(d, e) : -1;
            break;
        }
        rc = tuf_digest_add(d, chunk, (size_t)n, e);
        if (rc == 0 && to != NULL)
            rc = arrival_add(to, chunk, (size_t)n, e);
    }
    free(chunk);
    tuf_digest_free(d);
    if (fd >= 0)
        close(fd);
    return rc;
}

/* From the cache's copy, if it is good. */
static int copy_cached(const char *cached, struct arrival *a, struct tm_err *e)
{
    if (check_file(cached, a->info, NULL, e) != 0 || arrival_begin(a, e) != 0 ||
        check_file(cached, a->info, a, e) != 0)
        return -1;
    return arrival_accept(a, e);
}

static int download(struct tuf_client *c, const char *name, struct arrival *a, struct tm_err *e)
{
    struct tm_buf file = {0};
    struct tuf_mirror_sink sink = {arrival_begin, arrival_add, arrival_accept, a};
    int rc = remote_name(c, name, a->info, &file, e);
    if (rc == 0 && tuf_mirrors_get(&c->targets, tm_buf_str(&file), true, (size_t)a->info->length,
                                   &sink, e) != MIRROR_OK)
        rc = -1;
    tm_buf_free(&file);
    return rc;
}

static int get_into(struct tuf_client *c, const char *name, const char *path, const char *cached,
                    const struct tuf_file_info *info, struct tm_err *e)
{
    struct arrival a = {.path = path, .info = info, .file.fd = -1};
    struct tm_err why = {0};
    int rc = -1;
    if (check_file(path, info, NULL, &why) == 0)
        return 0;
    if (strcmp(path, cached) != 0 && *cached != '\0')
        rc = copy_cached(cached, &a, &why);
    if (rc != 0 && c->offline) {
        tm_err_set(e, "target '%.200s': offline, and the cache does not hold it", name);
        tm_err_mark(e, ERR_UNAVAILABLE);
    } else if (rc != 0) {
        rc = download(c, name, &a, e);
    }
    arrival_end(&a);
    return rc;
}

/* The entry, and the cache's path ("" when the name is too long for one). */
static int find(struct tuf_client *c, const char *name, struct tuf_file_info *info,
                char cached[PATH_MAX], struct tm_err *e)
{
    struct tm_err ignored;
    if (c->top[TUF_TARGETS] == NULL)
        return tm_err_set(e, "target '%.200s': refresh first", name);
    if (check_name(name, e) != 0 || tuf_walk_find(c, name, info, NULL, e) != 0)
        return -1;
    if (tuf_client_target_path(c, name, cached, PATH_MAX, &ignored) != 0)
        cached[0] = '\0';
    return 0;
}

int tuf_client_source(struct tuf_client *c, const char *name, struct tuf_client_source *out,
                      struct tm_err *e)
{
    struct tuf_file_info info;
    if (c->top[TUF_TARGETS] == NULL)
        return tm_err_set(e, "target '%.200s': refresh first", name);
    return check_name(name, e) == 0 ? tuf_walk_find(c, name, &info, out, e) : -1;
}

int tuf_client_get(struct tuf_client *c, const char *name, const char *path, struct tm_err *e)
{
    struct tuf_file_info info;
    char cached[PATH_MAX];
    char folder[PATH_MAX];
    if (find(c, name, &info, cached, e) != 0)
        return -1;
    if (path != NULL)
        return get_into(c, name, path, cached, &info, e);
    if (tuf_client_target_path(c, name, cached, sizeof(cached), e) != 0 ||
        tm_file_join(c->store.dir, "targets", folder, sizeof(folder), e) != 0 ||
        (!c->offline && tm_file_mkdirs(folder, 0755, e) != 0))
        return -1;
    return get_into(c, name, cached, cached, &info, e);
}

int tuf_client_read(struct tuf_client *c, const char *name, size_t max, struct tm_buf *out,
                    struct tm_err *e)
{
    struct tuf_file_info info;
    struct tm_buf b = {0};
    char cached[PATH_MAX];
    int rc = tuf_client_get(c, name, NULL, e) == 0 && find(c, name, &info, cached, e) == 0 &&
                     tm_file_read(cached, max, &b, e) == 0
                 ? 0
                 : -1;
    /* Other programs may write there: what counts is what was read. */
    if (rc == 0 && tuf_file_check(&info, b.data, b.len, e) != 0)
        rc = tm_err_wrap(e, "'%s'", cached);
    if (rc == 0)
        tm_buf_append(out, b.data, b.len);
    tm_buf_free(&b);
    return rc == 0 && buf_failed(out) ? tm_err_set(e, "out of memory") : rc;
}
