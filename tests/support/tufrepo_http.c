#include "tests/support/tufrepo_http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/rawhttp.h"

struct served *fileserver_find(struct fileserver *s, const char *path, bool make)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->file[i].path, path) == 0)
            return &s->file[i];
    }
    if (!make)
        return NULL;
    if (s->count == FILES_MAX)
        abort();
    struct served *f = &s->file[s->count++];
    snprintf(f->path, sizeof(f->path), "%s", path);
    f->status = 404;
    return f;
}

static void drip(int fd, const struct tm_buf *bytes)
{
    for (size_t i = 0; i < bytes->len; i++) {
        if (raw_put(fd, bytes->data + i, 1) != 0)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
}

static void endless(int fd)
{
    char spaces[4096];
    memset(spaces, ' ', sizeof(spaces));
    for (int i = 0; i < 4096 && raw_put(fd, spaces, sizeof(spaces)) == 0; i++)
        ;
}

static void put_head(struct tm_buf *head, int status, const struct served *f, size_t len)
{
    tm_buf_printf(head, "HTTP/1.1 %d x\r\nConnection: close\r\n", status);
    enum tufrepo_manner m = f != NULL ? f->manner : TUFREPO_HONEST;
    if (m == TUFREPO_GZIP)
        tm_buf_puts(head, "Content-Encoding: gzip\r\n");
    if (m == TUFREPO_CHUNKED)
        tm_buf_puts(head, "Transfer-Encoding: chunked\r\n");
    else if (m != TUFREPO_ENDLESS)
        tm_buf_printf(head, "Content-Length: %zu\r\n", len);
    tm_buf_puts(head, "\r\n");
}

static void answer_file(int fd, const struct served *f, const struct tm_buf *bytes)
{
    struct tm_buf head = {0};
    if (f->manner == TUFREPO_REDIRECT) {
        tm_buf_printf(&head,
                      "HTTP/1.1 302 x\r\nConnection: close\r\nContent-Length: 0\r\nLocation: %.*s"
                      "\r\n\r\n",
                      (int)bytes->len, (const char *)bytes->data);
        raw_put(fd, head.data, head.len);
        tm_buf_free(&head);
        return;
    }
    put_head(&head, f->status, f, bytes->len);
    raw_put(fd, head.data, head.len);
    tm_buf_reset(&head);
    if (f->manner == TUFREPO_DRIP) {
        drip(fd, bytes);
    } else if (f->manner == TUFREPO_CHUNKED) {
        tm_buf_printf(&head, "%zx\r\n", bytes->len);
        raw_put(fd, head.data, head.len);
        raw_put(fd, bytes->data, bytes->len);
        raw_puts(fd, "\r\n0\r\n\r\n");
    } else {
        raw_put(fd, bytes->data, f->manner == TUFREPO_CUT ? bytes->len / 2 : bytes->len);
        if (f->manner == TUFREPO_ENDLESS)
            endless(fd);
    }
    tm_buf_free(&head);
}

static void answer(struct fileserver *s, int fd, const char *path)
{
    struct served copy = {0};
    struct tm_buf bytes = {0};
    pthread_mutex_lock(&s->lock);
    tm_buf_printf(&s->requests, "%s ", path);
    const struct served *f = fileserver_find(s, path, false);
    bool known = f != NULL;
    if (known) {
        copy = *f;
        tm_buf_append(&bytes, f->bytes.data, f->bytes.len);
    }
    pthread_mutex_unlock(&s->lock);
    if (known) {
        answer_file(fd, &copy, &bytes);
    } else {
        struct tm_buf head = {0};
        put_head(&head, 404, NULL, 0);
        raw_put(fd, head.data, head.len);
        tm_buf_free(&head);
    }
    tm_buf_free(&bytes);
}

static void serve_one(struct fileserver *s, int fd)
{
    char text[4096];
    size_t len = 0;
    struct timeval tv = {.tv_sec = 2};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
    while (len < sizeof(text) - 1) {
        ssize_t n = recv(fd, text + len, sizeof(text) - 1 - len, 0);
        if (n <= 0)
            return;
        len += (size_t)n;
        text[len] = '\0';
        if (strstr(text, "\r\n\r\n") != NULL)
            break;
    }
    char *path = strchr(text, ' ');
    char *end = path != NULL ? strchr(path + 1, ' ') : NULL;
    if (end == NULL)
        return;
    *end = '\0';
    answer(s, fd, path + 2); /* without the slash */
}

static void *run(void *arg)
{
    struct fileserver *s = arg;
    for (;;) {
        int fd = accept(s->fd, NULL, NULL);
        pthread_mutex_lock(&s->lock);
        bool stop = s->stop;
        pthread_mutex_unlock(&s->lock);
        if (fd >= 0 && !stop)
            serve_one(s, fd);
        if (fd >= 0)
            close(fd);
        if (stop)
            return NULL;
    }
}

void fileserver_start(struct fileserver *s)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(sa);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&sa, sizeof(sa)) != 0 ||
        listen(s->fd, 16) != 0 || getsockname(s->fd, (struct sockaddr *)&sa, &len) != 0)
        abort();
    snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u", ntohs(sa.sin_port));
    pthread_mutex_init(&s->lock, NULL);
    if (pthread_create(&s->thread, NULL, run, s) != 0)
        abort();
}

void fileserver_stop(struct fileserver *s)
{
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_mutex_unlock(&s->lock);
    close(raw_dial(s->url + strlen("http://"))); /* wakes accept() */
    pthread_join(s->thread, NULL);
    close(s->fd);
    for (size_t i = 0; i < s->count; i++)
        tm_buf_free(&s->file[i].bytes);
    tm_buf_free(&s->requests);
    tm_buf_free(&s->taken);
    pthread_mutex_destroy(&s->lock);
}
