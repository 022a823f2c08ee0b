/* Start, drain and stop of a server. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ca/http/internal.h"
#include "common/clock.h"

/* Per connection: a request's headers and a reply's headers must fit. The memory is wiped at
 * each request, so more would cost time as well. */
#define CONNECTION_MEMORY ((size_t)32 * 1024)
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

void http_options_default(struct http_options *o)
{
    *o = (struct http_options){.listen = "127.0.0.1:5555",
                               .workers = 1,
                               .connection_limit = 1024,
                               .per_address_limit = 256,
                               .max_body = (size_t)256 * 1024,
                               .header_timeout_ms = (int64_t)10 * 1000,
                               .request_timeout_ms = (int64_t)30 * 1000,
                               .idle_timeout_ms = (int64_t)30 * 1000,
                               .wait_timeout_ms = (int64_t)20 * 1000};
}

static unsigned idle_seconds(int64_t ms)
{
    return ms <= 0 ? 1 : (unsigned)((ms + 999) / 1000);
}

static struct MHD_Daemon *start_daemon(struct http_server *s)
{
    const struct http_options *o = &s->o;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO;
    struct MHD_OptionItem opt[16];
    size_t n = 0;
    opt[n++] = (struct MHD_OptionItem){MHD_OPTION_LISTEN_SOCKET, s->listen_fd, NULL};
    opt[n++] =
        (struct MHD_OptionItem){MHD_OPTION_CONNECTION_LIMIT, (intptr_t)o->connection_limit, NULL};
    opt[n++] = (struct MHD_OptionItem){MHD_OPTION_PER_IP_CONNECTION_LIMIT,
                                       (intptr_t)o->per_address_limit, NULL};
    opt[n++] = (struct MHD_OptionItem){MHD_OPTION_CONNECTION_TIMEOUT,
                                       (intptr_t)idle_seconds(o->idle_timeout_ms), NULL};
    opt[n++] = (struct MHD_OptionItem){MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                       (intptr_t)CONNECTION_MEMORY, NULL};
    if (o->workers > 1)
        opt[n++] = (struct MHD_OptionItem){MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)o->workers, NULL};
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
    return MHD_start_daemon(flags, 0, NULL, NULL, http_on_request, s, MHD_OPTION_ARRAY, opt,
                            MHD_OPTION_NOTIFY_COMPLETED, http_on_completed, s,
                            MHD_OPTION_NOTIFY_CONNECTION, http_on_connection, s, MHD_OPTION_END);
}

struct http_server *http_server_start(const struct http_options *o, struct err *e)
{
    if (o->connection_limit < o->workers) {
        err_set(e, "connection limit %u is below the number of workers, %u", o->connection_limit,
                o->workers);
        return NULL;
    }
    struct http_server *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        err_set(e, "out of memory");
        return NULL;
    }
    s->o = *o;
    atomic_init(&s->inflight, 0);
    atomic_init(&s->draining, false);
    if (http_listen(o->listen, &s->listen_fd, s->address, sizeof(s->address), e) != 0) {
        free(s);
        return NULL;
    }
    if (http_guard_start(&s->guard, e) != 0) {
        close(s->listen_fd);
        free(s);
        return NULL;
    }
    errno = 0;
    s->daemon = start_daemon(s);
    if (s->daemon == NULL) {
        err_set(e, "the HTTP server does not start on '%s'%s%s%s", o->listen,
                o->tls_certificate != NULL ? " (is the TLS certificate or key bad?)" : "",
                errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
        close(s->listen_fd);
        http_guard_stop(&s->guard);
        free(s);
        return NULL;
    }
    return s;
}

const char *http_server_address(const struct http_server *s)
{
    return s->address;
}

unsigned http_server_inflight(const struct http_server *s)
{
    return atomic_load(&s->inflight);
}

static void wait_idle(const struct http_server *s, int64_t timeout_ms)
{
    int64_t until = clock_mono_ms() + timeout_ms;
    while (http_server_inflight(s) > 0 && clock_mono_ms() < until)
        (void)nanosleep(&(struct timespec){.tv_nsec = (int64_t)5 * 1000 * 1000}, NULL);
}

void http_server_stop(struct http_server *s, int64_t timeout_ms)
{
    if (s == NULL || s->daemon == NULL)
        return;
    atomic_store(&s->draining, true);
    MHD_socket fd = MHD_quiesce_daemon(s->daemon);
    wait_idle(s, timeout_ms);
    /* No suspended connection may be left when libmicrohttpd stops. New waits of requests that
     * are still running expire in the rounds that follow. */
    for (int i = 0; i < 20 && http_server_inflight(s) > 0; i++) {
        http_guard_expire(&s->guard, INT64_MAX);
        wait_idle(s, 50);
    }
    http_guard_stop(&s->guard);
    MHD_stop_daemon(s->daemon);
    s->daemon = NULL;
    if (fd != MHD_INVALID_SOCKET)
        close(fd);
}

void http_server_free(struct http_server *s)
{
    if (s == NULL)
        return;
    http_server_stop(s, 0);
    pthread_cond_destroy(&s->guard.stop);
    pthread_mutex_destroy(&s->guard.lock);
    free(s);
}
