/* The section 'proxies' from a command line. */
#pragma once

#include "ca/config/config.h"

/* What 'client-address' may be; ended by NULL. */
extern const char *const ca_config_proxy_ways[];

/* In place of what the configuration says: `addresses` (none: as it is), and `way`, one of the
 * above (NULL: as it is). */
int ca_config_use_proxies(struct ca_config *c, const char *const *addresses, size_t count,
                          const char *way, struct tm_err *e);
