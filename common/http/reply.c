/* A reply: made by a handler, then written piece by piece as the client reads. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/http/internal.h"

#define CHUNK_HEAD 10 /* "00001f40\r\n" */

struct tm_http_canned {
    const char *content_type;
    struct tm_buf body;
};

static const struct {
    unsigned status;
    const char *words;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
};

static const char *reason_of(unsigned status)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].status == status)
            return reasons[i].words;
    }
    return "Unknown"; /* the words mean nothing (RFC 9112 §4) */
}

static void drop_body(struct tm_http_message *m)
{
    if (m->kind == BODY_STREAM && m->source.release != NULL)
        m->source.release(m->source.ctx);
    m->source = (struct tm_http_source){0};
    if (m->fd >= 0)
        close(m->fd);
    m->fd = -1;
    tm_buf_free(&m->bytes);
}

void tm_http_message_free(struct tm_http_message *m)
{
    drop_body(m);
    tm_buf_free(&m->fields);
    tm_buf_free(&m->head);
}

/* Whatever was made before is forgotten. */
static struct tm_http_message *begin(struct tm_http_exchange *x, unsigned status,
                                     const char *content_type, enum tm_http_body_kind kind,
                                     uint64_t size)
{
    struct tm_http_message *m = &x->reply;
    tm_http_message_free(m);
    *m = (struct tm_http_message){.made = true,
                                  .status = status,
                                  .content_type = content_type,
                                  .kind = kind,
                                  .size = size,
                                  .fd = -1};
    return m;
}

void tm_http_reply(struct tm_http_exchange *x, unsigned status, const char *content_type,
                   struct tm_buf *body)
{
    struct tm_http_message *m = begin(x, status, content_type, BODY_BYTES, body->len);
    m->made = !buf_failed(body);
    m->bytes = *body;
    *body = (struct tm_buf){0};
}

void tm_http_reply_fd(struct tm_http_exchange *x, unsigned status, const char *content_type, int fd,
                      uint64_t size)
{
    begin(x, status, content_type, BODY_FILE, size)->fd = fd;
}

void tm_http_reply_stream(struct tm_http_exchange *x, unsigned status, const char *content_type,
                          const struct tm_http_source *source)
{
    begin(x, status, content_type, BODY_STREAM, 0)->source = *source;
}

void tm_http_reply_header(struct tm_http_exchange *x, const char *name, const char *value)
{
    tm_buf_printf(&x->reply.fields, "%s: %s\r\n", name, value);
}

struct tm_http_canned *tm_http_canned_new(const char *content_type, const struct tm_buf *body)
{
    struct tm_http_canned *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    c->content_type = content_type;
    tm_buf_append(&c->body, body->data, body->len);
    if (buf_failed(body) || buf_failed(&c->body)) {
        tm_http_canned_free(c);
        return NULL;
    }
    return c;
}

void tm_http_canned_free(struct tm_http_canned *c)
{
    if (c == NULL)
        return;
    tm_buf_free(&c->body);
    free(c);
}

void tm_http_reply_canned(struct tm_http_exchange *x, unsigned status, struct tm_http_canned *c)
{
    begin(x, status, c->content_type, BODY_BORROWED, c->body.len)->borrowed = &c->body;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 §5.6.7); 30 bytes, in no locale's words. */
