/* PostgreSQL by libpq, which is loaded when a configuration names it: the 20 libraries below it
 * (LDAP, Kerberos, …) are in no process that has no use for them. */
#include <dlfcn.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/audit/db.h"

#define LIBRARY "libpq.so.5"
#define STATEMENTS_MAX 8 /* that are kept prepared; the others are sent each time */
#define COLUMNS_MAX 64

#define FUNCTIONS(each) \
    each(connectdbParams) each(status) each(errorMessage) each(finish) each(sendQueryParams) \
        each(prepare) each(sendQueryPrepared) each(setSingleRowMode) each(getResult) \
            each(resultStatus) each(resultErrorMessage) each(ntuples) each(nfields) each(getvalue) \
                each(clear)
#define MEMBER(name) __typeof__(PQ##name) *name;

struct ca_audit_db {
    void *library;
    struct {
        FUNCTIONS(MEMBER)
    } pq;
    PGconn *connection;
    char *kept[STATEMENTS_MAX]; /* prepared as "s0", "s1", … */
    size_t count;
};

static int load(struct ca_audit_db *db, struct tm_err *e)
{
    db->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (db->library == NULL)
        return tm_err_set(e, "PostgreSQL needs libpq, which cannot be loaded: %s", dlerror());
#define LOAD(name) \
    *(void **)&db->pq.name = dlsym(db->library, "PQ" #name); \
    if (db->pq.name == NULL) \
        return tm_err_set(e, "%s has no PQ%s", LIBRARY, #name);
    FUNCTIONS(LOAD)
#undef LOAD
    return 0;
}

/* libpq ends its messages with a newline, and never puts a password into one. */
static int say(const char *text, struct tm_err *e)
{
    int len = (int)strcspn(text, "\n");
    return tm_err_set(e, "the audit database: %.*s", len, text);
}

static void close_db(struct ca_audit_db *db)
{
    if (db == NULL)
        return;
    if (db->connection != NULL)
        db->pq.finish(db->connection);
    for (size_t i = 0; i < db->count; i++)
        free(db->kept[i]);
    /* The library stays loaded: OpenSSL and others have what it registered. */
    free(db);
}

static int run(struct ca_audit_db *db, const char *sql, const char *const *param, size_t count,
               ca_audit_row_fn row, void *arg, struct tm_err *e);

/* A commit is durable at least on this server, as strictly as its administrator has it. */
static int set_up(struct ca_audit_db *db, bool write, struct tm_err *e)
{
    static const char durable[] =
        "SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit') "
        "WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false), "
        "set_config('statement_timeout', '10s', false)";
    return run(db, write ? durable : "SET default_transaction_read_only = on", NULL, 0, NULL, NULL,
               e);
}

static int connect_db(struct ca_audit_db *db, const char *dsn, struct tm_err *e)
{
    static const char *const names[] = {"dbname",          "connect_timeout",  "tcp_user_timeout",
                                        "client_encoding", "application_name", NULL};
    const char *const values[] = {dsn, "3", "5000", "UTF8", "tenmint-ca", NULL};
    db->connection = db->pq.connectdbParams(names, values, 1);
    if (db->connection == NULL)
        return tm_err_set(e, "out of memory");
    return db->pq.status(db->connection) == CONNECTION_OK
               ? 0
               : say(db->pq.errorMessage(db->connection), e);
}

static struct ca_audit_db *open_db(const struct ca_audit_place *p, bool write, struct tm_err *e)
{
    struct ca_audit_db *db = calloc(1, sizeof(*db));
    if (db == NULL)
        return tm_err_null(e, "out of memory");
    if (load(db, e) == 0 && connect_db(db, p->dsn, e) == 0 && set_up(db, write, e) == 0)
        return db;
    close_db(db);
    return NULL;
}

/* Its name when it is prepared; NULL: it is sent as text. */
static const char *prepared(struct ca_audit_db *db, const char *sql, char name[16])
{
    size_t i = 0;
    while (i < db->count && strcmp(db->kept[i], sql) != 0)
        i++;
    snprintf(name, 16, "s%zu", i);
    if (i < db->count)
        return name;
    char *copy = i < STATEMENTS_MAX ? strdup(sql) : NULL;
    if (copy == NULL)
        return NULL;
    PGresult *r = db->pq.prepare(db->connection, name, sql, 0, NULL);
    bool ok = r != NULL && db->pq.resultStatus(r) == PGRES_COMMAND_OK;
    db->pq.clear(r);
    if (!ok) {
        free(copy);
        return NULL; /* it fails again when it is sent, and then says why */
    }
    db->kept[db->count++] = copy;
    return name;
}

static int send_statement(struct ca_audit_db *db, const char *sql, const char *const *param,
                          size_t count, struct tm_err *e)
{
    char buf[16];
    const char *name = count > 0 ? prepared(db, sql, buf) : NULL;
    int sent =
        name != NULL
            ? db->pq.sendQueryPrepared(db->connection, name, (int)count, param, NULL, NULL, 0)
            : db->pq.sendQueryParams(db->connection, sql, (int)count, NULL, param, NULL, NULL, 0);
    if (sent != 1)
        return say(db->pq.errorMessage(db->connection), e);
    (void)db->pq.setSingleRowMode(db->connection); /* a long answer is not held in memory */
    return 0;
}

static int give_rows(struct ca_audit_db *db, const PGresult *r, ca_audit_row_fn row, void *arg,
                     struct tm_err *e)
{
    const char *column[COLUMNS_MAX];
    int columns = db->pq.nfields(r);
    int rc = columns <= COLUMNS_MAX ? 0 : tm_err_set(e, "a row of %d columns", columns);
    for (int i = 0; rc == 0 && row != NULL && i < db->pq.ntuples(r); i++) {
        for (int c = 0; c < columns; c++)
            column[c] = db->pq.getvalue(r, i, c); /* "" for NULL */
        rc = row(arg, column, (size_t)columns, e);
    }
    return rc;
}

/* Every result is taken, also after a failure: the connection is free for the next. */
static int run(struct ca_audit_db *db, const char *sql, const char *const *param, size_t count,
               ca_audit_row_fn row, void *arg, struct tm_err *e)
{
    PGresult *r;
    int rc = 0;
    if (send_statement(db, sql, param, count, e) != 0)
        return -1;
    while ((r = db->pq.getResult(db->connection)) != NULL) {
        ExecStatusType st = db->pq.resultStatus(r);
        if (st != PGRES_SINGLE_TUPLE && st != PGRES_TUPLES_OK && st != PGRES_COMMAND_OK)
            rc = rc == 0 ? say(db->pq.resultErrorMessage(r), e) : rc;
        else if (rc == 0)
            rc = give_rows(db, r, row, arg, e);
        db->pq.clear(r);
    }
    return rc;
}

/* An index over many records takes longer than a statement else may. The lock's number is "tenmint"
 * in ASCII. */
static const char *const alone[] = {"SET LOCAL statement_timeout = 0",
                                    "SELECT pg_advisory_xact_lock(32762622254870132)", NULL};

const struct ca_audit_db_kind ca_audit_postgres = {
    .alone = alone, .open = open_db, .close = close_db, .run = run};
