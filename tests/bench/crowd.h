/* Many connections of which each has one request under way at most: sent on a schedule, read as
 * epoll shows replies, all on one thread. */
#pragma once

#include "tests/bench/bench.h"

#define CROWD_LATENCIES_MAX 400000 /* of the first ones */

struct crowd {
    const struct target *t;
    void (*judge)(struct crowd *c, long number, const struct reply *r, double took_us);
    void *ctx;
    int events;
    int *idle; /* indices of connections without a request, as a stack */
    int idle_count;
    long *number; /* of the request that a connection has under way */
    double *sent_us;
    double *latency_us;
    long latencies; /* how many there are; may be more than are kept */
    long ended;     /* connections; they are made anew */
    long late;      /* requests that were due when no connection was idle: not sent */
};

void crowd_open(struct crowd *c, const struct target *t);
void crowd_close(struct crowd *c);
/* Sends request `number`, of what client_prepare() made. */
void crowd_ask(struct crowd *c, long number);
void crowd_take(struct crowd *c, int wait_ms);
void crowd_finish(struct crowd *c); /* takes what is still to come, for 3 s */
void crowd_note(struct crowd *c, double took_us);
double crowd_percentile_ms(struct crowd *c, double share);
/* Requests from `*number` on for `seconds`: at most `at_once` at a time, and `rate` per second; 0:
 * as many as go. */
void crowd_run(struct crowd *c, long *number, double seconds, int at_once, double rate);
