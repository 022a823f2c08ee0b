/*
 * Makes what the audit trail of a configuration needs before its server starts.
 */
#pragma once

#include "ca/config/config.h"
#include "common/buf.h"
#include "tools/tenmint-ca/owner.h"

/* A section of a new configuration: SQLite beside it, heads signed by `key`, or by a file under the
 * configuration's password where that is nowhere. `anchor`: as setup_put_anchor. */
void audit_init_put_config(const char *origin, const struct tm_key_source *key, const char *anchor,
                           struct tm_buf *out);

/* Folders, spool, log of heads and its key; what is there already stays. */
int audit_init(const struct ca_config *c, const struct owner *o, struct tm_err *e);
