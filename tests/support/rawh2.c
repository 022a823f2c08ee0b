#include "tests/support/rawh2.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/support/rawhttp.h"

#define WAIT_MS 20000
#define FIELDS_MAX 16

static struct rawh2_reply *reply_of(struct rawh2 *h, int32_t id)
{
    for (size_t i = 0; i < h->count; i++) {
        if (h->reply[i].id == id)
            return &h->reply[i];
    }
    return NULL;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *ctx)
{
    (void)session;
    (void)flags;
    struct rawh2_reply *r = reply_of(ctx, frame->hd.stream_id);
    bool head = frame->headers.cat == NGHTTP2_HCAT_RESPONSE;
    if (r == NULL)
        return 0;
    if (name_len == 7 && memcmp(name, ":status", 7) == 0)
        r->status = (unsigned)strtoul((const char *)value, NULL, 10);
    tm_buf_printf(head ? &r->head : &r->trailers, "%.*s: %.*s\n", (int)name_len, (const char *)name,
                  (int)value_len, (const char *)value);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t len, void *ctx)
{
    (void)session;
    (void)flags;
    struct rawh2_reply *r = reply_of(ctx, id);
    if (r != NULL)
        tm_buf_append(&r->body, data, len);
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t error, void *ctx)
{
    (void)session;
    struct rawh2_reply *r = reply_of(ctx, id);
    if (r != NULL) {
        r->closed = true;
        r->error = error;
    }
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    (void)session;
    struct rawh2 *h = ctx;
    if (frame->hd.type == NGHTTP2_GOAWAY) {
        h->goaway = true;
        h->last_id = frame->goaway.last_stream_id;
        h->why = frame->goaway.error_code;
    }
    return 0;
}

static ssize_t send_bytes(nghttp2_session *session, const uint8_t *data, size_t len, int flags,
                          void *ctx)
{
    (void)session;
    (void)flags;
    const struct rawh2 *h = ctx;
    ssize_t n = send(h->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0)
        return n;
    return errno == EAGAIN ? NGHTTP2_ERR_WOULDBLOCK : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *to, size_t max,
                         uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
    (void)session;
    (void)source;
    struct rawh2_reply *r = reply_of(ctx, id);
    size_t n = r->send_len - r->sent < max ? r->send_len - r->sent : max;
    memcpy(to, r->send + r->sent, n);
    r->sent += n;
    if (r->sent == r->send_len)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

void rawh2_open(struct rawh2 *h, const char *address)
{
    nghttp2_session_callbacks *calls = NULL;
    memset(h, 0, sizeof(*h));
    h->fd = raw_dial(address);
    int one =
        1; /* a request is two frames or more: the second would wait for the first's receipt */
    (void)setsockopt(h->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (nghttp2_session_callbacks_new(&calls) != 0)
        abort();
    nghttp2_session_callbacks_set_on_header_callback(calls, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_close);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame);
    nghttp2_session_callbacks_set_send_callback(calls, send_bytes);
    if (nghttp2_session_client_new(&h->session, calls, h) != 0 ||
        nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, NULL, 0) != 0)
        abort();
    nghttp2_session_callbacks_del(calls);
}

void rawh2_forget(struct rawh2 *h)
{
    for (size_t i = 0; i < h->count; i++) {
        tm_buf_free(&h->reply[i].head);
        tm_buf_free(&h->reply[i].body);
        tm_buf_free(&h->reply[i].trailers);
        h->reply[i] = (struct rawh2_reply){0};
    }
    h->count = 0;
}

void rawh2_close(struct rawh2 *h)
{
    rawh2_forget(h);
    nghttp2_session_del(h->session);
    close(h->fd);
}

static void put(nghttp2_nv *nv, const char *name, size_t name_len, const char *value, size_t len)
{
    *nv = (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                       .value = (uint8_t *)(uintptr_t)value,
                       .namelen = name_len,
                       .valuelen = len};
}

