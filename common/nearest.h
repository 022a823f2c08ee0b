/*
 * "Did you mean": the known word closest to a mistyped one, by edit distance.
 */
#ifndef TENMINT_COMMON_NEAREST_H
#define TENMINT_COMMON_NEAREST_H

#include <stddef.h>

struct nearest {
    const char *word; /* borrowed */
    const char *best; /* borrowed; NULL: nothing is close */
    size_t distance;
};

void nearest_init(struct nearest *n, const char *word);
void nearest_try(struct nearest *n, const char *candidate); /* borrowed */

/* Insertions, deletions, replacements and swaps of neighbours from a to b; words over 63 bytes
 * are infinitely far. */
size_t nearest_distance(const char *a, const char *b);

#endif
