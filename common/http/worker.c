/*
 * The threads that serve: each runs a libmicrohttpd daemon of its own on the shared listening
 * socket and waits for events itself. libmicrohttpd's own loop must not wait: when exactly 128
 * connections become ready at once, 0.9.75 waits a second time before it serves any of them, for
 * up to the idle time-out.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/http/internal.h"

/* Per connection: a request's headers (the legacy API has the token there) and a reply's headers
 * must fit. The memory is wiped at each request, and what was in the processor's cache goes with
 * it, so more would cost time as well. */
#define CONNECTION_MEMORY ((size_t)16 * 1024)
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

static enum MHD_Result on_accept(void *cls, const struct sockaddr *peer, socklen_t len)
{
    struct tm_http_server *s = cls;
    (void)len;
    return tm_http_guard_admits(&s->guard, peer, s->o.per_address_limit) ? MHD_YES : MHD_NO;
}

static unsigned idle_seconds(int64_t ms)
{
    return ms <= 0 ? 1 : (unsigned)((ms + 999) / 1000);
}

static struct MHD_Daemon *start_daemon(struct tm_http_worker *w, unsigned connection_limit)
{
    struct tm_http_server *s = w->server;
    const struct tm_http_options *o = &s->o;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO;
    struct MHD_OptionItem opt[16];
    size_t n = 0;
    opt[n++] = (struct MHD_OptionItem){MHD_OPTION_LISTEN_SOCKET, s->listen_fd, NULL};
    opt[n++] =
        (struct MHD_OptionItem){MHD_OPTION_CONNECTION_LIMIT, (intptr_t)connection_limit, NULL};
    opt[n++] = (struct MHD_OptionItem){MHD_OPTION_CONNECTION_TIMEOUT,
                                       (intptr_t)idle_seconds(o->idle_timeout_ms), NULL};
    opt[n++] = (struct MHD_OptionItem){MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                       (intptr_t)CONNECTION_MEMORY, NULL};
    opt[n++] =
        (struct MHD_OptionItem){MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)tm_http_unescape, NULL};
    if (o->tls_certificate != NULL) {
        flags |= MHD_USE_TLS;
        opt[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0,
                                           (void *)(uintptr_t)o->tls_certificate};
        opt[n++] =
            (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)o->tls_key};
        opt[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0,
                                           (void *)(uintptr_t)TLS_PRIORITIES};
    }
    opt[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    return MHD_start_daemon(flags, 0, on_accept, s, tm_http_on_request, s, MHD_OPTION_ARRAY, opt,
                            MHD_OPTION_NOTIFY_COMPLETED, tm_http_on_completed, s,
                            MHD_OPTION_NOTIFY_CONNECTION, tm_http_on_connection, w, MHD_OPTION_END);
}

static int wait_ms(struct MHD_Daemon *d)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;
    if (MHD_get_timeout(d, &ms) != MHD_YES)
        return -1;
    return ms < INT32_MAX ? (int)ms : INT32_MAX;
}

static void *run(void *arg)
{
    struct tm_http_worker *w = arg;
    bool accepting = true;
    while (!atomic_load(&w->server->stopping)) {
        struct pollfd fds[] = {{.fd = w->events, .events = POLLIN},
                               {.fd = w->wake_fd, .events = POLLIN}};
        eventfd_t count;
        if (poll(fds, 2, wait_ms(w->daemon)) > 0 && fds[1].revents != 0) {
            (void)eventfd_read(w->wake_fd, &count);
            atomic_store(&w->woken, false); /* before the flags and resumes that it tells of */
        }
        if (accepting && atomic_load(&w->server->draining)) {
            (void)MHD_quiesce_daemon(w->daemon);
            accepting = false;
        }
        (void)MHD_run(w->daemon);
    }
    return NULL;
}

static int start_worker(struct tm_http_worker *w, unsigned connection_limit)
{
    w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->wake_fd < 0)
        return -1;
    w->daemon = start_daemon(w, connection_limit);
    const union MHD_DaemonInfo *info =
        w->daemon != NULL ? MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (info == NULL)
        return -1;
    w->events = info->epoll_fd;
    errno = pthread_create(&w->thread, NULL, run, w);
    w->running = errno == 0;
    return w->running ? 0 : -1;
}

int tm_http_workers_start(struct tm_http_server *s)
{
    unsigned n = s->o.workers;
    s->workers = calloc(n, sizeof(*s->workers));
    if (s->workers == NULL)
        return -1;
    for (unsigned i = 0; i < n; i++) {
        s->workers[i].server = s;
        s->workers[i].wake_fd = -1;
    }
    for (unsigned i = 0; i < n; i++) {
        unsigned share = s->o.connection_limit / n + (i < s->o.connection_limit % n);
        if (start_worker(&s->workers[i], share) != 0)
            return -1;
    }
    return 0;
}

/* Once for all that is told before the worker looks. The write fails only when the counter is full,
 * and then the worker wakes all the same. */
static void wake(struct tm_http_worker *w)
{
    if (!atomic_exchange(&w->woken, true))
        (void)eventfd_write(w->wake_fd, 1);
}

void tm_http_worker_resume(struct tm_http_exchange *x)
{
    MHD_resume_connection(x->mhd);
    wake(x->conn->worker);
}

void tm_http_workers_wake(struct tm_http_server *s)
{
    for (unsigned i = 0; i < s->o.workers; i++)
        wake(&s->workers[i]);
}

void tm_http_workers_stop(struct tm_http_server *s)
{
    int saved = errno;
    atomic_store(&s->stopping, true);
    for (unsigned i = 0; s->workers != NULL && i < s->o.workers; i++) {
        struct tm_http_worker *w = &s->workers[i];
        if (w->running) {
            wake(w);
            pthread_join(w->thread, NULL);
        }
        if (w->daemon != NULL) {
            (void)MHD_quiesce_daemon(w->daemon); /* else it closes the shared socket */
            MHD_stop_daemon(w->daemon);
        }
        if (w->wake_fd >= 0)
            close(w->wake_fd);
    }
    free(s->workers);
    s->workers = NULL;
    errno = saved;
}
