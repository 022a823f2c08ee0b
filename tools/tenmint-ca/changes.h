/*
 * What a reload says: which keys of the configuration file are not those that the server runs
 * with, and which issuers came, went or are other ones.
 */
#ifndef TENMINT_TOOLS_TENMINT_CA_CHANGES_H
#define TENMINT_TOOLS_TENMINT_CA_CHANGES_H

#include "ca/config/config.h"
#include "common/jlog.h"
#include "oidc/trust/trust.h"

/* Reads the file again and logs each key that differs from `loaded`, which is what was read from it
 * at the start; nothing of the file itself takes effect before a restart, and the line says so. */
void changes_of_config(const char *path, const struct ca_config *loaded, struct tm_jlog *log);

/* A line for each issuer, then one with the digests of both lists. */
void changes_of_issuers(const struct oidc_trust *before, const struct oidc_trust *after,
                        struct tm_jlog *log);

#endif
