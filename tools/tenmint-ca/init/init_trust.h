/*
 * The TUF repository of `init --all`: a workspace (tuf/manager) with one holder, what clients of
 * this installation trust and ask, and its first version, signed and published.
 */
#pragma once

#include <stdint.h>

#include "common/err.h"

#define INIT_TRUST_HOLDER "admin" /* of root and targets */
/* Beside the workspace: the server's process that serves the published tree may read what is around
 * that. */
#define INIT_TRUST_ONLINE_KEY "tuf-online.key"

struct init_trust {       /* borrowed */
    const char *dir;      /* of the workspace, made here */
    const char *url;      /* under which all services are, without a path */
    const char *ca_chain; /* PEM files: certificates */
    const char *tsa_chain;
    const char *ct_key; /* public keys */
    const char *signature_key;
    const char *holder_key; /* a new file, encrypted with … */
    const char *password;
    int64_t now_s;
};

int init_trust_make(const struct init_trust *t, struct tm_err *e);
