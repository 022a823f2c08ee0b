/* Bytes of an HTTP/2 client to requests: the first byte says in which pieces they come. What a
 * handler sees keeps the limits; whatever is sent, all that was begun ends. */
#include "common/http/internal.h"

#include <nghttp2/nghttp2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int ok)
{
    if (!ok)
        abort();
}

#define MAX_BODY 4096
static int alive; /* handlers' states */
static void *held;

static void release(void *state)
{
    check(state == &alive);
    alive--;
}

static enum tm_http_result echo(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    struct tm_buf b = {0};
    check(tm_http_body(x)->len <= MAX_BODY && tm_http_path(x)[0] == '/');
    tm_buf_append(&b, tm_http_body(x)->data, tm_http_body(x)->len);
    tm_buf_puts(&b, tm_http_query(x, "a") != NULL ? tm_http_query(x, "a") : "-");
    tm_http_reply(x, 200, "text/plain", &b);
    tm_http_reply_header(x, "X-Seen", "yes");
    tm_http_reply_trailer(x, "grpc-status", "0");
    return HTTP_DONE;
}

/* Waits once, for the next call or the end. */
static enum tm_http_result wait_once(void *ctx, struct tm_http_exchange *x)
{
    (void)ctx;
    if (tm_http_state(x) != NULL) {
        struct tm_buf none = {0};
        tm_http_reply(x, 204, NULL, &none);
        return HTTP_DONE;
    }
    alive++;
    tm_http_set_state(x, &alive, release);
    void *before = held;
    held = tm_http_wait_begin(x);
    if (before != NULL)
        tm_http_wake(before);
    return HTTP_WAIT;
}

static void on_fault(void *ctx, struct tm_http_exchange *x, enum tm_http_fault f)
{
    (void)ctx;
    struct tm_buf b = {0};
    check(f != HTTP_FAULT_NONE);
    tm_buf_puts(&b, "fault");
    tm_http_reply(x, 400, "text/plain", &b);
}

static const struct tm_http_route routes[] = {
    {"/echo", HTTP_POST, echo},
    {"/", HTTP_GET, echo},
    {"/grpc", HTTP_GRPC, echo},
    {"/wait", HTTP_GET, wait_once},
};

struct scene {
    struct tm_http_server server;
    struct tm_http_worker worker;
    struct tm_http_conn conn;
    struct tm_http_client *client;
};

static void begin(struct scene *s)
{
    memset(s, 0, sizeof(*s));
    tm_http_options_default(&s->server.o);
    s->server.o.routes = routes;
    s->server.o.route_count = sizeof(routes) / sizeof(routes[0]);
    s->server.o.fault = on_fault;
    s->server.o.max_body = MAX_BODY;
    s->server.o.per_address_limit = 40;
    tm_http_clients_init(&s->server.clients);
    s->worker.server = &s->server;
    s->worker.wake_fd = eventfd(0, EFD_NONBLOCK);
    pthread_mutex_init(&s->worker.lock, NULL);
    s->conn.worker = &s->worker;
    s->conn.fd = s->conn.pair = -1;
    s->client = s->conn.client = tm_http_clients_add(&s->server.clients, 1, 0);
    check(tm_http_h2_open(&s->conn) == 0);
}

/* As the worker's loop has it. */
static void work(struct scene *s)
{
    unsigned char out[4096];
    while (s->worker.queue.count > 0) {
        struct tm_http_conn *c = s->worker.queue.first;
        tm_http_list_remove(&s->worker.queue, c);
        tm_http_h2_admit(c, HTTP_FAULT_NONE);
    }
    while (s->worker.woken != NULL) {
        struct tm_http_exchange *x = s->worker.woken;
        s->worker.woken = x->woken;
        x->woken = NULL;
        tm_http_list_remove(&s->worker.parked, x->conn);
        tm_http_h2_go_on(x->conn);
    }
    for (size_t n = 1; n > 0;)
        n = tm_http_h2_give(&s->conn, out, sizeof(out));
}

static void end(struct scene *s)
{
    for (struct tm_http_conn *c = s->worker.parked.first, *next = NULL; c != NULL; c = next) {
        next = c->in_list;
        c->x->wait = WAIT_NONE;
        tm_http_h2_abandon(c);
    }
    tm_http_h2_close(&s->conn);
    if (held != NULL)
        tm_http_wake(held);
    held = NULL;
    tm_http_clients_drop(&s->server.clients, s->client);
    tm_http_clients_free(&s->server.clients);
    check(alive == 0 && s->server.inflight == 0 && s->server.large == 0);
    for (size_t i = 0; i < HTTP_CLIENT_BUCKETS; i++)
        check(s->server.clients.bucket[i] == NULL);
    pthread_mutex_destroy(&s->worker.lock);
    close(s->worker.wake_fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct scene s;
    if (size == 0)
        return 0;
    size_t step = (size_t)data[0] * 8 + 1;
    begin(&s);
    int rc = tm_http_h2_take(&s.conn, NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
    for (size_t at = 1; at < size && rc == 0 && !tm_http_h2_over(&s.conn); at += step) {
        rc = tm_http_h2_take(&s.conn, data + at, size - at < step ? size - at : step);
        work(&s);
    }
    (void)tm_http_h2_sweep(&s.conn, INT64_MAX / 2);
    work(&s);
    end(&s);
    return 0;
}
