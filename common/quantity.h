/*
 * Quantities as people write them, in configuration files and on command lines: digits and a unit,
 * nothing else, no sign, no space.
 */
#pragma once

#include <stdint.h>

/* All: 0, or -1 when `text` is no such quantity or one that does not fit. */
int tm_quantity_count(const char *text, int64_t *out);       /* "42" */
int tm_quantity_duration(const char *text, int64_t *out_ms); /* "500ms", "10s", "5m", "24h", "7d" */
int tm_quantity_size(const char *text, int64_t *out_bytes);  /* "4096", "256KiB", "4MiB" */
