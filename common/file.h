/*
 * Whole files: bounded reads and atomic, durable writes.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "common/buf.h"
#include "common/err.h"

/* Appends the file's bytes to `out`; more than `max` bytes is an error. */
int tm_file_read(const char *path, size_t max, struct tm_buf *out, struct tm_err *e);

/* As tm_file_read, for text that people write: a byte order mark, which some editors put first, is
 * no part of it. */
int tm_file_read_text(const char *path, size_t max, struct tm_buf *out, struct tm_err *e);

/* As tm_file_read, and refuses a file that group or others can read or write (private keys,
 * passwords). */
int tm_file_read_secret(const char *path, size_t max, struct tm_buf *out, struct tm_err *e);

/* The same in two parts, for a file that one process opens and another reads: whether it is a file,
 * and as `secret` no others'; then its bytes. `name` is for messages. A
 * pipe is waited for, `wait_ms` in all. */
int tm_file_check_open(int fd, const char *name, bool secret, struct tm_err *e);
int tm_file_read_open(int fd, const char *name, size_t max, int64_t wait_ms, struct tm_buf *out,
                      struct tm_err *e);
#define FILE_WAIT_MS \
    30000 /* for a pipe that is read by name: a password manager takes its time \
           */

/* Who opens what this process may not (a sandbox names files that were replaced since): called when
 * open(2) said EACCES though the file's mode allows it, on the thread that reads; a descriptor, or
 * -1 with errno. To be set once, before the first thread; nobody otherwise. */
void tm_file_on_denied(int (*open_for)(void *ctx, const char *path, bool append), void *ctx);

/* open(2) with close-on-exec, by way of the latter: `append`: to write at the end of a file, which
 * is made if it is not there (mode 0640). -1 with errno. */
int tm_file_open(const char *path, bool append);

/* All of it, to a descriptor. -1 with errno; then a part may have been written. */
int tm_file_write_all(int fd, const void *data, size_t len);

/* Writes a temporary file beside `path`, fsyncs, renames over `path`, fsyncs the
 * directory: a reader sees the old or the new content, also after a power cut. */
int tm_file_write_atomic(const char *path, mode_t mode, const void *data, size_t len,
                         struct tm_err *e);

/* The same but for the syncs: for files that are thrown away before a power cut could matter. */
int tm_file_write_passing(const char *path, mode_t mode, const void *data, size_t len,
                          struct tm_err *e);

/* A file written in parts, that gets its name only when it is whole. */
struct tm_file_stream {
    int fd; /* of the temporary file; -1: not open */
    char path[PATH_MAX];
    char tmp[PATH_MAX]; /* `path` and FILE_TMP_SUFFIX, with the X replaced */
};
#define FILE_TMP_SUFFIX ".tmp-XXXXXX" /* what a killed process may leave */

int tm_file_stream_open(struct tm_file_stream *f, const char *path, mode_t mode, struct tm_err *e);
int tm_file_stream_write(struct tm_file_stream *f, const void *data, size_t len, struct tm_err *e);
/* Syncs, renames over `path`, syncs the directory. Closed in any case. */
int tm_file_stream_commit(struct tm_file_stream *f, struct tm_err *e);
void tm_file_stream_abort(struct tm_file_stream *f); /* fine after a commit */

/* As tm_file_write_atomic, but fails if `path` exists. */
int tm_file_create(const char *path, mode_t mode, const void *data, size_t len, struct tm_err *e);

/* "dir/name" into out[size], also of a `dir` that ends with a slash; -1 when it does not fit. */
int tm_file_join(const char *dir, const char *name, char *out, size_t size, struct tm_err *e);

/* Whether there is a file, or anything else, of that name in `dir`. */
bool tm_file_is_in(const char *dir, const char *name);

/* rm -r: of a link, the link. -1: something is left. */
int tm_file_remove_tree(const char *dir, struct tm_err *e);

/* mkdir -p with `mode` for what is created. */
int tm_file_mkdirs(const char *path, mode_t mode, struct tm_err *e);

/* fsync of a directory, so that names created or renamed in it last. */
int tm_file_sync_dir(const char *path, struct tm_err *e);

/* What tells one version of a file from the next, renames and links included. */
struct tm_file_stamp {
    dev_t dev;
    ino_t ino; /* 0: there is no such file */
    off_t size;
    struct timespec mtime;
    struct timespec ctime;
};

/* All zero for NULL, and for a path where nothing can be seen. */
struct tm_file_stamp tm_file_stamp(const char *path);
bool tm_file_stamp_same(const struct tm_file_stamp *a, const struct tm_file_stamp *b);
/* Whether the file is another one than at the last look, whose stamp it renews. */
bool tm_file_stamp_renew(const char *path, struct tm_file_stamp *seen);
