/*
 * When to ask a log again: back-off between attempts, and the circuit breaker that spares a
 * failing log, and our clients' time, for a while. Time is passed in; the caller locks.
 */
#ifndef TENMINT_CA_CT_RETRY_H
#define TENMINT_CA_CT_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#define RETRY_ATTEMPTS_MAX 4 /* of one submission to one log */

/* Milliseconds before attempt `n` (1: the first retry): doubling from 100, with a random half
 * taken off so that requests which failed together do not come back together. */
int64_t retry_delay_ms(unsigned n, uint32_t random);

#define BREAKER_FAILURES 5   /* in a row, then it opens */
#define BREAKER_OPEN_MS 2000 /* at first; doubles each time the probe fails */
#define BREAKER_OPEN_MAX_MS 60000
#define BREAKER_PAUSE_MAX_MS 600000 /* of a log's own Retry-After */

enum breaker_state { BREAKER_CLOSED, BREAKER_HALF_OPEN, BREAKER_OPEN };

struct breaker { /* zero-initialise: closed */
    enum breaker_state state;
    unsigned failures;
    int64_t open_ms;
    int64_t until_ms;
    bool probing; /* HALF_OPEN: the one request that tries is under way */
};

/* Whether a request may go. When half open only one at a time may, and it must report by one of
 * the calls below. */
bool breaker_admit(struct breaker *b, int64_t now_ms);

/* Each returns true when the state changed to what an operator should hear of. */
bool breaker_success(struct breaker *b);
bool breaker_failure(struct breaker *b, int64_t now_ms);
/* The log asked not to be asked for `pause_ms`. */
bool breaker_pause(struct breaker *b, int64_t now_ms, int64_t pause_ms);
/* The request ended without saying anything of the log. */
void breaker_abandon(struct breaker *b);

#endif
