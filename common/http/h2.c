/* An HTTP/2 connection: its session, and how it ends. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/http/h2.h"

#define WINDOW_STREAM (256 * 1024)  /* bytes that a client may send unasked, of one stream, */
#define WINDOW_CONNECTION (1 << 20) /* and of all */
#define HEADER_LIST_MAX 16384
#define FRAME_HEAD 9
#define UNTOLD_BYTES 64 /* of frames that nghttp2 drops without a word cost as much as one */
#define NOTICE_MS 500   /* for requests that were on their way when the server began to stop */

enum tm_http_preface tm_http_h2_preface(const void *data, size_t len)
{
    size_t n = len < NGHTTP2_CLIENT_MAGIC_LEN ? len : NGHTTP2_CLIENT_MAGIC_LEN;
    if (memcmp(data, NGHTTP2_CLIENT_MAGIC, n) != 0)
        return PREFACE_IS_NOT;
    return n < NGHTTP2_CLIENT_MAGIC_LEN ? PREFACE_MORE : PREFACE_IS;
}

struct tm_http_conn *tm_http_h2_parent(const struct tm_http_conn *c)
{
    return c->stream->h2 != NULL ? c->stream->h2->conn : NULL;
}

/* ---- what nghttp2 calls ---- */

static struct tm_http_stream *stream_of(nghttp2_session *session, int32_t id)
{
    return nghttp2_session_get_stream_user_data(session, id);
}

static void set_deadline(struct tm_http_h2 *h2, int64_t timeout_ms)
{
    h2->conn->deadline_ms = timeout_ms > 0 ? tm_clock_mono_ms() + timeout_ms : 0;
}

static void spend(struct tm_http_h2 *h2, unsigned frames)
{
    if (tm_http_calm_spend(&h2->calm, frames, tm_clock_mono_ms()) || h2->leaving)
        return;
    tm_http_shed(h2->conn->worker->server, HTTP_SHED_FLOOD);
    h2->leaving = true;
    (void)nghttp2_session_terminate_session(h2->session, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* Whether the frame brings nothing forward by itself. */
static unsigned cost(const nghttp2_frame_hd *hd)
{
    if (hd->type == NGHTTP2_RST_STREAM)
        return HTTP_CALM_RESET;
    return hd->type != NGHTTP2_DATA || hd->length < 256 ? 1 : 0;
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *ctx)
{
    (void)session;
    struct tm_http_h2 *h2 = ctx;
    h2->untold -= (int64_t)(hd->length + FRAME_HEAD);
    spend(h2, cost(hd));
    return 0;
}

static bool is_request(const nghttp2_frame *frame)
{
    return frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct tm_http_h2 *h2 = ctx;
    if (!is_request(frame))
        return 0;
    struct tm_http_stream *s = tm_http_stream_new(h2, frame->hd.stream_id);
    if (s == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    h2->heading = frame->hd.stream_id;
    (void)nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, s);
    set_deadline(h2, h2->conn->worker->server->o.header_timeout_ms);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *ctx)
{
    (void)flags;
    (void)ctx;
    struct tm_http_stream *s = stream_of(session, frame->hd.stream_id);
    if (s == NULL)
        return 0;
    if (is_request(frame))
        tm_http_fields_add(&s->fields, name, name_len, value, value_len);
    if (!is_request(frame) || s->fields.too_many) /* one byte of the table's may stand for 4 KiB */
        s->excess += name_len + value_len;
    return s->excess > HEADER_LIST_MAX ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE : 0;
}

/* Serves what it has begun, and no more. */
static void leave(struct tm_http_conn *c)
{
    struct tm_http_h2 *h2 = c->h2;
    if (h2->leaving)
        return;
    h2->leaving = true;
    (void)nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE,
                                nghttp2_session_get_last_proc_stream_id(h2->session),
                                NGHTTP2_NO_ERROR, NULL, 0);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct tm_http_h2 *h2 = ctx;
    bool ended = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 &&
        h2->noticed_ms != 0)
        leave(h2->conn); /* it has read the notice */
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    struct tm_http_stream *s = stream_of(session, frame->hd.stream_id);
    if (s == NULL)
        return 0;
    if (is_request(frame)) {
        h2->conn->deadline_ms = 0;
        tm_http_stream_head(s, ended);
    }
    if (ended)
        tm_http_stream_whole(s);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
                   size_t len, void *ctx)
{
    (void)flags;
    (void)ctx;
    struct tm_http_stream *s = stream_of(session, id);
    if (s != NULL)
        tm_http_stream_body(s, data, len);
    return 0;
}

