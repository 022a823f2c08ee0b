/*
 * The thread that gives submissions their place: one journal sync per group.
 */
#pragma once

#include <time.h>

#include "ca/log/engine/counts.h"
#include "ca/log/engine/growing.h"
#include "ca/log/engine/journal.h"
#include "ca/log/engine/queue.h"
#include "ca/log/engine/site.h"

struct ca_log_sequencer { /* no lock: its thread's, and before that runs the opener's */
    const struct ca_log_site *site;
    const struct ca_log_verdict *verdict;
    struct ca_log_queue *queue;
    struct ca_log_growing *growing;
    struct ca_log_counts *counts;

    struct ca_journal journal; /* fd -1: to be made anew before the next group */
    struct tm_buf group;
    uint64_t last_ms; /* timestamp of the last entry */
    size_t last_count;
    struct timespec last_began; /* monotonic; of the last group */
    pthread_t thread;
    bool running;
};

/* The parts that it works with are set. */
int ca_log_sequencer_start(struct ca_log_sequencer *s, struct tm_err *e);
/* Finishes what is queued. */
void ca_log_sequencer_stop(struct ca_log_sequencer *s);
void ca_log_sequencer_free(struct ca_log_sequencer *s);
