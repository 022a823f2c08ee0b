#include "common/jlog.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/jsonstr.h"

#define JLOG_VALUE_MAX 1024 /* bytes of one value; longer ones are cut */

struct jlog {
    int fd;
    enum jlog_level min;
};

static const char *const severity[] = {"DEBUG", "INFO", "WARNING", "ERROR"};

struct jlog *jlog_new(int fd, enum jlog_level min)
{
    struct jlog *log = malloc(sizeof(*log));
    if (log != NULL)
        *log = (struct jlog){.fd = fd, .min = min};
    return log;
}

void jlog_free(struct jlog *log)
{
    free(log);
}

static void put_string(struct buf *b, const char *s)
{
    jsonstr_put(b, s, strnlen(s, JLOG_VALUE_MAX));
}

static void put_time(struct buf *b)
{
    int64_t ms = clock_wall_ms();
    char text[21];
    clock_format(ms / 1000, text);
    buf_puts(b, "{\"time\":\"");
    buf_append(b, text, strnlen(text, 19)); /* the milliseconds go before the Z */
    buf_putc(b, '.');
    for (int unit = 100; unit > 0; unit /= 10)
        buf_putc(b, (unsigned char)('0' + ms / unit % 10));
    buf_puts(b, "Z\",\"severity\":");
}

void jlog_write(struct jlog *log, enum jlog_level level, const char *message,
                const struct jlog_field *fields)
{
    if (log == NULL || level < log->min)
        return;
    struct buf b = {0};
    buf_reserve(&b, 1024);
    put_time(&b);
    put_string(&b, severity[level]);
    buf_puts(&b, ",\"message\":");
    put_string(&b, message);
    for (const struct jlog_field *f = fields; f->key != NULL; f++) {
        buf_putc(&b, ',');
        put_string(&b, f->key);
        buf_putc(&b, ':');
        if (f->str != NULL)
            put_string(&b, f->str);
        else
            buf_put_int(&b, f->num);
    }
    buf_puts(&b, "}\n");
    /* A log that cannot be written must not stop the CA; the metrics still count. */
    if (!buf_failed(&b) && write(log->fd, b.data, b.len) < 0)
        (void)0;
    buf_free(&b);
}
