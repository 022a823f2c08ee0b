/*
 * Whether a server would start with a configuration.
 */
#ifndef TENMINT_TOOLS_TENMINT_CA_CHECK_H
#define TENMINT_TOOLS_TENMINT_CA_CHECK_H

#include <stdbool.h>

#include "common/err.h"

/* Opens what it names, and prints what that is; also while a server runs with it; `online`: asks
 * the issuers, too. -1 with `e` set: it would be refused. */
int check_server_config(const char *path, bool online, struct tm_err *e);

#endif
