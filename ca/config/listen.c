/* Where the server listens, for whom, and how long it waits: the sections 'timeouts', 'tls' and
 * 'proxies', and the addresses. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/config/internal.h"
#include "ca/config/proxies.h"

const struct tm_yamlmap_key ca_config_timeout_keys[] = {
    TIME(timeouts, "header", header, 100, HOUR),
    TIME(timeouts, "request", request, 100, HOUR),
    TIME(timeouts, "idle", idle, 1000, HOUR),
    TIME(timeouts, "wait", wait, 100, HOUR),
    TIME(timeouts, "drain", drain, 0, HOUR),
    TIME(timeouts, "start", start, 1000, HOUR),
    YAMLMAP_END,
};

const struct tm_yamlmap_key ca_config_tls_keys[] = {
    PATH(tls, "certificate", certificate),
    PATH(tls, "key", key),
    YAMLMAP_END,
};

const struct tm_yamlmap_key ca_config_proxy_keys[] = {
    TEXTS(proxies, "addresses", addresses),
    TEXT(proxies, "client-address", way),
    YAMLMAP_END,
};

const char *const ca_config_proxy_ways[] = {
    [HTTP_PROXY_PROTOCOL] = "proxy-protocol",
    [HTTP_PROXY_X_FORWARDED_FOR] = "x-forwarded-for",
    [HTTP_PROXY_FORWARDED] = "forwarded",
    NULL,
};

int ca_config_read_proxies(const char *name, struct ca_config *c, struct tm_err *e)
{
    struct ca_config_proxies *p = &c->proxies;
    if (p->addresses.count == 0 && p->way == NULL)
        return 0;
    if (p->addresses.count == 0 || p->addresses.count > HTTP_PROXIES_MAX)
        return tm_err_set(e, "%s: 'proxies' needs 1 to %d 'addresses'", name, HTTP_PROXIES_MAX);
    if (p->way == NULL || ca_config_word(ca_config_proxy_ways, p->way) < 0)
        return tm_err_set(e,
                          "%s: proxies 'client-address' must be one of proxy-protocol, "
                          "x-forwarded-for, forwarded",
                          name);
    for (size_t i = 0; i < p->addresses.count; i++) {
        if (tm_http_network_parse(p->addresses.item[i], &p->network[i], e) != 0)
            return tm_err_wrap(e, "%s: proxies", name);
    }
    return 0;
}

static void free_addresses(struct tm_yamlmap_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->item[i]);
    free(l->item);
    *l = (struct tm_yamlmap_list){0};
}

int ca_config_use_proxies(struct ca_config *c, const char *const *addresses, size_t count,
                          const char *way, struct tm_err *e)
{
    struct ca_config_proxies *p = &c->proxies;
    if (way != NULL) {
        free(p->way);
        if ((p->way = strdup(way)) == NULL)
            return tm_err_set(e, "out of memory");
    }
    if (count > 0) {
        free_addresses(&p->addresses);
        p->addresses.item = calloc(count, sizeof(*p->addresses.item));
    }
    for (size_t i = 0; i < count; i++, p->addresses.count++) {
        if (p->addresses.item == NULL || (p->addresses.item[i] = strdup(addresses[i])) == NULL)
            return tm_err_set(e, "out of memory");
    }
    return ca_config_read_proxies("command line", c, e);
}

static int check_listen(const char *name, const char *key, const char *address, struct tm_err *e)
{
    if (address == NULL || tm_http_listen_check(address, e) == 0)
        return 0;
    return tm_err_wrap(e, "%s: '%s'", name, key);
}

int ca_config_check_listeners(const char *name, const struct ca_config *c, struct tm_err *e)
{
    if (check_listen(name, "listen", c->listen, e) != 0 ||
        check_listen(name, "metrics-listen", c->metrics_listen, e) != 0)
        return -1;
    const char *port = strrchr(c->listen, ':');
    if ((c->tls.certificate == NULL) != (c->tls.key == NULL))
        return tm_err_set(e, "%s: 'tls' needs both 'certificate' and 'key'", name);
    if (c->metrics_listen == NULL || strcmp(c->listen, c->metrics_listen) != 0 ||
        strcmp(port, ":0") == 0)
        return 0;
    return tm_err_set(e, "%s: 'metrics-listen' needs another port than 'listen': both are '%.64s'",
                      name, c->listen);
}

void ca_config_http(const struct ca_config *c, struct tm_http_options *o)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    tm_http_options_default(o);
    o->listen = c->listen;
    o->workers = c->workers > 0 ? (unsigned)c->workers : cpus > 0 ? (unsigned)cpus : 1;
    o->connection_limit = (unsigned)c->connection_limit;
    o->per_address_limit = (unsigned)c->per_address_limit;
    o->max_body = (size_t)c->max_request_size;
    o->header_timeout_ms = c->timeouts.header;
    o->request_timeout_ms = c->timeouts.request;
    o->idle_timeout_ms = c->timeouts.idle;
    o->wait_timeout_ms = c->timeouts.wait;
    if (c->proxies.addresses.count > 0) {
        o->proxies = c->proxies.network;
        o->proxy_count = c->proxies.addresses.count;
        o->proxy_way = (enum tm_http_proxy_way)ca_config_word(ca_config_proxy_ways, c->proxies.way);
    }
    if (o->workers > o->connection_limit)
        o->workers = o->connection_limit;
}
