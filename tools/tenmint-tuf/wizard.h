/* The questions of init, and the policy that the answers make. */
#pragma once

#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"

struct wizard { /* answers, as they go into the policy */
    char holders[1024];
    char threshold[24];
    char root_expiry[16], root_signing[16];
    char snapshot_expiry[16], snapshot_signing[16];
    char timestamp_expiry[16], timestamp_signing[16];
    char online[512]; /* the key's members in YAML */
};

void wizard_defaults(struct wizard *a);

/* Asks on the terminal. *own_online: the online key is to be made as a file. */
int wizard_run(struct wizard *a, bool *own_online, struct tm_err *e);

void wizard_policy(const struct wizard *a, struct tm_buf *out);
