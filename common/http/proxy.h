/*
 * Who the client is when a proxy stands between: the PROXY protocol, versions 1 and 2
 * (haproxy.org, proxy-protocol.txt, 2.1 and 2.2), and the headers X-Forwarded-For and Forwarded
 * (RFC 7239). Only what named proxies say is believed.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

#define HTTP_PROXIES_MAX 64
#define HTTP_PROXY_HEAD_MAX ((size_t)536) /* bytes of a PROXY head that is read */

enum tm_http_proxy_way {
    HTTP_PROXY_PROTOCOL, /* each of their connections begins with a PROXY head */
    HTTP_PROXY_X_FORWARDED_FOR,
    HTTP_PROXY_FORWARDED,
};

struct tm_http_network { /* an address with the bits that count; IPv4 as ::ffff:a.b.c.d */
    struct in6_addr address;
    unsigned bits; /* 0 to 128 */
};

/* "192.0.2.1", "192.0.2.0/24", "2001:db8::/32"; -1: none of these. */
int tm_http_network_parse(const char *text, struct tm_http_network *out, struct tm_err *e);
bool tm_http_networks_have(const struct tm_http_network *list, size_t count,
                           const struct in6_addr *address);
/* IPv4 as ::ffff:a.b.c.d; of another family: "::". */
void tm_http_address_v6(const struct sockaddr *sa, struct in6_addr *out);

enum tm_http_proxy_head { PROXY_MORE, PROXY_WHOLE, PROXY_BAD };

/*
 * Reads the head at a connection's start. PROXY_WHOLE: `*used` bytes are it; `*known` tells
 * whether it names the client, which is then in `client` (port 0); else the connection is the
 * proxy's own (LOCAL, UNKNOWN), such as a health check.
 */
enum tm_http_proxy_head tm_http_proxy_read(const unsigned char *data, size_t len, size_t *used,
                                           bool *known, struct sockaddr_storage *client);

/* The client by a header's value, which a proxy wrote: the last address that is no proxy of the
 * list. 0; -1: there is none, or what stands there is no address. */
int tm_http_proxy_forwarded(enum tm_http_proxy_way way, const char *value,
                            const struct tm_http_network *proxies, size_t count,
                            struct sockaddr_storage *client);
