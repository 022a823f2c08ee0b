/*
 * How commands (rotate, freeze, issuer, …) get into the audit trail: each leaves its event as a
 * file in a folder, which the server's audit process takes in within a second, or at its next
 * start. Who did it is the file's owner, as the kernel knows him.
 */
#pragma once

#include <sys/types.h>

#include "ca/audit/line.h"

/* Durable when it returns 0. The event's `actor` is what the command knows of its user beyond the
 * owner, such as "SUDO_USER alice"; may be NULL. */
int ca_audit_spool_put(const char *dir, const struct ca_audit_event *ev, struct tm_err *e);

struct ca_audit_spooled {
    struct ca_audit_line *line; /* NULL: it is none, `why` says why */
    uid_t owner;
    const char *name; /* of the file */
    struct tm_err why;
};
/* Each file, in the order in which they were put; `take`'s argument lasts until its return. 0 also
 * when there is no folder; -1: it cannot be read. */
int ca_audit_spool_each(const char *dir, void (*take)(void *arg, const struct ca_audit_spooled *s),
                        void *arg, struct tm_err *e);
/* Once it is in the trail. */
int ca_audit_spool_remove(const char *dir, const char *name, struct tm_err *e);

/* What is no event gets another name, and is not read again. */
void ca_audit_spool_set_aside(const char *dir, const char *name);
