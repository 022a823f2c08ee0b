/* The proxies that may say for whom a connection or a request is. */
#include <string.h>

#include "ca/config/internal.h"

static const char *const ways[] = {
    [HTTP_PROXY_PROTOCOL] = "proxy-protocol",
    [HTTP_PROXY_X_FORWARDED_FOR] = "x-forwarded-for",
    [HTTP_PROXY_FORWARDED] = "forwarded",
};
#define WAY_COUNT (sizeof(ways) / sizeof(ways[0]))

static size_t way_of(const char *word)
{
    size_t i = 0;
    while (i < WAY_COUNT && (word == NULL || strcmp(ways[i], word) != 0))
        i++;
    return i;
}

int ca_config_read_proxies(const char *name, struct ca_config *c, struct tm_err *e)
{
    if (c->proxies.count == 0 && c->proxy_way == NULL)
        return 0;
    if (c->proxies.count == 0 || c->proxies.count > HTTP_PROXIES_MAX)
        return tm_err_set(e, "%s: 'proxies' needs 1 to %d 'addresses'", name, HTTP_PROXIES_MAX);
    if (way_of(c->proxy_way) == WAY_COUNT)
        return tm_err_set(e,
                          "%s: proxies 'client-address' must be one of proxy-protocol, "
                          "x-forwarded-for, forwarded",
                          name);
    for (size_t i = 0; i < c->proxies.count; i++) {
        if (tm_http_network_parse(c->proxies.item[i], &c->proxy_network[i], e) != 0)
            return tm_err_wrap(e, "%s: proxies", name);
    }
    return 0;
}

void ca_config_proxies(const struct ca_config *c, struct tm_http_options *o)
{
    if (c->proxies.count == 0)
        return;
    o->proxies = c->proxy_network;
    o->proxy_count = c->proxies.count;
    o->proxy_way = (enum tm_http_proxy_way)way_of(c->proxy_way);
}
