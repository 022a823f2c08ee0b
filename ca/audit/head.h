/*
 * The end of a node's chain as a line of JSON: {"type":…,"node":…,"seq":…,"hash":…} and, where it
 * is dated, "time_ms". Exports begin and end with one; the log of heads has nothing else.
 */
#pragma once

#include "ca/audit/event.h"

struct ca_audit_head {
    char node[256];
    uint64_t seq; /* 0: the chain is empty */
    struct ca_audit_hash hash;
    int64_t time_ms; /* Unix; -1: not dated */
};

void ca_audit_head_write(const char *type, const struct ca_audit_head *head, struct tm_buf *out);

/* Strict: no other member, `type` as it is wanted, a node that a terminal shows as it is, a date if
 * and only if it is `dated`. -1 with `e` set. */
int ca_audit_head_parse(const void *text, size_t len, const char *type, bool dated,
                        struct ca_audit_head *out, struct tm_err *e);
