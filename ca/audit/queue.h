/*
 * Events that wait to be written, each with copies of its texts.
 */
#pragma once

#include "ca/audit/event.h"

struct ca_audit_queued {
    struct ca_audit_queued *next;
    size_t bytes;        /* that it takes */
    const char *process; /* static */
    size_t sender;       /* who is answered */
    uint64_t id;         /* 0: nobody is */
    char *spooled;       /* owned: the file that it came from, or NULL */
    int64_t time_ms;
    struct ca_audit_event event; /* its texts are owned, and hold nothing that a terminal would not
                                    show as itself */
};

struct ca_audit_queue { /* zero-initialise, then `last` */
    struct ca_audit_queued *first, **last;
    size_t count, bytes;
};

/* A copy. NULL: out of memory. */
struct ca_audit_queued *ca_audit_queued_new(const struct ca_audit_event *ev);
void ca_audit_queued_free(struct ca_audit_queued *all); /* and those behind it */

/* Borrowed from it; number, node and hash are the store's to give. */
struct ca_audit_record ca_audit_queued_record(const struct ca_audit_queued *q);

void ca_audit_queue_init(struct ca_audit_queue *q);
void ca_audit_queue_put(struct ca_audit_queue *q, struct ca_audit_queued *one); /* takes it */
/* The first `max` of them, which are the caller's. NULL: there is none. */
struct ca_audit_queued *ca_audit_queue_take(struct ca_audit_queue *q, size_t max);
