/*
 * More than the server can do: first as many certificates as it makes for clients that wait for
 * their replies, then three times as many requests. What is served must not become less for it; the
 * rest must hear 503 with Retry-After at once.
 */
#include <string.h>

#include "tests/bench/crowd.h"

#define TIMES 3
#define SECONDS 4
#define AT_ONCE 64 /* few enough that nobody is refused */
#define GOODPUT_GOAL 0.95
#define P99_GOAL_MS 1000

struct counts {
    long served, refused, unworded;
};

static void judge(struct crowd *c, long number, const struct reply *r, double took_us)
{
    struct counts *n = c->ctx;
    (void)number;
    if (strncmp(r->data, "HTTP/1.1 200", 12) == 0) {
        crowd_note(c, took_us);
        n->served++;
    } else if (strncmp(r->data, "HTTP/1.1 503", 12) == 0 &&
               strcasestr(r->data, "\r\nretry-after: ") != NULL) {
        n->refused++;
    } else {
        n->unworded++;
    }
}

/* Served per second. */
static double run(struct crowd *c, int at_once, double rate)
{
    struct counts *n = c->ctx;
    long number = 0;
    *n = (struct counts){0};
    c->latencies = c->late = c->ended = 0;
    crowd_run(c, &number, SECONDS, at_once, rate);
    double served = (double)n->served / SECONDS;
    crowd_finish(c);
    return served;
}

void measure_overload(const struct target *t)
{
    struct counts n;
    struct crowd c = {.judge = judge, .ctx = &n};
    crowd_open(&c, t);
    (void)run(&c, AT_ONCE, 0);
    double most = run(&c, AT_ONCE, 0);
    double served = run(&c, 0, TIMES * most);
    report("overload: certificates per second, at most", "%.0f", most);
    report("overload: due in all, and how they ended",
           "%ld served, %ld heard 503 with Retry-After, %ld found no connection idle", n.served,
           n.refused, c.late);
    report_at_least("overload: served at three times that, as a share", served / most,
                    GOODPUT_GOAL);
    report_at_most("overload: p99 of what is served, ms", crowd_percentile_ms(&c, 0.99),
                   P99_GOAL_MS);
    report_at_most("overload: answers of another kind", (double)n.unworded, 0);
    report_at_most("overload: connections that ended", (double)c.ended, 0);
    crowd_close(&c);
}
