/*
 * The processes of `tenmint-ca serve`, and what they share before they part. Each role's functions
 * run in its own process, which holds only what it has opened itself.
 */
#ifndef TENMINT_TOOLS_TENMINT_CA_ROLES_H
#define TENMINT_TOOLS_TENMINT_CA_ROLES_H

#include "common/process/process.h"
#include "tools/tenmint-ca/service.h"

/* In the order of their starts: who is asked before who asks. */
enum role_name { ROLE_FETCH, ROLE_CORE, ROLE_COUNT };

struct roles { /* made before the fork; each process then has its own copy */
    const struct ca_config *config;
    const char *config_file;             /* or NULL */
    const struct ca_config *config_read; /* with it: what it said at the start */
    const char *issuers;                 /* the list as text, or NULL: the configuration's file */
    struct tm_process_group *group;
    int core_to_fetch; /* a link */
    void *own;         /* the role's state */
};

extern const struct tm_process_role roles_table[ROLE_COUNT];

/* role_fetch.c */
int role_fetch_start(void *roles, unsigned step, struct tm_err *e);
void role_fetch_stop(void *roles, const char *signal);

/* role_core.c */
int role_core_start(void *roles, unsigned step, struct tm_err *e);
void role_core_reload(void *roles, bool force);
void role_core_stop(void *roles, const char *signal);

/* Wipes what the environment holds of passwords and keys, in a process that needs none. */
void roles_forget_secrets(const struct ca_config *c);

#endif
