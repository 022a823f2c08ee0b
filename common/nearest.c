#include "common/nearest.h"

#include <stdint.h>
#include <string.h>

#define WORD_MAX 63

static size_t min2(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t tm_nearest_distance(const char *a, const char *b)
{
    size_t la = strlen(a);
    size_t lb = strlen(b);
    size_t rows[3][WORD_MAX + 1];
    if (la > WORD_MAX || lb > WORD_MAX)
        return SIZE_MAX;
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= lb; j++)
        last[j] = j;
    for (size_t i = 1; i <= la; i++) {
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t replace = last[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = min2(min2(last[j], row[j - 1]) + 1, replace);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = min2(row[j], before[j - 2] + 1);
        }
        size_t *free_row = before;
        before = last;
        last = row;
        row = free_row;
    }
    return last[lb];
}

void tm_nearest_init(struct tm_nearest *n, const char *word)
{
    /* More than a third of the word wrong is another word. */
    size_t limit = strlen(word) / 3 + 1;
    *n = (struct tm_nearest){.word = word, .best = NULL, .distance = limit < 4 ? limit + 1 : 5};
}

void tm_nearest_try(struct tm_nearest *n, const char *candidate)
{
    size_t d = tm_nearest_distance(n->word, candidate);
    if (d < n->distance) {
        n->distance = d;
        n->best = candidate;
    }
}
