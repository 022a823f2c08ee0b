/*
 * How a command tells the audit trail what it did (ca/audit/spool.h).
 */
#pragma once

#include "ca/audit/event.h"
#include "ca/config/config.h"

/* "root, SUDO_USER alice": who runs this command, as its environment says; free() it. NULL: out of
 * memory. */
char *audit_user(void);

/* Leaves the event for the server of this configuration. 0 also when that has no audit-store. The
 * actor is set here: the names that the command's user has, beside the uid that its file has. */
int audit_note_in(const struct ca_config *c, const struct ca_audit_event *ev, struct tm_err *e);

/* The same of what is done: that it is not on record, which is said, must not hide it. */
void audit_note_done(const struct ca_config *c, const struct ca_audit_event *ev);

/* As audit_note_in, of a configuration file; NULL, or one that is not there: nothing is left. */
int audit_note(const char *config_file, const struct ca_audit_event *ev, struct tm_err *e);
