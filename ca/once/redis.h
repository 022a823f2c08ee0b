/*
 * A connection to a Redis or Valkey server. libcurl makes it (names, time-outs, TLS), hiredis knows
 * the protocol; commands go out many at once and their replies are read in order.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct ca_redis_options { /* strings are borrowed */
    /* redis://[USER@]HOST[:PORT][/DB], or rediss:// for TLS; 6379 and 0 where nothing is said */
    const char *url;
    const char *password_file; /* its first line, read anew at each connection; NULL: none */
    const char *ca_file;       /* PEM, in the place of the system's CAs; NULL: those */
    int64_t timeout_ms;        /* to connect and log in, and for each ca_redis_run */
};

/* Whether the URL is one that can be used. Opens nothing. */
int ca_redis_check_url(const char *url, bool allow_plain, struct tm_err *e);

struct ca_redis; /* one thread at a time */

/* Connects, logs in, chooses the database, and asks the time by EVAL, without which nothing can be
 * taken back. NULL with `e` set, which never holds the password. */
struct ca_redis *ca_redis_open(const struct ca_redis_options *o, struct tm_err *e);
void ca_redis_close(struct ca_redis *r); /* NULL is fine */

/* What the store's clock shows: Unix seconds, rounded up. */
int64_t ca_redis_now_s(const struct ca_redis *r);

/* Whether the store may drop keys that have not ended, to make room. */
enum ca_redis_evicts { REDIS_EVICTS_UNKNOWN, REDIS_EVICTS_NOT, REDIS_EVICTS };

/* Asks it, by INFO. `how` has its maxmemory and policy, or why it is not known: an ACL may forbid
 * INFO. -1 with `e` set as of ca_redis_run. */
int ca_redis_ask_evicts(struct ca_redis *r, enum ca_redis_evicts *out, struct tm_err *how,
                        struct tm_err *e);

#define CA_REDIS_WORDS 6 /* of a command */
#define CA_REDIS_TEXT 96 /* bytes of a reply that are kept, the NUL among them */

enum ca_redis_kind { REDIS_NIL, REDIS_TEXT, REDIS_NUMBER, REDIS_REFUSED };

struct ca_redis_command {
    const char *word[CA_REDIS_WORDS]; /* NULL after the last, if there are fewer */
    /* The reply: */
    enum ca_redis_kind kind;
    char text[CA_REDIS_TEXT]; /* TEXT; REFUSED: why */
    long long number;         /* NUMBER */
};

/* Sends all and waits for all replies. -1 with `e` set: the connection is of no more use, and some
 * or all may have been carried out. What the server refuses is that command's own reply. */
int ca_redis_run(struct ca_redis *r, struct ca_redis_command *command, size_t count,
                 struct tm_err *e);

/* 0, or -1 with `e` saying which one was refused, and why. */
int ca_redis_all_taken(const struct ca_redis_command *command, size_t count, struct tm_err *e);
