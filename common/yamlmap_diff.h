/*
 * Two structs that were read by one table (common/yamlmap.h), key by key.
 */
#pragma once

#include "common/yamlmap.h"

enum tm_yamlmap_change {
    YAMLMAP_CHANGED, /* a value, be it by being given or left out */
    YAMLMAP_ADDED,   /* an entry of YAMLMAP_ENTRIES */
    YAMLMAP_REMOVED
};

/* `key` is the way to it, "timeouts.wait" or "ct.logs.one.url", valid during the call. */
typedef void (*tm_yamlmap_diff_fn)(void *arg, const char *key, enum tm_yamlmap_change change);

/* One call for each difference, in the table's order. What a YAMLMAP_CALL has read is its owner's
 * to compare. */
void tm_yamlmap_diff(const struct tm_yamlmap_key *keys, const void *before, const void *after,
                     tm_yamlmap_diff_fn say, void *arg);
