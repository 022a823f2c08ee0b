/*
 * An issuer list that is a target of a TUF repository: a threshold of those who may change it has
 * signed it. The metadata is verified in this process by the specification's client; whoever
 * fetches only carries bytes. What was accepted stays in a directory, from where it is taken, as
 * long as it has not expired, when nobody answers.
 */
#pragma once

#include "ca/config/config.h"
#include "common/buf.h"
#include "common/fetch/far.h"
#include "common/jlog.h"

struct approved_list {
    struct tm_buf text;
    char *name;        /* by which it is read: its jwks-file stand beside the root file */
    char role[256];    /* that lists it: "targets", or a delegated one */
    int64_t version;   /* of that role */
    int64_t expires_s; /* Unix seconds: the first to do so, of all roles on the way to it */
    char signers[512]; /* of that role: owners or key ids, commas between */
};

/* One run of the client, at most some 10 s a file. `hub` NULL: this process fetches; `offline`:
 * nobody does, the cache is taken. -1: "rollback", "freeze" (expired) … as tuf/client/client.h has
 * it. Free it in either case. */
int approved_read(const struct ca_config_approved *c, struct tm_fetch_hub *hub, bool offline,
                  struct approved_list *out, struct tm_err *e);
void approved_free(struct approved_list *l);

/* ---- on a schedule ---- */

struct approved_keeper;

struct approved_keeper_options {
    const struct ca_config_approved *config; /* borrowed, as is all below */
    struct tm_fetch_hub *hub;
    struct tm_jlog *log;
    /* Each list that was verified, on the keeper's thread; the same one again, too, with its new
     * end. -1: it is not usable, and `e` says why. */
    int (*apply)(void *ctx, const struct approved_list *l, struct tm_err *e);
    void *ctx;
};

/* The first list: fetched, or, with a warning, the last good one. -1: there is none that is valid.
 */
int approved_first(const struct approved_keeper_options *o, struct approved_list *out,
                   struct tm_err *e);

struct approved_keeper *approved_keeper_start(const struct approved_keeper_options *o,
                                              const struct approved_list *first, struct tm_err *e);
void approved_keeper_wake(struct approved_keeper *k); /* refreshes now; NULL is fine */
void approved_keeper_stop(struct approved_keeper *k); /* NULL is fine */

/* Appends Prometheus text; NULL: nothing. */
void approved_metrics(struct approved_keeper *k, struct tm_buf *out);
