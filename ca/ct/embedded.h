/*
 * The embedded log (ca/log) as issuance sees it: opened with its key, asked through struct
 * issue_log.
 */
#ifndef TENMINT_CA_CT_EMBEDDED_H
#define TENMINT_CA_CT_EMBEDDED_H

#include "ca/api/issue_log.h"
#include "ca/log/engine/log.h"
#include "ca/log/witness/client.h"
#include "common/key/key.h"

struct ct_embedded_options { /* borrowed, and outlives the log */
    const char *directory;   /* NULL: there is no embedded log */
    const char *origin;
    struct key_source key;
    int64_t checkpoint_interval_ms; /* 0: the log's default */
    const char *anchor;             /* or NULL */
    struct jlog *jlog;              /* or NULL */

    const struct witness_peer *witness; /* that cosign checkpoints; none: witness_count is 0 */
    size_t witness_count;
    size_t witness_quorum;      /* fewer are a warning */
    int64_t witness_timeout_ms; /* 0: the client's default */
    int64_t witness_rest_ms;    /* likewise */
    bool witness_allow_http;
};

struct ct_embedded_new {   /* a log to be made; borrowed */
    const char *directory; /* new or empty */
    const char *origin;
    const struct key_source *device; /* the token in which its key is made; NULL: key_file */
    const char *key_file;            /* a new file, 0600 */
    const char *password;            /* encrypts key_file; NULL: plain */
    const char *public_file;         /* a new PEM file for verifiers */
};

/* A new log and its new P-256 key. */
int ct_embedded_create(const struct ct_embedded_new *n, struct err *e);

struct ct_embedded;

/* Opens the key and the log for writing. NULL with `e` set. */
struct ct_embedded *ct_embedded_open(const struct ct_embedded_options *o, struct err *e);
/* After the HTTP server has stopped: finishes what is queued. NULL is fine. */
void ct_embedded_close(struct ct_embedded *x);

const struct issue_log *ct_embedded_issue_log(const struct ct_embedded *x);
struct log *ct_embedded_log(const struct ct_embedded *x); /* for who serves it */

#endif
