#include "ca/audit/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"

#define FILE_BYTES_MAX ((size_t)512 * 1024)
#define SUFFIX ".event"

int ca_audit_spool_put(const char *dir, const struct ca_audit_event *ev, struct tm_err *e)
{
    const struct ca_audit_record r = {.time_ms = tm_clock_wall_ms(),
                                      .node = "",
                                      .process = "",
                                      .kind = ca_audit_kinds[ev->kind].name,
                                      .event = *ev};
    struct tm_buf text = {0};
    char path[PATH_MAX];
    uint64_t chance = 0;
    if (getrandom(&chance, sizeof(chance), 0) != sizeof(chance))
        return tm_err_errno(e, "random bytes");
    if (snprintf(path, sizeof(path), "%s/%013" PRId64 "-%016" PRIx64 SUFFIX, dir, r.time_ms,
                 chance) >= (int)sizeof(path))
        return tm_err_set(e, "'%s': the path is too long", dir);
    ca_audit_canonical(&r, &text);
    int rc = buf_failed(&text) ? tm_err_set(e, "out of memory")
                               : tm_file_write_atomic(path, 0640, text.data, text.len, e);
    tm_buf_free(&text);
    return rc == 0 ? 0 : tm_err_wrap(e, "the audit trail would not know of this");
}

static int is_event(const struct dirent *d)
{
    size_t len = strlen(d->d_name);
    return d->d_name[0] != '.' && len > strlen(SUFFIX) &&
           strcmp(d->d_name + len - strlen(SUFFIX), SUFFIX) == 0;
}

static void read_one(const char *path, struct ca_audit_spooled *s)
{
    struct tm_buf text = {0};
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        tm_err_errno(&s->why, "open '%s'", path);
        if (fd >= 0)
            close(fd);
        return;
    }
    s->owner = st.st_uid;
    if (tm_file_read_open(fd, path, FILE_BYTES_MAX, 0, &text, &s->why) == 0)
        s->line = ca_audit_line_read(text.data, text.len, &s->why);
    if (s->line != NULL && ca_audit_kind_find(ca_audit_line_record(s->line)->kind) < 0) {
        tm_err_set(&s->why, "'%s': of no known kind", path);
        ca_audit_line_free(s->line);
        s->line = NULL;
    }
    close(fd);
    tm_buf_free(&text);
}

int ca_audit_spool_each(const char *dir, void (*take)(void *arg, const struct ca_audit_spooled *s),
                        void *arg, struct tm_err *e)
{
    struct dirent **found = NULL;
    int count = scandir(dir, &found, is_event, alphasort);
    if (count < 0)
        return errno == ENOENT ? 0 : tm_err_errno(e, "read '%s'", dir);
    for (int i = 0; i < count; i++) {
        char path[PATH_MAX];
        struct ca_audit_spooled s = {.name = found[i]->d_name};
        if (snprintf(path, sizeof(path), "%s/%s", dir, s.name) < (int)sizeof(path)) {
            read_one(path, &s);
            take(arg, &s);
            ca_audit_line_free(s.line);
        }
        free(found[i]);
    }
    free(found);
    return 0;
}

int ca_audit_spool_remove(const char *dir, const char *name, struct tm_err *e)
{
    char path[PATH_MAX];
    if (tm_file_join(dir, name, path, sizeof(path), e) != 0)
        return -1;
    return unlink(path) == 0 || errno == ENOENT ? 0 : tm_err_errno(e, "remove '%s'", path);
}

void ca_audit_spool_set_aside(const char *dir, const char *name)
{
    char from[PATH_MAX], to[PATH_MAX];
    if (snprintf(from, sizeof(from), "%s/%s", dir, name) < (int)sizeof(from) &&
        snprintf(to, sizeof(to), "%s.bad", from) < (int)sizeof(to))
        (void)rename(from, to);
}
