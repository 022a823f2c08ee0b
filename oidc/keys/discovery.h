/*
 * OpenID Connect Discovery 1.0 §4: issuer URL -> document -> jwks_uri -> key set.
 */
#pragma once

#include "common/fetch/fetch.h"
#include "oidc/keys/fetcher.h"

/* Fetches by the hub's process (common/fetch/far.h), or in this one when it is NULL. */
int oidc_discovery_fetcher(struct tm_fetch_hub *hub, struct oidc_fetcher *out, struct tm_err *e);

/* The jwks_uri of a discovery document whose `issuer` equals `iss` byte for byte; malloc'ed.
 * NULL with `e` set. */
char *oidc_discovery_parse(const char *text, size_t len, const char *iss, struct tm_err *e);
