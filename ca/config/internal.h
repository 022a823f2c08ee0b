/* Inside ca/config only. */
#ifndef TENMINT_CA_CONFIG_INTERNAL_H
#define TENMINT_CA_CONFIG_INTERNAL_H

#include "ca/config/config.h"

/* logs.c: the section 'ct', and prefixes that would hide each other. `name` is the file's. */
int ca_config_check_logs(const char *name, const struct ca_config *c, struct tm_err *e);

/* proxies.c: reads the texts; fills the server's options */
int ca_config_read_proxies(const char *name, struct ca_config *c, struct tm_err *e);
void ca_config_proxies(const struct ca_config *c, struct tm_http_options *o);

#endif
