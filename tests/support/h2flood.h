/*
 * Floods of HTTP/2: frames that cost their sender little and ask for nothing, or for work without
 * end.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"

struct h2flood_kind {
    const char *name;
    void (*one)(int fd, uint32_t id, const struct tm_buf *block);
    bool answered; /* real requests: the connection need not end */
};
extern const struct h2flood_kind h2flood_kinds[]; /* the last has no name */

/* Sends one kind on one connection until the server closes, at most `most` frames and `ms`; how
 * many it was. */
unsigned h2flood(const char *address, const struct h2flood_kind *kind, const char *path,
                 unsigned most, int ms);
