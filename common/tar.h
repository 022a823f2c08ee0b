/*
 * Writing a tar archive (POSIX ustar) in memory: regular files, mode 0644, of root, without dates,
 * so that the same files make the same bytes.
 */
#pragma once

#include "common/buf.h"
#include "common/err.h"

#define TAR_BLOCK 512
#define TAR_NAME_MAX 4096

/* Names that no header holds are written as GNU tar does. */
int tm_tar_add(struct tm_buf *out, const char *name, const void *data, size_t len,
               struct tm_err *e);

/*
 * The same, so placed behind a file of zeros called `filler` that its content lies between two
 * multiples of `boundary` (itself one of TAR_BLOCK) in the archive. 1: it is longer than that, and
 * was added all the same.
 */
int tm_tar_add_within(struct tm_buf *out, size_t boundary, const char *filler, const char *name,
                      const void *data, size_t len, struct tm_err *e);

/* What stands at an archive's end. */
int tm_tar_end(struct tm_buf *out, struct tm_err *e);

/* Appends `data`, compressed as gzip has it, without name and date. */
int tm_gzip(const void *data, size_t len, struct tm_buf *out, struct tm_err *e);
