#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "ca/log/engine/journal.h"
#include "ca/log/engine/reader.h"
#include "ca/log/engine/store.h"
#include "ca/log/engine/view.h"
#include "common/file.h"

#define KEY_FILE_MAX ((size_t)16 * 1024)

struct ca_log_retired {
    const struct ca_log_format *format;
    char *directory;
    EVP_PKEY *key;
    unsigned char id[32];
    struct tm_buf note;
    struct tm_checkpoint last;
    int lock_fd; /* -1: the directory has no lock file */
};

/* Shared, so that several servers may read; a writer's lock excludes it, and it a writer. `in_use`
 * is NULL where there must be no writer. */
static int share_lock(struct ca_log_retired *r, bool *in_use, struct tm_err *e)
{
    char path[PATH_MAX];
    if (tm_file_join(r->directory, LOG_LOCK, path, sizeof(path), e) != 0)
        return -1;
    r->lock_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (r->lock_fd < 0)
        return errno == ENOENT ? 0 : tm_err_errno(e, "open '%s'", path);
    if (flock(r->lock_fd, LOCK_SH | LOCK_NB) == 0)
        return 0;
    if (errno != EWOULDBLOCK)
        return tm_err_errno(e, "lock '%s'", path);
    if (in_use == NULL)
        return tm_err_set(e, "a process still writes to it");
    *in_use = true;
    close(r->lock_fd);
    r->lock_fd = -1;
    return 0;
}

static int read_key(struct ca_log_retired *r, const char *file, struct tm_err *e)
{
    struct tm_buf b = {0};
    int rc = tm_file_read_text(file, KEY_FILE_MAX, &b, e);
    if (rc == 0 && (r->key = r->format->parse_key(b.data, b.len, e)) == NULL)
        rc = tm_err_wrap(e, "'%s'", file);
    tm_buf_free(&b);
    return rc;
}

static int read_checkpoint(struct ca_log_retired *r, struct tm_err *e)
{
    struct tm_note n;
    struct tm_note_key key;
    if (ca_log_dir_checkpoint(r->directory, &r->note, &r->last, e) != 0 ||
        r->format->log_id(r->id, r->last.origin, r->key, e) != 0 ||
        r->format->note_key(&key, r->last.origin, r->key, e) != 0 ||
        tm_note_parse(r->note.data, r->note.len, &n, e) != 0)
        return -1;
    int rc = tm_note_verify(&n, &key, NULL, e);
    tm_note_free(&n);
    return rc == 0 ? 0 : tm_err_wrap(e, "checkpoint");
}

static int check_root(const struct ca_log_retired *r, struct tm_err *e)
{
    struct ca_log_dir dir = {.path = r->directory, .size = r->last.size};
    struct ca_log_tiles tiles = ca_log_dir_tiles(&dir);
    struct tm_merkle_hash root;
    if (ca_log_tree_root(&tiles, r->last.size, &root, e) != 0)
        return -1;
    return tm_merkle_equal(&root, &r->last.root)
               ? 0
               : tm_err_set(e, "the tiles' root hash is not the checkpoint's: the data is damaged");
}

static int on_begin(void *ctx, uint64_t base, struct tm_err *e)
{
    (void)e;
    *(uint64_t *)ctx = base;
    return 0;
}

static int on_group(void *ctx, uint64_t first, uint32_t count, const unsigned char *data,
                    size_t len, struct tm_err *e)
{
    (void)data;
    (void)len;
    (void)e;
    *(uint64_t *)ctx = first + count;
    return 0;
}

/* A directory that was copied to be read has no journal. */
static int check_journal(const struct ca_log_retired *r, struct tm_err *e)
{
    char path[PATH_MAX];
    uint64_t end = 0;
    size_t torn = 0;
    const struct ca_journal_reader to = {.ctx = &end, .begin = on_begin, .group = on_group};
    if (tm_file_join(r->directory, LOG_JOURNAL, path, sizeof(path), e) != 0)
        return -1;
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return 0;
    if (ca_journal_read(r->directory, &to, &torn, e) != 0)
        return -1;
    if (end <= r->last.size)
        return 0;
    return tm_err_set(e,
                      "its journal holds %" PRIu64 " entries, its checkpoint covers %" PRIu64
                      ": it was not closed in order. Start and stop the server with it as "
                      "'embedded' once more, then retire it",
                      end, r->last.size);
}

static struct ca_log_retired *open_retired(const struct ca_log_format *format,
                                           const char *directory, const char *public_key_file,
                                           bool *in_use, struct tm_err *e)
{
    struct ca_log_retired *r = calloc(1, sizeof(*r));
    if (r == NULL || (r->directory = strdup(directory)) == NULL) {
        free(r);
        return tm_err_null(e, "out of memory");
    }
    r->format = format;
    r->lock_fd = -1;
    if (read_key(r, public_key_file, e) == 0 && share_lock(r, in_use, e) == 0 &&
        read_checkpoint(r, e) == 0 && check_root(r, e) == 0 &&
        ((in_use != NULL && *in_use) || check_journal(r, e) == 0))
        return r;
    tm_err_wrap(e, "retired log '%s'", directory);
    ca_log_retired_close(r);
    return NULL;
}

struct ca_log_retired *ca_log_retired_open(const struct ca_log_format *format,
                                           const char *directory, const char *public_key_file,
                                           struct tm_err *e)
{
    return open_retired(format, directory, public_key_file, NULL, e);
}

struct ca_log_retired *ca_log_retired_look(const struct ca_log_format *format,
                                           const char *directory, const char *public_key_file,
                                           bool *in_use, struct tm_err *e)
{
    *in_use = false;
    return open_retired(format, directory, public_key_file, in_use, e);
}

void ca_log_retired_close(struct ca_log_retired *r)
{
    if (r == NULL)
        return;
    if (r->lock_fd >= 0)
        close(r->lock_fd);
    EVP_PKEY_free(r->key);
    tm_buf_free(&r->note);
    free(r->directory);
    free(r);
}

static uint64_t last_checkpoint(void *ctx, struct tm_buf *note)
{
    const struct ca_log_retired *r = ctx;
    tm_buf_append(note, r->note.data, r->note.len);
    return r->last.size;
}

struct ca_log_view ca_log_retired_view(struct ca_log_retired *r)
{
    return (struct ca_log_view){.directory = r->directory,
                                .origin = r->last.origin,
                                .id = r->id,
                                .key = r->key,
                                .checkpoint = last_checkpoint,
                                .ctx = r};
}
