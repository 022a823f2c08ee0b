#include "common/err.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/utf8.h"

static void set_va(struct tm_err *e, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static void set_va(struct tm_err *e, const char *fmt, va_list ap)
{
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    tm_utf8_clean(
        e->text); /* it may quote input: nothing that moves a cursor or splits a log line */
}

static void append(struct tm_err *e, const char *sep, const char *tail)
{
    size_t len = strlen(e->text);
    snprintf(e->text + len, sizeof(e->text) - len, "%s%s", sep, tail);
    tm_utf8_clean(e->text + len);
}

/* The name in brackets is the function, not the header's macro. */
int(tm_err_set)(struct tm_err *e, const char *fmt, ...)
{
    if (e != NULL) {
        va_list ap;
        va_start(ap, fmt);
        e->kind = ERR_BAD;
        set_va(e, fmt, ap);
        va_end(ap);
    }
    return -1;
}

int(tm_err_wrap)(struct tm_err *e, const char *fmt, ...)
{
    if (e != NULL) {
        char inner[ERR_TEXT_MAX];
        memcpy(inner, e->text, sizeof(inner));
        va_list ap;
        va_start(ap, fmt);
        set_va(e, fmt, ap);
        va_end(ap);
        append(e, ": ", inner);
    }
    return -1;
}

int(tm_err_openssl)(struct tm_err *e, const char *fmt, ...)
{
    unsigned long code = ERR_peek_error();
    if (e != NULL) {
        va_list ap;
        va_start(ap, fmt);
        e->kind = ERR_BAD;
        set_va(e, fmt, ap);
        va_end(ap);
        const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
        if (ERR_GET_LIB(code) == ERR_LIB_USER)
            ERR_peek_error_data(&reason, NULL);
        if (reason != NULL)
            append(e, ": ", reason);
    }
    ERR_clear_error();
    return -1;
}

void tm_err_raise(const struct tm_err *e)
{
    ERR_raise_data(ERR_LIB_USER, 1, "%s", e->text);
}

int(tm_err_errno)(struct tm_err *e, const char *fmt, ...)
{
    int saved = errno;
    if (e != NULL) {
        va_list ap;
        va_start(ap, fmt);
        e->kind = ERR_BAD;
        set_va(e, fmt, ap);
        va_end(ap);
        char text[128];
        append(e, ": ", strerror_r(saved, text, sizeof(text)));
    }
    errno = saved;
    return -1;
}

int(tm_err_mark)(struct tm_err *e, enum tm_err_kind kind)
{
    if (e != NULL)
        e->kind = kind;
    return -1;
}
