/* The client behind a named proxy: of a connection by the PROXY protocol, of a request by headers.
 */
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "common/http/internal.h"

bool tm_http_is_proxy(const struct tm_http_server *s, const struct sockaddr *peer)
{
    struct in6_addr a;
    if (s->o.proxy_count == 0)
        return false;
    tm_http_address_v6(peer, &a);
    return tm_http_networks_have(s->o.proxies, s->o.proxy_count, &a);
}

/* From now on the connection counts as this client's. */
static int become(struct tm_http_conn *c, const struct sockaddr_storage *client)
{
    struct tm_http_server *s = c->worker->server;
    const struct sockaddr *sa = (const struct sockaddr *)client;
    struct tm_http_client *next =
        tm_http_clients_add(&s->clients, tm_http_address_network(sa), s->o.per_address_limit);
    if (next == NULL) {
        tm_http_shed(s, HTTP_SHED_ADDRESS);
        return -1;
    }
    tm_http_clients_drop(&s->clients, c->client);
    c->client = next;
    c->proxied = false;
    c->peer = *client;
    tm_http_address_text(sa, c->remote, sizeof(c->remote));
    return 0;
}

int tm_http_forward_read(struct tm_http_conn *c)
{
    unsigned char data[HTTP_PROXY_HEAD_MAX];
    struct sockaddr_storage client;
    size_t used = 0;
    bool known = false;
    /* Not a byte more is taken: what follows may be TLS. */
    ssize_t n = recv(c->fd, data, sizeof(data), MSG_PEEK);
    if (n == 0)
        return -1;
    if (n < 0)
        return 0;
    switch (tm_http_proxy_read(data, (size_t)n, &used, &known, &client)) {
    case PROXY_MORE:
        return c->hangup ? -1 : 0;
    case PROXY_BAD:
        return -1;
    case PROXY_WHOLE:
        break;
    }
    if (recv(c->fd, data, used, 0) != (ssize_t)used)
        return -1;
    return known && become(c, &client) != 0 ? -1 : 1;
}

struct values {
    const char *name;
    struct tm_buf *list;
};

static enum MHD_Result add_value(void *arg, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    struct values *v = arg;
    (void)kind;
    if (value != NULL && strcasecmp(name, v->name) == 0)
        tm_buf_printf(v->list, "%s%s", v->list->len > 0 ? "," : "", value);
    return MHD_YES;
}

/* All lines of the header: a client may have sent one, and the proxy's comes after it. */
static void join(const struct tm_http_exchange *x, const char *name, struct tm_buf *out)
{
    struct values v = {name, out};
    if (x->mhd != NULL)
        (void)MHD_get_connection_values(x->mhd, MHD_HEADER_KIND, add_value, &v);
    else
        tm_http_fields_join(x->fields, name, out);
}

bool tm_http_forward_look(struct tm_http_exchange *x)
{
    const struct tm_http_options *o = &x->server->o;
    const char *name = o->proxy_way == HTTP_PROXY_FORWARDED ? "Forwarded" : "X-Forwarded-For";
    struct tm_buf list = {0};
    struct sockaddr_storage client;
    const struct sockaddr *sa = (const struct sockaddr *)&client;
    if (!x->conn->proxied || o->proxy_way == HTTP_PROXY_PROTOCOL)
        return true;
    join(x, name, &list);
    bool found = list.len > 0 && tm_buf_str(&list) != NULL &&
                 tm_http_proxy_forwarded(o->proxy_way, tm_buf_str(&list), o->proxies,
                                         o->proxy_count, &client) == 0;
    tm_buf_free(&list);
    if (!found) /* a health check of the proxy's own */
        return true;
    tm_http_address_text(sa, x->remote, sizeof(x->remote));
    x->client =
        tm_http_clients_add(&x->server->clients, tm_http_address_network(sa), o->per_address_limit);
    if (x->client == NULL)
        tm_http_shed(x->server, HTTP_SHED_ADDRESS);
    return x->client != NULL;
}
