/* A connection's begin and end. */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/http/internal.h"

void tm_http_conn_phase(struct tm_http_conn *c, enum tm_http_phase phase, int64_t timeout_ms)
{
    c->phase = phase;
    c->deadline_ms = timeout_ms > 0 ? tm_clock_mono_ms() + timeout_ms : 0;
}

static void link_conn(struct tm_http_conn *c)
{
    struct tm_http_worker *w = c->worker;
    c->next = w->conns;
    if (w->conns != NULL)
        w->conns->prev = c;
    w->conns = c;
    w->count++;
    atomic_fetch_add(&w->server->open, 1);
}

static void unlink_conn(struct tm_http_conn *c)
{
    struct tm_http_worker *w = c->worker;
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        w->conns = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    for (struct tm_http_conn **at = &w->again; c->listed && *at != NULL; at = &(*at)->again) {
        if (*at == c) {
            *at = c->again;
            break;
        }
    }
    w->count--;
    atomic_fetch_sub(&w->server->open, 1);
}

void tm_http_conn_open(struct tm_http_worker *w, int fd, const struct sockaddr *peer,
                       socklen_t peer_len, struct tm_http_client *client)
{
    struct tm_http_server *s = w->server;
    bool tls = atomic_load(&s->tls) != NULL;
    struct tm_http_conn *c = calloc(1, sizeof(*c));
    if (c != NULL && tls)
        c->ssl = tm_http_tls_new(s, fd);
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    if (c == NULL || (tls && c->ssl == NULL) || epoll_ctl(w->events, EPOLL_CTL_ADD, fd, &ev) != 0) {
        if (c != NULL)
            SSL_free(c->ssl);
        free(c);
        close(fd);
        tm_http_clients_drop(&s->clients, client);
        return;
    }
    c->worker = w;
    c->fd = fd;
    c->pair = -1;
    memcpy(&c->peer, peer, peer_len < sizeof(c->peer) ? peer_len : sizeof(c->peer));
    c->client = client;
    c->active_ms = tm_clock_mono_ms();
    tm_http_address_text(peer, c->remote, sizeof(c->remote));
    c->proxied = tm_http_is_proxy(s, peer);
    bool by_protocol = c->proxied && s->o.proxy_way == HTTP_PROXY_PROTOCOL;
    tm_http_conn_phase(c,
                       by_protocol ? CONN_PROXY
                       : tls       ? CONN_TLS
                                   : CONN_HEAD,
                       s->o.header_timeout_ms);
    link_conn(c);
}

/* libmicrohttpd looks at the exchange until it has seen the end, and then ends it itself, unless it
 * has said the head of a body that is sent past it. */
void tm_http_conn_end_inside(struct tm_http_conn *c)
{
    struct tm_http_exchange *x = c->x;
    if (x != NULL) {
        atomic_fetch_add(&x->refs, 1);
        x->conn = NULL;
    }
    c->x = NULL;
    tm_http_engine_detach(c);
    if (x == NULL)
        return;
    if (x->head_said)
        tm_http_exchange_end(x, false);
    tm_http_exchange_unref(x);
}

void tm_http_conn_close(struct tm_http_conn *c)
{
    struct tm_http_server *s = c->worker->server;
    unlink_conn(c);
    tm_http_large_release(c);
    tm_http_conn_end_inside(c);
    tm_http_h2_close(c);
    SSL_free(c->ssl);
    close(c->fd);
    tm_buf_free(&c->in);
    tm_buf_free(&c->out);
    tm_http_clients_drop(&s->clients, c->client);
    c->phase = CONN_GONE;
    c->next = c->worker->gone;
    c->worker->gone = c;
}

void tm_http_conn_free_gone(struct tm_http_worker *w)
{
    while (w->gone != NULL) {
        struct tm_http_conn *c = w->gone;
        w->gone = c->next;
        free(c);
    }
}
