/*
 * What a verification did: one line per check, in order, with what would make a failed one pass.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define REPORT_CHECKS_MAX 128
#define REPORT_TEXT_MAX 512

enum tuf_report_outcome {
    REPORT_PASSED,
    REPORT_FAILED,
    REPORT_NOTED, /* counts for nothing: not asked for, or evidence that could not be used */
};

struct tuf_report_check {
    const char *name; /* static */
    enum tuf_report_outcome outcome;
    char detail[REPORT_TEXT_MAX]; /* printable, one line */
    char remedy[REPORT_TEXT_MAX]; /* failed: what would pass; else "" */
};

struct tuf_report {
    struct tuf_report_check check[REPORT_CHECKS_MAX];
    size_t count;
    bool overflow; /* more checks than fit: counts as failed */
};

void tuf_report_pass(struct tuf_report *r, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void tuf_report_note(struct tuf_report *r, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void tuf_report_fail(struct tuf_report *r, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Says what would make the check added last pass. */
void tuf_report_remedy(struct tuf_report *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Something was checked, and nothing failed. */
bool tuf_report_ok(const struct tuf_report *r);

/* The first failed check; NULL: none. */
const struct tuf_report_check *tuf_report_first_failure(const struct tuf_report *r);
