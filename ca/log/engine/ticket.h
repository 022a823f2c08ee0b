/*
 * One submission. It has two holders: who submitted it, and the log until it is finished.
 */
#pragma once

#include <stdatomic.h>

#include "ca/log/engine/log.h"

struct ca_log_ticket {
    struct ca_log_ticket *next; /* whose list it is on: the queue's, then the sequencer's */
    atomic_int refs;
    atomic_bool cancelled;
    _Atomic(enum ca_log_outcome) outcome; /* what follows is the log's until this leaves LOG_WAIT */
    struct ca_log_draft draft;
    uint64_t index;
    uint64_t timestamp_ms;
    struct tm_merkle_hash hash;
    void (*wake)(void *arg);
    void *arg;
    struct tm_err why;
};

/* Takes what `draft` holds, also when it fails. NULL: out of memory. */
struct ca_log_ticket *ca_log_ticket_new(struct ca_log_draft *draft, void (*wake)(void *arg),
                                        void *arg);
/* The log's last word on it; wakes the submitter. */
void ca_log_ticket_finish(struct ca_log_ticket *t, enum ca_log_outcome outcome,
                          const struct tm_err *why);
/* One that the log never got. */
void ca_log_ticket_drop(struct ca_log_ticket *t);
