#include "common/pem.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "common/b64.h"

#define LINE_BYTES 48 /* which make 64 characters */

static size_t skip_space(const char *p, size_t len)
{
    size_t i = 0;
    while (i < len && isspace((unsigned char)p[i]))
        i++;
    return i;
}

static bool take(const char **p, size_t *len, const char *word)
{
    size_t n = strlen(word);
    if (*len < n || memcmp(*p, word, n) != 0)
        return false;
    *p += n;
    *len -= n;
    return true;
}

static bool take_boundary(const char **p, size_t *len, const char *head, const char *label)
{
    return take(p, len, head) && take(p, len, label) && take(p, len, "-----");
}

static void take_newline(const char **p, size_t *len)
{
    if (*len > 0 && **p == '\r')
        take(p, len, "\r");
    take(p, len, "\n");
}

int tm_pem_body(const char *label, const void *data, size_t len, struct tm_buf *der)
{
    const char *p = data;
    size_t space = skip_space(p, len);
    p += space;
    len -= space;
    if (!take_boundary(&p, &len, "-----BEGIN ", label) || len == 0 || (*p != '\n' && *p != '\r'))
        return -1;
    struct tm_buf text = {0};
    while (len > 0 && *p != '-') {
        size_t run = 0;
        while (run < len && p[run] != '\n' && p[run] != '\r' && p[run] != '-')
            run++;
        tm_buf_append(&text, p, run);
        p += run;
        len -= run;
        take_newline(&p, &len);
        if (run == 0 && len > 0 && *p == '\r')
            break; /* a bare carriage return is no line end */
    }
    int rc = take_boundary(&p, &len, "-----END ", label) && skip_space(p, len) == len &&
                     text.len > 0 && !text.failed &&
                     tm_b64_decode(B64_STD, (const char *)text.data, text.len, der) == 0
                 ? 0
                 : -1;
    tm_buf_free(&text);
    return rc;
}

int tm_pem_no_password(char *to, int size, int rwflag, void *arg)
{
    (void)to;
    (void)size;
    (void)rwflag;
    (void)arg;
    return -1;
}

void tm_pem_put(const char *label, const void *der, size_t len, enum tm_pem_style style,
                struct tm_buf *out)
{
    const char *newline = style == PEM_STYLE_JSON ? "\\n" : "\n";
    const unsigned char *p = der;
    tm_buf_reserve(out, len / 3 * 4 + len / LINE_BYTES * 2 + 96);
    tm_buf_puts(out, "-----BEGIN ");
    tm_buf_puts(out, label);
    tm_buf_puts(out, "-----");
    tm_buf_puts(out, newline);
    for (size_t i = 0; i < len; i += LINE_BYTES) {
        tm_b64_encode(B64_STD, p + i, len - i < LINE_BYTES ? len - i : LINE_BYTES, out);
        tm_buf_puts(out, newline);
    }
    tm_buf_puts(out, "-----END ");
    tm_buf_puts(out, label);
    tm_buf_puts(out, style == PEM_STYLE_FILE ? "-----\n" : "-----");
}
