#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/utf8.h"
#include "common/key/internal.h"

#define SECRET_MAX 1024 /* bytes */

/* An editor's marks are no part of a secret: a byte order mark, one line end (LF or CRLF). */
static void trim(struct tm_buf *b)
{
    size_t mark = tm_utf8_mark(b->data, b->len);
    if (b->len > 0 && b->data[b->len - 1] == '\n') {
        b->len--;
        if (b->len > mark && b->data[b->len - 1] == '\r')
            b->len--;
    }
    if (mark == 0 || mark > b->len)
        return;
    memmove(b->data, b->data + mark, b->len - mark);
    b->len -= mark;
}

int tm_key_read_secret(const char *file, const char *env, const char *what, struct tm_buf *out,
                       struct tm_err *e)
{
    if (file != NULL) {
        if (tm_file_read_secret(file, SECRET_MAX, out, e) != 0)
            return tm_err_wrap(e, "%s", what);
    } else if (env != NULL) {
        const char *value = getenv(env);
        if (value == NULL)
            return tm_err_set(e, "%s: environment variable %s is not set", what, env);
        tm_buf_puts(out, value);
    }
    trim(out);
    if (out->len > SECRET_MAX || (out->len > 0 && memchr(out->data, '\0', out->len) != NULL))
        return tm_err_set(e, "%s: longer than %d bytes, or holds a NUL", what, SECRET_MAX);
    return tm_buf_str(out) != NULL ? 0 : tm_err_set(e, "out of memory");
}

static int source_secret(const char *typed, const char *file, const char *env, const char *what,
                         struct tm_buf *out, struct tm_err *e)
{
    if (typed == NULL)
        return tm_key_read_secret(file, env, what, out, e);
    tm_buf_puts(out, typed);
    return tm_buf_str(out) != NULL ? 0 : tm_err_set(e, "out of memory");
}

int tm_key_source_password(const struct tm_key_source *source, struct tm_buf *out, struct tm_err *e)
{
    return source_secret(source->secret, source->password_file, source->password_env, "password",
                         out, e);
}

int tm_key_source_pin(const struct tm_key_source *source, struct tm_buf *out, struct tm_err *e)
{
    return source_secret(source->secret, source->pin_file, source->pin_env, "PKCS#11 PIN", out, e);
}
