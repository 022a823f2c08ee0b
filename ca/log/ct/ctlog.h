/*
 * A log of certificates: the engine with RFC 6962's entries and SCTs. Its read APIs are
 * ca/log/ct/serve.h's.
 */
#pragma once

#include "ca/log/ct/entry.h"
#include "ca/log/engine/log.h"

struct ca_ctlog; /* any thread */

/* As the functions of ca_log; o->format is not read. The key signs SCTs, too: ECDSA P-256. */
int ca_ctlog_create(const struct ca_log_options *o, struct tm_err *e);
struct ca_ctlog *ca_ctlog_open(const struct ca_log_options *o, struct tm_err *e);
void ca_ctlog_close(struct ca_ctlog *c);

struct ca_log *ca_ctlog_log(const struct ca_ctlog *c); /* borrowed */

/* As ca_log_append; its ticket is polled and freed as any. */
int ca_ctlog_add(struct ca_ctlog *c, const struct ca_log_entry *entry, void (*wake)(void *arg),
                 void *arg, struct ca_log_ticket **ticket, struct tm_err *e);

/* Where the entry stands. On LOG_DONE appends the serialised SCT (signed here, on the caller's
 * thread) and sets *index. */
enum ca_log_outcome ca_ctlog_collect(const struct ca_ctlog *c, const struct ca_log_ticket *ticket,
                                     struct tm_buf *sct, uint64_t *index, struct tm_err *e);
