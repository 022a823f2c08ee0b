/*
 * What the kernel takes for a request over loopback TCP, whoever serves it: a process that waits
 * for connections that can be read, takes so many bytes and sends so many, and does nothing else.
 * No server that is asked over sockets costs less than this and its cryptography.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define CONNECTIONS_MAX 256
#define BYTES_MAX 65536

static char bytes[BYTES_MAX];

static _Noreturn void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int listen_anywhere(int *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
        listen(fd, CONNECTIONS_MAX) != 0 || getsockname(fd, (struct sockaddr *)&a, &len) != 0)
        fail("listen");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* for its connections */
    *port = ntohs(a.sin_port);
    return fd;
}

/* Until it is killed. */
static _Noreturn void serve(int listener, const struct floor_load *l)
{
    size_t have[CONNECTIONS_MAX] = {0};
    int fd[CONNECTIONS_MAX];
    int events = epoll_create1(0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 0; i < l->connections; i++) {
        struct epoll_event ev = {.events = EPOLLIN | EPOLLET, .data.u32 = (uint32_t)i};
        fd[i] = accept(listener, NULL, NULL);
        if (fd[i] < 0 || epoll_ctl(events, EPOLL_CTL_ADD, fd[i], &ev) != 0)
            _exit(1);
    }
    for (;;) {
        struct epoll_event ready[16]; /* as many as our server takes */
        int n = epoll_wait(events, ready, 16, -1);
        for (int k = 0; k < n; k++) {
            uint32_t i = ready[k].data.u32;
            ssize_t got = recv(fd[i], bytes, sizeof(bytes), MSG_DONTWAIT);
            have[i] += got > 0 ? (size_t)got : 0;
            if (have[i] < l->in)
                continue;
            have[i] = 0;
            if (send(fd[i], bytes, l->out, MSG_NOSIGNAL) != (ssize_t)l->out)
                _exit(1);
        }
    }
}

static void ask(int fd, const struct floor_load *l)
{
    if (send(fd, bytes, l->in, MSG_NOSIGNAL) != (ssize_t)l->in)
        fail("send");
}

/* As client_run: it looks again and again rather than sleep. */
static void drive(const int *fd, const struct floor_load *l, long count)
{
    size_t have[CONNECTIONS_MAX] = {0};
    long sent = 0;
    long done = 0;
    for (int i = 0; i < l->connections && sent < count; i++, sent++)
        ask(fd[i], l);
    while (done < count) {
        bool progress = false;
        for (int i = 0; i < l->connections; i++) {
            ssize_t n = recv(fd[i], bytes, sizeof(bytes), MSG_DONTWAIT);
            if (n <= 0 && !(n < 0 && (errno == EAGAIN || errno == EINTR)))
                fail("recv");
            progress = progress || n > 0;
            have[i] += n > 0 ? (size_t)n : 0;
            if (have[i] < l->out)
                continue;
            have[i] = 0;
            done++;
            if (sent++ < count)
                ask(fd[i], l);
        }
        if (!progress)
            sched_yield();
    }
}

double floor_measure_us(const struct floor_load *l, long count)
{
    int fd[CONNECTIONS_MAX];
    int port = 0;
    if (l->connections < 1 || l->connections > CONNECTIONS_MAX || l->in < 1 || l->out < 1 ||
        l->in > BYTES_MAX || l->out > BYTES_MAX || count < 1)
        exit(2);
    int listener = listen_anywhere(&port);
    pid_t pid = fork();
    if (pid < 0)
        fail("fork");
    if (pid == 0)
        serve(listener, l);
    for (int i = 0; i < l->connections; i++)
        fd[i] = client_dial(port);
    drive(fd, l, count / 10 + 1); /* warm-up */
    double cpu = process_cpu_us(pid);
    drive(fd, l, count);
    cpu = process_cpu_us(pid) - cpu;
    kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    for (int i = 0; i < l->connections; i++)
        close(fd[i]);
    close(listener);
    return cpu / (double)count;
}

int floor_print(const char *text, long count)
{
    struct floor_load l = {0};
    if (sscanf(text, "%zu,%zu,%d", &l.in, &l.out, &l.connections) != 3)
        return 2;
    printf("%.2f\n", floor_measure_us(&l, count));
    return 0;
}
