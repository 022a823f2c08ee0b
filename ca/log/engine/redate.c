#include "ca/log/engine/redate.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "ca/log/engine/journal.h"
#include "ca/log/engine/log.h"
#include "ca/log/engine/reader.h"
#include "ca/log/engine/store.h"
#include "common/file.h"

static int parse(const struct tm_buf *b, struct ca_log_excuse *x)
{
    char text[48] = "";
    int end = 0;
    if (b->len == 0 || b->len >= sizeof(text))
        return -1;
    memcpy(text, b->data, b->len);
    if (strspn(text, "0123456789 \n") != b->len ||
        sscanf(text, "%" SCNu64 " %" SCNu64 "\n%n", &x->from_ms, &x->to_ms, &end) != 2 ||
        (size_t)end != b->len)
        return -1;
    return x->from_ms <= x->to_ms ? 0 : -1;
}

int ca_log_excuse_read(const char *dir, struct ca_log_excuse *x, struct tm_err *e)
{
    char path[PATH_MAX];
    bool missing = false;
    struct tm_buf b = {0};
    *x = (struct ca_log_excuse){0};
    if (tm_file_join(dir, LOG_REDATED, path, sizeof(path), e) != 0)
        return -1;
    int rc = ca_log_store_read(path, 64, &b, &missing, e);
    if (rc != 0 && missing)
        rc = 0;
    else if (rc == 0 && parse(&b, x) != 0)
        rc = tm_err_set(e, "'%s' does not hold two times", path);
    tm_buf_free(&b);
    return rc;
}

bool ca_log_excused(const struct ca_log_excuse *x, uint64_t time_ms)
{
    return time_ms >= x->from_ms && time_ms <= x->to_ms;
}

static int write_excuse(const char *dir, const struct ca_log_excuse *x, struct tm_err *e)
{
    char path[PATH_MAX];
    char text[48];
    int n = snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64 "\n", x->from_ms, x->to_ms);
    if (tm_file_join(dir, LOG_REDATED, path, sizeof(path), e) != 0)
        return -1;
    return tm_file_write_atomic(path, 0644, text, (size_t)n, e);
}

/* ---- the times that are ahead ---- */

struct ahead {
    const struct ca_log_format *format;
    uint64_t now_ms;
    struct ca_log_excuse found;
    uint64_t newest_ms;
};

static void meet(struct ahead *a, uint64_t ms)
{
    struct ca_log_excuse *x = &a->found;
    a->newest_ms = ms > a->newest_ms ? ms : a->newest_ms;
    if (ms <= a->now_ms)
        return;
    x->from_ms = x->from_ms == 0 || ms < x->from_ms ? ms : x->from_ms;
    x->to_ms = ms > x->to_ms ? ms : x->to_ms;
}

static int on_begin(void *ctx, uint64_t base, struct tm_err *e)
{
    (void)ctx;
    (void)base;
    (void)e;
    return 0;
}

static int on_group(void *ctx, uint64_t first, uint32_t count, const unsigned char *data,
                    size_t len, struct tm_err *e)
{
    struct ahead *a = ctx;
    struct tm_bytes in = bytes_of(data, len);
    for (uint32_t i = 0; i < count; i++) {
        struct ca_log_leaf leaf;
        if (a->format->take(&in, first + i, &leaf, e) != 0)
            return tm_err_set(e, "entry %" PRIu64 " is damaged", first + i);
        meet(a, leaf.timestamp_ms);
    }
    return 0;
}

/* The log's own line is the first: its timestamp, if it has one, is ahead of the signature. */
static int read_checkpoint(const char *dir, struct ahead *a, struct tm_err *e)
{
    struct tm_buf text = {0};
    struct tm_checkpoint c;
    struct tm_note note;
    int rc = ca_log_dir_checkpoint(dir, &text, &c, e);
    if (rc == 0)
        rc = tm_note_parse(text.data, text.len, &note, e);
    if (rc == 0) {
        struct tm_bytes sig = bytes_of(note.signature[0].sig, note.signature[0].sig_len);
        meet(a, tm_bytes_be(&sig, 8));
        tm_note_free(&note);
    }
    tm_buf_free(&text);
    return rc;
}

static int redate(struct ahead *a, const char *dir, struct tm_err *e)
{
    const struct ca_journal_reader to = {.ctx = a, .begin = on_begin, .group = on_group};
    size_t torn = 0;
    if (read_checkpoint(dir, a, e) != 0 || ca_journal_read(dir, &to, &torn, e) != 0)
        return -1;
    if (a->found.to_ms == 0)
        return tm_err_set(e, "nothing of log '%s' is dated ahead of this machine's clock", dir);
    a->found.to_ms++; /* a last checkpoint is dated 1 ms after what bounds it */
    return write_excuse(dir, &a->found, e);
}

int ca_log_redate(const struct ca_log_format *format, const char *directory, int64_t now_ms,
                  uint64_t *newest_ms, struct tm_err *e)
{
    char path[PATH_MAX];
    struct ahead a = {.format = format, .now_ms = (uint64_t)now_ms};
    if (tm_file_join(directory, LOG_LOCK, path, sizeof(path), e) != 0)
        return -1;
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return tm_err_errno(e, "open '%s'", path);
    int rc = flock(fd, LOCK_EX | LOCK_NB) == 0
                 ? redate(&a, directory, e)
                 : tm_err_set(e, "log '%s' is in use by another process: stop it first", directory);
    close(fd);
    *newest_ms = a.newest_ms;
    return rc;
}
