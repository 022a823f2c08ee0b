#include "common/grow.h"

#include <stdlib.h>
#include <string.h>

void *tm_grow(void *items, size_t *count, size_t size, struct tm_err *e)
{
    unsigned char *array;
    memcpy(&array, items, sizeof(array)); /* a pointer of any type */
    array = reallocarray(array, *count + 1, size);
    if (array == NULL)
        return tm_err_null(e, "out of memory");
    memcpy(items, &array, sizeof(array));
    return memset(array + (*count)++ * size, 0, size);
}
