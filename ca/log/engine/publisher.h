/*
 * The thread that turns what is durable into tiles and checkpoints.
 */
#pragma once

#include "ca/log/engine/counts.h"
#include "ca/log/engine/growing.h"
#include "ca/log/engine/indexer.h"
#include "ca/log/engine/shown.h"
#include "ca/log/engine/site.h"
#include "ca/log/engine/store.h"
#include "ca/log/engine/verdict.h"

struct ca_log_publisher { /* no lock: its thread's, and before that runs the opener's */
    const struct ca_log_site *site;
    struct ca_log_verdict *verdict;
    struct ca_log_growing *growing;
    struct ca_log_shown *shown;
    struct ca_log_counts *counts;
    struct ca_log_indexer *indexer; /* NULL while the log is opened */

    struct ca_log_store tiles;
    struct ca_log_snapshot snapshot;
    uint64_t tiles_size; /* whose partial tiles were written last */
    pthread_t thread;
    bool running;
};

/* Writes full tiles, and with `checkpoint` the partial ones and a checkpoint of what is durable. */
int ca_log_publish(struct ca_log_publisher *p, bool checkpoint, struct tm_err *e);

/* The parts that it works with are set. */
int ca_log_publisher_start(struct ca_log_publisher *p, struct tm_err *e);
/* Publishes what is durable. */
void ca_log_publisher_stop(struct ca_log_publisher *p);
void ca_log_publisher_free(struct ca_log_publisher *p);