static int on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *ctx)
{
    struct tm_http_h2 *h2 = ctx;
    struct tm_http_stream *s = stream_of(session, frame->hd.stream_id);
    bool ours = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    if (frame->hd.type == NGHTTP2_DATA)
        tm_http_calm_sent(&h2->calm, frame->hd.length);
    if (s == NULL || !ours || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
        return 0;
    s->ended = true;
    if (s->self.x != NULL)
        tm_http_exchange_end(s->self.x, true);
    tm_http_calm_answered(&h2->calm);
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t error, void *ctx)
{
    struct tm_http_h2 *h2 = ctx;
    struct tm_http_stream *s = stream_of(session, id);
    (void)error;
    if (s == NULL)
        return 0;
    tm_http_stream_leave(s);
    if (h2->count == 0 && !h2->leaving)
        set_deadline(h2, h2->conn->worker->server->o.idle_timeout_ms);
    else if (id == h2->heading && !h2->leaving) /* its head was malformed */
        h2->conn->deadline_ms = 0;
    return 0;
}

static int on_invalid(nghttp2_session *session, const nghttp2_frame *frame, int why, void *ctx)
{
    (void)session;
    (void)frame;
    (void)why;
    spend(ctx, HTTP_CALM_RESET);
    return 0;
}

/* ---- the session ---- */

static int session_new(struct tm_http_h2 *h2)
{
    nghttp2_session_callbacks *calls = NULL;
    nghttp2_option *option = NULL;
    int rc = -1;
    if (nghttp2_session_callbacks_new(&calls) == 0 && nghttp2_option_new(&option) == 0) {
        nghttp2_session_callbacks_set_on_begin_frame_callback(calls, on_begin_frame);
        nghttp2_session_callbacks_set_on_begin_headers_callback(calls, on_begin_headers);
        nghttp2_session_callbacks_set_on_header_callback(calls, on_header);
        nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data);
        nghttp2_session_callbacks_set_on_frame_send_callback(calls, on_sent);
        nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_close);
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(calls, on_invalid);
        nghttp2_option_set_no_closed_streams(option, 1);
        nghttp2_option_set_max_outbound_ack(option, HTTP_CALM_BURST);
        rc = nghttp2_session_server_new2(&h2->session, calls, h2, option);
    }
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(calls);
    return rc;
}

int tm_http_h2_open(struct tm_http_conn *c)
{
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, HTTP_H2_STREAMS},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_STREAM},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HEADER_LIST_MAX},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    struct tm_http_h2 *h2 = calloc(1, sizeof(*h2));
    if (h2 == NULL || session_new(h2) != 0) {
        free(h2);
        return -1;
    }
    h2->conn = c;
    c->h2 = h2;
    c->phase = CONN_H2; /* under the same deadline, until the first request */
    atomic_fetch_add(&c->worker->server->open_h2, 1);
    bool ok = nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, settings,
                                      sizeof(settings) / sizeof(settings[0])) == 0 &&
              nghttp2_session_set_local_window_size(h2->session, NGHTTP2_FLAG_NONE, 0,
                                                    WINDOW_CONNECTION) == 0;
    return ok ? 0 : -1;
}

int tm_http_h2_take(struct tm_http_conn *c, const void *data, size_t len)
{
    struct tm_http_h2 *h2 = c->h2;
    h2->untold += (int64_t)len;
    ssize_t n = nghttp2_session_mem_recv(h2->session, data, len);
    if (h2->untold > 0) {
        spend(h2, (unsigned)(h2->untold / UNTOLD_BYTES));
        h2->untold %= UNTOLD_BYTES;
    }
    h2->broken = n != (ssize_t)len;
    return h2->broken ? -1 : 0;
}

