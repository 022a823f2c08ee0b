/*
 * The processes of `tenmint-ca serve`, and what they share before they part. Each role's functions
 * run in its own process, which holds only what it has opened itself.
 */
#ifndef TENMINT_TOOLS_TENMINT_CA_ROLES_H
#define TENMINT_TOOLS_TENMINT_CA_ROLES_H

#include "ca/api/api.h"
#include "ca/config/config.h"
#include "common/file.h"
#include "common/http/far.h"
#include "common/jlog.h"
#include "common/process/process.h"

/* In the order of their starts: who is asked before who asks. */
enum role_name { ROLE_FETCH, ROLE_ISSUER, ROLE_FRONT, ROLE_COUNT };

/* What the parent opens for the front. */
enum role_file { FILE_LISTEN, FILE_METRICS, FILE_CERTIFICATE, FILE_KEY, FILE_COUNT };

struct roles { /* made before the fork; each process then has its own copy */
    const struct ca_config *config;
    const char *config_file;             /* or NULL */
    const struct ca_config *config_read; /* with it: what it said at the start */
    const char *issuers;                 /* the list as text, or NULL: the configuration's file */
    struct tm_http_options http;         /* as configured */
    struct ca_metrics *metrics;          /* shared */
    struct tm_process_group *group;
    int issuer_to_fetch; /* links */
    int front_to_issuer[HTTP_FAR_CHANNELS_MAX];
    size_t lanes; /* of the latter */
    void *own;    /* the role's state */
    /* The parent's. */
    struct tm_jlog *log;
    struct tm_file_stamp tls_certificate_seen, tls_key_seen;
};

extern const struct tm_process_role roles_table[ROLE_COUNT];

/* role_fetch.c */
int role_fetch_start(void *roles, unsigned step, struct tm_err *e);
void role_fetch_stop(void *roles, const char *signal);

/* role_issuer.c */
int role_issuer_start(void *roles, unsigned step, struct tm_err *e);
void role_issuer_reload(void *roles, bool force);
void role_issuer_stop(void *roles, const char *signal);

/* role_front.c */
int role_front_start(void *roles, unsigned step, struct tm_err *e);
void role_front_reload(void *roles, bool force);
void role_front_given(void *roles, unsigned what, int fd);
void role_front_stop(void *roles, const char *signal);

/* roles.c: makes the links. */
int roles_link(struct roles *r, struct tm_err *e);

/* role_shared.c: takes one side of the front's links. */
void roles_take_lanes(struct roles *r, int fd[HTTP_FAR_CHANNELS_MAX]);

/* Which parts the configuration has not: enum ca_api_part. */
unsigned roles_absent(const struct ca_config *c);

/* Wipes what the environment holds of passwords and keys, in a process that needs none. */
void roles_forget_secrets(const struct ca_config *c);

#endif
