#include "common/rehearsal.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/grow.h"
#include "common/json/jsonmap.h"

#define RECORD_BYTES_MAX ((size_t)64 << 20)
#define LINE_BYTES_MAX ((size_t)1 << 20)

/* ---- steps ---- */

static char *whoever(void)
{
    char host[256] = "";
    char *text = NULL;
    const struct passwd *user = getpwuid(getuid());
    if (gethostname(host, sizeof(host) - 1) != 0)
        snprintf(host, sizeof(host), "unknown");
    if (asprintf(&text, "%s@%s", user != NULL ? user->pw_name : "unknown", host) < 0)
        return NULL;
    return text;
}

int tm_rehearsal_begin(struct tm_rehearsal *r, const char *kind, int64_t now, struct tm_err *e)
{
    *r = (struct tm_rehearsal){.kind = kind, .time = now, .by = whoever()};
    return r->by != NULL ? 0 : tm_err_set(e, "out of memory");
}

static int add(struct tm_rehearsal *r, const char *what, bool ok, bool skipped,
               const struct tm_err *why)
{
    struct tm_rehearsal_step *s = tm_grow(&r->step, &r->count, sizeof(*s), NULL);
    if (s == NULL)
        return -1;
    *s = (struct tm_rehearsal_step){.what = strdup(what),
                                    .ok = ok,
                                    .skipped = skipped,
                                    .says = strdup(why != NULL ? why->text : "")};
    r->skipped += skipped;
    return s->what != NULL && s->says != NULL ? 0 : -1;
}

int tm_rehearsal_step(struct tm_rehearsal *r, const char *what, int rc, const struct tm_err *why)
{
    return add(r, what, rc == 0, false, why) == 0 ? rc : -1;
}

int tm_rehearsal_skip(struct tm_rehearsal *r, const char *what, const struct tm_err *why)
{
    return add(r, what, false, true, why);
}

void tm_rehearsal_free(struct tm_rehearsal *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->step[i].what);
        free(r->step[i].says);
    }
    free(r->step);
    free(r->by);
    *r = (struct tm_rehearsal){0};
}

/* ---- a line ---- */

struct line { /* what it points to is borrowed when it is written, else its own */
    const char *time, *kind, *by, *version, *result;
    struct tm_jsonmap_list steps; /* struct tm_rehearsal_step */
};

static const struct tm_jsonmap_member step_members[] = {
    JSONMAP_NEED(struct tm_rehearsal_step, "step", what, TEXT),
    JSONMAP_NEED(struct tm_rehearsal_step, "ok", ok, BOOL),
    JSONMAP_ROW(struct tm_rehearsal_step, "skipped", skipped, BOOL),
    JSONMAP_ROW(struct tm_rehearsal_step, "says", says, TEXT),
    {0}};
static const struct tm_jsonmap step_map = {.members = step_members,
                                           .size = sizeof(struct tm_rehearsal_step)};
static const struct tm_jsonmap_member each_step = {.kind = JSONMAP_OBJECT, .map = &step_map};

static const struct tm_jsonmap_member line_members[] = {
    JSONMAP_NEED(struct line, "time", time, TEXT),
    JSONMAP_NEED(struct line, "kind", kind, TEXT),
    JSONMAP_ROW(struct line, "by", by, TEXT),
    JSONMAP_ROW(struct line, "version", version, TEXT),
    JSONMAP_NEED(struct line, "result", result, TEXT),
    JSONMAP_ROW(struct line, "steps", steps, LIST, .max = 1000, .each = &each_step,
                .size = sizeof(struct tm_rehearsal_step)),
    {0}};
static const struct tm_jsonmap line_map = {.members = line_members, .size = sizeof(struct line)};

int tm_rehearsal_line(const struct tm_rehearsal *r, const char *version, struct tm_buf *out,
                      struct tm_err *e)
{
    char when[21];
    tm_clock_format(r->time, when);
    const struct line line = {.time = when,
                              .kind = r->kind,
                              .by = r->by,
                              .version = version,
                              .result = r->passed ? "passed" : "failed",
                              .steps = {r->step, r->count}};
    json_t *v = tm_jsonmap_write(&line_map, &line, e);
    char *text = v != NULL ? json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(v);
    if (text == NULL)
        return tm_err_set(e, "out of memory");
    tm_buf_printf(out, "%s\n", text);
    free(text);
    return buf_failed(out) ? tm_err_set(e, "out of memory") : 0;
}

