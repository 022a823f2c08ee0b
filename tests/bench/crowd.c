#include "tests/bench/crowd.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void watch(const struct crowd *c, int i)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
    (void)epoll_ctl(c->events, EPOLL_CTL_ADD, c->t->fd[i], &ev);
}

void crowd_open(struct crowd *c, const struct target *t)
{
    size_t n = (size_t)t->connections;
    c->t = t;
    c->events = epoll_create1(EPOLL_CLOEXEC);
    c->idle = calloc(n, sizeof(*c->idle));
    c->number = calloc(n, sizeof(*c->number));
    c->sent_us = calloc(n, sizeof(*c->sent_us));
    c->latency_us = calloc(CROWD_LATENCIES_MAX, sizeof(*c->latency_us));
    for (int i = 0; i < t->connections; i++) {
        watch(c, i);
        c->idle[c->idle_count++] = i;
    }
}

void crowd_close(struct crowd *c)
{
    close(c->events);
    free(c->idle);
    free(c->number);
    free(c->sent_us);
    free(c->latency_us);
}

static void become_idle(struct crowd *c, int i)
{
    c->t->reply[i].have = 0;
    c->t->reply[i].data[0] = '\0';
    c->idle[c->idle_count++] = i;
}

static bool is_idle(const struct crowd *c, int i)
{
    for (int k = 0; k < c->idle_count; k++) {
        if (c->idle[k] == i)
            return true;
    }
    return false;
}

static void dial_again(struct crowd *c, int i)
{
    bool idle = is_idle(c, i);
    c->ended++;
    close(c->t->fd[i]);
    c->t->fd[i] = client_dial(c->t->port);
    watch(c, i);
    if (!idle)
        become_idle(c, i);
}

static void take_one(struct crowd *c, int i)
{
    struct reply *r = &c->t->reply[i];
    ssize_t n = recv(c->t->fd[i], r->data + r->have, sizeof(r->data) - 1 - r->have, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        dial_again(c, i);
        return;
    }
    r->have += (size_t)n;
    r->data[r->have] = '\0';
    if (!client_whole(r))
        return;
    c->judge(c, c->number[i], r, clock_us(CLOCK_MONOTONIC) - c->sent_us[i]);
    become_idle(c, i);
}

void crowd_take(struct crowd *c, int wait_ms)
{
    struct epoll_event ev[64];
    int n = epoll_wait(c->events, ev, 64, wait_ms);
    for (int i = 0; i < n; i++)
        take_one(c, (int)ev[i].data.u32);
}

void crowd_ask(struct crowd *c, long number)
{
    if (c->idle_count == 0) {
        c->late++;
        return;
    }
    int i = c->idle[--c->idle_count];
    c->number[i] = number;
    c->sent_us[i] = clock_us(CLOCK_MONOTONIC);
    if (!client_send(c->t->fd[i], number))
        dial_again(c, i);
}

void crowd_finish(struct crowd *c)
{
    double until = clock_us(CLOCK_MONOTONIC) + 3e6;
    while (c->idle_count < c->t->connections && clock_us(CLOCK_MONOTONIC) < until)
        crowd_take(c, 10);
}

void crowd_note(struct crowd *c, double took_us)
{
    if (c->latencies < CROWD_LATENCIES_MAX)
        c->latency_us[c->latencies] = took_us;
    c->latencies++;
}

double crowd_percentile_ms(struct crowd *c, double share)
{
    long n = c->latencies < CROWD_LATENCIES_MAX ? c->latencies : CROWD_LATENCIES_MAX;
    if (n == 0)
        return 0;
    qsort(c->latency_us, (size_t)n, sizeof(*c->latency_us), by_value);
    return c->latency_us[(long)((double)n * share)] / 1e3;
}

void crowd_run(struct crowd *c, long *number, double seconds, int at_once, double rate)
{
    double start = clock_us(CLOCK_MONOTONIC);
    long due = 0;
    for (double now = start; now < start + seconds * 1e6; now = clock_us(CLOCK_MONOTONIC)) {
        for (; rate > 0 && (double)due < (now - start) * rate / 1e6; due++)
            crowd_ask(c, (*number)++);
        while (rate <= 0 && c->idle_count > 0 && c->t->connections - c->idle_count < at_once)
            crowd_ask(c, (*number)++);
        crowd_take(c, 1);
    }
}
