/*
 * Inside oidc/keys only: one issuer of the store. The store's table holds a reference, as does each
 * user and a fetch; the keys are read through the gate, all else is guarded by the issuer's lock.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "common/file.h"
#include "common/gate.h"
#include "oidc/keys/fetcher.h"
#include "oidc/keys/keystore.h"
#include "oidc/keys/wildcard.h"

/* What all issuers of a store share. */
struct oidc_issuer_keys_env {
    struct oidc_options options;
    char *ca_pem;        /* options.ca_file's content; or NULL */
    char *kubernetes_ca; /* paths; or NULL */
    char *kubernetes_token;
    struct tm_jlog *log;
    struct oidc_fetcher fetcher;
    struct oidc_wildcards wildcards;
    struct tm_gate gate;  /* for readers of the issuers' keys */
    atomic_bool stopping; /* no fetch begins any more */
};

struct oidc_issuer_keys {
    atomic_uint refs;
    struct oidc_issuer_keys *_Atomic next; /* in its bucket of the table */
    struct oidc_issuer_keys *due;          /* the refresher's list */
    struct oidc_issuer_keys_env *env;
    char *iss;
    struct oidc_jwks *_Atomic keys; /* through env->gate */
    atomic_bool used;               /* looked up since its keys came */
    pthread_mutex_t lock;           /* guards all below */
    char *ca_pem;
    char *jwks_file;                /* the keys, in place of a fetch; NULL: fetched */
    struct tm_file_stamp file_seen; /* at the last read */
    bool allow_http;
    bool in_cluster;
    bool configured;                /* exact issuer: refreshed whether it is used or not */
    struct oidc_wildcard *wildcard; /* that admits it; NULL: exact */
    struct oidc_wildcard *place;    /* whose place the fetch under way takes; or NULL */
    unsigned settings;              /* counts changes of those before */
    unsigned fetched_with;          /* the count when the latest fetch began */
    bool fetching;
    int64_t tried_ms; /* monotonic; when the last fetch began */
    int64_t next_ms;  /* when another may begin; 0: none was tried yet */
    unsigned failed;  /* fetches in a row that failed */
    int64_t fresh_until_ms;
    int64_t had_ms; /* when the keys came; 0: never */
    struct waiting *waiters;
    unsigned waiter_count;
    uint64_t failures;
    struct tm_err why; /* the latest failed, and how; empty after one that did not */
};

/* NULL: out of memory. `env` outlives it. */
struct oidc_issuer_keys *oidc_issuer_keys_new(struct oidc_issuer_keys_env *env, const char *iss,
                                              const struct oidc_issuer *issuer);
void oidc_issuer_keys_ref(struct oidc_issuer_keys *p);

/* What the trust list says of this issuer now. -1: out of memory, nothing changed. */
int oidc_issuer_keys_apply(struct oidc_issuer_keys *p, const struct oidc_issuer *issuer);

/* Fetches the keys if that was never tried. */
void oidc_issuer_keys_prefetch(struct oidc_issuer_keys *p);

/* Whether to fetch now, which the caller must then begin: when the keys age, or, after a failure,
 * when its pause is over; when their file is another one. Who never had keys is asked again by the
 * next token only, unless it is an exact issuer. */
bool oidc_issuer_keys_claim_if_due(struct oidc_issuer_keys *p, int64_t now_ms);
void oidc_issuer_keys_begin_fetch(struct oidc_issuer_keys *p); /* after a claim; reads files */

/* Drops keys that no fetch has confirmed for jwks_max_age_s. */
void oidc_issuer_keys_expire(struct oidc_issuer_keys *p, int64_t now_ms);

/* A wildcard's issuer whose keys have aged while nobody asked for it: neither worth a fetch nor to
 * be trusted with old keys when somebody does. */
bool oidc_issuer_keys_is_over(struct oidc_issuer_keys *p, int64_t now_ms);

/* Who gives way to others, and when. */
enum oidc_issuer_keys_class {
    ISSUER_EXACT,
    ISSUER_PROVEN, /* a wildcard's, and has shown keys */
    ISSUER_TRIAL,  /* a wildcard's that has not: perhaps made up */
};
struct oidc_issuer_keys_standing {
    enum oidc_issuer_keys_class class;
    const struct oidc_wildcard *wildcard;
    bool busy;       /* being fetched */
    int64_t last_ms; /* monotonic; when it was last tried, or its keys age */
};
struct oidc_issuer_keys_standing oidc_issuer_keys_standing(struct oidc_issuer_keys *p);

/* False: an issuer that anybody can make up, and that never had keys, is no label. */
bool oidc_issuer_keys_stats(struct oidc_issuer_keys *p, struct oidc_issuer_stats *s);
