/*
 * The client's cache directory: one process at a time, files replaced atomically. No file ends in
 * .json but verified metadata.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"

struct tuf_store {
    char dir[PATH_MAX];
    int lock_fd;  /* of the directory itself */
    bool passing; /* need not outlive a power cut: nothing is synced */
};

/* Makes the directory, waits up to wait_ms for its lock, removes what a killed run left. */
int tuf_store_open(struct tuf_store *s, const char *dir, long wait_ms, struct tm_err *e);
void tuf_store_close(struct tuf_store *s);

/* 1: read, 0: there is none, -1: it cannot be read or is over `max` bytes. `file` is a name in
 * the cache, as "root.json" or "root_history/3.root.json". */
int tuf_store_read(const struct tuf_store *s, const char *file, size_t max, struct tm_buf *out,
                   struct tm_err *e);
int tuf_store_write(const struct tuf_store *s, const char *file, const struct tm_buf *bytes,
                    struct tm_err *e);
/* No error when there is none. */
int tuf_store_remove(const struct tuf_store *s, const char *file, struct tm_err *e);
