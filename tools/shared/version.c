#include "tools/shared/cli.h"

/* The release, and `git describe` behind it: make compiles this file anew when either changes. */
const char cli_version[] = TENMINT_RELEASE " (" TENMINT_VERSION ")";
