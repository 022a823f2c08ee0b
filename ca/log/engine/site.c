#include "ca/log/engine/site.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/log/engine/reader.h"
#include "ca/log/engine/store.h"
#include "common/b64.h"
#include "common/file.h"

#define AHEAD_MS 60000 /* a clock that was set back by less is waited out */

void ca_log_options_default(struct ca_log_options *o)
{
    *o = (struct ca_log_options){.checkpoint_interval_ms = 1000};
}

int ca_log_now(const struct ca_log_site *s, int64_t *ms, struct tm_err *e)
{
    if (s->o.now_ms == NULL)
        return tm_checked_clock_now(s->clock, ms, e);
    *ms = s->o.now_ms();
    return 0;
}

bool ca_log_is_ahead(uint64_t time_ms, int64_t now_ms)
{
    return time_ms > (uint64_t)now_ms + AHEAD_MS;
}

void ca_log_say(const struct ca_log_site *s, enum tm_jlog_level level, const char *message,
                const struct tm_err *e)
{
    jlog(s->o.jlog, level, message, JLOG_STR("log", s->origin),
         JLOG_STR("detail", e != NULL ? e->text : ""), JLOG_END);
}

int ca_log_key_failed(const char *remedy, struct tm_err *e)
{
    struct tm_err why = {0};
    if (remedy == NULL || e == NULL)
        return -1;
    why = *e;
    return tm_err_set(e, "%.300s: %s", why.text, remedy);
}

int ca_log_origin_check(const char *origin, struct tm_err *e)
{
    size_t len = origin != NULL ? strlen(origin) : 0;
    if (len == 0 || len >= sizeof(((struct tm_checkpoint *)0)->origin))
        return tm_err_set(e, "the log's origin is empty or longer than 255 bytes");
    if (strpbrk(origin, " +\n") != NULL || strstr(origin, "://") != NULL)
        return tm_err_set(e,
                          "the log's origin '%s' must be a URL without its scheme, such as "
                          "log.example.com/2026: no '://', space or '+'",
                          origin);
    if (origin[len - 1] == '/')
        return tm_err_set(e, "the log's origin '%s' must not end with '/'", origin);
    return 0;
}

static int check_options(const struct ca_log_options *o, struct tm_err *e)
{
    if (ca_log_origin_check(o->origin, e) != 0)
        return -1;
    if (o->checkpoint_interval_ms < 10 || o->checkpoint_interval_ms > 86400000)
        return tm_err_set(e, "the log's checkpoint interval must be 10 ms to 24 h");
    return o->format->check_key(o->key, e);
}

static int fill(struct ca_log_site *s, struct tm_err *e)
{
    const struct ca_log_options *o = &s->o;
    s->clock = calloc(1, sizeof(*s->clock));
    if (s->clock == NULL)
        return tm_err_set(e, "out of memory");
    tm_checked_clock_init(s->clock, NULL, o->jlog);
    s->directory = strdup(o->directory);
    s->origin = strdup(o->origin);
    s->anchor = o->anchor != NULL ? strdup(o->anchor) : NULL;
    if (s->directory == NULL || s->origin == NULL || (o->anchor != NULL && s->anchor == NULL))
        return tm_err_set(e, "out of memory");
    if (s->format->log_id(s->id, s->origin, o->key, e) != 0)
        return -1;
    return s->format->note_key(&s->note_key, s->origin, o->key, e);
}

int ca_log_site_init(struct ca_log_site *s, const struct ca_log_options *o, struct tm_err *e)
{
    if (check_options(o, e) != 0)
        return -1;
    *s = (struct ca_log_site){.o = *o, .format = o->format, .lock_fd = -1};
    if (s->o.merge_delay_ms == 0)
        s->o.merge_delay_ms = LOG_MERGE_DELAY_S * INT64_C(1000);
    if (s->o.merge_delay_ms < 2 * o->checkpoint_interval_ms)
        s->o.merge_delay_ms = 2 * o->checkpoint_interval_ms;
    if (fill(s, e) == 0)
        return 0;
    ca_log_site_free(s);
    return -1;
}

void ca_log_site_free(struct ca_log_site *s)
{
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    s->lock_fd = -1;
    if (s->clock != NULL)
        tm_checked_clock_free(s->clock);
    free(s->clock);
    free(s->directory);
    free(s->origin);
    free(s->anchor);
}

