/*
 * The process that keeps the audit trail: takes events from the other processes and from commands
 * (ca/audit/spool.h), writes them to the database in groups, one commit for all that wait, and
 * answers those that were promised once they are durable.
 *
 * While nothing can be written, promises are broken, what was queued stays queued up to a bound and
 * is tried again and again: a database that works again is used again by itself. A commit whose
 * outcome is not known is looked up by the chain's end, so that no record is lost or written twice.
 */
#pragma once

#include "ca/audit/heads.h"
#include "ca/audit/store.h"
#include "common/checked_clock.h"
#include "common/jlog.h"

#define AUDIT_SENDERS_MAX 8

struct ca_audit_keeper; /* any thread */

struct ca_audit_keeper_options { /* borrowed, and outlives the keeper */
    struct ca_audit_place place;
    const char *node;
    const char *spool;            /* folder where commands leave events; NULL: none */
    struct ca_audit_heads *heads; /* NULL: nobody else vouches for the chain */
    int64_t head_interval_ms; /* between entries of the log of heads, if there are new records */
    int64_t retention_ms;     /* older records are taken out; 0: none */
    const char *archive;      /* folder where they are exported before; NULL: nowhere */
    const struct tm_clock_source *clock; /* what is old is judged by it; NULL: the system's */
    struct tm_jlog *jlog;                /* or NULL */
    size_t max_bytes;    /* of events that wait; those not promised may use half. 0: 8 MiB */
    int64_t patience_ms; /* without progress, until promises are broken. 0: two seconds */
};

/* Opens the database; its first record will be `start`. NULL with `e` set. */
struct ca_audit_keeper *ca_audit_keeper_open(const struct ca_audit_keeper_options *o,
                                             const struct ca_audit_event *start, struct tm_err *e);

/* Before it is started. Takes `fd`; records say `process`. Events of other kinds than these (a bit
 * for each) break the protocol. */
#define AUDIT_MAY(kind) (1U << (kind))
int ca_audit_keeper_serve(struct ca_audit_keeper *k, int fd, const char *process, unsigned kinds,
                          struct tm_err *e);
int ca_audit_keeper_start(struct ca_audit_keeper *k, struct tm_err *e);

/* Writes what waits and `stop` (of the keeper's own process), enters the last head, closes. NULL
 * is fine. */
void ca_audit_keeper_close(struct ca_audit_keeper *k, const struct ca_audit_event *stop);

/* 0, or -1: records do not become durable. */
int ca_audit_keeper_ready(struct ca_audit_keeper *k, struct tm_err *e);
void ca_audit_keeper_metrics(struct ca_audit_keeper *k, struct tm_buf *out); /* Prometheus text */
