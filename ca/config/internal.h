/* Inside ca/config only. */
#ifndef TENMINT_CA_CONFIG_INTERNAL_H
#define TENMINT_CA_CONFIG_INTERNAL_H

#include "ca/config/config.h"

/* logs.c: the section 'ct', and prefixes that would hide each other. `name` is the file's. */
int ca_config_check_logs(const char *name, const struct ca_config *c, struct tm_err *e);

#endif
