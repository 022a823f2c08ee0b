/*
 * What the commands have in common: which log, whom to believe, which of its entries.
 */
#pragma once

#include "ca/log/monitor/head.h"
#include "ca/log/monitor/scan.h"
#include "ca/log/monitor/source.h"
#include "tools/shared/cli.h"
#include "tools/shared/terminal.h"

struct log_flags { /* as they stand on the command line */
    const char *key, *origin, *ca_file;
    struct cli_choice api;
    struct cli_amount timeout, quorum;
    struct cli_list witness;
    bool allow_http;
};

extern const char *const log_api_names[];

#define LOG_FLAGS_INIT \
    { \
        .api = {.of = log_api_names}, .timeout = {.value = 30000, .min = 1000, .max = 3600000}, \
        .quorum = { \
            .max = CLI_LIST_MAX \
        } \
    }

/* Rows for a command's table of options. */
#define LOG_OPTIONS(f) \
    {"key", CLI_TEXT, "FILE|BASE64", "the log's public key; without it nothing is authentic", \
     &(f).key}, \
        {"origin", CLI_TEXT, "NAME", "the log must be called so in its checkpoint", &(f).origin}, \
        {"witness-key", CLI_LIST, "VKEY|FILE", "a witness's verifier key, or a file of them", \
         &(f).witness}, \
        {"witness-quorum", CLI_NUMBER, "N", "witnesses that must have cosigned (all given)", \
         &(f).quorum}, \
        {"api", CLI_CHOICE, "NAME", "of a URL: tiles or rfc6962 (found out)", &(f).api}, \
        {"ca-file", CLI_TEXT, "FILE", "PEM: further CAs for https", &(f).ca_file}, \
        {"allow-http", CLI_FLAG, NULL, "http:// beyond loopback", &(f).allow_http}, \
    { \
        "timeout", CLI_DURATION, "DURATION", "of one answer (30s)", &(f).timeout \
    }

struct log_target { /* an open log */
    struct ca_head_trust trust;
    struct ca_log_source *source;
    struct ca_head head; /* as the work gets it */
};

/* What a command does with a log whose newest checkpoint was read. CLI_OK, or the code to exit with
 * and, if that is an error, why. */
typedef int log_work(void *ctx, struct log_target *t, struct tm_err *e);

/* Opens the log, reads its checkpoint, does the work; says what went wrong, with `json` as
 * cli_fail_json does. The exit code:
 * CLI_UNKNOWN when the log could not be read, CLI_FAILED when it is not believed. */
int log_target_run(const char *location, const struct log_flags *f, bool json, log_work *work,
                   void *ctx);

/* The steps of it, for a command that looks again and again. CLI_OK, or the code to exit with and
 * `e` set. Call log_target_close in either case. */
int log_target_open(struct log_target *t, const char *location, const struct log_flags *f,
                    struct tm_err *e);
void log_target_close(struct log_target *t);

/* On standard error, where nobody but --key could tell whether the log is what it says. */
void log_target_warn(const struct log_target *t);

/* --first and --last; without them all of it. */
struct log_range {
    uint64_t first, last;
};
struct log_range_flags {
    struct cli_amount first, last;
};
#define LOG_RANGE_INIT \
    { \
        .first = {.max = INT64_MAX}, .last = {.value = INT64_MAX, .max = INT64_MAX } \
    }
#define LOG_RANGE_OPTIONS(r) \
    {"first", CLI_NUMBER, "N", "the first entry to look at (0)", &(r).first}, \
    { \
        "last", CLI_NUMBER, "N", "the last entry to look at", &(r).last \
    }
/* -1: a usage error, they are no range. */
int log_range_check(const struct log_range_flags *f, struct log_range *out, struct tm_err *e);
/* Gives the entries of the range to `sink`, each proven to be in the tree of the checkpoint, and
 * shows on `progress` how far it is (NULL: on nothing). -1:
 * the tree does not reach to the first, or an entry is not proven. */
int log_target_scan(struct log_target *t, const struct log_range *r,
                    const struct ca_scan_sink *sink, struct cli_progress *progress,
                    struct tm_err *e);
