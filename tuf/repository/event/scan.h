/*
 * The files of a targets folder: path, length and SHA-256 of each.
 */
#ifndef TENMINT_TUF_SCAN_H
#define TENMINT_TUF_SCAN_H

#include <jansson.h>
#include <stdint.h>

#include "common/err.h"

#define SCAN_FILES_MAX 2000000

struct scan_entry {
    char *path;      /* below the folder, '/' between parts */
    char sha256[65]; /* lower-case hex of the content */
    int64_t length;  /* bytes */
};

struct scan {
    struct scan_entry *entry; /* sorted by path */
    size_t count;
};

/* A missing folder holds nothing. Symbolic links, devices and names that no client would take are
 * refused. */
int scan_directory(const char *dir, struct scan *out, struct err *e);
void scan_free(struct scan *s);

/* An entry of `targets`: {"length", "hashes": {"sha256"}}. A new reference or NULL. */
json_t *scan_target(const struct scan_entry *entry);

/* {path: entry} of all. A new reference or NULL. */
json_t *scan_entries(const struct scan *files, struct err *e);

/* SHA-256 of a file, by blocks. */
int scan_hash_file(const char *path, char hex[65], int64_t *length, struct err *e);

#endif
