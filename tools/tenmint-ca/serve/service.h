/*
 * The CA without its connections and its log: signer, issuers and API, put together and taken apart
 * in order, and reloaded while it runs.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "ca/api/api.h"
#include "ca/api/ready_far.h"
#include "ca/config/config.h"
#include "ca/once/far.h"
#include "ca/pages/issuers_far.h"
#include "ca/ct/ct.h"
#include "ca/ct/far.h"
#include "ca/signer/reload.h"
#include "common/fetch/far.h"
#include "tools/tenmint-ca/serve/approved.h"
#include "common/file.h"
#include "common/http/far.h"
#include "tools/tenmint-ca/rehearse/rehearse_standing.h"

struct service {
    const struct ca_config *config; /* borrowed */
    struct tm_fetch_hub *hub;       /* owned: who fetches for us */
    struct tm_sink *output;         /* standard output, where log lines go */
    struct ca_audit_far *trail;     /* borrowed: the audit trail's database, or NULL */
    struct tm_kms_asker *keys;      /* borrowed: the CA key's service, or NULL */
    struct tm_key_far key_far;      /* with it */
    struct tm_offload *signing;     /* owned: where a key that takes its time signs */
    struct tm_sink *audit;          /* where certificates are recorded: the same, or a file's */
    struct tm_jlog *log;
    struct ca_metrics *metrics;
    struct ca_proof_policy *policy;
    struct ca_signer_holder *holder;
    struct oidc_verifier *verifier;
    struct ca_ct_far *embedded; /* the embedded log's process; NULL: no such log */
    struct ca_ct *ct;           /* NULL: no log at all */
    struct ca_ready_asker *signatures, *timestamps; /* NULL: there is no such process */
    struct ca_issuers_teller *pages; /* tells them of issuers; NULL: there are none */
    struct ca_freeze *freeze;        /* NULL: nothing can be stopped */
    struct ca_api *api;
    struct tm_http_far_server *far;
    struct tm_file_stamp issuers_seen; /* when it was last looked at */
    pthread_mutex_t trust_lock;        /* one change of trust at a time; guards looked_s */
    int64_t looked_s;                  /* Unix seconds; trust was told of up to then */
    struct approved_list first;        /* what the keeper begins with */
    struct approved_keeper *approved;  /* NULL: the list is a file */
    struct ca_once *once;              /* in memory; NULL: tokens may be used again */
    struct ca_once_far *once_far;      /* NULL: they are not shared */
    struct rehearse_watch rehearsed;   /* for the metrics */
};

struct service_options {
    const struct ca_config *config; /* borrowed, as is `metrics` */
    const char *issuers;            /* the list as text, or NULL: the configuration's file */
    int output;                     /* for a sink: where log lines go */
    struct ca_metrics *metrics;
    struct ca_audit_far *trail; /* borrowed, or NULL */
    struct tm_kms_asker *keys;  /* borrowed, or NULL; with it, how: */
    struct tm_key_far key_far;
    struct tm_fetch_hub *hub;                       /* taken, as is `embedded` */
    struct ca_ct_far *embedded;                     /* NULL: there is no embedded log */
    struct ca_ready_asker *signatures, *timestamps; /* taken; NULL: there is no such process */
    int store;        /* a socket to who asks the store of used tokens, taken; -1: not shared */
    int tokens;       /* memory of used tokens, taken; -1: none */
    int pages;        /* a socket to who shows issuers, taken; -1: nobody does */
    const int *front; /* sockets that requests come from; taken */
    size_t front_count;
};

/* Opens all. 0, or the exit code with `e` set; call service_stop in either case. */
int service_start(struct service *s, const struct service_options *o, struct tm_err *e);

/* Begins to answer. */
int service_serve(struct service *s, struct tm_err *e);

/* Looks for changed files; with `force` all are read again in any case. What is bad is logged and
 * leaves the old in force. */
void service_reload(struct service *s, bool force);

/* After the front has ended. Frees everything. */
void service_stop(struct service *s);