static void put_date(struct tm_buf *out)
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm;
    time_t now = time(NULL);
    if (gmtime_r(&now, &tm) == NULL)
        return;
    tm_buf_printf(out, "Date: %s, %02d %s %d %02d:%02d:%02d GMT\r\n", days[tm.tm_wday], tm.tm_mday,
                  months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void put_length(const struct tm_http_exchange *x, struct tm_buf *out)
{
    const struct tm_http_message *m = &x->reply;
    if (m->status == 204 || m->status == 304)
        return;
    if (m->kind != BODY_STREAM)
        tm_buf_printf(out, "Content-Length: %" PRIu64 "\r\n", m->size);
    else if (x->head.minor == 1)
        tm_buf_puts(out, "Transfer-Encoding: chunked\r\n");
}

int tm_http_message_finish(struct tm_http_exchange *x)
{
    struct tm_http_message *m = &x->reply;
    struct tm_buf *h = &m->head;
    if (!m->made)
        return -1;
    m->close = m->close || (m->kind == BODY_STREAM && x->head.minor == 0); /* its end is the end */
    tm_buf_printf(h, "HTTP/1.1 %u %s\r\n", m->status, reason_of(m->status));
    put_date(h);
    if (m->content_type != NULL)
        tm_buf_printf(h, "Content-Type: %s\r\n", m->content_type);
    /* Any web page may read what is public here: nothing depends on cookies. */
    tm_buf_puts(h, "Access-Control-Allow-Origin: *\r\n");
    tm_buf_append(h, m->fields.data, m->fields.len);
    put_length(x, h);
    if (m->close)
        tm_buf_puts(h, "Connection: close\r\n");
    else if (x->head.minor == 0)
        tm_buf_puts(h, "Connection: keep-alive\r\n");
    tm_buf_puts(h, "\r\n");
    h->failed = h->failed || m->fields.failed;
    if (x->method == HTTP_HEAD || m->status == 204 || m->status == 304) {
        drop_body(m);
        m->kind = BODY_BYTES;
        m->size = 0;
    }
    return buf_failed(h) ? -1 : 0;
}

/* Makes the next piece of a stream, framed as a chunk for HTTP/1.1. -1: it broke off. */
static int make_piece(struct tm_http_message *m, bool chunked)
{
    char size[CHUNK_HEAD + 1];
    tm_buf_reset(&m->bytes);
    if (chunked)
        tm_buf_append(&m->bytes, "00000000\r\n", CHUNK_HEAD);
    size_t before = m->bytes.len;
    int rc = m->source.produce(m->source.ctx, &m->bytes);
    if (rc < 0 || buf_failed(&m->bytes))
        return -1;
    m->ended = rc == 0;
    if (m->ended)
        tm_buf_reset(&m->bytes);
    if (m->ended && chunked)
        tm_buf_puts(&m->bytes, "0\r\n\r\n");
    if (!m->ended && chunked) {
        snprintf(size, sizeof(size), "%08zx\r\n", m->bytes.len - before);
        memcpy(m->bytes.data, size, CHUNK_HEAD);
        tm_buf_puts(&m->bytes, "\r\n");
    }
    m->sent = m->head.len; /* of the piece: nothing */
    return buf_failed(&m->bytes) ? -1 : 0;
}

static int next_of_stream(struct tm_http_exchange *x, const unsigned char **data, size_t *len)
{
    struct tm_http_message *m = &x->reply;
    if (m->sent == m->head.len + m->bytes.len && !m->ended &&
        make_piece(m, x->head.minor == 1) != 0)
        return -1;
    size_t at = (size_t)(m->sent - m->head.len);
    *data = m->bytes.data + at;
    *len = m->bytes.len - at;
    return 0;
}

int tm_http_message_next(struct tm_http_exchange *x, unsigned char *scratch, size_t cap,
                         const unsigned char **data, size_t *len)
{
    struct tm_http_message *m = &x->reply;
    const struct tm_buf *memory = m->kind == BODY_BORROWED ? m->borrowed : &m->bytes;
    size_t n = 0;
    *len = 0;
    if (!m->made)
        return -1;
    if (m->sent < m->head.len) {
        n = m->head.len - (size_t)m->sent;
        n = n < cap ? n : cap;
        memcpy(scratch, m->head.data + m->sent, n);
        *data = scratch;
    }
    if (m->kind == BODY_STREAM && n == 0)
        return next_of_stream(x, data, len);
    uint64_t at = m->sent + n - m->head.len;
    size_t more = m->kind == BODY_STREAM || at >= m->size || n == cap ? 0
                  : m->size - at < cap - n                            ? (size_t)(m->size - at)
                                                                      : cap - n;
    if (m->kind == BODY_FILE && more > 0) {
        ssize_t got = pread(m->fd, scratch + n, more, (off_t)at);
        if (got <= 0) /* cut short while it was served */
            return -1;
        more = (size_t)got;
        *data = scratch;
    } else if (more > 0 && n > 0) { /* one packet for a small reply */
        memcpy(scratch + n, memory->data + at, more);
    } else if (more > 0) {
        *data = memory->data + at;
    }
    *len = n + more;
    return 0;
}

void tm_http_message_sent(struct tm_http_message *m, size_t len)
{
    m->sent += len;
}
