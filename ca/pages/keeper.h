/*
 * Keeps a book up to date: a thread that follows logs and puts every new entry into it, as each is
 * proven to be the log's.
 */
#pragma once

#include "ca/pages/book.h"
#include "ca/pages/shelf.h"
#include "common/jlog.h"

struct ca_keeper;

/* Opens each log for itself; all is borrowed. `jlog` may be NULL. NULL with `e` set. */
struct ca_keeper *ca_keeper_new(struct ca_book *book, const struct ca_shelf_options *logs,
                                size_t count, struct tm_jlog *jlog, struct tm_err *e);
int ca_keeper_start(struct ca_keeper *k, struct tm_err *e);
void ca_keeper_free(struct ca_keeper *k); /* stops it; NULL is fine */

/* One round, as the thread makes it. -1: a log could not be followed, the others were. */
int ca_keeper_round(struct ca_keeper *k, struct tm_err *e);

struct ca_keeper_place { /* how far the book is */
    int64_t id;          /* of the log in it; 0: it was not read yet */
    uint64_t size, damaged;
};
/* Any thread. */
struct ca_keeper_place ca_keeper_place(struct ca_keeper *k, size_t log);
