/*
 * Bodies that are made as they are sent: of files and of sources. libmicrohttpd says the reply's
 * head, which has their length or their framing, and has no further part in it. So a client that
 * reads slowly holds no memory of it, but the little that a source has made and the socket did not
 * take.
 */

#include "common/clock.h"
#include "common/http/internal.h"

#define AT_ONCE ((size_t)8 * 1024) /* bytes of a source that go together */
#define FILE_AT_ONCE ((uint64_t)256 * 1024)

/* ---- what goes out ---- */

static int sent(struct tm_http_conn *c, ssize_t n)
{
    if (n > 0)
        c->active_ms = tm_clock_mono_ms();
    return n < 0 ? (int)n : 0;
}

int tm_http_send(struct tm_http_conn *c, const unsigned char *data, size_t len)
{
    ssize_t n = tm_http_stream_write(c, data, len);
    size_t taken = n > 0 ? (size_t)n : 0;
    if (n != STREAM_BROKEN)
        tm_buf_append(&c->out, data + taken, len - taken);
    return buf_failed(&c->out) ? STREAM_BROKEN : sent(c, n);
}

int tm_http_send_held(struct tm_http_conn *c)
{
    ssize_t n = tm_http_stream_write(c, c->out.data, c->out.len);
    if (n > 0)
        tm_buf_drop(&c->out, (size_t)n);
    return sent(c, n);
}

/* ---- what it is made of ---- */

void tm_http_body_begin(struct tm_http_conn *c)
{
    c->x->path = NULL; /* libmicrohttpd's */
    tm_http_engine_detach(c);
}

static int send_file(struct tm_http_conn *c, struct tm_http_exchange *x)
{
    uint64_t left = x->reply.size - x->sent;
    ssize_t n = tm_http_stream_send_file(c, x->reply.fd, x->sent,
                                         (size_t)(left < FILE_AT_ONCE ? left : FILE_AT_ONCE));
    if (n > 0)
        x->sent += (uint64_t)n;
    x->over = x->sent == x->reply.size;
    return sent(c, n);
}

/* The next pieces; one for who does not keep up, since it is held. -1: there is no next. */
static int make(struct tm_http_exchange *x, struct tm_buf *out)
{
    const struct tm_http_source *s = &x->reply.source;
    int rc;
    do {
        rc = s->produce(s->ctx, out);
    } while (rc == 1 && !x->slow && out->len < AT_ONCE && !buf_failed(out));
    x->over = rc == 0;
    return (rc == 0 || rc == 1) && !buf_failed(out) ? 0 : -1;
}

/* As a chunk (RFC 9112 §7.1); to a client of HTTP/1.0 as it is, which the connection's end ends. */
static void frame(const struct tm_http_conn *c, const struct tm_buf *piece, struct tm_buf *out)
{
    bool chunked = !c->old && piece->len > 0;
    if (chunked)
        tm_buf_printf(out, "%zx\r\n", piece->len);
    tm_buf_append(out, piece->data, piece->len);
    if (chunked)
        tm_buf_puts(out, "\r\n");
    if (!c->old && c->x->over)
        tm_buf_puts(out, "0\r\n\r\n");
}

static int send_source(struct tm_http_conn *c, struct tm_http_exchange *x)
{
    struct tm_buf piece = {0};
    struct tm_buf out = {0};
    int rc = make(x, &piece) == 0 ? 0 : STREAM_BROKEN;
    if (rc == 0)
        frame(c, &piece, &out);
    if (rc == 0 && buf_failed(&out))
        rc = STREAM_BROKEN;
    if (rc == 0 && out.len > 0)
        rc = tm_http_send(c, out.data, out.len);
    tm_buf_free(&piece);
    tm_buf_free(&out);
    return rc;
}

int tm_http_body_send(struct tm_http_conn *c)
{
    struct tm_http_exchange *x = c->x;
    int rc = 0;
    if (!c->writable)
        rc = STREAM_WAIT;
    else if (c->out.len > 0)
        rc = tm_http_send_held(c);
    else if (!x->over)
        rc = x->reply.kind == REPLY_FILE ? send_file(c, x) : send_source(c, x);
    x->slow = x->slow || rc == STREAM_WAIT;
    if (rc != 0 || !x->over || c->out.len > 0)
        return rc;
    tm_http_exchange_end(x, true);
    return 0;
}
