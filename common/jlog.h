/*
 * Structured logs: one JSON object a line. Lines of several threads never mix, in a pipe neither.
 * Nobody waits for the log's reader: what does not fit into the sink's queue is dropped, and
 * counted. Values are escaped, and those over 4,096 bytes end in "[cut]"; nothing else is trusted.
 *
 *   jlog(log, JLOG_INFO, "issued", JLOG_STR("issuer", iss), JLOG_INT("ms", ms), JLOG_END);
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/sink.h"

enum tm_jlog_level { JLOG_DEBUG, JLOG_INFO, JLOG_WARN, JLOG_ERROR };

struct tm_jlog; /* opaque; safe to use from several threads */

struct tm_jlog_field {
    const char *key; /* NULL ends the list */
    const char *str; /* NULL: the value is `num` */
    int64_t num;
};

static inline const char *jlog_text(const char *v)
{
    return v != NULL ? v : "";
}

#define JLOG_STR(k, v) ((struct tm_jlog_field){(k), jlog_text(v), 0})
#define JLOG_INT(k, v) ((struct tm_jlog_field){(k), 0, (int64_t)(v)})
#define JLOG_END ((struct tm_jlog_field){0, 0, 0})

/* Logs at `min` and above to `fd`, which stays the caller's. NULL: out of memory, or no such
 * descriptor. */
struct tm_jlog *tm_jlog_new(int fd, enum tm_jlog_level min);
/* The same to a sink, which stays the caller's and must outlive the log. */
struct tm_jlog *tm_jlog_to(struct tm_sink *sink, enum tm_jlog_level min);
void tm_jlog_free(struct tm_jlog *log);

/* Writes {"time":…,"severity":…,"message":…,fields…}. `log` may be NULL (drops the line). */
void tm_jlog_write(struct tm_jlog *log, enum tm_jlog_level level, const char *message,
                   const struct tm_jlog_field *fields);

/* Appends that line with its newline: for lines that must not be dropped, which their writer
 * promises to the sink himself. Check buf_failed. */
void tm_jlog_line(struct tm_buf *out, enum tm_jlog_level level, const char *message,
                  const struct tm_jlog_field *fields);

#define jlog(log, level, message, ...) \
    tm_jlog_write((log), (level), (message), (const struct tm_jlog_field[]){__VA_ARGS__})
