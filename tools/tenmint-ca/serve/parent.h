/*
 * One generation of the service: the parent of its processes, from one configuration. It starts
 * them, has them look for changed files, and ends them. Generations follow each other
 * (generations.h) and have their listening sockets in common.
 */
#pragma once

#include <stdint.h>

#include "ca/api/metrics.h"
#include "ca/config/config.h"

/* What a parent says to who started it, a byte each. */
enum parent_word {
    PARENT_READY = 'R', /* all have started, or have read their files again */
    PARENT_ALIVE = 'A', /* and its processes have answered */
    PARENT_ANEW = 'N',  /* something changed that only a next generation can take up */
};

struct parent_options { /* borrowed */
    const struct ca_config *config;
    const char *issuers;        /* the list as text, or NULL: the configuration's file */
    struct ca_metrics *metrics; /* shared by all generations */
    int api_fd, metrics_fd;     /* sockets that listen; metrics -1: none */
    int tickets_fd;             /* tm_http_tickets_memory, shared by all generations */
    int tokens_fd;              /* of ca_once_memory_open, likewise; -1: none */
    int words_fd;               /* where its words go */
    int64_t alive_ms;           /* how often it is to say that it is; 0: never */
};

/* Runs in a process of its own, until SIGTERM or SIGINT. Returns the exit code; what was wrong is
 * said on standard error. */
int parent_run(const struct parent_options *o);
