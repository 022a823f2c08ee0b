#include "common/ipc/form.h"

#include <string.h>

#define NO_TEXT UINT32_MAX /* the length of a NULL */

static const void *member(const void *msg, const struct tm_ipc_field *f)
{
    return (const char *)msg + f->at;
}

static int put_span(const struct tm_ipc_form *form, const struct tm_ipc_field *f, const void *data,
                    size_t len, struct tm_buf *out, struct tm_err *e)
{
    uint32_t n = (uint32_t)len;
    if (len > f->max || len >= NO_TEXT)
        return tm_err_set(e, "%s: a field of %zu bytes, but %zu are allowed", form->name, len,
                          f->max);
    tm_buf_append(out, &n, sizeof(n));
    if (len > 0)
        tm_buf_append(out, data, len);
    return 0;
}

static int put_text(const struct tm_ipc_form *form, const struct tm_ipc_field *f, const char *text,
                    struct tm_buf *out, struct tm_err *e)
{
    uint32_t none = NO_TEXT;
    if (text == NULL) {
        tm_buf_append(out, &none, sizeof(none));
        return 0;
    }
    if (put_span(form, f, text, strlen(text), out, e) != 0)
        return -1;
    buf_putc(out, '\0');
    return 0;
}

static int put_field(const struct tm_ipc_form *form, const struct tm_ipc_field *f, const void *msg,
                     struct tm_buf *out, struct tm_err *e)
{
    const void *at = member(msg, f);
    const struct tm_ipc_bytes *b = at;
    switch (f->kind) {
    case IPC_U64:
        tm_buf_append(out, at, sizeof(uint64_t));
        return 0;
    case IPC_BYTES:
        return put_span(form, f, b->data, b->len, out, e);
    case IPC_TEXT:
        return put_text(form, f, *(const char *const *)at, out, e);
    case IPC_FD:
        buf_putc(out, *(const int *)at >= 0);
        return 0;
    }
    return tm_err_set(e, "%s: a field of no kind", form->name);
}

int tm_ipc_form_put(const struct tm_ipc_form *f, const void *msg, struct tm_buf *out,
                    struct tm_err *e)
{
    size_t before = out->len;
    int rc = 0;
    for (size_t i = 0; i < f->count && rc == 0; i++)
        rc = put_field(f, &f->field[i], msg, out, e);
    if (rc == 0 && buf_failed(out))
        rc = tm_err_set(e, "out of memory");
    if (rc != 0)
        out->len = before;
    return rc;
}

struct reader {
    const unsigned char *p;
    size_t left;
    int fd; /* -1: none, or taken */
};

static bool take(struct reader *r, void *to, size_t n)
{
    if (r->left < n)
        return false;
    memcpy(to, r->p, n);
    r->p += n;
    r->left -= n;
    return true;
}

/* `extra`: bytes that follow it and are its own. */
static bool take_span(struct reader *r, uint32_t n, size_t max, size_t extra,
                      const unsigned char **out)
{
    if (n > max || r->left < extra || r->left - extra < n)
        return false;
    *out = r->p;
    r->p += n + extra;
    r->left -= n + extra;
    return true;
}

static bool take_text(struct reader *r, size_t max, const char **out)
{
    uint32_t n = 0;
    const unsigned char *p = NULL;
    if (!take(r, &n, sizeof(n)))
        return false;
    if (n != NO_TEXT && (!take_span(r, n, max, 1, &p) || memchr(p, '\0', (size_t)n + 1) != p + n))
        return false;
    *out = (const char *)p;
    return true;
}

static bool take_bytes(struct reader *r, size_t max, struct tm_ipc_bytes *out)
{
    uint32_t n = 0;
    const unsigned char *p = NULL;
    if (!take(r, &n, sizeof(n)) || !take_span(r, n, max, 0, &p))
        return false;
    *out = (struct tm_ipc_bytes){p, n};
    return true;
}

static bool take_fd(struct reader *r, int *out)
{
    unsigned char there = 0;
    if (!take(r, &there, 1) || there > 1 || (there == 1) != (r->fd >= 0))
        return false;
    *out = r->fd;
    r->fd = -1;
    return true;
}

static bool take_field(struct reader *r, const struct tm_ipc_field *f, void *msg)
{
    void *at = (char *)msg + f->at;
    switch (f->kind) {
    case IPC_U64:
        return take(r, at, sizeof(uint64_t));
    case IPC_BYTES:
        return take_bytes(r, f->max, at);
    case IPC_TEXT:
        return take_text(r, f->max, at);
    case IPC_FD:
        return take_fd(r, at);
    }
    return false;
}

int tm_ipc_form_take(const struct tm_ipc_form *f, const unsigned char *data, size_t len, int fd,
                     void *msg, struct tm_err *e)
{
    struct reader r = {data, len, fd};
    memset(msg, 0, f->size);
    for (size_t i = 0; i < f->count; i++) {
        if (!take_field(&r, &f->field[i], msg))
            return tm_err_set(e, "%s: field %zu is not as it must be", f->name, i);
    }
    if (r.left > 0 || r.fd >= 0)
        return tm_err_set(e, "%s: more came than belongs to it", f->name);
    return 0;
}

int tm_ipc_form_fd(const struct tm_ipc_form *f, const void *msg)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->field[i].kind == IPC_FD)
            return *(const int *)member(msg, &f->field[i]);
    }
    return -1;
}
