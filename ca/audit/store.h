/*
 * The records of the audit trail in a database, and what keeps them honest: each record's hash
 * continues the one before (ca/audit/event.h), for each node that writes a chain of its own.
 *
 * Columns beside a record's fields serve searches only: `repository_key`, `identity_key` and
 * `issuer_key` are the fields without what may be written in several ways. A check of the chain
 * also computes them anew.
 */
#pragma once

#include "ca/audit/db.h"
#include "ca/audit/event.h"

struct ca_audit_store; /* one thread at a time */

/* `node`: whose chain is written; NULL: for reading, of all nodes. NULL with `e` set. With `node`
 * the tables are made when they are missing. */
struct ca_audit_store *ca_audit_store_open(const struct ca_audit_place *p, const char *node,
                                           struct tm_err *e);
void ca_audit_store_close(struct ca_audit_store *s); /* NULL is fine */

struct ca_audit_tip { /* the end of a node's chain */
    uint64_t seq;     /* 0: it is empty */
    struct ca_audit_hash hash;
};
/* The end of a node's chain, as the database has it; NULL: of that the store was opened for. */
int ca_audit_store_tip(struct ca_audit_store *s, const char *node, struct ca_audit_tip *out,
                       struct tm_err *e);

/* One transaction: between the two, records are added; *tip goes on with each. After a failure
 * nobody knows whether they are there: close, open, and compare the tip. */
int ca_audit_store_begin(struct ca_audit_store *s, struct tm_err *e);
/* Gives the record its number, node and hash. */
int ca_audit_store_add(struct ca_audit_store *s, struct ca_audit_record *r,
                       struct ca_audit_tip *tip, struct tm_err *e);
int ca_audit_store_commit(struct ca_audit_store *s, struct tm_err *e); /* durable */

/* Which records; what is NULL or 0 is any. Text is compared as its column is. */
struct ca_audit_query {
    int64_t since_ms, until_ms; /* since <= time < until */
    const char *node, *kind, *issuer, *identity, *repository, *serial, *key, *request;
    bool newest_first;
    uint64_t limit;
};
/* -1 with `e` set: a criterion that no record can match. */
int ca_audit_query_check(const struct ca_audit_query *q, struct tm_err *e);

struct ca_audit_row {
    struct ca_audit_record record;
    struct ca_audit_hash hash;
    bool damaged; /* its hash column is none, its number, or a search column is wrong */
};
/* 0 goes on; another value ends the search, which returns it. */
typedef int (*ca_audit_each_fn)(void *arg, const struct ca_audit_row *row, struct tm_err *e);
int ca_audit_store_each(struct ca_audit_store *s, const struct ca_audit_query *q,
                        ca_audit_each_fn each, void *arg, struct tm_err *e);
/* The records of one node in the order of their numbers, from `from` on. */
int ca_audit_store_chain(struct ca_audit_store *s, const char *node, uint64_t from,
                         ca_audit_each_fn each, void *arg, struct tm_err *e);
/* The nodes that there are: `column[0]`. */
int ca_audit_store_nodes(struct ca_audit_store *s, ca_audit_row_fn each, void *arg,
                         struct tm_err *e);

/* Where a node's chain begins: the tip of what was taken out before; seq 0: nothing was. */
int ca_audit_store_floor(struct ca_audit_store *s, const char *node, struct ca_audit_tip *out,
                         struct tm_err *e);
/* Takes out the records up to and with `upto`, in the transaction that is begun. */
int ca_audit_store_cut(struct ca_audit_store *s, const struct ca_audit_tip *upto, struct tm_err *e);
