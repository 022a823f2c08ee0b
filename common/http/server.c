/* Start, drain and stop of a server. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/http/internal.h"
#include "common/clock.h"

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
                                  .wait_timeout_ms = (int64_t)20 * 1000};
}

static struct tm_http_server *start_failed(struct tm_http_server *s)
{
    tm_http_tls_unref(s->tls);
    free(s);
    return NULL;
}

struct tm_http_server *tm_http_server_start(const struct tm_http_options *o, struct tm_err *e)
{
    if (o->connection_limit < o->workers) {
        tm_err_set(e, "connection limit %u is below the number of workers, %u", o->connection_limit,
                   o->workers);
        return NULL;
    }
    struct tm_http_server *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        tm_err_set(e, "out of memory");
        return NULL;
    }
    s->o = *o;
    atomic_init(&s->tls, NULL);
    atomic_init(&s->inflight, 0);
    atomic_init(&s->draining, false);
    atomic_init(&s->stopping, false);
    if ((o->tls_certificate != NULL &&
         tm_http_server_set_tls(s, o->tls_certificate, o->tls_key, e) != 0) ||
        tm_http_listen(o->listen, &s->listen_fd, s->address, sizeof(s->address), e) != 0)
        return start_failed(s);
    if (tm_http_guard_start(&s->guard, e) != 0) {
        close(s->listen_fd);
        return start_failed(s);
    }
    errno = 0;
    if (tm_http_workers_start(s) != 0) {
        tm_err_set(e, "the HTTP server does not start on '%s'%s%s", o->listen,
                   errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
        tm_http_workers_stop(s);
        tm_http_guard_stop(&s->guard);
        close(s->listen_fd);
        return start_failed(s);
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
    while (tm_http_server_inflight(s) > 0 && tm_clock_mono_ms() < until)
        (void)nanosleep(&(struct timespec){.tv_nsec = (int64_t)5 * 1000 * 1000}, NULL);
}

void tm_http_server_stop(struct tm_http_server *s, int64_t timeout_ms)
{
    if (s == NULL || s->workers == NULL)
        return;
    atomic_store(&s->draining, true);
    tm_http_workers_wake(s);
    wait_idle(s, timeout_ms);
    /* No suspended connection may be left when libmicrohttpd stops. New waits of requests that
     * are still running expire in the rounds that follow. */
    for (int i = 0; i < 20 && tm_http_server_inflight(s) > 0; i++) {
        tm_http_guard_expire(&s->guard, INT64_MAX);
        wait_idle(s, 50);
    }
    tm_http_guard_stop(&s->guard);
    tm_http_workers_stop(s);
    close(s->listen_fd);
}

void tm_http_server_free(struct tm_http_server *s)
{
    if (s == NULL)
        return;
    tm_http_server_stop(s, 0);
    pthread_cond_destroy(&s->guard.stop);
    pthread_mutex_destroy(&s->guard.lock);
    tm_http_tls_unref(s->tls);
    free(s);
}
