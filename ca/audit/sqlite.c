/* SQLite: one file, a write-ahead log beside it. What COMMIT has returned for is on disk
 * (synchronous=FULL syncs the log with each commit). */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/audit/db.h"

#define STATEMENTS_MAX 24 /* that are kept prepared */
#define PARAMS_MAX 64
#define BUSY_MS 1000 /* while somebody else holds the file */

struct ca_audit_db {
    sqlite3 *handle;
    sqlite3_stmt *kept[STATEMENTS_MAX];
    size_t count;
};

static int say(struct ca_audit_db *db, const char *what, struct tm_err *e)
{
    return tm_err_set(e, "%s: %s", what,
                      db->handle != NULL ? sqlite3_errmsg(db->handle) : "out of memory");
}

static void close_db(struct ca_audit_db *db)
{
    if (db == NULL)
        return;
    for (size_t i = 0; i < db->count; i++)
        sqlite3_finalize(db->kept[i]);
    (void)sqlite3_close(db->handle);
    free(db);
}

/* journal_mode answers with a row, the others do not: exec takes both. */
static int set_up(struct ca_audit_db *db, bool write, struct tm_err *e)
{
    static const char for_writing[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                                      "PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF;"
                                      "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0";
    static const char for_reading[] =
        "PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"
        "PRAGMA query_only=ON; SELECT count(*) FROM sqlite_schema";
    (void)sqlite3_busy_timeout(db->handle, BUSY_MS);
    return sqlite3_exec(db->handle, write ? for_writing : for_reading, NULL, NULL, NULL) ==
                   SQLITE_OK
               ? 0
               : say(db, "the audit database", e);
}

/* Run by root, SQLite gives its journal to the database's owner: a call that the process has given
 * up, for what it is already, since the process makes both. */
static int keep_owner(int fd, uid_t uid, gid_t gid)
{
    (void)fd;
    (void)uid;
    (void)gid;
    return 0;
}

static void leave_owners(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    if (vfs != NULL && vfs->iVersion >= 3)
        (void)vfs->xSetSystemCall(vfs, "fchown", (sqlite3_syscall_ptr)(void (*)(void))keep_owner);
}

static struct ca_audit_db *open_db(const struct ca_audit_place *p, bool write, struct tm_err *e)
{
    struct ca_audit_db *db = calloc(1, sizeof(*db));
    if (db == NULL) {
        tm_err_set(e, "out of memory");
        return NULL;
    }
    /* Its journal gets the same mode. */
    int fd = write ? open(p->file, O_RDWR | O_CREAT | O_CLOEXEC, 0640) : -1;
    if (fd >= 0)
        close(fd);
    if (write) /* who reads as root leaves what it makes to the database's owner */
        leave_owners();
    int flags = write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    if (sqlite3_open_v2(p->file, &db->handle, flags | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK &&
        set_up(db, write, e) == 0)
        return db;
    if (e->text[0] == '\0')
        (void)say(db, "open", e);
    tm_err_wrap(e, "'%s'", p->file);
    close_db(db);
    return NULL;
}

static sqlite3_stmt *prepare(struct ca_audit_db *db, const char *sql, struct tm_err *e)
{
    for (size_t i = 0; i < db->count; i++) {
        if (strcmp(sqlite3_sql(db->kept[i]), sql) == 0)
            return db->kept[i];
    }
    sqlite3_stmt *s = NULL;
    if (db->count == STATEMENTS_MAX) {
        tm_err_set(e, "too many statements");
        return NULL;
    }
    if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) != SQLITE_OK) {
        (void)say(db, "the audit database", e);
        return NULL;
    }
    db->kept[db->count++] = s;
    return s;
}

static int give_row(sqlite3_stmt *s, ca_audit_row_fn row, void *arg, struct tm_err *e)
{
    const char *column[PARAMS_MAX];
    size_t count = (size_t)sqlite3_column_count(s);
    if (count > PARAMS_MAX)
        return tm_err_set(e, "a row of %zu columns", count);
    for (size_t i = 0; i < count; i++) {
        const unsigned char *text = sqlite3_column_text(s, (int)i);
        column[i] = text != NULL ? (const char *)text : "";
    }
    return row != NULL ? row(arg, column, count, e) : 0;
}

static int run(struct ca_audit_db *db, const char *sql, const char *const *param, size_t count,
               ca_audit_row_fn row, void *arg, struct tm_err *e)
{
    sqlite3_stmt *s = prepare(db, sql, e);
    int rc = s != NULL ? 0 : -1;
    for (size_t i = 0; i < count && rc == 0; i++) {
        if (sqlite3_bind_text(s, (int)i + 1, param[i], -1, SQLITE_STATIC) != SQLITE_OK)
            rc = say(db, "the audit database", e);
    }
    int step = SQLITE_DONE;
    while (rc == 0 && (step = sqlite3_step(s)) == SQLITE_ROW)
        rc = give_row(s, row, arg, e);
    if (rc == 0 && step != SQLITE_DONE)
        rc = say(db, "the audit database", e);
    if (s != NULL) {
        (void)sqlite3_reset(s);
        (void)sqlite3_clear_bindings(s);
    }
    return rc;
}

const struct ca_audit_db_kind ca_audit_sqlite = {
    .name = "sqlite", .open = open_db, .close = close_db, .run = run};
