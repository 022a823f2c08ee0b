/*
 * Whether a server would start with a configuration.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ca/config/config.h"
#include "tools/tenmint-ca/check/check_said.h"

/* Opens what it names, and says what that is; also while a server runs with it; `online`: asks
 * the issuers, too. -1 with `e` set: it would be refused. */
int check_server_config(struct check_said *k, const char *path, bool online, struct tm_err *e);

/* Says which keys of `path` differ from what the server that runs with it has in force, and which
 * it does not use. `dir`: the server's RUNTIME_DIRECTORY; NULL: the unit's, and nothing is said
 * where no server runs with this file. -1 with `e` set: it cannot be known. */
int check_running(struct check_said *k, const char *path, const char *dir, struct tm_err *e);

struct check_wait {
    int64_t limit_ms;           /* then the check is killed, and has failed */
    bool (*goes_on)(void *ctx); /* called each second meanwhile; false: killed, too */
    void *ctx;
};

/* Nothing is said. */
int check_server_quietly(const char *path, struct tm_err *e);

/* Before an edited text replaces that of `path`: -1 with `e` set where a server would refuse
 * `after`. One that refuses `before` already (a password in a variable that is not set here) says
 * nothing about the edit. */
int check_server_edit(const char *path, const struct ca_config *before,
                      const struct ca_config *after, struct tm_err *e);

/* check_server_quietly() in a process of its own, as modules of tokens may start threads. */
int check_server_apart(const char *path, const struct check_wait *w, struct tm_err *e);
