/*
 * A log of signatures: the engine with Rekor v2's entries. A submission ends when a published
 * checkpoint covers its entry, with the proof of it.
 */
#pragma once

#include <openssl/x509.h>

#include "ca/log/engine/log.h"
#include "ca/log/signatures/entry.h"

struct ca_siglog; /* any thread */

/* As the functions of ca_log; o->format and o->published are not read. The origin is the bare host
 * name of the address that clients know the log by, and nothing else: they look for that. */
int ca_siglog_create(const struct ca_log_options *o, struct tm_err *e);
struct ca_siglog *ca_siglog_open(const struct ca_log_options *o, struct tm_err *e);
void ca_siglog_close(struct ca_siglog *s); /* NULL is fine; every submission must be over */

/* From now on only entries with a valid certificate of these CAs are taken; `cas` (taken over)
 * NULL: everybody's, as at the start. Any thread. */
void ca_siglog_admit_only(struct ca_siglog *s, X509_STORE *cas);

struct ca_log *ca_siglog_log(const struct ca_siglog *s); /* borrowed */

enum ca_siglog_status {
    SIGLOG_LOGGED,    /* `out` has the answer */
    SIGLOG_WAIT,      /* `wake` will come, once */
    SIGLOG_BAD,       /* the request's fault; `e` may be shown to the client */
    SIGLOG_DUPLICATE, /* it is logged already: *index */
    SIGLOG_NOT_NOW,   /* the log takes no entries, or it is not known whether it took this one */
};

struct ca_siglog_job; /* one submission; used by one thread at a time */

/* Judges `text` and queues its entry. SIGLOG_WAIT: *job is set, and to be asked again by
 * ca_siglog_step after each wake. */
enum ca_siglog_status ca_siglog_begin(struct ca_siglog *s, const char *text, size_t len,
                                      void (*wake)(void *arg), void *arg,
                                      struct ca_siglog_job **job, uint64_t *index,
                                      struct tm_err *e);

/* Appends to `out` the TransparencyLogEntry in JSON when a checkpoint covers the entry. `wake` and
 * `arg` are for the next wait: not called when the result is another than SIGLOG_WAIT. */
enum ca_siglog_status ca_siglog_step(struct ca_siglog_job *job, void (*wake)(void *arg), void *arg,
                                     struct tm_buf *out, struct tm_err *e);

/* At any time, once. True: a wake that was promised will not come any more. */
bool ca_siglog_job_free(struct ca_siglog_job *job);

struct ca_siglog_stats {
    uint64_t logged, bad, duplicates, failed; /* submissions since start-up */
};
void ca_siglog_stats_get(const struct ca_siglog *s, struct ca_siglog_stats *out);
