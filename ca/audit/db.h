/*
 * A database, as far as the audit trail needs one: a statement with parameters of text, and rows of
 * text. SQLite and PostgreSQL understand the same statements; parameters are $1, $2, … in the order
 * of their first use. No call is made from two threads at once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct ca_audit_db;

struct ca_audit_place { /* where the records are; borrowed */
    const char *file;   /* SQLite's; NULL: PostgreSQL */
    const char *dsn;    /* PostgreSQL's connection string, which may hold a password */
};

/* A row; columns that are NULL are "". What it points to lasts until the return. Another value than
 * 0 ends the statement, which returns it. */
typedef int (*ca_audit_row_fn)(void *arg, const char *const *column, size_t count,
                               struct tm_err *e);

struct ca_audit_db_kind { /* static; ca_audit_sqlite, ca_audit_postgres */
    /* Statements in a transaction after which nobody else changes the tables until its end, however
     * long that takes; NULL ends them. */
    const char *const *alone;
    struct ca_audit_db *(*open)(const struct ca_audit_place *p, bool write, struct tm_err *e);
    void (*close)(struct ca_audit_db *db); /* NULL is fine */
    /* 0, what `row` (may be NULL) returned, or -1 with `e` set: then the connection is to be closed
     * if it was written to. A statement is prepared once. */
    int (*run)(struct ca_audit_db *db, const char *sql, const char *const *param, size_t count,
               ca_audit_row_fn row, void *arg, struct tm_err *e);
};

extern const struct ca_audit_db_kind ca_audit_sqlite, ca_audit_postgres;
