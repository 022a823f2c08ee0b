/*
 * The embedded log (ca/log) as issuance sees it: opened with its key, asked through struct
 * issue_log.
 */
#pragma once

#include "ca/api/issue_log.h"
#include "ca/log/kept/kept.h"
#include "common/key/key.h"

struct ca_ct_embedded;
struct ca_ctlog;

/* Opens the key and the log for writing; o->format is not read. NULL with `e` set. */
struct ca_ct_embedded *ca_ct_embedded_open(const struct ca_kept_options *o, struct tm_err *e);
/* After the HTTP server has stopped: finishes what is queued. NULL is fine. */
void ca_ct_embedded_close(struct ca_ct_embedded *x);

const struct ca_issue_log *ca_ct_embedded_issue_log(const struct ca_ct_embedded *x);
struct ca_log *ca_ct_embedded_log(const struct ca_ct_embedded *x); /* for who serves it */
/* Its key signs by a token or over a network. */
bool ca_ct_embedded_is_slow(const struct ca_ct_embedded *x);
struct ca_ctlog *ca_ct_embedded_ctlog(const struct ca_ct_embedded *x);
