/*
 * Arrays from malloc that stay short and grow by one.
 */
#pragma once

#include <stddef.h>

#include "common/err.h"

/* A new last item of `size` bytes, zeros, of the array that the pointer at `items` leads to (NULL:
 * none yet); `count` counts it. NULL with `e` set: out of memory, and the array is as before. */
void *tm_grow(void *items, size_t *count, size_t size, struct tm_err *e);
