/*
 * Filters on entries of either kind of log: certificates, or signatures with a certificate or a
 * key.
 */
#pragma once

#include "ca/log/monitor/filter.h"
#include "common/transparency/entry.h"

/* 0 and *out; -1: the entry cannot be read, `why` says why. An entry of signatures has no time: a
 * certificate's begin stands for it, and an entry of a key alone is of no time. */
int ca_filter_entry(const struct ca_filter *f, const struct tm_entry *n, enum ca_filter_result *out,
                    struct tm_err *why);

/* The best that any of the identities gives. */
int ca_identities_entry(const struct ca_identities *i, const struct tm_entry *n,
                        enum ca_filter_result *out, struct tm_err *why);
