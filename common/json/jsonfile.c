#include "common/json/jsonfile.h"

#include <errno.h>
#include <stdlib.h>

#include "common/file.h"

int tm_jsonfile_read(const char *path, size_t max, const struct tm_jsonmap *map, void *dest,
                     struct tm_err *e)
{
    struct tm_buf text = {0};
    errno = 0; /* of a file that is too large it is not set */
    int rc = tm_file_read(path, max, &text, e) == 0 ? 0 : errno == ENOENT ? 1 : -1;
    if (rc == 0 &&
        tm_jsonmap_parse((const char *)text.data, text.len, max, map, NULL, dest, e) != 0)
        rc = tm_err_wrap(e, "'%s'", path);
    tm_buf_free(&text);
    return rc;
}

int tm_jsonfile_put(const struct tm_jsonmap *map, const void *from, struct tm_buf *out,
                    struct tm_err *e)
{
    json_t *v = tm_jsonmap_write(map, from, e);
    char *text = v != NULL ? json_dumps(v, JSON_INDENT(2)) : NULL;
    if (text != NULL) {
        tm_buf_puts(out, text);
        buf_putc(out, '\n');
    }
    bool written = text != NULL && !buf_failed(out);
    free(text);
    json_decref(v);
    return v == NULL ? -1 : written ? 0 : tm_err_set(e, "out of memory");
}

int tm_jsonfile_write(const char *path, mode_t mode, const struct tm_jsonmap *map, const void *from,
                      struct tm_err *e)
{
    struct tm_buf text = {0};
    int rc = tm_jsonfile_put(map, from, &text, e);
    if (rc == 0)
        rc = tm_file_write_atomic(path, mode, text.data, text.len, e);
    tm_buf_free(&text);
    return rc;
}
