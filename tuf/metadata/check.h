/*
 * Whether the members of a file hang together (spec §4): what no single one of them says.
 */
#pragma once

#include "common/err.h"
#include "tuf/metadata/types.h"

/* spec_version 1.x; no keyid twice in a role; delegated roles: names that are none of the top
 * level and can be file names, each once, and either paths or prefixes of a SHA-256. */
int tuf_check_signed(const struct tuf_signed *s, struct tm_err *e);

/* No two of one keyid. */
int tuf_check_signatures(const struct tuf_signatures *s, struct tm_err *e);
