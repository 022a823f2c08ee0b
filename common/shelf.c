#include "common/shelf.h"

#include <stddef.h>

void *tm_shelf_take(struct tm_shelf *s)
{
    for (unsigned i = 0; i < SHELF_PLACES; i++) {
        void *object = NULL;
        if (atomic_load(&s->place[i]) != NULL)
            object = atomic_exchange(&s->place[i], NULL);
        if (object != NULL)
            return object;
    }
    return NULL;
}

bool tm_shelf_put(struct tm_shelf *s, void *object)
{
    for (unsigned i = 0; i < SHELF_PLACES; i++) {
        void *none = NULL;
        if (atomic_load(&s->place[i]) == NULL &&
            atomic_compare_exchange_strong(&s->place[i], &none, object))
            return true;
    }
    return false;
}