/* The lock goes with the process, however it ends. */
int ca_log_site_lock(struct ca_log_site *s, struct tm_err *e)
{
    char path[PATH_MAX];
    if (tm_file_join(s->directory, LOG_LOCK, path, sizeof(path), e) != 0)
        return -1;
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (s->lock_fd < 0)
        return tm_err_errno(e, "open '%s'", path);
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno == EWOULDBLOCK)
        return tm_err_set(e, "log '%s' is in use by another process", s->directory);
    return tm_err_errno(e, "lock '%s'", path);
}

/* ---- making ---- */

static int make_directories(const char *dir, struct tm_err *e)
{
    static const char *const names[] = {LOG_STATE, "tile", "issuer"};
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (tm_file_join(dir, names[i], path, sizeof(path), e) != 0 ||
            tm_file_mkdirs(path, 0755, e) != 0)
            return -1;
    }
    if (tm_file_sync_dir(dir, e) != 0 || tm_file_join(dir, "..", path, sizeof(path), e) != 0)
        return -1;
    return tm_file_sync_dir(path, e);
}

static bool exists(const char *dir, const char *name)
{
    char path[PATH_MAX];
    struct stat st;
    return tm_file_join(dir, name, path, sizeof(path), NULL) == 0 && lstat(path, &st) == 0;
}

int ca_log_site_prepare(const struct ca_log_site *s, struct tm_err *e)
{
    if (exists(s->directory, LOG_IDENTITY))
        return tm_err_set(e, "'%s' holds a log already", s->directory);
    if (exists(s->directory, "tile/data") || exists(s->directory, "tile/entries") ||
        exists(s->directory, "tile/0"))
        return tm_err_set(e, "'%s' holds tiles but no " LOG_IDENTITY ": a part of a log",
                          s->directory);
    return make_directories(s->directory, e);
}

/* The identity comes last: with it there is a log. A making that was cut short is begun again. */
int ca_log_site_write_identity(const struct ca_log_site *s, struct tm_err *e)
{
    char path[PATH_MAX];
    struct tm_buf b = {0};
    tm_buf_printf(&b, "%s\n%s\n", s->format->kind, s->origin);
    tm_b64_encode(B64_STD, s->id, sizeof(s->id), &b);
    buf_putc(&b, '\n');
    int rc = tm_file_join(s->directory, LOG_IDENTITY, path, sizeof(path), e);
    if (rc == 0)
        rc = buf_failed(&b) ? tm_err_set(e, "out of memory")
                            : tm_file_create(path, 0644, b.data, b.len, e);
    tm_buf_free(&b);
    return rc;
}

/* ---- checking ---- */

/* Storage that comes back together with the log from one backup shows nothing. */
static int check_anchor(const struct ca_log_site *s, struct tm_err *e)
{
    char place[PATH_MAX], home[PATH_MAX], copy[PATH_MAX];
    if (s->anchor == NULL)
        return 0;
    if (snprintf(copy, sizeof(copy), "%s", s->anchor) >= (int)sizeof(copy))
        return tm_err_set(e, "the anchor's path is too long");
    if (realpath(dirname(copy), place) == NULL)
        return tm_err_errno(e, "anchor '%s'", s->anchor);
    if (realpath(s->directory, home) == NULL)
        return tm_err_errno(e, "'%s'", s->directory);
    size_t len = strlen(home);
    if (strncmp(place, home, len) == 0 && (place[len] == '\0' || place[len] == '/'))
        return tm_err_set(e,
                          "the anchor '%s' lies in the log's own directory: a backup would bring "
                          "both back together. Put it on other storage",
                          s->anchor);
    return 0;
}

static int check_identity(const struct ca_log_site *s, struct tm_err *e)
{
    struct ca_log_identity id;
    if (ca_log_dir_identity(s->directory, &id, e) != 0)
        return -1;
    if (strcmp(id.kind, s->format->kind) != 0)
        return tm_err_set(e, "it is a '%.64s', not a '%s'", id.kind, s->format->kind);
    if (strcmp(id.origin, s->origin) != 0)
        return tm_err_set(e, "it is the log of origin '%.128s', not '%.128s'", id.origin,
                          s->origin);
    if (memcmp(id.log_id, s->id, sizeof(s->id)) != 0)
        return tm_err_set(e, "it belongs to another log key");
    return 0;
}

int ca_log_site_check(struct ca_log_site *s, struct tm_err *e)
{
    if (check_identity(s, e) != 0 || ca_log_excuse_read(s->directory, &s->excuse, e) != 0)
        return -1;
    return check_anchor(s, e);
}
