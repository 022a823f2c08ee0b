/*
 * Entries that are proven to be in the tree: they are fetched in chunks, hashed onto the frontier
 * that was proven before, and handed out only after the new frontier's root has been proven a
 * part of the signed tree. Memory is one chunk, whatever the log's size.
 */
#pragma once

#include "ca/log/monitor/head.h"
#include "ca/log/monitor/source.h"

struct ca_scan_sink {
    void *ctx;
    int (*entry)(void *ctx, uint64_t index, const struct tm_entry *n,
                 struct tm_err *e); /* 0 or -1 */
    /* After each chunk: everything before `f->size` has been handed out. 0 or -1. NULL: none. */
    int (*advance)(void *ctx, const struct tm_frontier *f, struct tm_err *e);
};

/* 0: the tree of f->size leaves is what `tree` was when it had that size. */
int ca_scan_prove(struct ca_log_source *s, const struct tm_checkpoint *tree,
                  const struct tm_frontier *f, struct tm_err *e);

/* A frontier at `size` <= tree->size that is proven to be the tree's. */
int ca_scan_start(struct ca_log_source *s, const struct tm_checkpoint *tree, uint64_t size,
                  struct tm_frontier *out, struct tm_err *e);

/* Hands out the entries from at->size to `end` <= tree->size; `at` moves along. -1: with `e`, and
 * nothing unproven was handed out. */
int ca_scan_run(struct ca_log_source *s, const struct tm_checkpoint *tree, struct tm_frontier *at,
                uint64_t end, const struct ca_scan_sink *sink, struct tm_err *e);
