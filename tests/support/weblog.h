/*
 * A web server of one thread for a testlog: its files, and the RFC 6962 API; and every bad manner
 * that a log's server may have.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "tests/support/testlog.h"

enum weblog_manner {
    WEBLOG_GOOD,
    WEBLOG_BUSY_ONCE, /* 503 with Retry-After, then good */
    WEBLOG_ERROR,     /* 500 */
    WEBLOG_HUGE,      /* a body without end */
    WEBLOG_SLOW,      /* no answer */
    WEBLOG_SHORT,     /* half of the body that was announced */
    WEBLOG_NOT_JSON,  /* a page of HTML */
    WEBLOG_REDIRECT,  /* to another host */
};

struct weblog {
    struct testlog *log; /* not to be changed while a client is served */
    bool files;          /* serves the directory; else the RFC 6962 API */
    size_t page;         /* get-entries gives at most so many */
    _Atomic enum weblog_manner manner;
    _Atomic unsigned requests;
    char url[64];
    int fd;
    pthread_t thread;
};

void weblog_start(struct weblog *w, struct testlog *log, bool files);
void weblog_stop(struct weblog *w);
