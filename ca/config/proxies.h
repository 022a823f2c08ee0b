/* The section 'proxies' from a command line. */
#ifndef TENMINT_CA_CONFIG_PROXIES_H
#define TENMINT_CA_CONFIG_PROXIES_H

#include "ca/config/config.h"

/* In place of what the configuration says: `addresses` parted by commas, `way` as 'client-address'
 * has it; NULL: as it is. */
int ca_config_use_proxies(struct ca_config *c, const char *addresses, const char *way,
                          struct tm_err *e);

#endif
