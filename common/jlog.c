#include "common/jlog.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/json/jsonstr.h"

#define JLOG_VALUE_MAX 4096 /* bytes of one value: no identity is longer */

struct tm_jlog {
    int fd;
    enum tm_jlog_level min;
    pthread_rwlock_t pipe; /* lines that the kernel keeps whole share it; a longer one is alone */
};

static const char *const severity[] = {"DEBUG", "INFO", "WARNING", "ERROR"};

struct tm_jlog *tm_jlog_new(int fd, enum tm_jlog_level min)
{
    struct tm_jlog *log = malloc(sizeof(*log));
    if (log == NULL)
        return NULL;
    *log = (struct tm_jlog){.fd = fd, .min = min};
    pthread_rwlock_init(&log->pipe, NULL);
    return log;
}

void tm_jlog_free(struct tm_jlog *log)
{
    if (log == NULL)
        return;
    pthread_rwlock_destroy(&log->pipe);
    free(log);
}

static void put_string(struct tm_buf *b, const char *s)
{
    size_t len = strnlen(s, JLOG_VALUE_MAX + 1);
    if (len <= JLOG_VALUE_MAX) {
        tm_jsonstr_put(b, s, len);
        return;
    }
    tm_jsonstr_put(b, s, JLOG_VALUE_MAX);
    b->len -= b->len > 0; /* the closing quote */
    tm_buf_puts(b, "[cut]\"");
}

/* A log that cannot be written must not stop the CA; the metrics still count. */
static void put_line(struct tm_jlog *log, const struct tm_buf *line)
{
    if (line->len <= PIPE_BUF)
        pthread_rwlock_rdlock(&log->pipe);
    else
        pthread_rwlock_wrlock(&log->pipe);
    (void)tm_file_write_all(log->fd, line->data, line->len);
    pthread_rwlock_unlock(&log->pipe);
}

static void put_time(struct tm_buf *b)
{
    int64_t ms = tm_clock_wall_ms();
    char text[21];
    tm_clock_format(ms / 1000, text);
    tm_buf_puts(b, "{\"time\":\"");
    tm_buf_append(b, text, strnlen(text, 19)); /* the milliseconds go before the Z */
    buf_putc(b, '.');
    for (int unit = 100; unit > 0; unit /= 10)
        buf_putc(b, (unsigned char)('0' + ms / unit % 10));
    tm_buf_puts(b, "Z\",\"severity\":");
}

void tm_jlog_write(struct tm_jlog *log, enum tm_jlog_level level, const char *message,
                   const struct tm_jlog_field *fields)
{
    if (log == NULL || level < log->min)
        return;
    struct tm_buf b = {0};
    tm_buf_reserve(&b, 1024);
    put_time(&b);
    put_string(&b, severity[level]);
    tm_buf_puts(&b, ",\"message\":");
    put_string(&b, message);
    for (const struct tm_jlog_field *f = fields; f->key != NULL; f++) {
        buf_putc(&b, ',');
        put_string(&b, f->key);
        buf_putc(&b, ':');
        if (f->str != NULL)
            put_string(&b, f->str);
        else
            tm_buf_put_int(&b, f->num);
    }
    tm_buf_puts(&b, "}\n");
    if (!buf_failed(&b))
        put_line(log, &b);
    tm_buf_free(&b);
}
