/*
 * Entries and names of logs, for people and for programs.
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "ca/log/monitor/certificate.h"
#include "ca/log/monitor/head.h"
#include "common/transparency/entry.h"

/* A new object: index, time, certificate. What does not parse has "damaged". */
json_t *log_entry_json(uint64_t index, const struct tm_entry *n);
/* A line of the table: time, index, serial, identity, repository. Of signatures: when the
 * certificate begins, index, digest, signers. */
void log_print_row(uint64_t index, const struct tm_entry *n);
void log_print_header(const struct tm_entry *n); /* of a log with such entries */
/* The log's name as its checkpoint says it. */
void log_print_origin(FILE *to, const struct ca_head *h);

/* The SubjectPublicKeyInfo of a PEM or DER file. */
int log_read_public_key(const char *path, struct tm_buf *spki, struct tm_err *e);

/* Entries that cannot be read are counted and the first few named, on standard error: a log that is
 * damaged all over is not listed whole. */
struct log_unreadable {
    uint64_t count;
};
void log_unreadable_add(struct log_unreadable *u, uint64_t index, const struct tm_err *why);
/* CLI_OK, or CLI_UNKNOWN and `e` says how many of how many. */
int log_unreadable_end(const struct log_unreadable *u, uint64_t of, struct tm_err *e);

/* Flushes standard output. -1: not all of it was written. */
int log_flush(struct tm_err *e);
