/* Listening sockets from "host:port" text. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/http/internal.h"

#define LISTEN_BACKLOG 4096

/* Splits "host:port", "[v6]:port" and ":port"; an empty host is every address. */
static int split(const char *address, char host[256], char port[8], struct tm_err *e)
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL)
        return tm_err_set(e, "listen address '%s' has no port; write HOST:PORT", address);
    size_t host_len = (size_t)(colon - address);
    const char *start = address;
    if (host_len >= 2 && start[0] == '[' && start[host_len - 1] == ']') {
        start++;
        host_len -= 2;
    } else if (memchr(start, ':', host_len) != NULL) {
        return tm_err_set(e, "listen address '%s': put an IPv6 address in [ ]", address);
    }
    size_t port_len = strlen(colon + 1);
    if (host_len >= 256 || port_len == 0 || port_len > 5 ||
        strspn(colon + 1, "0123456789") != port_len || strtol(colon + 1, NULL, 10) > UINT16_MAX)
        return tm_err_set(e, "listen address '%s' is not HOST:PORT with a port of 0 to 65535",
                          address);
    memcpy(host, start, host_len);
    host[host_len] = '\0';
    memcpy(port, colon + 1, port_len + 1);
    return 0;
}

int tm_http_listen_check(const char *address, struct tm_err *e)
{
    char host[256];
    char port[8];
    return split(address, host, port, e);
}

void tm_http_address_text(const struct sockaddr *sa, char *out, size_t len)
{
    const void *from = NULL;
    out[0] = '\0';
    if (sa->sa_family == AF_INET) {
        from = &((const struct sockaddr_in *)(const void *)sa)->sin_addr;
        (void)inet_ntop(AF_INET, from, out, (socklen_t)len);
    } else if (sa->sa_family == AF_INET6) {
        const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(v6))
            (void)inet_ntop(AF_INET, &v6->s6_addr[12], out, (socklen_t)len);
        else
            (void)inet_ntop(AF_INET6, v6, out, (socklen_t)len);
    }
}

uint64_t tm_http_address_network(const struct sockaddr *sa)
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    unsigned char b[16] = {0};
    uint64_t n = 0;
    if (sa->sa_family == AF_INET6) {
        memcpy(b, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, sizeof(b));
    } else if (sa->sa_family == AF_INET) {
        memcpy(b, mapped, sizeof(mapped));
        memcpy(b + 12, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
    }
    size_t at = memcmp(b, mapped, sizeof(mapped)) == 0 ? 8 : 0;
    for (size_t i = 0; i < 8; i++)
        n = n << 8 | b[at + i];
    return n;
}

/* HOST:PORT of a socket's address; HOST:0 of any port. */
static void describe_address(const struct sockaddr *sa, bool any_port, char *out, size_t len)
{
    char text[INET6_ADDRSTRLEN];
    bool v6 = sa->sa_family == AF_INET6;
    unsigned port = ntohs(v6 ? ((const struct sockaddr_in6 *)(const void *)sa)->sin6_port
                             : ((const struct sockaddr_in *)(const void *)sa)->sin_port);
    tm_http_address_text(sa, text, sizeof(text));
    snprintf(out, len, v6 ? "[%s]:%u" : "%s:%u", text, any_port ? 0 : port);
}

static void address_of(int fd, struct sockaddr_storage *ss)
{
    socklen_t len = sizeof(*ss);
    memset(ss, 0, sizeof(*ss));
    if (getsockname(fd, (struct sockaddr *)ss, &len) != 0)
        ss->ss_family = AF_UNSPEC;
}

static void describe(int fd, char *bound, size_t bound_len)
{
    struct sockaddr_storage ss;
    address_of(fd, &ss);
    describe_address((struct sockaddr *)&ss, false, bound, bound_len);
}

bool tm_http_listen_is(int fd, const char *address)
{
    char host[256];
    char port[8];
    char here[INET6_ADDRSTRLEN + 16];
    char there[INET6_ADDRSTRLEN + 16];
    struct sockaddr_storage ss;
    struct addrinfo *list = NULL;
    struct tm_err ignored = {0};
    bool same = false;
    if (split(address, host, port, &ignored) != 0)
        return false;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    bool any_port = strtol(port, NULL, 10) == 0;
    address_of(fd, &ss);
    describe_address((struct sockaddr *)&ss, any_port, here, sizeof(here));
    if (getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, &list) != 0)
        return false;
    for (const struct addrinfo *ai = list; ai != NULL && !same; ai = ai->ai_next) {
        describe_address(ai->ai_addr, any_port, there, sizeof(there));
        same = strcmp(here, there) == 0;
    }
    freeaddrinfo(list);
    return same;
}

static int open_one(const struct addrinfo *ai, bool any)
{
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int one = 1;
    int only = any ? 0 : 1; /* ":5555" serves IPv4 and IPv6 */
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* connections inherit it */
    if (ai->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) != 0 || listen(fd, LISTEN_BACKLOG) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

int tm_http_listen_name(int fd, char *bound, size_t bound_len, struct tm_err *e)
{
    int listens = 0;
    socklen_t len = sizeof(listens);
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) != 0 || listens == 0)
        return tm_err_set(e, "descriptor %d is not a socket that listens", fd);
    describe(fd, bound, bound_len);
    return 0;
}

int tm_http_listen_open(const char *address, int *fd, struct tm_err *e)
{
    char bound[INET6_ADDRSTRLEN + 16];
    return tm_http_listen(address, fd, bound, sizeof(bound), e);
}

int tm_http_listen(const char *address, int *fd, char *bound, size_t bound_len, struct tm_err *e)
{
    char host[256] = "";
    char port[8] = "";
    if (split(address, host, port, e) != 0)
        return -1;
    bool any = host[0] == '\0';
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                             .ai_family = any ? AF_INET6 : AF_UNSPEC};
    struct addrinfo *list = NULL;
    int rc = getaddrinfo(any ? NULL : host, port, &hints, &list);
    if (rc != 0)
        return tm_err_set(e, "listen address '%s': %s", address, gai_strerror(rc));
    *fd = -1;
    for (struct addrinfo *ai = list; ai != NULL && *fd < 0; ai = ai->ai_next)
        *fd = open_one(ai, any);
    int saved = *fd < 0 ? errno : 0;
    freeaddrinfo(list);
    if (*fd < 0 && any && saved == EAFNOSUPPORT) { /* a host without IPv6 */
        char v4[32];
        snprintf(v4, sizeof(v4), "0.0.0.0:%s", port);
        return tm_http_listen(v4, fd, bound, bound_len, e);
    }
    if (*fd < 0) {
        errno = saved;
        return tm_err_errno(e, "listen on '%s'%s", address,
                            saved == EADDRINUSE ? " (another server there? choose another port)"
                                                : "");
    }
    describe(*fd, bound, bound_len);
    return 0;
}