/* The half line of a run that was killed is ended first. */
static int append(int fd, const char *path, off_t end, const struct tm_buf *line)
{
    char last = '\n';
    int in = end > 0 ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    ssize_t n = in >= 0 ? pread(in, &last, 1, end - 1) : 0;
    if (in >= 0)
        close(in);
    if (n < 0 || (last != '\n' && tm_file_write_all(fd, "\n", 1) != 0))
        return -1;
    return tm_file_write_all(fd, line->data, line->len) == 0 ? fsync(fd) : -1;
}

int tm_rehearsal_record(const char *path, const struct tm_buf *line, struct tm_err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return tm_err_errno(e, "open '%s'", path);
    off_t end = lseek(fd, 0, SEEK_END);
    int rc = line->len == 0 || append(fd, path, end, line) == 0
                 ? 0
                 : tm_err_errno(e, "write '%s'", path);
    if (rc != 0 && end >= 0 && ftruncate(fd, end) != 0) /* no half a line stays */
        tm_err_wrap(e, "the last line is cut");
    close(fd);
    return rc;
}

/* ---- reading ---- */

static size_t count_skipped(const struct line *l)
{
    const struct tm_rehearsal_step *step = l->steps.item;
    size_t n = 0;
    for (size_t i = 0; i < l->steps.count; i++)
        n += step[i].skipped;
    return n;
}

/* 1: it is no record. `len`: with the newline. */
static int take(const char *text, size_t len, tm_rehearsal_fn each, void *arg, struct tm_err *e)
{
    struct line line = {0};
    struct tm_rehearsal_read r = {.line = text, .len = len};
    int rc = tm_jsonmap_parse(text, len - 1, LINE_BYTES_MAX, &line_map, NULL, &line, e);
    if (rc == 0 && tm_clock_parse(line.time, &r.time) != 0)
        rc = tm_err_set(e, "'%.40s' is no time", line.time);
    if (rc == 0) {
        r.kind = line.kind;
        r.by = line.by != NULL ? line.by : "";
        r.passed = strcmp(line.result, "passed") == 0;
        r.steps = line.steps.count;
        r.skipped = count_skipped(&line);
        rc = each(arg, &r, e);
    } else {
        rc = 1;
    }
    tm_jsonmap_free(&line_map, &line);
    return rc;
}

int tm_rehearsals_read(const char *path, tm_rehearsal_fn each, void *arg, struct tm_err *e)
{
    struct tm_buf all = {0};
    bool none = access(path, F_OK) != 0 && errno == ENOENT; /* not: that it may not be seen */
    int rc = none ? 0 : tm_file_read(path, RECORD_BYTES_MAX, &all, e);
    const char *p = (const char *)all.data;
    size_t left = rc == 0 ? all.len : 0;
    for (int n = 1; left > 0 && rc >= 0; n++) {
        const char *end = memchr(p, '\n', left);
        if (end == NULL)
            break; /* half a line of a run that was killed */
        struct tm_err why = {0};
        int one = take(p, (size_t)(end - p) + 1, each, arg, &why);
        if (one != 0 && (rc == 0 || one < 0)) { /* of damaged lines the first is named */
            if (e != NULL)
                *e = why;
            tm_err_wrap(e, "'%s' line %d", path, n);
            rc = one;
        }
        left -= (size_t)(end - p) + 1;
        p = end + 1;
    }
    tm_buf_free(&all);
    return rc;
}

struct last {
    const char *const *kinds;
    size_t count;
    struct tm_rehearsed *out;
};

static int keep_last(void *arg, const struct tm_rehearsal_read *r, struct tm_err *e)
{
    const struct last *l = arg;
    (void)e;
    for (size_t i = 0; i < l->count; i++) {
        if (strcmp(l->kinds[i], r->kind) == 0)
            l->out[i] = (struct tm_rehearsed){r->time, r->passed, r->skipped};
    }
    return 0;
}

int tm_rehearsals_last(const char *path, const char *const *kinds, size_t count,
                       struct tm_rehearsed *out, struct tm_err *e)
{
    struct last l = {kinds, count, out};
    memset(out, 0, count * sizeof(*out));
    return tm_rehearsals_read(path, keep_last, &l, e);
}
