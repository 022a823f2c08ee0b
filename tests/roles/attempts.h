/* What the files of tests/roles share: the processes of a configuration, with steps of our own. */
#pragma once

#include "tools/tenmint-ca/serve/roles.h"

/* Starts all up to this role: each needs those before it. Steps from 1 on are `attempt`'s, in the
 * role's process; `before`, or NULL, is called there before the role's own start. 0, or it said
 * why not. */
struct attempt_hooks {
    int (*attempt)(struct roles *r, unsigned step, struct tm_err *e); /* 0; else not 1 */
    void (*before)(struct roles *r, enum role_name self);
};
int attempts_begin(struct roles *r, enum role_name role, const struct attempt_hooks *hooks);
void attempts_end(struct roles *r);

/* noise.c: how many cases of messages that are none went wrong. */
int noise_all(struct roles *r);
