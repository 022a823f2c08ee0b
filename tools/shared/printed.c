#include "tools/shared/printed.h"

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/utf8.h"

static int print(json_t *o, size_t flags, struct tm_err *e)
{
    int rc = o != NULL ? 0 : tm_err_set(e, "out of memory");
    if (rc == 0 && (json_dumpf(o, stdout, flags) != 0 || putchar('\n') == EOF))
        rc = tm_err_errno(e, "standard output");
    json_decref(o);
    return rc;
}

int cli_print_json(json_t *o, struct tm_err *e)
{
    return print(o, JSON_COMPACT, e);
}

int cli_print_json_indented(json_t *o, struct tm_err *e)
{
    return print(o, JSON_INDENT(2), e);
}

json_t *cli_json_text(const char *text, size_t len)
{
    struct tm_buf shown = {0};
    tm_utf8_put(&shown, text, len);
    json_t *v = buf_failed(&shown) ? NULL : json_stringn((const char *)shown.data, shown.len);
    tm_buf_free(&shown);
    return v;
}

json_t *cli_lines_json(const void *text, size_t len)
{
    json_t *list = json_array();
    const char *p = text;
    while (len > 0) {
        const char *end = memchr(p, '\n', len);
        size_t n = end != NULL ? (size_t)(end - p) : len;
        size_t in = 0;
        while (in < n && p[in] == ' ')
            in++;
        if (n > in)
            json_array_append_new(list, cli_json_text(p + in, n - in));
        n += end != NULL;
        p += n;
        len -= n;
    }
    return list;
}
