#include "tests/support/weblog.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/file.h"

#define MUST(x) \
    do { \
        if (!(x)) { \
            perror("weblog: " #x); \
            abort(); \
        } \
    } while (0)

static bool put(int fd, const void *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        data = (const char *)data + n;
        len -= (size_t)n;
    }
    return true;
}

static void reply(int fd, const char *status, const struct tm_buf *body, size_t send_len)
{
    char head[160];
    int n = snprintf(head, sizeof(head),
                     "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", status,
                     body->len);
    if (put(fd, head, (size_t)n))
        (void)put(fd, body->data, send_len);
}

/* Until the client has had enough. */
static void reply_huge(int fd)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    static char spaces[65536];
    memset(spaces, ' ', sizeof(spaces));
    bool more = put(fd, head, sizeof(head) - 1);
    while (more)
        more = put(fd, spaces, sizeof(spaces));
}

/* Until the client goes away. */
static void reply_never(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    poll(&p, 1, 5000);
}

/* The body for a path; false: there is none. */
static bool answer(struct weblog *w, const char *path, struct tm_buf *out)
{
    size_t a = 0;
    size_t b = 0;
    char name[2048];
    struct tm_err e;
    if (w->files) {
        snprintf(name, sizeof(name), "%s%s", w->log->dir, path);
        return access(name, R_OK) == 0 && tm_file_read(name, (size_t)64 << 20, out, &e) == 0;
    }
    if (strcmp(path, "/ct/v1/get-sth") == 0)
        testlog_get_sth(w->log, out);
    else if (sscanf(path, "/ct/v1/get-entries?start=%zu&end=%zu", &a, &b) == 2 && a <= b)
        testlog_get_entries(w->log, a, b - a >= w->page ? a + w->page - 1 : b, out);
    else if (sscanf(path, "/ct/v1/get-sth-consistency?first=%zu&second=%zu", &a, &b) == 2)
        testlog_get_consistency(w->log, a, b, out);
    else if (sscanf(path, "/ct/v1/get-entry-and-proof?leaf_index=%zu&tree_size=%zu", &a, &b) == 2)
        testlog_get_entry_and_proof(w->log, a, b, out);
    else
        return false;
    return true;
}

static void serve(struct weblog *w, int fd, const char *path)
{
    static const char redirect[] =
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:1/\r\nContent-Length: 0\r\n\r\n";
    static const char busy[] = "HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
                               "Connection: close\r\n\r\n";
    struct tm_buf body = {0};
    enum weblog_manner manner = w->manner;
    w->requests++;
    bool there = answer(w, path, &body);
    if (manner == WEBLOG_NOT_JSON) {
        tm_buf_reset(&body);
        tm_buf_puts(&body, "<html>Welcome to the captive portal</html>");
    }
    if (manner == WEBLOG_HUGE) {
        reply_huge(fd);
    } else if (manner == WEBLOG_SLOW) {
        reply_never(fd);
    } else if (manner == WEBLOG_REDIRECT) {
        (void)put(fd, redirect, sizeof(redirect) - 1);
    } else if (manner == WEBLOG_BUSY_ONCE) {
        w->manner = WEBLOG_GOOD;
        (void)put(fd, busy, sizeof(busy) - 1);
    } else if (manner == WEBLOG_ERROR) {
        reply(fd, "500 Oops", &body, body.len);
    } else {
        reply(fd, there ? "200 OK" : "404 Not Found", &body,
              manner == WEBLOG_SHORT ? body.len / 2 : body.len);
    }
    tm_buf_free(&body);
}

static void *run(void *arg)
{
    struct weblog *w = arg;
    int fd;
    while ((fd = accept(w->fd, NULL, NULL)) >= 0) {
        char request[4096];
        char path[1024];
        ssize_t n = recv(fd, request, sizeof(request) - 1, 0);
        if (n > 0) {
            request[n] = '\0';
            if (sscanf(request, "GET %1023s ", path) == 1)
                serve(w, fd, path);
        }
        close(fd);
    }
    return NULL;
}

void weblog_start(struct weblog *w, struct testlog *log, bool files)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    *w = (struct weblog){.log = log, .files = files, .page = 100};
    w->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MUST(w->fd >= 0 && bind(w->fd, (struct sockaddr *)&a, len) == 0 && listen(w->fd, 64) == 0);
    MUST(getsockname(w->fd, (struct sockaddr *)&a, &len) == 0);
    snprintf(w->url, sizeof(w->url), "http://127.0.0.1:%u", ntohs(a.sin_port));
    MUST(pthread_create(&w->thread, NULL, run, w) == 0);
}

void weblog_stop(struct weblog *w)
{
    shutdown(w->fd, SHUT_RDWR);
    pthread_join(w->thread, NULL);
    close(w->fd);
}
