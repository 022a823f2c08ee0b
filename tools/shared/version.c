#include "tools/shared/cli.h"

const char cli_version[] = TENMINT_VERSION; /* `git describe`: make compiles this file anew */
