/*
 * Everything a log holds, checked against its signed tree head: each entry, each tile, each
 * issuer; and what is wrong named by file and entry.
 */
#pragma once

#include "ca/log/monitor/head.h"
#include "ca/log/monitor/source.h"

struct ca_verify_options { /* borrowed */
    struct ca_log_source *source;
    const struct ca_head *head;
    const struct ca_head *older; /* checkpoints of the same log that the tree must extend */
    size_t older_count;
    void *ctx;
    void (*fault)(void *ctx, const char *text);    /* one thing that is wrong */
    void (*progress)(void *ctx, uint64_t entries); /* now and then; NULL: never */
};

struct ca_verify_report {
    uint64_t entries, tiles, issuers, faults;
};

/* 0: all was looked at, report->faults says whether it is well. -1: it could not be looked at. */
int ca_log_verify(const struct ca_verify_options *o, struct ca_verify_report *report,
                  struct tm_err *e);
