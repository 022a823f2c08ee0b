/*
 * Signature and certificate in files of their own, as `tenmint verify --certificate --signature`
 * and cosign's older flags read them.
 */
#pragma once

#include <stdbool.h>

#include "tuf/verify/bundle/bundle.h"

#define DETACHED_FILES 2
extern const char *const detached_ends[DETACHED_FILES]; /* after the artifact's name */

/* Writes them beside the artifact and says so; `force`: over what is there. */
int detached_write(const struct tuf_bundle *b, const char *artifact, bool force, struct tm_err *e);
