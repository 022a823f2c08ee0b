/* SQLite: one file, a write-ahead log beside it. What COMMIT has returned for is on disk
 * (synchronous=FULL syncs the log with each commit).
 *
 * A reader of such a file needs its "-shm", which it makes where it may. Where it may not (a folder
 * of somebody else, a read-only mount) and the log is empty, the file is whole by itself and is
 * read as one that nobody changes ("immutable", https://www.sqlite.org/uri.html); whether anybody
 * did is looked at after each statement. */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/audit/db.h"
#include "common/buf.h"

#define STATEMENTS_MAX 40 /* that are kept prepared */
#define PARAMS_MAX 64
#define BUSY_MS 1000 /* while somebody else holds the file */

struct ca_audit_db {
    sqlite3 *handle;
    sqlite3_stmt *kept[STATEMENTS_MAX];
    size_t count;
    char *still; /* the file that is taken for one that nobody changes; NULL: locks are used */
    struct stat first; /* `still`, as it was opened */
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
    free(db->still);
    free(db);
}

/* journal_mode answers with a row, the others do not: exec takes both. The log grows to 16,000
 * pages (64 MB) before it goes into the file: a page of an index that many groups change goes there
 * once. */
static int set_up(struct ca_audit_db *db, bool write, struct tm_err *e)
{
    static const char for_writing[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                                      "PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF;"
                                      "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;"
                                      "PRAGMA wal_autocheckpoint=16000";
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

/* ---- a file that nobody writes to ---- */

/* Whether the write-ahead log of `file` holds anything; then the file alone is not the whole. */
static bool has_log(const char *file)
{
    struct tm_buf log = {0};
    struct stat st;
    tm_buf_printf(&log, "%s-wal", file);
    const char *path = tm_buf_str(&log);
    bool holds = path == NULL || (stat(path, &st) == 0 ? st.st_size > 0 : errno != ENOENT);
    tm_buf_free(&log);
    return holds;
}

/* 0: what was read was whole. */
static int check_still(const struct ca_audit_db *db, struct tm_err *e)
{
    struct stat now;
    if (db->still == NULL)
        return 0;
    if (stat(db->still, &now) == 0 && now.st_ino == db->first.st_ino &&
        now.st_size == db->first.st_size && now.st_mtim.tv_sec == db->first.st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == db->first.st_mtim.tv_nsec && !has_log(db->still))
        return 0;
    return tm_err_set(e, "'%s' was written to while it was read: ask again", db->still);
}

static void put_uri(struct tm_buf *out, const char *file)
{
    tm_buf_puts(out, "file:");
    for (const unsigned char *p = (const unsigned char *)file; *p != '\0'; p++)
        tm_buf_printf(out, strchr("?#%", *p) != NULL ? "%%%02X" : "%c", *p);
    tm_buf_puts(out, "?immutable=1");
}

/* After SQLite could not read `file` with its locks, for what *e says. */
static int open_still(struct ca_audit_db *db, const char *file, struct tm_err *e)
{
    struct tm_buf uri = {0};
    int code = sqlite3_errcode(db->handle);
    if ((code != SQLITE_READONLY && code != SQLITE_CANTOPEN) || stat(file, &db->first) != 0)
        return -1;
    if (has_log(file))
        return tm_err_set(e,
                          "its write-ahead log '%s-wal' holds records, and SQLite can read them "
                          "only with a '%s-shm' beside it, which this user may not make or "
                          "read: ask as the server's user, or copy the database and its log "
                          "to a folder that may be written to",
                          file, file);
    put_uri(&uri, file);
    (void)sqlite3_close(db->handle);
    db->handle = NULL;
    db->still = strdup(file);
    *e = (struct tm_err){0};
    int rc =
        db->still == NULL || tm_buf_str(&uri) == NULL
            ? tm_err_set(e, "out of memory")
            : sqlite3_open_v2(tm_buf_str(&uri), &db->handle,
                              SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
    tm_buf_free(&uri);
    return rc == SQLITE_OK ? set_up(db, false, e) : rc == -1 ? -1 : say(db, "open", e);
}

/* ---- opening ---- */

/* The server makes its write-ahead log there. SQLite would say so at the first record only. */
static int check_folder(const char *file, struct tm_err *e)
{
    const char *slash = strrchr(file, '/');
    char *folder = slash != NULL ? strndup(file, (size_t)(slash - file) + 1) : strdup(".");
    int rc = folder == NULL ? tm_err_set(e, "out of memory") : 0;
    if (rc == 0 && faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0)
        rc = tm_err_errno(e, "records are written in the folder '%s', which user %u cannot", folder,
                          (unsigned)geteuid());
    free(folder);
    return rc;
}

static int open_for_writing(struct ca_audit_db *db, const char *file, struct tm_err *e)
{
    if (check_folder(file, e) != 0)
        return -1;
    /* Its journal gets the same mode. */
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0)
        return tm_err_errno(e, "open for writing");
    close(fd);
    leave_owners(); /* who reads as root leaves what it makes to the database's owner */
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    return sqlite3_open_v2(file, &db->handle, flags, NULL) == SQLITE_OK ? set_up(db, true, e)
                                                                        : say(db, "open", e);
}

static int open_for_reading(struct ca_audit_db *db, const char *file, struct tm_err *e)
{
    if (faccessat(AT_FDCWD, file, R_OK, AT_EACCESS) != 0)
        return tm_err_errno(e, "read as user %u", (unsigned)geteuid());
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
    int rc = sqlite3_open_v2(file, &db->handle, flags, NULL) == SQLITE_OK ? set_up(db, false, e)
                                                                          : say(db, "open", e);
    return rc == 0 ? 0 : open_still(db, file, e);
}

static struct ca_audit_db *open_db(const struct ca_audit_place *p, bool write, struct tm_err *e)
{
    struct ca_audit_db *db = calloc(1, sizeof(*db));
    if (db == NULL)
        return tm_err_null(e, "out of memory");
    if ((write ? open_for_writing(db, p->file, e) : open_for_reading(db, p->file, e)) == 0)
        return db;
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
    if (db->count == STATEMENTS_MAX)
        return tm_err_null(e, "too many statements");
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
    return rc == 0 ? check_still(db, e) : rc;
}

static const char *const alone[] = {NULL}; /* who writes is alone */

const struct ca_audit_db_kind ca_audit_sqlite = {
    .alone = alone, .open = open_db, .close = close_db, .run = run};
