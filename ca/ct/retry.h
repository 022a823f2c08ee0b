/*
 * When to ask a log again: back-off between attempts, and the circuit breaker that spares a
 * failing log, and our clients' time, for a while. Time is passed in; the caller locks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RETRY_ATTEMPTS_MAX 4 /* of one submission to one log */

/* Milliseconds before attempt `n` (1: the first retry): doubling from 100, with a random half
 * taken off so that requests which failed together do not come back together. */
int64_t ca_retry_delay_ms(unsigned n, uint32_t random);

#define BREAKER_FAILURES 5   /* in a row, then it opens */
#define BREAKER_OPEN_MS 2000 /* at first; doubles each time the probe fails */
#define BREAKER_OPEN_MAX_MS 60000
#define BREAKER_PAUSE_MAX_MS 600000 /* of a log's own Retry-After */

enum ca_breaker_state { BREAKER_CLOSED, BREAKER_HALF_OPEN, BREAKER_OPEN };

struct ca_breaker { /* zero-initialise: closed */
    enum ca_breaker_state state;
    unsigned failures;
    int64_t open_ms;
    int64_t until_ms;
    bool probing; /* HALF_OPEN: the one request that tries is under way */
};

/* Whether a request may go. When half open only one at a time may, and it must report by one of
 * the calls below. */
bool ca_breaker_admit(struct ca_breaker *b, int64_t now_ms);

/* Each returns true when the state changed to what an operator should hear of. */
bool ca_breaker_success(struct ca_breaker *b);
bool ca_breaker_failure(struct ca_breaker *b, int64_t now_ms);
/* The log asked not to be asked for `pause_ms`. */
bool ca_breaker_pause(struct ca_breaker *b, int64_t now_ms, int64_t pause_ms);
/* The request ended without saying anything of the log. */
void ca_breaker_abandon(struct ca_breaker *b);
