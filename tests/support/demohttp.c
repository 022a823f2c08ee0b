#include "tests/support/demohttp.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct upload {
    char data[DEMO_BODY_MAX];
    size_t len;
};

static enum MHD_Result answer(struct MHD_Connection *c, struct demo_reply *reply)
{
    struct MHD_Response *r =
        MHD_create_response_from_buffer(reply->body.len, reply->body.data, MHD_RESPMEM_MUST_COPY);
    if (reply->type != NULL)
        MHD_add_response_header(r, "Content-Type", reply->type);
    enum MHD_Result rc = MHD_queue_response(c, reply->status, r);
    MHD_destroy_response(r);
    tm_buf_free(&reply->body);
    return rc;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **state)
{
    const struct demo_http *d = arg;
    struct upload *up = *state;
    (void)version;
    if (up == NULL) {
        *state = calloc(1, sizeof(*up));
        return *state != NULL ? MHD_YES : MHD_NO;
    }
    if (*size > 0) {
        size_t room = sizeof(up->data) - up->len;
        size_t take = *size < room ? *size : room;
        memcpy(up->data + up->len, data, take);
        up->len += take;
        *size = 0;
        return MHD_YES;
    }
    struct demo_reply reply = {.status = MHD_HTTP_OK};
    d->handle(d->ctx, method, url, up->data, up->len, &reply);
    return answer(c, &reply);
}

static void on_done(void *arg, struct MHD_Connection *c, void **state,
                    enum MHD_RequestTerminationCode code)
{
    (void)arg;
    (void)c;
    (void)code;
    free(*state);
    *state = NULL;
}

/* A socket of our own: its port is known, and in the URL, before anything is answered. */
static int listen_on_loopback(struct demo_http *d)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len) != 0 || listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, (struct sockaddr *)&addr, &len) != 0) {
        perror("listen");
        return -1; /* the program ends: the descriptor goes with it */
    }
    snprintf(d->url, sizeof(d->url), "http://127.0.0.1:%u", (unsigned)ntohs(addr.sin_port));
    return fd;
}

int demo_http_run(struct demo_http *d)
{
    sigset_t stop;
    int got;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stop, NULL);
    int fd = listen_on_loopback(d);
    struct MHD_Daemon *daemon =
        fd < 0 ? NULL
               : MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, on_request, d,
                                  MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED,
                                  on_done, NULL, MHD_OPTION_END);
    if (daemon == NULL)
        return 1;
    printf("%s\n", d->url);
    fflush(stdout);
    sigwait(&stop, &got);
    MHD_stop_daemon(daemon);
    return 0;
}
