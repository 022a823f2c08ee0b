#include "tools/tenmint-ca/serve/in_force.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/json/jsonmap.h"

#define NAME "in-force.json"
#define FILE_MAX (YAMLMAP_FILE_MAX * 6 + 65536) /* bytes; each of the text may be escaped */

static const struct tm_jsonmap_member unused_members[] = {
    JSONMAP_NEED(struct changes_unused, "key", key, TEXT, .max = 256),
    JSONMAP_NEED(struct changes_unused, "by", by, TEXT, .max = 256),
    {0}};
static const struct tm_jsonmap unused_map = {
    .members = unused_members, .size = sizeof(struct changes_unused), .unknown = JSONMAP_IGNORE};
static const struct tm_jsonmap_member unused_row = {.kind = JSONMAP_OBJECT, .map = &unused_map};

static const struct tm_jsonmap_member members[] = {
    JSONMAP_NEED(struct in_force, "config_file", config_file, TEXT, .max = PATH_MAX),
    JSONMAP_NEED(struct in_force, "since", since, TEXT, .max = 64),
    JSONMAP_NEED(struct in_force, "unused", unused, LIST, .max = CHANGES_UNUSED_MAX,
                 .each = &unused_row, .size = sizeof(struct changes_unused)),
    JSONMAP_NEED(struct in_force, "text", text, TEXT, .max = YAMLMAP_FILE_MAX),
    {0}};
/* A server of another version may say more. */
static const struct tm_jsonmap map = {
    .members = members, .size = sizeof(struct in_force), .unknown = JSONMAP_IGNORE};

int in_force_begin(int *lock, struct tm_err *e)
{
    const char *given = getenv("RUNTIME_DIRECTORY"); /* paths, with colons between */
    char dir[PATH_MAX];
    *lock = -1;
    if (given == NULL || *given == '\0')
        return 0;
    size_t len = strcspn(given, ":");
    if (len >= sizeof(dir))
        return tm_err_set(e, "RUNTIME_DIRECTORY: the path is too long");
    memcpy(dir, given, len);
    dir[len] = '\0';
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return tm_err_errno(e, "RUNTIME_DIRECTORY '%s'", dir);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        tm_err_set(e, "RUNTIME_DIRECTORY '%s': another server runs with it", dir);
        close(fd);
        return -1;
    }
    *lock = fd;
    return 0;
}

/* Read by the same user, or by root: the configuration may be nobody else's to read. */
static int write_file(int lock, const char *text, struct tm_err *e)
{
    static const char next[] = NAME ".next";
    int fd = openat(lock, next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool written = fd >= 0 && tm_file_write_all(fd, text, strlen(text)) == 0 &&
                   renameat(lock, next, lock, NAME) == 0;
    int rc = written ? 0 : tm_err_errno(e, "write '%s' in RUNTIME_DIRECTORY", NAME);
    if (fd >= 0)
        close(fd);
    return rc;
}

int in_force_put(int lock, const char *config_file, const struct tm_buf *text,
                 const struct changes_unused_list *unused, struct tm_err *e)
{
    char path[PATH_MAX];
    char since[21];
    if (lock < 0 || config_file == NULL)
        return 0;
    if (realpath(config_file, path) == NULL)
        return tm_err_errno(e, "%s", config_file);
    tm_clock_format(tm_clock_wall_ms() / 1000, since);
    struct in_force f = {.config_file = path,
                         .since = since,
                         .unused = *unused,
                         .text = strndup((const char *)text->data, text->len)};
    json_t *o = f.text != NULL ? tm_jsonmap_write(&map, &f, e) : NULL;
    char *json = o != NULL ? json_dumps(o, JSON_INDENT(1)) : NULL;
    int rc = json != NULL ? write_file(lock, json, e) : tm_err_set(e, "out of memory");
    free(json);
    json_decref(o);
    free(f.text);
    return rc;
}

/* A lock that is free has no server. */
static int is_locked(const char *dir, bool *locked, struct tm_err *e)
{
    *locked = false;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : tm_err_errno(e, "open '%s'", dir);
    *locked = flock(fd, LOCK_SH | LOCK_NB) != 0;
    close(fd);
    return 0;
}

int in_force_get(const char *dir, bool *runs, struct in_force *out, struct tm_err *e)
{
    char path[PATH_MAX];
    struct tm_buf text = {0};
    *out = (struct in_force){0};
    if (is_locked(dir, runs, e) != 0)
        return -1;
    if (!*runs)
        return 0;
    int rc = tm_file_join(dir, NAME, path, sizeof(path), e);
    if (rc == 0)
        rc = tm_file_read(path, FILE_MAX, &text, e);
    if (rc == 0 &&
        tm_jsonmap_parse((const char *)text.data, text.len, FILE_MAX, &map, NULL, out, e) != 0)
        rc = tm_err_wrap(e, "%s", path);
    tm_buf_free(&text);
    if (rc != 0)
        in_force_free(out);
    return rc;
}

void in_force_free(struct in_force *f)
{
    tm_jsonmap_free(&map, f);
}
