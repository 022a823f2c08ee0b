/*
 * The sockets that connections come to, which outlive the processes that answer on them: given by
 * the service manager, or opened as configured.
 */
#pragma once

#include "ca/config/config.h"
#include "common/err.h"
#include "tools/tenmint-ca/changes.h"

enum { LISTEN_API, LISTEN_METRICS, LISTEN_COUNT };

struct listening {
    int fd;        /* -1: none */
    char *address; /* as configured; NULL: given by who started us, whatever is configured */
};

/* Takes those that the service manager listens on (sd_listen_fds(3)): one named "metrics", and one
 * of any other name. `out` has none before; on -1 it may have some. */
int listen_take_given(struct listening out[LISTEN_COUNT], struct tm_err *e);

/* Where `c` says; one that was given, or that listens there already in `last`, is the same socket
 * with what waits in it. On -1 `out` has none. */
int listen_open(const struct listening last[LISTEN_COUNT], const struct ca_config *c,
                struct listening out[LISTEN_COUNT], struct tm_err *e);

/* Whether it was given, and listens somewhere else than at `address`. */
bool listen_is_elsewhere(const struct listening *x, const char *address);

/* Adds the keys of those that were given: what is configured there is not used. */
void listen_add_unused(const struct listening x[LISTEN_COUNT], struct changes_unused_list *unused);

void listen_close(struct listening x[LISTEN_COUNT]);
