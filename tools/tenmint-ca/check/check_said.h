/*
 * What check-config has to say: lines while it goes, or all of it as one JSON object at its end.
 */
#ifndef TENMINT_TOOLS_TENMINT_CA_CHECK_SAID_H
#define TENMINT_TOOLS_TENMINT_CA_CHECK_SAID_H

#include <jansson.h>

#include "ca/log/kept/kept.h"
#include "common/err.h"

struct check_said;

enum check_form { CHECK_NOTHING, CHECK_LINES, CHECK_JSON };

/* NULL: out of memory. */
struct check_said *check_said_new(enum check_form form);
void check_said_free(struct check_said *k);

/* A line of what it found, without a line feed; blanks at its beginning set it in. */
void check_say(struct check_said *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What somebody should look at. */
void check_warn(struct check_said *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Warns, by its origin, of a log that an old backup would fork unnoticed. */
void check_detector(struct check_said *k, const struct ca_kept_options *o);
/* A key of the configuration that a reload would change ("added", …), and one that is not used. */
void check_pending(struct check_said *k, const char *key, const char *change);
void check_unused(struct check_said *k, const char *key, const char *by);

/* "ok", or the object: file, says, warnings, pending, not_used. */
int check_said_end(struct check_said *k, const char *file, struct tm_err *e);

#endif
