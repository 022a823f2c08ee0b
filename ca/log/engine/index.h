/*
 * The index of leaf hashes: sorted runs of records, merged as they grow, in DIR/state/index. It is
 * made from the level 0 tiles and can be thrown away.
 *
 *   <level>-<first>: 2^(12 + 2 * level) records of 16 bytes, of the entries from `first` on:
 *   the first 8 bytes of the leaf hash, then the entry's number; big-endian, in order.
 */
#pragma once

#include <limits.h>
#include <stdint.h>

#include "ca/log/engine/store.h"

#define INDEX_LEVELS 14
#define INDEX_FANOUT 4                 /* few runs: a lookup reads of each */
#define INDEX_RUN_MIN ((uint64_t)4096) /* entries of a run of level 0: 16 tiles */
#define INDEX_RECORD 16

static inline uint64_t index_run_count(unsigned level)
{
    return INDEX_RUN_MIN << (2 * level);
}

int ca_index_run_path(const char *dir, unsigned level, uint64_t first, char out[PATH_MAX]);

/* Opens the longest whole run that begins with entry `first`: a descriptor and its level, or -1. */
int ca_index_run_open(const char *dir, uint64_t first, unsigned *level);
