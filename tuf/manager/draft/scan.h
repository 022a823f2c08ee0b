/*
 * The files of a targets folder: path, length and SHA-256 of each.
 */
#pragma once

#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "tuf/manager/state/progress.h"
#include "tuf/metadata/metadata.h"

#define SCAN_FILES_MAX 2000000

struct tuf_scan_entry {
    int64_t length; /* bytes */
    uint32_t path;  /* where it begins in `paths` */
    unsigned char sha256[32];
};

struct tuf_scan {
    struct tuf_scan_entry *entry; /* sorted by path */
    size_t count;
    struct tm_buf paths; /* below the folder, '/' between parts; each with its NUL */
};

/* A missing folder holds nothing. Symbolic links, devices and names that no client would take are
 * refused. */
int tuf_scan_directory(const char *dir, const struct tuf_progress *progress, struct tuf_scan *out,
                       struct tm_err *e);
void tuf_scan_free(struct tuf_scan *s);

static inline const char *scan_path(const struct tuf_scan *files, size_t i)
{
    return (const char *)files->paths.data + files->entry[i].path;
}

/* Whether a file is what was pinned: 1, 0, or -1 when it cannot be read. */
int tuf_scan_is(const char *path, const struct tuf_file_info *info, struct tm_err *e);
