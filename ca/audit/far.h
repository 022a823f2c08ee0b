/*
 * The audit trail as the other processes have it: they send events to the process that keeps it
 * (ca/audit/keeper.h). An event is put, and then nobody waits for it, or promised: then its sender
 * is told when it is durable. `NULL` in place of a trail takes events and drops them.
 */
#pragma once

#include <stdbool.h>

#include "ca/audit/event.h"
#include "common/sink.h"

struct ca_audit_far; /* any thread */

/* Takes `fd`, whose other end a keeper serves. One thread of its own. NULL with `e` set. */
struct ca_audit_far *ca_audit_far_new(int fd, struct tm_err *e);
/* Sends what was put. Breaks the promises that are left. NULL is fine. */
void ca_audit_far_free(struct ca_audit_far *f);

/* Texts over AUDIT_TEXT_MAX bytes are cut. False: dropped, and counted by the keeper's metrics as
 * far as it knows. */
bool ca_audit_event(struct ca_audit_far *f, const struct ca_audit_event *ev);

struct ca_audit_promise;

/* As tm_sink_promise, tm_sink_kept, tm_sink_promise_free and tm_sink_break. */
enum tm_sink_status ca_audit_promise(struct ca_audit_far *f, const struct ca_audit_event *ev,
                                     void (*wake)(void *arg), void *arg,
                                     struct ca_audit_promise **promise, struct tm_err *e);
enum tm_sink_status ca_audit_kept(const struct ca_audit_promise *p, struct tm_err *e);
void ca_audit_promise_free(struct ca_audit_promise *p);
void ca_audit_break(struct ca_audit_far *f);

/* From now on promised events are sent by ca_audit_round only: for who calls that after several. */
void ca_audit_batch(struct ca_audit_far *f);
void ca_audit_round(struct ca_audit_far *f); /* NULL is fine */

/* Whether a promise would be kept, as far as is known; does not wait. */
bool ca_audit_works(struct ca_audit_far *f, struct tm_err *e);
