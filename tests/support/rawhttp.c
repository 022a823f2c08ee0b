#include "tests/support/rawhttp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/http/chunk.h"

int raw_dial(const char *address)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval tv = {.tv_sec = 10};
    const char *colon = strrchr(address, ':');
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (colon == NULL || fd < 0)
        abort();
    sa.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) != 0 ||
        connect(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0) {
        perror("connect");
        abort();
    }
    return fd;
}

int raw_put(int fd, const void *data, size_t len)
{
    const char *p = data;
    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
        if (n <= 0)
            return -1;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int raw_puts(int fd, const char *text)
{
    return raw_put(fd, text, strlen(text));
}

/* Reads chunks after the head that `out` has, and appends what is in them. */
static int take_chunks(int fd, struct tm_buf *out)
{
    struct tm_http_chunk c = {0};
    while (c.part != CHUNK_END) {
        char b; /* a byte at a time: what follows is another reply's */
        const char *piece = NULL;
        size_t n = 0;
        if (recv(fd, &b, 1, 0) != 1)
            return -1;
        (void)tm_http_chunk_read(&c, &b, 1, &piece, &n);
        if (c.part == CHUNK_BAD)
            return -1;
        tm_buf_append(out, piece, n);
    }
    return 0;
}

int raw_reply(int fd, bool head_only, struct tm_buf *out)
{
    size_t want = SIZE_MAX;
    tm_buf_reset(out);
    while (out->len < want) {
        unsigned char *to = tm_buf_reserve(out, 4096);
        size_t left = want == SIZE_MAX ? 1 : want - out->len;
        ssize_t n = recv(fd, to, left < 4096 ? left : 4096, 0);
        if (n <= 0)
            return 0;
        out->len += (size_t)n;
        if (want == SIZE_MAX && out->len >= 4 &&
            memcmp(out->data + out->len - 4, "\r\n\r\n", 4) == 0) {
            if (!head_only &&
                strcasestr(tm_buf_str(out), "\r\nTransfer-Encoding: chunked") != NULL &&
                take_chunks(fd, out) != 0)
                return 0;
            const char *cl = strcasestr(tm_buf_str(out), "\r\nContent-Length:");
            want = out->len + (cl != NULL && !head_only ? strtoul(cl + 17, NULL, 10) : 0);
        }
    }
    return (int)strtol(tm_buf_str(out) + 9, NULL, 10);
}

bool raw_closed(int fd)
{
    char c;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, RAW_CLOSED_MS) != 1) /* one of the server's time-outs would close it as well */
        return false;
    ssize_t n = recv(fd, &c, 1, 0);
    return n == 0 || (n < 0 && errno == ECONNRESET);
}

int raw_ask(const char *address, const char *request, struct tm_buf *out)
{
    int fd = raw_dial(address);
    int status =
        raw_puts(fd, request) == 0 ? raw_reply(fd, strncmp(request, "HEAD", 4) == 0, out) : 0;
    close(fd);
    return status;
}

int raw_post(const char *address, const char *path, const char *headers, const char *body,
             struct tm_buf *out)
{
    struct tm_buf b = {0};
    tm_buf_printf(&b,
                  "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                  "Content-Length: %zu\r\n%s\r\n%s",
                  path, strlen(body), headers, body);
    int status = raw_ask(address, tm_buf_str(&b), out);
    tm_buf_free(&b);
    return status;
}

const char *raw_body(struct tm_buf *reply)
{
    const char *end = tm_buf_str(reply) != NULL ? strstr(tm_buf_str(reply), "\r\n\r\n") : NULL;
    return end != NULL ? end + 4 : "";
}
