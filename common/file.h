/*
 * Whole files: bounded reads and atomic, durable writes.
 */
#ifndef TENMINT_COMMON_FILE_H
#define TENMINT_COMMON_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <limits.h>
#include <sys/types.h>
#include <time.h>

#include "common/buf.h"
#include "common/err.h"

/* Appends the file's bytes to `out`; more than `max` bytes is an error. */
int file_read(const char *path, size_t max, struct buf *out, struct err *e);

/* As file_read, and refuses a file that group or others can read or write (private keys,
 * passwords). */
int file_read_secret(const char *path, size_t max, struct buf *out, struct err *e);

/* All of it, to a descriptor. -1 with errno; then a part may have been written. */
int file_write_all(int fd, const void *data, size_t len);

/* Writes a temporary file beside `path`, fsyncs, renames over `path`, fsyncs the
 * directory: a reader sees the old or the new content, also after a power cut. */
int file_write_atomic(const char *path, mode_t mode, const void *data, size_t len, struct err *e);

/* A file written in parts, that gets its name only when it is whole. */
struct file_stream {
    int fd; /* of the temporary file; -1: not open */
    char path[PATH_MAX];
    char tmp[PATH_MAX]; /* `path` and FILE_TMP_SUFFIX, with the X replaced */
};
#define FILE_TMP_SUFFIX ".tmp-XXXXXX" /* what a killed process may leave */

int file_stream_open(struct file_stream *f, const char *path, mode_t mode, struct err *e);
int file_stream_write(struct file_stream *f, const void *data, size_t len, struct err *e);
/* Syncs, renames over `path`, syncs the directory. Closed in any case. */
int file_stream_commit(struct file_stream *f, struct err *e);
void file_stream_abort(struct file_stream *f); /* fine after a commit */

/* As file_write_atomic, but fails if `path` exists. */
int file_create(const char *path, mode_t mode, const void *data, size_t len, struct err *e);

/* "dir/name" into out[size]; -1 when it does not fit. */
int file_join(const char *dir, const char *name, char *out, size_t size, struct err *e);

/* mkdir -p with `mode` for what is created. */
int file_mkdirs(const char *path, mode_t mode, struct err *e);

/* fsync of a directory, so that names created or renamed in it last. */
int file_sync_dir(const char *path, struct err *e);

/* What tells one version of a file from the next, renames and links included. */
struct file_stamp {
    dev_t dev;
    ino_t ino; /* 0: there is no such file */
    off_t size;
    struct timespec mtime;
    struct timespec ctime;
};

/* All zero for NULL, and for a path where nothing can be seen. */
struct file_stamp file_stamp(const char *path);
bool file_stamp_same(const struct file_stamp *a, const struct file_stamp *b);
/* Whether the file is another one than at the last look, whose stamp it renews. */
bool file_stamp_renew(const char *path, struct file_stamp *seen);

#endif
