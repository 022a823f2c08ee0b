/*
 * The HTTP side of the demo programs: one handler on a free loopback port, until a signal ends the
 * program. For tests and demonstrations only.
 */
#pragma once

#include "common/buf.h"

#define DEMO_BODY_MAX 16384 /* bytes; more are dropped */

struct demo_reply {
    unsigned status;  /* 200 */
    const char *type; /* NULL: none */
    struct tm_buf body;
};

struct demo_http {
    char url[64]; /* set before the first request is taken */
    void (*handle)(void *ctx, const char *method, const char *path, const char *body, size_t len,
                   struct demo_reply *out);
    void *ctx;
};

/* Prints the URL, serves, and returns the exit code: 0 after SIGTERM or SIGINT. */
int demo_http_run(struct demo_http *d);
