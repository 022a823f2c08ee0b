/*
 * A few objects that are dear to make, kept for whoever needs one next. No lock: taking and
 * putting back are one exchange each.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#define SHELF_PLACES 8 /* about as many as threads that work at once; more objects are let go */

struct tm_shelf { /* all zeros is an empty shelf */
    void *_Atomic place[SHELF_PLACES];
};

/* The caller's alone from now on; NULL: the shelf is empty. */
void *tm_shelf_take(struct tm_shelf *s);

/* False: no place is free, and the object is still the caller's. */
bool tm_shelf_put(struct tm_shelf *s, void *object);
