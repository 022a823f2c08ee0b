/*
 * The length and hashes that metadata pin, checked over a file that comes in parts.
 */
#pragma once

#include "tuf/metadata/metadata.h"

struct tuf_digest;

/* NULL: an algorithm other than sha256 and sha512 is listed (every one must be checked). */
struct tuf_digest *tuf_digest_new(const struct tuf_file_info *info, struct tm_err *e);
void tuf_digest_free(struct tuf_digest *d);

/* -1 at once when more comes than the pinned length. */
int tuf_digest_add(struct tuf_digest *d, const void *data, size_t len, struct tm_err *e);

/* 0: length and every hash are as pinned. */
int tuf_digest_check(struct tuf_digest *d, struct tm_err *e);
