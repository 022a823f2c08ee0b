/*
 * Who vouches for the end of the audit trail: a transparency log of its heads. From time to time
 * the chain's end is entered in a log of its own (ca/log/engine), whose checkpoints witnesses
 * cosign and an anchor keeps a copy of: whoever rules the host alone can write the records anew,
 * but not so that they fit a head that a witness has seen. An entry is a JSON object:
 *
 *   {"type":"tenmint audit head 1","node":…,"seq":…,"hash":…,"time_ms":…}
 */
#pragma once

#include "ca/audit/head.h"
#include "ca/log/kept/kept.h"

struct ca_audit_heads; /* one thread at a time */

/* `o->format` is not looked at. NULL with `e` set. */
struct ca_audit_heads *ca_audit_heads_open(const struct ca_kept_options *o, struct tm_err *e);
/* Publishes a last checkpoint. NULL is fine. */
void ca_audit_heads_close(struct ca_audit_heads *h);
/* 0 when it is durable in the log; a checkpoint follows. */
int ca_audit_heads_add(struct ca_audit_heads *h, const struct ca_audit_head *head,
                       struct tm_err *e);

void ca_audit_heads_metrics(struct ca_audit_heads *h, struct tm_buf *out); /* Prometheus text */

/* For ca_log_create_new. */
int ca_audit_heads_create(const struct ca_log_options *o, struct tm_err *e);

/* An entry's text, and back. */
void ca_audit_head_put(const struct ca_audit_head *head, struct tm_buf *out);
int ca_audit_head_read(const void *text, size_t len, struct ca_audit_head *out, struct tm_err *e);
