/*
 * Latency under load from an open-loop generator: requests leave on a fixed schedule whether
 * or not earlier ones are answered, and each is timed from when it was due, so a stall counts
 * for every request that it delays. The generator shares the processors with the server: a sender
 * that is due, or has its reply, would wait until the scheduler's tick (4 ms at 250 Hz) ends the
 * turn of whoever runs, and that wait would be counted. So senders go first where the kernel allows
 * it, and what is measured is the server's. What else the machine does, and a virtual machine's
 * host that takes processors away for milliseconds, is told with each try.
 *
 * What holds a request for milliseconds, by the kernel's events sched_switch and sched_wakeup
 * (front, issuer and senders; every wait of more than 0.3 ms of a thread that could run, and who
 * ran there): no lock, timer or sleep of the server. Without priority it is the tick: a thread that
 * wakes while another program runs waits until that program's turn ends, so those waits end at
 * multiples of 4 ms. With priority it is what the kernel does without a break for others (starting
 * and ending programs, its scan of memory), the 50 ms a second that it keeps for those without
 * priority, and moments of 2 ms in which both processors of a virtual machine stood still, of which
 * /proc/stat's stolen time says nothing.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "tests/bench/bench.h"

#define UNLOADED 400
#define UNLOADED_PAUSE_US 2000
#define CAPACITY_REQUESTS 6000
#define LOAD 0.7
#define TRY_SECONDS 2.0
#define RATIO_GOAL 5
#define SENDERS_PRIORITY 10 /* above a whole bench that runs at real-time priority */

struct sender {
    pthread_t thread;
    int fd;
    double first_us; /* when its first request is due; monotonic */
    double every_us;
    long count;
    double *latency_us;
};

static void sleep_until(double due_us)
{
    struct timespec t = {.tv_sec = (time_t)(due_us / 1e6)};
    t.tv_nsec = (long)((due_us - (double)t.tv_sec * 1e6) * 1e3);
    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static atomic_bool senders_wait; /* they have no priority: the kernel does not allow it */

static void go_first(void)
{
    const struct sched_param p = {.sched_priority = SENDERS_PRIORITY};
    if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &p) != 0)
        atomic_store(&senders_wait, true);
}

static void *run(void *arg)
{
    struct sender *s = arg;
    go_first();
    (void)prctl(PR_SET_TIMERSLACK, 1UL); /* nanoseconds, not the default 50 us */
    for (long i = 0; i < s->count; i++) {
        double due = s->first_us + (double)i * s->every_us;
        sleep_until(due);
        if (!client_ask(s->fd, i)) {
            fprintf(stderr, "request %ld of a connection failed\n", i);
            exit(1);
        }
        s->latency_us[i] = clock_us(CLOCK_MONOTONIC) - due;
    }
    return NULL;
}

/* `count` requests, one each `every_us`, in turn over `connections`; sorts the latencies. */
static void run_paced(const struct target *t, int connections, long count, double every_us,
                      double *latency_us)
{
    struct sender *all = calloc((size_t)connections, sizeof(*all));
    long each = count / connections;
    double start = clock_us(CLOCK_MONOTONIC) + 10000;
    for (int i = 0; i < connections; i++) {
        all[i] = (struct sender){.fd = t->fd[i],
                                 .first_us = start + i * every_us,
                                 .every_us = every_us * connections,
                                 .count = each,
                                 .latency_us = latency_us + i * each};
        pthread_create(&all[i].thread, NULL, run, &all[i]);
    }
    for (int i = 0; i < connections; i++)
        pthread_join(all[i].thread, NULL);
    qsort(latency_us, (size_t)(each * connections), sizeof(*latency_us), by_value);
    free(all);
}

/* One try: an idle server's median, then the p99 under load. */
static void try_once(const struct target *t, double rate, long count, double *median_us,
                     double *p99_us)
{
    double unloaded[UNLOADED];
    double *latency = calloc((size_t)count, sizeof(*latency));
    run_paced(t, 1, UNLOADED, UNLOADED_PAUSE_US, unloaded);
    double waited = process_wait_us(t->pid);
    double stolen = machine_stolen_ms();
    run_paced(t, t->connections, count, 1e6 / rate, latency);
    waited = (process_wait_us(t->pid) - waited) / (double)count;
    stolen = machine_stolen_ms() - stolen;
    *median_us = unloaded[UNLOADED / 2];
    *p99_us = latency[count * 99 / 100];
    report("latency: one try",
           "unloaded median %.0f us; at %.0f per second median %.0f us, p99 %.0f us", *median_us,
           rate, latency[count / 2], *p99_us);
    report("latency: the server's wait for a processor",
           "%.0f us for each certificate; the machine was without one for %.0f ms", waited, stolen);
    free(latency);
}

/* Per second of wall time, by the same threads: all requests are due at once. */
static double measure_capacity(const struct target *t)
{
    double latency[CAPACITY_REQUESTS];
    double start = clock_us(CLOCK_MONOTONIC);
    run_paced(t, t->connections, CAPACITY_REQUESTS, 0, latency);
    return CAPACITY_REQUESTS * 1e6 / (clock_us(CLOCK_MONOTONIC) - start);
}

/* The least of each over the tries: what else the machine does only adds to both. */
void measure_latency(const struct target *t, int tries)
{
    (void)client_run(t, CAPACITY_REQUESTS / 10); /* warm-up */
    double capacity = measure_capacity(t);
    double rate = LOAD * capacity;
    long count = (long)(rate * TRY_SECONDS) / t->connections * t->connections;
    double median = 0;
    double p99 = 0;
    report("latency: capacity, certificates per second", "%.0f (wall time, %d connections)",
           capacity, t->connections);
    report("latency: senders wait for processors", "%s",
           atomic_load(&senders_wait) ? "yes: they may not have real-time priority" : "no");
    for (int i = 0; i < tries; i++) {
        double now[2];
        try_once(t, rate, count, &now[0], &now[1]);
        median = i == 0 || now[0] < median ? now[0] : median;
        p99 = i == 0 || now[1] < p99 ? now[1] : p99;
    }
    char label[128];
    snprintf(label, sizeof(label), "latency: p99 at 70 %% load by unloaded median, best of %d",
             tries);
    report_at_most(label, p99 / median, RATIO_GOAL);
}
