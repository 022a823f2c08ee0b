/*
 * What became of requests, for each entry of the issuer list: a wildcard counts as one, so that the
 * list bounds how many series there are.
 */
#pragma once

#include "common/buf.h"
#include "common/err.h"

struct ca_tally; /* any thread; counting takes no lock once an entry is known */

struct ca_tally *ca_tally_new(struct tm_err *e);
void ca_tally_free(struct ca_tally *t); /* NULL is fine */

/* `entry` "" is nobody's, and not counted. NULL tallies count nothing. */
void ca_tally_issued(struct ca_tally *t, const char *entry);
void ca_tally_refused(struct ca_tally *t, const char *entry, unsigned reason_index);

/* Appends Prometheus text; the reasons that there have been. */
void ca_tally_render(const struct ca_tally *t, struct tm_buf *out);
