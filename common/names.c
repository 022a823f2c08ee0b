#include "common/names.h"

#include <stdlib.h>
#include <string.h>

/* Where it is, or would be. */
static size_t place_of(const struct tm_names *n, const char *name, bool *found)
{
    size_t low = 0;
    size_t high = n->count;
    *found = false;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strcmp(n->item[mid], name);
        *found = *found || order == 0;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

bool tm_names_have(const struct tm_names *n, const char *name)
{
    bool found;
    (void)place_of(n, name, &found);
    return found;
}

int tm_names_put(struct tm_names *n, const char *name)
{
    bool found;
    size_t at = place_of(n, name, &found);
    if (found)
        return 0;
    if (n->count == n->room) {
        size_t room = n->room > 0 ? 2 * n->room : 16;
        char **grown = realloc(n->item, room * sizeof(*grown));
        if (grown == NULL)
            return -1;
        n->item = grown;
        n->room = room;
    }
    char *copy = strdup(name);
    if (copy == NULL)
        return -1;
    memmove(n->item + at + 1, n->item + at, (n->count - at) * sizeof(*n->item));
    n->item[at] = copy;
    n->count++;
    return 1;
}

void tm_names_free(struct tm_names *n)
{
    for (size_t i = 0; i < n->count; i++)
        free(n->item[i]);
    free(n->item);
    *n = (struct tm_names){0};
}
