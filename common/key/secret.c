#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/key/internal.h"

#define SECRET_MAX 1024 /* bytes */

int key_read_secret(const char *file, const char *env, const char *what, struct buf *out,
                    struct err *e)
{
    if (file != NULL) {
        if (file_read_secret(file, SECRET_MAX, out, e) != 0)
            return err_wrap(e, "%s", what);
        if (out->len > 0 && out->data[out->len - 1] == '\n')
            out->len--;
    } else if (env != NULL) {
        const char *value = getenv(env);
        if (value == NULL)
            return err_set(e, "%s: environment variable %s is not set", what, env);
        buf_puts(out, value);
    }
    if (out->len > SECRET_MAX || (out->len > 0 && memchr(out->data, '\0', out->len) != NULL))
        return err_set(e, "%s: longer than %d bytes, or holds a NUL", what, SECRET_MAX);
    return buf_str(out) != NULL ? 0 : err_set(e, "out of memory");
}

static int source_secret(const char *typed, const char *file, const char *env, const char *what,
                         struct buf *out, struct err *e)
{
    if (typed == NULL)
        return key_read_secret(file, env, what, out, e);
    buf_puts(out, typed);
    return buf_str(out) != NULL ? 0 : err_set(e, "out of memory");
}

int key_source_password(const struct key_source *source, struct buf *out, struct err *e)
{
    return source_secret(source->secret, source->password_file, source->password_env, "password",
                         out, e);
}

int key_source_pin(const struct key_source *source, struct buf *out, struct err *e)
{
    return source_secret(source->secret, source->pin_file, source->pin_env, "PKCS#11 PIN", out, e);
}
