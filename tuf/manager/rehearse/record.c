/* rehearsals.jsonl: read and written by a table. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/json/jsonmap.h"
#include "tuf/manager/rehearse/rehearse.h"

#define RECORD_FILE "rehearsals.jsonl"
#define RECORD_BYTES_MAX ((size_t)64 << 20)
#define LINE_BYTES_MAX ((size_t)1 << 20)

struct line { /* what it points to is borrowed when it is written, else its own */
    const char *time, *kind, *by, *version, *result;
    struct tm_jsonmap_list steps; /* struct tuf_rehearsal_step */
};

static const struct tm_jsonmap_member step_members[] = {
    {.name = "step",
     JSONMAP_AT(struct tuf_rehearsal_step, what),
     .kind = JSONMAP_TEXT,
     .flags = JSONMAP_REQUIRED},
    {.name = "ok",
     JSONMAP_AT(struct tuf_rehearsal_step, ok),
     .kind = JSONMAP_BOOL,
     .flags = JSONMAP_REQUIRED},
    {.name = "says", JSONMAP_AT(struct tuf_rehearsal_step, says), .kind = JSONMAP_TEXT},
    {0}};
static const struct tm_jsonmap step_map = {.members = step_members,
                                           .size = sizeof(struct tuf_rehearsal_step)};
static const struct tm_jsonmap_member each_step = {.kind = JSONMAP_OBJECT, .map = &step_map};

static const struct tm_jsonmap_member line_members[] = {
    {.name = "time",
     JSONMAP_AT(struct line, time),
     .kind = JSONMAP_TEXT,
     .flags = JSONMAP_REQUIRED},
    {.name = "kind",
     JSONMAP_AT(struct line, kind),
     .kind = JSONMAP_TEXT,
     .flags = JSONMAP_REQUIRED},
    {.name = "by", JSONMAP_AT(struct line, by), .kind = JSONMAP_TEXT},
    {.name = "version", JSONMAP_AT(struct line, version), .kind = JSONMAP_TEXT},
    {.name = "result",
     JSONMAP_AT(struct line, result),
     .kind = JSONMAP_TEXT,
     .flags = JSONMAP_REQUIRED},
    {.name = "steps",
     JSONMAP_AT(struct line, steps),
     .kind = JSONMAP_LIST,
     .max = 1000,
     .each = &each_step,
     .size = sizeof(struct tuf_rehearsal_step)},
    {0}};
static const struct tm_jsonmap line_map = {.members = line_members, .size = sizeof(struct line)};

/* ---- writing ---- */

static int append(const char *path, const char *text, struct tm_err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return tm_err_errno(e, "open '%s'", path);
    off_t end = lseek(fd, 0, SEEK_END);
    int rc = tm_file_write_all(fd, text, strlen(text)) == 0 && fsync(fd) == 0
                 ? 0
                 : tm_err_errno(e, "write '%s'", path);
    if (rc != 0 && end >= 0 && ftruncate(fd, end) != 0) /* no half a line stays */
        tm_err_wrap(e, "the last line is cut");
    close(fd);
    return rc;
}

int tuf_rehearsal_record(const char *workspace, const struct tuf_rehearsal *r, const char *version,
                         struct tm_err *e)
{
    char when[21];
    char path[PATH_MAX];
    tm_clock_format(r->time, when);
    const struct line line = {.time = when,
                              .kind = tuf_rehearsal_name(r->kind),
                              .by = r->by,
                              .version = version,
                              .result = r->passed ? "passed" : "failed",
                              .steps = {r->step, r->count}};
    json_t *v = tm_jsonmap_write(&line_map, &line, e);
    char *text = v != NULL ? json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    struct tm_buf whole = {0};
    int rc = text != NULL ? tm_file_join(workspace, RECORD_FILE, path, sizeof(path), e)
                          : tm_err_set(e, "out of memory");
    tm_buf_puts(&whole, text != NULL ? text : "");
    buf_putc(&whole, '\n');
    if (rc == 0)
        rc = tm_buf_str(&whole) != NULL ? append(path, tm_buf_str(&whole), e)
                                        : tm_err_set(e, "out of memory");
    tm_buf_free(&whole);
    free(text);
    json_decref(v);
    return rc;
}

/* ---- reading ---- */

static int take(const char *text, size_t len, struct tuf_rehearsed out[TUF_REHEARSAL_KINDS],
                struct tm_err *e)
{
    struct line line = {0};
    enum tuf_rehearsal_kind kind;
    int64_t when = 0;
    int rc = tm_jsonmap_parse(text, len, LINE_BYTES_MAX, &line_map, NULL, &line, e);
    if (rc == 0 && tm_clock_parse(line.time, &when) != 0)
        rc = tm_err_set(e, "'%.40s' is no time", line.time);
    if (rc == 0 && tuf_rehearsal_from_name(line.kind, &kind) == 0)
        out[kind] = (struct tuf_rehearsed){when, strcmp(line.result, "passed") == 0};
    tm_jsonmap_free(&line_map, &line);
    return rc;
}

int tuf_rehearsals_last(const char *workspace, struct tuf_rehearsed out[TUF_REHEARSAL_KINDS],
                        struct tm_err *e)
{
    char path[PATH_MAX];
    struct tm_buf all = {0};
    memset(out, 0, TUF_REHEARSAL_KINDS * sizeof(*out));
    if (tm_file_join(workspace, RECORD_FILE, path, sizeof(path), e) != 0)
        return -1;
    int rc = access(path, F_OK) == 0 ? tm_file_read(path, RECORD_BYTES_MAX, &all, e) : 0;
    const char *p = (const char *)all.data;
    size_t left = rc == 0 ? all.len : 0;
    for (int n = 1; left > 0 && rc == 0; n++) {
        const char *end = memchr(p, '\n', left);
        if (end == NULL)
            break; /* half a line of a run that was killed */
        rc = take(p, (size_t)(end - p), out, e);
        if (rc != 0)
            tm_err_wrap(e, "'%s' line %d", path, n);
        left -= (size_t)(end - p) + 1;
        p = end + 1;
    }
    tm_buf_free(&all);
    return rc;
}
