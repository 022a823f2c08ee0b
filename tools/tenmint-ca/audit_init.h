/*
 * Makes what the audit trail of a configuration needs before its server starts.
 */
#ifndef TENMINT_TOOLS_TENMINT_CA_AUDIT_INIT_H
#define TENMINT_TOOLS_TENMINT_CA_AUDIT_INIT_H

#include "ca/config/config.h"
#include "tools/tenmint-ca/owner.h"

/* Folders, spool, log of heads and its key; what is there already stays. */
int audit_init(const struct ca_config *c, const struct owner *o, struct tm_err *e);

#endif