size_t tm_http_h2_give(struct tm_http_conn *c, void *to, size_t cap)
{
    struct tm_http_h2 *h2 = c->h2;
    size_t used = 0;
    while (used < cap) {
        if (h2->rest_len == 0) {
            ssize_t n = nghttp2_session_mem_send(h2->session, &h2->rest);
            if (n <= 0)
                break;
            h2->rest_len = (size_t)n;
        }
        size_t n = h2->rest_len < cap - used ? h2->rest_len : cap - used;
        memcpy((unsigned char *)to + used, h2->rest, n);
        h2->rest += n;
        h2->rest_len -= n;
        used += n;
    }
    return used;
}

bool tm_http_h2_over(const struct tm_http_conn *c)
{
    const struct tm_http_h2 *h2 = c->h2;
    bool silent = h2->rest_len == 0 && nghttp2_session_want_write(h2->session) == 0;
    return silent && (h2->broken || (h2->leaving && h2->count == 0) ||
                      nghttp2_session_want_read(h2->session) == 0);
}

bool tm_http_h2_serves(const struct tm_http_conn *c)
{
    for (const struct tm_http_stream *s = c->h2->first; s != NULL; s = s->next) {
        if (s->self.phase == CONN_QUEUED || s->self.phase == CONN_PARKED ||
            (s->self.phase == CONN_REPLY && !s->ended && !s->resting))
            return true;
    }
    return false;
}

/* The server stops. What is on its way to us when the client reads the notice is still served. */
static void notice(struct tm_http_h2 *h2, int64_t now_ms)
{
    if (h2->noticed_ms == 0) {
        h2->noticed_ms = now_ms;
        (void)nghttp2_submit_shutdown_notice(h2->session);
        (void)nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, NULL);
    } else if (now_ms - h2->noticed_ms >= NOTICE_MS) {
        leave(h2->conn);
    }
}

static void sweep_stream(struct tm_http_stream *s, int64_t now_ms, int64_t idle_ms)
{
    struct tm_http_conn *c = &s->self;
    if (s->resting) {
        s->resting = false;
        c->deadline_ms = 0;
        c->active_ms = now_ms;
        (void)nghttp2_session_resume_data(s->h2->session, s->id);
        return;
    }
    bool moves = c->phase == CONN_BODY || c->phase == CONN_REPLY;
    if ((c->deadline_ms != 0 && c->deadline_ms <= now_ms) ||
        (moves && c->active_ms + idle_ms <= now_ms))
        tm_http_stream_cut(s, NGHTTP2_CANCEL);
}

bool tm_http_h2_sweep(struct tm_http_conn *c, int64_t now_ms)
{
    struct tm_http_h2 *h2 = c->h2;
    const struct tm_http_server *server = c->worker->server;
    struct tm_http_stream *next = NULL;
    for (struct tm_http_stream *s = h2->first; s != NULL; s = next) {
        next = s->next;
        sweep_stream(s, now_ms, server->o.idle_timeout_ms);
    }
    if (atomic_load(&server->draining))
        notice(h2, now_ms);
    bool late = c->deadline_ms != 0 && c->deadline_ms <= now_ms;
    if (late && !h2->leaving && h2->count == 0) {
        leave(c);
        c->deadline_ms = now_ms + HTTP_LINGER_MS;
        late = false;
    }
    return late || (c->stuck_ms != 0 && c->stuck_ms + server->o.idle_timeout_ms <= now_ms);
}

void tm_http_h2_close(struct tm_http_conn *c)
{
    struct tm_http_h2 *h2 = c->h2;
    if (h2 == NULL)
        return;
    c->h2 = NULL;
    while (h2->first != NULL) {
        struct tm_http_stream *s = h2->first;
        (void)nghttp2_session_set_stream_user_data(h2->session, s->id, NULL);
        tm_http_stream_leave(s);
    }
    nghttp2_session_del(h2->session);
    atomic_fetch_sub(&c->worker->server->open_h2, 1);
    free(h2);
}
