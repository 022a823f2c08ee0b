/*
 * OpenID Connect Discovery 1.0 §4: issuer URL -> document -> jwks_uri -> key set.
 */
#ifndef TENMINT_OIDC_DISCOVERY_H
#define TENMINT_OIDC_DISCOVERY_H

#include "oidc/keys/fetcher.h"

/* A fetcher in this process, on a thread of its own. */
int oidc_discovery_fetcher(struct oidc_fetcher *out, struct tm_err *e);

/* The jwks_uri of a discovery document whose `issuer` equals `iss` byte for byte; malloc'ed.
 * NULL with `e` set. */
char *oidc_discovery_parse(const char *text, size_t len, const char *iss, struct tm_err *e);

#endif
