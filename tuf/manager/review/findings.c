#include "tuf/manager/review/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/utf8.h"

__attribute__((format(printf, 2, 0))) static void add_line(struct tm_buf *lines, const char *fmt,
                                                           va_list ap)
{
    char line[ERR_TEXT_MAX];
    vsnprintf(line, sizeof(line), fmt, ap);
    tm_utf8_clean(line);
    tm_buf_puts(lines, line);
    buf_putc(lines, '\n');
}

void tuf_findings_error(struct tuf_findings *f, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_line(&f->errors, fmt, ap);
    va_end(ap);
    f->error_count++;
}

void tuf_findings_warn(struct tuf_findings *f, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_line(&f->warnings, fmt, ap);
    va_end(ap);
}

void tuf_findings_danger(struct tuf_findings *f, const char *fmt, ...)
{
    struct tm_buf line = {0};
    va_list ap;
    va_start(ap, fmt);
    add_line(&line, fmt, ap);
    va_end(ap);
    if (line.len > 0 && (f->dangers.len == 0 ||
                         memmem(f->dangers.data, f->dangers.len, line.data, line.len) == NULL)) {
        tm_buf_append(&f->dangers, line.data, line.len);
        f->danger_count++;
    }
    tm_buf_free(&line);
}

void tuf_findings_free(struct tuf_findings *f)
{
    tm_buf_free(&f->errors);
    tm_buf_free(&f->dangers);
    tm_buf_free(&f->warnings);
}
