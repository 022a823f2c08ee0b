/*
 * How many certificates an issuer and an identity may get: so many a minute, and a burst at once
 * (the generic cell rate algorithm, ITU-T I.371: one time for each, no timers).
 */
#pragma once

#include "oidc/verifier.h"

#define LIMITS_RATE_MAX 6000000 /* a minute */
#define LIMITS_BURST_MAX 1000000

struct ca_limit {
    int64_t per_minute; /* 0: no limit */
    int64_t burst;      /* at once; 0: as many as a minute has */
};

struct ca_limits_options {
    struct ca_limit issuer;   /* each issuer's URL, those of a wildcard apart */
    struct ca_limit identity; /* each subject alternative name of an issuer */
};

struct ca_limits;

/* NULL with `e` empty: there is no limit. Memory is bounded (1.5 MiB): where more are busy than
 * fit, who has waited longest is forgotten. */
struct ca_limits *ca_limits_new(const struct ca_limits_options *o, struct tm_err *e);
void ca_limits_free(struct ca_limits *l); /* NULL is fine */

/* Takes one certificate from both. -1: too many; `e` says of what, *retry_after_s when there is
 * room again, at least 1. `now_us`: of a clock that never steps. Any thread; NULL allows all. */
int ca_limits_take(struct ca_limits *l, const struct oidc_result *who, int64_t now_us,
                   int64_t *retry_after_s, struct tm_err *e);

/* What was taken at `taken_us` and came to nothing; time that has passed has given back its part
 * already. */
void ca_limits_give_back(struct ca_limits *l, const struct oidc_result *who, int64_t taken_us,
                         int64_t now_us);
