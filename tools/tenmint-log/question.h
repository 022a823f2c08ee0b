/*
 * Which entries of a log are asked for: the options that `find` and `report` have in common.
 */
#pragma once

#include "ca/log/monitor/filter.h"
#include "tools/tenmint-log/target.h"

struct log_question {
    struct ca_filter filter; /* borrows the command line's text */
    struct log_range range;
    /* As they stand on the command line. */
    const char *pattern, *serial, *key;
    struct cli_digest digest;
    struct cli_time after, before;
    struct log_range_flags range_flags;
};

#define LOG_QUESTION_INIT \
    { \
        .range_flags = LOG_RANGE_INIT \
    }
#define LOG_QUESTION_OPTIONS(q) \
    {"identity", CLI_TEXT, "NAME", "a subject alternative name, exactly", &(q).filter.identity}, \
        {"identity-regexp", CLI_TEXT, "PATTERN", \
         "regular expression (PCRE2) on part of those names", &(q).pattern}, \
        {"repository", CLI_TEXT, "URL|OWNER/NAME", "the source repository, however it is written", \
         &(q).filter.repository}, \
        {"issuer", CLI_TEXT, "URL", "the token's issuer", &(q).filter.issuer}, \
        {"serial", CLI_TEXT, "HEX", "the serial number, or how it begins", &(q).serial}, \
        {"digest", CLI_DIGEST, "HEX", "logs of signatures: the artifact's digest, or a payload's", \
         &(q).digest}, \
        {"signer-key", CLI_TEXT, "FILE", "logs of signatures: signed by this public key", \
         &(q).key}, \
        {"after", CLI_TIME, "TIME", "logged then or later: 2026-11-24T12:00:00Z, 2026-11-24, 24h", \
         &(q).after}, \
        {"before", CLI_TIME, "TIME", "logged before then", &(q).before}, \
        LOG_RANGE_OPTIONS((q).range_flags)

/* -1: a usage error. Free it also then. */
int log_question_read(struct log_question *q, struct tm_err *e);
void log_question_free(struct log_question *q);

/* -1: a usage error, since no log of this kind has what was asked for. */
int log_question_check(const struct log_question *q, const struct log_target *t, struct tm_err *e);
