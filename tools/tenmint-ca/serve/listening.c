#include "tools/tenmint-ca/serve/listening.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/http/http.h"

static void close_one(struct listening *x)
{
    if (x->fd >= 0)
        close(x->fd);
    free(x->address);
    *x = (struct listening){.fd = -1};
}

int listen_take_given(struct listening out[LISTEN_COUNT], struct tm_err *e)
{
    char **names = NULL;
    int count = sd_listen_fds_with_names(1, &names);
    int rc = count < 0 ? tm_err_set(e, "sockets of the service manager: %s", strerror(-count)) : 0;
    for (int i = 0; i < count && rc == 0; i++) {
        struct listening *x = &out[strcmp(names[i], "metrics") == 0 ? LISTEN_METRICS : LISTEN_API];
        if (x->fd >= 0)
            rc =
                tm_err_set(e, "the service manager gives two sockets that are not named 'metrics'");
        else if (sd_is_socket(SD_LISTEN_FDS_START + i, AF_UNSPEC, SOCK_STREAM, 1) <= 0)
            rc = tm_err_set(e, "socket '%s' of the service manager does not listen", names[i]);
        else if (fcntl(SD_LISTEN_FDS_START + i, F_SETFL, O_NONBLOCK) != 0)
            rc = tm_err_errno(e, "socket '%s' of the service manager", names[i]);
        else
            x->fd = SD_LISTEN_FDS_START + i;
        free(names[i]);
    }
    free(names);
    return rc;
}

/* One that listens where the last did is the same, with what waits in it. */
static int open_one(const struct listening *last, const char *address, const char *what,
                    struct listening *out, struct tm_err *e)
{
    bool given = last->fd >= 0 && last->address == NULL;
    bool same = last->address != NULL && address != NULL && strcmp(last->address, address) == 0;
    *out = (struct listening){.fd = -1};
    if (address == NULL && !given)
        return 0;
    out->address = given ? NULL : strdup(address);
    if (!given && out->address == NULL)
        return tm_err_set(e, "out of memory");
    if (!given && !same)
        return tm_http_listen_open(address, &out->fd, e) == 0 ? 0 : tm_err_wrap(e, "%s", what);
    out->fd = fcntl(last->fd, F_DUPFD_CLOEXEC, 3);
    return out->fd >= 0 ? 0 : tm_err_errno(e, "%s", what);
}

void listen_close(struct listening x[LISTEN_COUNT])
{
    for (int i = 0; i < LISTEN_COUNT; i++)
        close_one(&x[i]);
}

int listen_open(const struct listening last[LISTEN_COUNT], const struct ca_config *c,
                struct listening out[LISTEN_COUNT], struct tm_err *e)
{
    out[LISTEN_METRICS] = (struct listening){.fd = -1};
    if (open_one(&last[LISTEN_API], c->listen, "listen", &out[LISTEN_API], e) == 0 &&
        open_one(&last[LISTEN_METRICS], c->metrics_listen, "metrics-listen", &out[LISTEN_METRICS],
                 e) == 0)
        return 0;
    listen_close(out);
    return -1;
}

bool listen_is_elsewhere(const struct listening *x, const char *address)
{
    return x->fd >= 0 && x->address == NULL && !tm_http_listen_is(x->fd, address);
}

void listen_add_unused(const struct listening x[LISTEN_COUNT], struct changes_unused_list *unused)
{
    static const char *const keys[] = {
        [LISTEN_API] = "listen", [LISTEN_METRICS] = "metrics-listen"};
    for (int i = 0; i < LISTEN_COUNT; i++) {
        if (x[i].fd >= 0 && x[i].address == NULL)
            unused->item[unused->count++] =
                (struct changes_unused){keys[i], "the service manager's socket"};
    }
}
