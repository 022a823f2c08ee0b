/*
 * A record as a line of JSON, as it is exported, and as commands leave it for the server.
 */
#pragma once

#include "ca/audit/event.h"

struct ca_audit_line; /* a record with its text */

/* Strict: unknown members are refused, as are those that are none of a record. NULL with `e` set.
 */
struct ca_audit_line *ca_audit_line_read(const void *text, size_t len, struct tm_err *e);
/* Borrowed from the line, which lasts as long. */
const struct ca_audit_record *ca_audit_line_record(const struct ca_audit_line *l);
void ca_audit_line_free(struct ca_audit_line *l); /* NULL is fine */
