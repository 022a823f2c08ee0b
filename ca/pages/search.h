/*
 * Entries that are what was asked for: the book says where they may be, each is then read from the
 * log, proven and judged.
 */
#pragma once

#include "ca/pages/book.h"
#include "ca/pages/shelf.h"

#define CA_SEARCH_ROWS 20

struct ca_search {
    struct ca_book *book;
    int64_t log;            /* in the book */
    struct ca_shelf *shelf; /* the same log, looked at */
    const struct ca_question *question;
    uint64_t before; /* entries from here on are passed over; UINT64_MAX: none */
};

struct ca_search_found {
    struct ca_shelf_entry entry[CA_SEARCH_ROWS]; /* the newest first */
    size_t count;
    bool more;     /* there may be older ones: */
    uint64_t next; /* before this */
};

/* -1: the book or the log could not be read. Free what was found in either case. */
int ca_search_run(const struct ca_search *s, struct ca_search_found *out, struct tm_err *e);
void ca_search_free(struct ca_search_found *f);
