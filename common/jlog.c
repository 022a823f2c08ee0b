#include "common/jlog.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/json/jsonstr.h"

#define JLOG_VALUE_MAX 4096 /* bytes of one value: no identity is longer */

struct tm_jlog {
    struct tm_sink *sink;
    bool own; /* the sink */
    enum tm_jlog_level min;
};

static const char *const severity[] = {"DEBUG", "INFO", "WARNING", "ERROR"};

struct tm_jlog *tm_jlog_to(struct tm_sink *sink, enum tm_jlog_level min)
{
    struct tm_jlog *log = malloc(sizeof(*log));
    if (log != NULL)
        *log = (struct tm_jlog){.sink = sink, .min = min};
    return log;
}

struct tm_jlog *tm_jlog_new(int fd, enum tm_jlog_level min)
{
    struct tm_sink *sink = tm_sink_new(&(struct tm_sink_options){.fd = fd}, NULL);
    struct tm_jlog *log = sink != NULL ? tm_jlog_to(sink, min) : NULL;
    if (log == NULL)
        tm_sink_free(sink);
    else
        log->own = true;
    return log;
}

void tm_jlog_free(struct tm_jlog *log)
{
    if (log == NULL)
        return;
    if (log->own)
        tm_sink_free(log->sink);
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

void tm_jlog_line(struct tm_buf *out, enum tm_jlog_level level, const char *message,
                  const struct tm_jlog_field *fields)
{
    tm_buf_reserve(out, 1024);
    put_time(out);
    put_string(out, severity[level]);
    tm_buf_puts(out, ",\"message\":");
    put_string(out, message);
    for (const struct tm_jlog_field *f = fields; f->key != NULL; f++) {
        buf_putc(out, ',');
        put_string(out, f->key);
        buf_putc(out, ':');
        if (f->str != NULL)
            put_string(out, f->str);
        else
            tm_buf_put_int(out, f->num);
    }
    tm_buf_puts(out, "}\n");
}

void tm_jlog_write(struct tm_jlog *log, enum tm_jlog_level level, const char *message,
                   const struct tm_jlog_field *fields)
{
    if (log == NULL || level < log->min)
        return;
    struct tm_buf b = {0};
    tm_jlog_line(&b, level, message, fields);
    if (!buf_failed(&b))
        (void)tm_sink_put(log->sink, b.data, b.len); /* the sink counts what it drops */
    tm_buf_free(&b);
}
