/*
 * Where the entries of logs stand by what they name: an index in an SQLite file. It may be lost:
 * then it is made anew from the logs. One process has it open; any thread.
 */
#pragma once

#include "ca/pages/term.h"
#include "common/transparency/frontier.h"

struct ca_book;

/* Makes the file when there is none; one that is damaged, or of another version of this program, is
 * made anew. NULL with `e` set. */
struct ca_book *ca_book_open(const char *path, struct tm_err *e);
void ca_book_free(struct ca_book *b); /* NULL is fine */

struct ca_book_log { /* a log's part of it */
    int64_t id;
    struct tm_frontier at; /* the entries that it has, as they were proven */
    uint64_t damaged;      /* of these, entries that could not be read */
};

/* The log by its origin; new ones begin empty. */
int ca_book_log(struct ca_book *b, const char *origin, struct ca_book_log *out, struct tm_err *e);
/* Forgets its entries: they are another tree's. */
int ca_book_forget(struct ca_book *b, struct ca_book_log *log, struct tm_err *e);

/* What is put between begin and end is there whole or not at all. One thread at a time. */
int ca_book_begin(struct ca_book *b, struct tm_err *e);
int ca_book_put(struct ca_book *b, int64_t log, enum ca_term_kind kind, int64_t value,
                uint64_t index, struct tm_err *e);
int ca_book_end(struct ca_book *b, const struct ca_book_log *log, struct tm_err *e);
void ca_book_undo(struct ca_book *b);

/* The last `max` entries before `before` that the term may name, the newest first. -1: it failed,
 * or would have taken too long. */
int ca_book_find(struct ca_book *b, int64_t log, const struct ca_question_term *term,
                 uint64_t before, uint64_t *index, size_t max, size_t *count, struct tm_err *e);
