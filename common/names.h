/*
 * A set of texts, sorted: some ten thousand of them: each that is put in moves those behind it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct tm_names { /* zeros: empty */
    char **item;  /* owned, as are the texts; by strcmp */
    size_t count, room;
};

bool tm_names_have(const struct tm_names *n, const char *name);

/* Copies it. 1: put in, 0: it was there, -1: out of memory. */
int tm_names_put(struct tm_names *n, const char *name);

void tm_names_free(struct tm_names *n); /* it is empty then */