struct rawh2_reply *rawh2_ask(struct rawh2 *h, const char *method, const char *path,
                              const char *headers, const void *body, size_t len)
{
    nghttp2_nv nv[FIELDS_MAX];
    size_t n = 4;
    put(&nv[0], ":method", 7, method, strlen(method));
    put(&nv[1], ":scheme", 7, "http", 4);
    put(&nv[2], ":authority", 10, "localhost", 9);
    put(&nv[3], ":path", 5, path, strlen(path));
    for (const char *line = headers; *line != '\0' && n < FIELDS_MAX; n++) {
        const char *colon = strstr(line, ": ");
        const char *end = strchr(line, '\n');
        if (colon == NULL || end == NULL)
            abort();
        put(&nv[n], line, (size_t)(colon - line), colon + 2, (size_t)(end - colon - 2));
        line = end + 1;
    }
    if (h->count == RAWH2_REPLIES)
        abort();
    struct rawh2_reply *r = &h->reply[h->count++];
    r->send = body;
    r->send_len = len;
    const nghttp2_data_provider source = {.read_callback = read_body};
    r->id = nghttp2_submit_request(h->session, NULL, nv, n, body != NULL ? &source : NULL, NULL);
    if (r->id < 0)
        r->closed = true;
    return r;
}

void rawh2_turn(struct rawh2 *h, int ms)
{
    uint8_t data[16384];
    if (nghttp2_session_send(h->session) != 0)
        h->over = true;
    struct pollfd p = {.fd = h->fd, .events = POLLIN};
    if (nghttp2_session_want_write(h->session) != 0)
        p.events |= POLLOUT;
    if (h->over || poll(&p, 1, ms) <= 0 || (p.revents & (POLLIN | POLLHUP | POLLERR)) == 0)
        return;
    ssize_t n = recv(h->fd, data, sizeof(data), MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN))
        h->over = true;
    else if (n > 0 && nghttp2_session_mem_recv(h->session, data, (size_t)n) < 0)
        h->over = true;
}

bool rawh2_wait(struct rawh2 *h, struct rawh2_reply *r)
{
    int64_t until = tm_clock_mono_ms() + WAIT_MS;
    while (!r->closed && !h->over && tm_clock_mono_ms() < until)
        rawh2_turn(h, 100);
    return r->closed;
}

void rawh2_run(struct rawh2 *h, int ms)
{
    int64_t until = tm_clock_mono_ms() + ms;
    for (int64_t now = tm_clock_mono_ms(); now < until && !h->over; now = tm_clock_mono_ms())
        rawh2_turn(h, (int)(until - now));
}

int rawh2_frame(int fd, uint8_t type, uint8_t flags, uint32_t stream, const void *data, size_t len)
{
    struct tm_buf b = {0};
    tm_buf_put_be(&b, len, 3);
    buf_putc(&b, type);
    buf_putc(&b, flags);
    tm_buf_put_be(&b, stream, 4);
    tm_buf_append(&b, data, len);
    int rc = raw_put(fd, b.data, b.len);
    tm_buf_free(&b);
    return rc;
}

int rawh2_preface(int fd)
{
    return raw_put(fd, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN) == 0 &&
                   rawh2_frame(fd, NGHTTP2_SETTINGS, 0, 0, NULL, 0) == 0
               ? 0
               : -1;
}

/* RFC 7541 §6.2.2: a literal that no table keeps, its name by index (below 15). */
static void literal(uint8_t index, const char *value, struct tm_buf *out)
{
    buf_putc(out, index);
    buf_putc(out, (unsigned char)strlen(value)); /* below 127 */
    tm_buf_puts(out, value);
}

void rawh2_block(const char *method, const char *path, struct tm_buf *out)
{
    literal(2, method, out);
    literal(6, "http", out);
    literal(4, path, out);
    literal(1, "localhost", out);
}
