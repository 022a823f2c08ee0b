/*
 * The processes of `tenmint-ca serve`, and what they share before they part. Each role's functions
 * run in its own process, which holds only what it has opened itself.
 */
#pragma once

#include "ca/api/metrics.h"
#include "ca/audit/far.h"
#include "ca/config/config.h"
#include "common/file.h"
#include "common/http/far.h"
#include "common/jlog.h"
#include "common/kms/lane.h"
#include "common/process/process.h"

/* In the order of their starts: who is asked before who asks. What the configuration does not need
 * is not started. */
enum role_name {
    ROLE_FETCH,
    ROLE_KEYS,       /* signs by key services for the others */
    ROLE_AUDIT,      /* the audit trail, when it has a database */
    ROLE_LOG,        /* the embedded log, and logs that have ended */
    ROLE_SIGNATURES, /* the log of signatures, and its shards that have ended */
    ROLE_TIMESTAMPS,
    ROLE_TUF,   /* a published tree */
    ROLE_PAGES, /* for people */
    ROLE_ISSUER,
    ROLE_FRONT,
    ROLE_COUNT
};

/* What the parent opens for the front. */
enum role_file { FILE_LISTEN, FILE_METRICS, FILE_CERTIFICATE, FILE_KEY, FILE_TICKETS, FILE_COUNT };

struct roles { /* made before the fork; each process then has its own copy */
    const struct ca_config *config;
    const char *issuers;         /* the list as text, or NULL: the configuration's file */
    struct tm_http_options http; /* as configured */
    struct ca_metrics *metrics;  /* shared */
    int output;                  /* standard output, for a sink of each */
    struct tm_process_role started[ROLE_COUNT]; /* of roles_table; without `start`: not needed */
    struct tm_process_group *group;
    int issuer_to_fetch, log_to_fetch, signatures_to_fetch, issuer_to_log; /* links; -1: none */
    int issuer_to_pages;
    int issuer_to_store; /* of used tokens, by ROLE_FETCH; -1: there is none that is shared */
    int audit_to_fetch;
    enum ca_config_key_place place[ROLE_COUNT]; /* of each role's key */
    int keys_of[ROLE_COUNT];  /* links of those whose key is at a service, to ROLE_KEYS; -1: none */
    int trail_of[ROLE_COUNT]; /* links of those who send events to ROLE_AUDIT; -1: none */
    int ready_of[ROLE_COUNT]; /* whether its process is ready, told to the issuer; -1: not */
    int front_to[ROLE_COUNT][HTTP_FAR_CHANNELS_MAX];
    size_t lanes[ROLE_COUNT]; /* of the latter; 0: the front asks nothing of that role */
    int tokens_fd;            /* the parent's memory of used tokens, for the issuer; -1: none */
    const int *parents;       /* descriptors that stay the parent's */
    size_t parents_count;
    void *own; /* the role's state */
};

#define ROLES_MOUNTS_MAX (CA_CONFIG_RETIRED_MAX + 1)
/* The paths that this role answers, by the configuration alone: fills prefix, body_name and
 * max_body; returns how many. */
size_t roles_mounts(const struct ca_config *c, enum role_name role,
                    struct tm_http_mount out[ROLES_MOUNTS_MAX]);

/* The single paths that this role answers besides; NULL ends them. */
const char *const *roles_routes(const struct ca_config *c, enum role_name role);

/* role_fetch.c */
int role_fetch_start(void *roles, unsigned step, struct tm_err *e);
void role_fetch_stop(void *roles, const char *signal);

/* role_keys.c */
int role_keys_start(void *roles, unsigned step, struct tm_err *e);
void role_keys_stop(void *roles, const char *signal);

/* role_issuer.c */
int role_issuer_start(void *roles, unsigned step, struct tm_err *e);
void role_issuer_reload(void *roles, bool force);
void role_issuer_stop(void *roles, const char *signal);

/* role_server.c: ROLE_AUDIT, ROLE_LOG, ROLE_SIGNATURES, ROLE_TIMESTAMPS, ROLE_TUF, ROLE_PAGES */
int role_server_start(void *roles, unsigned step, struct tm_err *e);
void role_server_reload(void *roles, bool force);
void role_server_stop(void *roles, const char *signal);

/* role_front.c */
int role_front_start(void *roles, unsigned step, struct tm_err *e);
void role_front_reload(void *roles, bool force);
void role_front_given(void *roles, unsigned what, int fd);
void role_front_stop(void *roles, const char *signal);

/* roles.c: makes the group of the processes that the configuration needs, and its links. */
int roles_link(struct roles *r, struct tm_err *e);

/* ---- role_shared.c ---- */

/* Which parts the configuration has not: enum ca_api_part. */
unsigned roles_absent(const struct ca_config *c);

/* Takes one side of the front's links to a role. */
void roles_take_lanes(struct roles *r, enum role_name role, int fd[HTTP_FAR_CHANNELS_MAX]);

/* This role's way to a key at a service: *out and *far, NULL and untouched when its key is not. */
int roles_open_keys(struct roles *r, enum role_name role, struct tm_kms_asker **out,
                    struct tm_key_far *far, struct tm_err *e);

/* The one key that this role holds; NULL: none. */
const struct ca_config_key *roles_key(const struct ca_config *c, enum role_name role);

/* Wipes what the environment holds of passwords and keys that are not this role's; ROLE_COUNT:
 * all. */
void roles_forget_secrets(const struct ca_config *c, enum role_name role);

/* ---- role_trail.c ---- */

/* This role's way into the audit trail: *out, NULL when the configuration has none. */
int roles_open_trail(struct roles *r, enum role_name role, struct ca_audit_far **out,
                     struct tm_err *e);

/* Records that a role's key (NULL: it has none) was opened, if it is in a token: a login. */
void roles_say_login(struct ca_audit_far *trail, const struct ca_config_key *key);
/* Records a reload: `what` was read again, or with `why` was not. */
void roles_say_reload(struct ca_audit_far *trail, const char *what, const struct tm_err *why);

/* role_paths.c: what a process does before all else. It forgets what is not its own, takes the
 * user's rights that the configuration gives it, and only its own files. */
int roles_begin(struct roles *r, enum role_name role, struct tm_err *e);

/* In the parent (tm_process_open_fn; `ctx` is a struct roles): opens what was put in the place of
 * a file that the configuration names for this role, and nothing else. */
int roles_open_for(void *ctx, unsigned role, const char *path, bool append);

/* A message that is not of its form comes from a process that does what it must not: says so and
 * ends this process, and the service with it. For tm_ipc_on_breach. */
void roles_breach(const struct tm_err *why);
