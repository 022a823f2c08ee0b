/*
 * More than the server can do: first as many certificates as it makes for clients that wait for
 * their replies, then three times as many requests, sent on a schedule over connections of which
 * each has one request under way. What is served must not become less for it; the rest must hear
 * 503 with Retry-After at once. One thread: it sends, and reads what epoll shows.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define TIMES 3
#define SECONDS 4
#define LATENCIES_MAX 400000
#define GOODPUT_GOAL 0.95
#define P99_GOAL_MS 1000

struct crowd {
    const struct target *t;
    int events;
    int *idle; /* indices of connections without a request, as a stack */
    int idle_count;
    double *sent_us;
    double *latency_us;                           /* of what was served */
    long served, refused, unworded, resets, late; /* late: due, and no connection was idle */
};

static void crowd_open(struct crowd *c, const struct target *t)
{
    *c = (struct crowd){.t = t, .events = epoll_create1(EPOLL_CLOEXEC)};
    size_t n = (size_t)t->connections;
    c->idle = calloc(n, sizeof(*c->idle));
    c->sent_us = calloc(n, sizeof(*c->sent_us));
    c->latency_us = calloc(LATENCIES_MAX, sizeof(*c->latency_us));
    for (int i = 0; i < t->connections; i++) {
        struct epoll_event ev = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        (void)epoll_ctl(c->events, EPOLL_CTL_ADD, t->fd[i], &ev);
        c->idle[c->idle_count++] = i;
    }
}

static void crowd_close(struct crowd *c)
{
    close(c->events);
    free(c->idle);
    free(c->sent_us);
    free(c->latency_us);
}

static void count_reply(struct crowd *c, int i)
{
    struct reply *r = &c->t->reply[i];
    double took = clock_us(CLOCK_MONOTONIC) - c->sent_us[i];
    if (strncmp(r->data, "HTTP/1.1 200", 12) == 0) {
        if (c->served < LATENCIES_MAX)
            c->latency_us[c->served] = took;
        c->served++;
    } else if (strncmp(r->data, "HTTP/1.1 503", 12) == 0 &&
               strcasestr(r->data, "\r\nretry-after: ") != NULL) {
        c->refused++;
    } else {
        c->unworded++;
    }
    r->have = 0;
    r->data[0] = '\0';
    c->idle[c->idle_count++] = i;
}

static void take(struct crowd *c, int i)
{
    struct reply *r = &c->t->reply[i];
    ssize_t n = recv(c->t->fd[i], r->data + r->have, sizeof(r->data) - 1 - r->have, MSG_DONTWAIT);
    if (n <= 0 && (n == 0 || errno != EAGAIN)) { /* it is not used again */
        c->resets++;
        (void)epoll_ctl(c->events, EPOLL_CTL_DEL, c->t->fd[i], NULL);
        return;
    }
    if (n < 0)
        return;
    r->have += (size_t)n;
    r->data[r->have] = '\0';
    if (client_whole(r))
        count_reply(c, i);
}

static void take_all(struct crowd *c, int wait_ms)
{
    struct epoll_event ev[64];
    int n = epoll_wait(c->events, ev, 64, wait_ms);
    for (int i = 0; i < n; i++)
        take(c, (int)ev[i].data.u32);
}

static void ask(struct crowd *c, long number)
{
    if (c->idle_count == 0) {
        c->late++;
        return;
    }
    int i = c->idle[--c->idle_count];
    c->sent_us[i] = clock_us(CLOCK_MONOTONIC);
    if (!client_send(c->t->fd[i], number))
        c->resets++;
}

static void forget(struct crowd *c)
{
    c->served = c->refused = c->unworded = c->resets = c->late = 0;
}

static void finish(struct crowd *c)
{
    double until = clock_us(CLOCK_MONOTONIC) + 3e6;
    while (c->idle_count + c->resets < c->t->connections && clock_us(CLOCK_MONOTONIC) < until)
        take_all(c, 10);
}

/* Per second, for clients that wait; few enough that nobody is refused. */
static double measure_most(struct crowd *c, int at_once)
{
    double start = clock_us(CLOCK_MONOTONIC);
    double end = start + SECONDS * 1e6;
    int all = c->idle_count;
    long number = 0;
    while (clock_us(CLOCK_MONOTONIC) < end) {
        while (all - c->idle_count < at_once)
            ask(c, number++);
        take_all(c, 10);
    }
    double rate = (double)c->served * 1e6 / (clock_us(CLOCK_MONOTONIC) - start);
    finish(c);
    return rate;
}

/* So many per second are due, whatever has been answered. */
static double measure_rate(struct crowd *c, double rate)
{
    double start = clock_us(CLOCK_MONOTONIC);
    double now = start;
    long due = 0;
    while (now < start + SECONDS * 1e6) {
        for (; (double)due < (now - start) * rate / 1e6; due++)
            ask(c, due);
        take_all(c, 1);
        now = clock_us(CLOCK_MONOTONIC);
    }
    double served = (double)c->served * 1e6 / (now - start);
    finish(c);
    return served;
}

void measure_overload(const struct target *t)
{
    struct crowd c;
    crowd_open(&c, t);
    (void)measure_most(&c, 64);
    forget(&c);
    double most = measure_most(&c, 64);
    forget(&c);
    double served = measure_rate(&c, TIMES * most);
    size_t kept = (size_t)(c.served < LATENCIES_MAX ? c.served : LATENCIES_MAX);
    qsort(c.latency_us, kept, sizeof(*c.latency_us), by_value);
    double p99 = kept > 0 ? c.latency_us[kept * 99 / 100] / 1e3 : 1e9;
    report("overload: certificates per second, at most", "%.0f", most);
    report("overload: due in all, and how they ended",
           "%ld served, %ld heard 503 with Retry-After, %ld found no connection idle", c.served,
           c.refused, c.late);
    report_at_least("overload: served at three times that, as a share", served / most,
                    GOODPUT_GOAL);
    report_at_most("overload: p99 of what is served, ms", p99, P99_GOAL_MS);
    report_at_most("overload: answers of another kind", (double)c.unworded, 0);
    report_at_most("overload: connections that ended", (double)c.resets, 0);
    crowd_close(&c);
}
