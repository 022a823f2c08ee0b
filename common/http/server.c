/* Start, drain and stop of a server. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/http/internal.h"
#include "common/clock.h"

#define LATE_MS 500 /* for requests that are on their way when the server begins to stop */

void tm_http_options_default(struct tm_http_options *o)
{
    *o = (struct tm_http_options){.listen = "127.0.0.1:5555",
                                  .workers = 1,
                                  .connection_limit = 1024,
                                  .per_address_limit = 256,
                                  .max_body = (size_t)256 * 1024,
                                  .header_timeout_ms = (int64_t)10 * 1000,
                                  .request_timeout_ms = (int64_t)30 * 1000,
                                  .idle_timeout_ms = (int64_t)30 * 1000,
                                  .queue_limit_ms = 300,
                                  .wait_timeout_ms = (int64_t)20 * 1000};
}

static void release(struct tm_http_server *s)
{
    tm_http_workers_free(s);
    SSL_CTX_free(atomic_load(&s->tls));
    tm_http_tickets_free(s->tickets);
    tm_http_clients_free(&s->clients);
    if (s->listen_fd >= 0)
        close(s->listen_fd);
    free(s);
}

static int start_tls(struct tm_http_server *s, struct tm_err *e)
{
    if (s->o.tls_certificate == NULL)
        return 0;
    s->tickets = tm_http_tickets_new(s->o.tickets_fd, s->o.tickets_ms);
    if (s->tickets == NULL)
        return tm_err_openssl(e, "keys for TLS sessions");
    return tm_http_server_set_tls(s, s->o.tls_certificate, s->o.tls_key, e);
}

/* A connection has three or four: the client's, a pair towards libmicrohttpd, and what that waits
 * by where its end is too large for an fd_set. Less than that is no fault: whoever comes when there
 * are none left waits. */
static void want_descriptors(unsigned connections)
{
    struct rlimit r;
    rlim_t want = (rlim_t)connections * 5 + 256;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur >= want)
        return;
    r.rlim_cur = want < r.rlim_max ? want : r.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &r);
}

static int start_workers(struct tm_http_server *s, struct tm_err *e)
{
    errno = 0;
    if (tm_http_workers_start(s) == 0)
        return 0;
    tm_err_set(e, "the HTTP server does not start on '%s'%s%s", s->o.listen, errno != 0 ? ": " : "",
               errno != 0 ? strerror(errno) : "");
    tm_http_workers_stop(s);
    return -1;
}

static int listen_on(struct tm_http_server *s, struct tm_err *e)
{
    if (s->o.listen_fd <= 0)
        return tm_http_listen(s->o.listen, &s->listen_fd, s->address, sizeof(s->address), e);
    s->listen_fd = s->o.listen_fd;
    return tm_http_listen_name(s->listen_fd, s->address, sizeof(s->address), e);
}

struct tm_http_server *tm_http_server_start(const struct tm_http_options *o, struct tm_err *e)
{
    if (o->connection_limit < o->workers)
        return tm_err_null(e, "connection limit %u is below the number of workers, %u",
                           o->connection_limit, o->workers);
    struct tm_http_server *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return tm_err_null(e, "out of memory");
    s->o = *o;
    s->listen_fd = -1;
    tm_http_clients_init(&s->clients);
    want_descriptors(o->connection_limit);
    if (start_tls(s, e) != 0 || listen_on(s, e) != 0 || start_workers(s, e) != 0) {
        release(s);
        return NULL;
    }
    s->o.tls_certificate = s->o.tls_key = NULL; /* the caller's */
    return s;
}

const char *tm_http_server_address(const struct tm_http_server *s)
{
    return s->address;
}

unsigned tm_http_server_inflight(const struct tm_http_server *s)
{
    return atomic_load(&s->inflight);
}

static void wait_idle(const struct tm_http_server *s, int64_t timeout_ms)
{
    int64_t until = tm_clock_mono_ms() + timeout_ms;
    while ((tm_http_server_inflight(s) > 0 || atomic_load(&s->open_h2) > 0) &&
           tm_clock_mono_ms() < until)
        (void)nanosleep(&(struct timespec){.tv_nsec = (int64_t)5 * 1000 * 1000}, NULL);
}

/* A request may be on its way on a connection that is open: it is still answered, as the last one
 * there. */
static void wait_late(const struct tm_http_server *s, int64_t timeout_ms)
{
    int64_t until = tm_clock_mono_ms() + (timeout_ms < LATE_MS ? timeout_ms : LATE_MS);
    while (atomic_load(&s->open) > 0 && tm_clock_mono_ms() < until)
        (void)nanosleep(&(struct timespec){.tv_nsec = (int64_t)5 * 1000 * 1000}, NULL);
}

void tm_http_server_stop(struct tm_http_server *s, int64_t timeout_ms)
{
    if (s == NULL || s->stopped)
        return;
    s->stopped = true;
    atomic_store(&s->draining, true);
    tm_http_workers_wake(s); /* clients of HTTP/2 are told */
    wait_late(s, timeout_ms);
    wait_idle(s, timeout_ms);
    atomic_store(&s->expiring, true); /* waits end, and new ones of requests that still run */
    tm_http_workers_wake(s);
    wait_idle(s, 1000);
    tm_http_workers_stop(s);
    close(s->listen_fd);
    s->listen_fd = -1;
}

void tm_http_server_free(struct tm_http_server *s)
{
    if (s == NULL)
        return;
    tm_http_server_stop(s, 0);
    release(s);
}
