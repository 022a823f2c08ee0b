/*
 * "Did you mean": the known word closest to a mistyped one, by edit distance.
 */
#pragma once

#include <stddef.h>

struct tm_nearest {
    const char *word; /* borrowed */
    const char *best; /* borrowed; NULL: nothing is close */
    size_t distance;
};

void tm_nearest_init(struct tm_nearest *n, const char *word);
void tm_nearest_try(struct tm_nearest *n, const char *candidate); /* borrowed */

/* Insertions, deletions, replacements and swaps of neighbours from a to b; words over 63 bytes
 * are infinitely far. */
size_t tm_nearest_distance(const char *a, const char *b);
