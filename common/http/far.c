/* A far exchange: what its handler sees and says, wherever its connection is. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/http/far_lane.h"

void tm_http_far_unref(struct tm_http_far *f)
{
    if (atomic_fetch_sub(&f->refs, 1) != 1)
        return;
    if (f->file >= 0)
        close(f->file);
    tm_buf_free_secret(&f->text); /* a token may be there, or in the body */
    tm_buf_free_secret(&f->body);
    tm_buf_free(&f->headers);
    tm_buf_free(&f->reply);
    free(f);
}

/* ---- how it is made ---- */

/* Into f->text, as an offset for now: the buffer moves while it grows. */
static void keep(struct tm_http_far *f, const char **slot, const char *text)
{
    *slot = NULL;
    if (text == NULL)
        return;
    *slot = (const char *)(f->text.len + 1);
    tm_buf_append(&f->text, text, strlen(text) + 1);
}

static void settle(const struct tm_http_far *f, const char **slot)
{
    if (*slot != NULL)
        *slot = (const char *)f->text.data + ((uintptr_t)*slot - 1);
}

struct tm_http_far *tm_http_far_new(struct tm_http_lane *l, const struct tm_http_ask *a,
                                    void (*wake)(struct tm_ipc_task *task))
{
    struct tm_http_far *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return NULL;
    f->task.run = wake;
    f->lane = l;
    f->id = a->id;
    f->method = a->method < HTTP_METHOD_COUNT ? (enum tm_http_method)a->method : HTTP_OTHER;
    f->http2 = a->http2 != 0;
    f->started_us = (int64_t)a->started_us;
    f->file = -1;
    atomic_init(&f->refs, 1);
    keep(f, &f->path, a->path != NULL ? a->path : "");
    keep(f, &f->remote, a->remote != NULL ? a->remote : "");
    for (size_t i = 0; i < FAR_HEADERS; i++)
        keep(f, &f->header[i], a->header[i]);
    for (size_t i = 0; i < FAR_ARGUMENTS; i++)
        keep(f, &f->argument[i], a->argument[i]);
    tm_buf_append(&f->body, a->body.data, a->body.len);
    if (buf_failed(&f->text) || buf_failed(&f->body)) {
        tm_http_far_unref(f);
        return NULL;
    }
    settle(f, &f->path);
    settle(f, &f->remote);
    for (size_t i = 0; i < FAR_HEADERS; i++)
        settle(f, &f->header[i]);
    for (size_t i = 0; i < FAR_ARGUMENTS; i++)
        settle(f, &f->argument[i]);
    return f;
}

/* ---- what handlers see ---- */

const char *tm_http_far_header(struct tm_http_far *f, const char *name)
{
    for (size_t i = 0; i < FAR_HEADERS; i++) {
        if (strcasecmp(tm_http_far_headers[i], name) == 0)
            return f->header[i];
    }
    return NULL;
}

enum tm_http_method tm_http_far_method_of(const struct tm_http_far *f)
{
    return f->method;
}

bool tm_http_far_is_http2(const struct tm_http_far *f)
{
    return f->http2;
}

const char *tm_http_far_path(const struct tm_http_far *f)
{
    return f->path;
}

const char *tm_http_far_mount_name(const struct tm_http_far *f)
{
    return f->mount_name;
}

const char *tm_http_far_query(struct tm_http_far *f, const char *name)
{
    for (size_t i = 0; i < FAR_ARGUMENTS; i++) {
        if (strcmp(tm_http_far_arguments[i], name) == 0)
            return f->argument[i];
    }
    return NULL;
}

const struct tm_buf *tm_http_far_body(const struct tm_http_far *f)
{
    return &f->body;
}

const char *tm_http_far_remote(const struct tm_http_far *f)
{
    return f->remote;
}

int64_t tm_http_far_elapsed_us(const struct tm_http_far *f)
{
    return tm_clock_mono_us() - f->started_us;
}

void tm_http_far_set_state(struct tm_http_far *f, void *state, void (*release)(void *state))
{
    f->state = state;
    f->release = release;
}

void *tm_http_far_state(const struct tm_http_far *f)
{
    return f->state;
}

void tm_http_far_begin_reply(struct tm_http_far *f, unsigned status, const char *type)
{
    if (f->file >= 0)
        close(f->file);
    f->file = -1;
    f->size = 0;
    f->passed = false;
    f->made = true;
    f->status = status;
    f->type = type;
    f->borrowed = NULL;
    tm_buf_free(&f->reply);
    tm_buf_reset(&f->headers);
}

void tm_http_far_reply(struct tm_http_far *f, unsigned status, const char *content_type,
                       struct tm_buf *body)
{
    tm_http_far_begin_reply(f, status, content_type);
    f->reply = *body;
    *body = (struct tm_buf){0};
}

void tm_http_far_reply_canned(struct tm_http_far *f, unsigned status, const char *content_type,
                              const struct tm_buf *body)
{
    tm_http_far_begin_reply(f, status, content_type);
    f->borrowed = body;
}

void tm_http_far_reply_fd(struct tm_http_far *f, unsigned status, const char *content_type, int fd,
                          uint64_t size)
{
    tm_http_far_begin_reply(f, status, content_type);
    f->file = fd;
    f->size = size;
}

void tm_http_far_reply_header(struct tm_http_far *f, const char *name, const char *value)
{
    if (!f->made || strchr(value, '\n') != NULL)
        return;
    tm_buf_printf(&f->headers, "%s: %s\n", name, value);
}

void tm_http_far_reply_trailer(struct tm_http_far *f, const char *name, const char *value)
{
    if (!f->made || strchr(value, '\n') != NULL)
        return;
    tm_buf_printf(&f->headers, "!%s: %s\n", name, value);
}

/* All of it at once. */
static int produce_all(const struct tm_http_source *source, struct tm_buf *out)
{
    struct tm_buf piece = {0};
    int rc;
    while ((rc = source->produce(source->ctx, &piece)) > 0 && out->len <= FAR_HTTP_BODY_MAX) {
        tm_buf_append(out, piece.data, piece.len);
        tm_buf_reset(&piece);
    }
    tm_buf_free(&piece);
    return rc == 0 && !buf_failed(out) ? 0 : -1;
}

void tm_http_far_reply_stream(struct tm_http_far *f, unsigned status, const char *content_type,
                              const struct tm_http_source *source)
{
    tm_http_far_begin_reply(f, status, content_type);
    f->passed = source->pass != NULL;
    f->made = (f->passed ? source->pass(source->ctx, &f->file, &f->reply)
                         : produce_all(source, &f->reply)) == 0;
    if (source->release != NULL)
        source->release(source->ctx);
}

void *tm_http_far_wait_begin(struct tm_http_far *f)
{
    atomic_fetch_add(&f->refs, 1);
    f->wait = BEGUN;
    return tm_http_far_exchange(f);
}

void tm_http_far_wait_cancel(struct tm_http_far *f)
{
    f->wait = NOT_WAITING;
    tm_http_far_unref(f);
}

void tm_http_far_wake(struct tm_http_far *f)
{
    tm_ipc_loop_post(f->lane->loop, &f->task);
}

bool tm_http_far_wait_expired(const struct tm_http_far *f)
{
    return f->wait == EXPIRED;
}
