/*
 * How the files of a published tree are called (TUF spec §3.1, consistent snapshots).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "tuf/metadata/metadata.h"

#define NAMES_MAX 1024 /* bytes of a metadata file's name, its NUL included */

/* "7.targets.json"; a delegated role's name percent-encoded ("a/b": "7.a%2Fb.json"). */
int tuf_names_metadata(int64_t version, const char *role, char *out, size_t size, struct tm_err *e);

/* Appends "targets/dir/<hash>.name" for the target "dir/name". */
void tuf_names_target(const char *path, const char *sha256, struct tm_buf *out);

/* The hash that its file's name has: sha256, or sha512 where others list no other. NULL: neither.
 */
const char *tuf_names_hash(const struct tuf_file_info *info);

/* A target path that is safe as a file name on every side: relative, no empty, '.' or '..'
 * segment, no control byte, no backslash, at most TUF_TARGET_PATH_MAX bytes. */
int tuf_names_target_ok(const char *path, struct tm_err *e);
