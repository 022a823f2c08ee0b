/*
 * Certificates per CPU-second of the server process against the crypto limit. Clock speed and
 * neighbours change a machine's speed from one second to the next, so limit and load take turns
 * in short slices, and the median of the slices' ratios counts.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/bench.h"

#define SLICES 25
#define TARGETS_MAX 4
#define WARM_UP 512
#define FRACTION_GOAL 0.74
#define LOGGED_GOAL 0.62
#define LOGGED_GOAL_CONNECTIONS 64 /* fewer share an fsync among too few */
#define SECOND_WORKER_GOAL 1.10
#define AGAINST_GOAL 1.10

struct sums {
    double fraction[SLICES];
    double cpu_us; /* of one certificate */
    double wall_us;
};

static void run_slice(const struct target *t, struct sums *s, int slice, double limit_us, long n)
{
    double cpu = process_cpu_us(t->pid);
    double wall = client_run(t, n);
    cpu = (process_cpu_us(t->pid) - cpu) / (double)n;
    s->fraction[slice] = limit_us / cpu;
    s->cpu_us += cpu / SLICES;
    s->wall_us += wall / (double)n / SLICES;
}

static double median(double *values)
{
    qsort(values, SLICES, sizeof(*values), by_value);
    return values[SLICES / 2];
}

static void print_fraction(const struct target *t, const char *label, double fraction, int signs)
{
    if (signs == 1)
        report_at_least(label, fraction, FRACTION_GOAL);
    else if (t->connections >= LOGGED_GOAL_CONNECTIONS)
        report_at_least(label, fraction, LOGGED_GOAL);
    else
        report(label, "%.2f", fraction);
}

/* How much of the rest is the kernel's, whoever serves. */
static void print_floor(const struct target *t, const struct sums *s, double limit_us, long count)
{
    char label[128];
    const struct floor_load l = {client_request_bytes(), client_reply_bytes(), t->connections};
    double floor_us = floor_measure_us(&l, count);
    snprintf(label, sizeof(label), "%s: loopback alone, for each request", t->name);
    report(label, "%.1f us: %zu bytes in, %zu out, and nothing else", floor_us, l.in, l.out);
    snprintf(label, sizeof(label), "%s: fraction of limit and loopback together", t->name);
    report(label, "%.2f", (limit_us + floor_us) / s->cpu_us);
}

static void print_target(const struct target *t, struct sums *s, double fraction, int signs)
{
    char label[128];
    snprintf(label, sizeof(label), "%s: certificates per CPU-second", t->name);
    report(label, "%.0f (%.1f us each; %.0f per second of wall time)", 1e6 / s->cpu_us, s->cpu_us,
           1e6 / s->wall_us);
    snprintf(label, sizeof(label), "%s: fraction of the crypto limit", t->name);
    print_fraction(t, label, fraction, signs);
    snprintf(label, sizeof(label), "%s: fraction, least and most", t->name);
    report(label, "%.2f to %.2f in %d slices", s->fraction[0], s->fraction[SLICES - 1], SLICES);
}

/* What the same request costs two servers, in turn in short slices: the second's by the first's. */
void measure_against(struct target *base, struct target *now, long requests)
{
    struct target *both[] = {base, now};
    struct sums sums[2] = {0};
    double ratio[SLICES];
    for (size_t t = 0; t < 2; t++)
        (void)client_run(both[t], WARM_UP);
    for (int i = 0; i < SLICES; i++) {
        double limit_us = limit_measure_us(FORM_P256, 1);
        for (size_t t = 0; t < 2; t++)
            run_slice(both[t], &sums[t], i, limit_us, requests / SLICES);
        ratio[i] = sums[0].fraction[i] / sums[1].fraction[i];
    }
    for (size_t t = 0; t < 2; t++)
        report(both[t]->name, "%.1f us a certificate, %.2f of the crypto limit", sums[t].cpu_us,
               median(sums[t].fraction));
    report_at_most("CPU per certificate, the latter by the former", median(ratio), AGAINST_GOAL);
}

void measure_throughput(struct target *targets, size_t count, long requests, int signs)
{
    struct sums sums[TARGETS_MAX] = {0};
    double fraction[TARGETS_MAX];
    double limit_us = 0;
    if (count > TARGETS_MAX)
        exit(2);
    for (size_t t = 0; t < count; t++)
        (void)client_run(&targets[t], WARM_UP);
    for (int i = 0; i < SLICES; i++) {
        for (size_t t = 0; t < count; t++) {
            double now_us = limit_measure_us(FORM_P256, signs);
            limit_us += now_us / SLICES / (double)count;
            run_slice(&targets[t], &sums[t], i, now_us, requests / SLICES);
        }
    }
    report("crypto limit: certificates per CPU-second",
           "%.0f (RSA-2048 verify + P-256 verify + %d P-256 sign: %.1f us)", 1e6 / limit_us, signs,
           limit_us);
    for (size_t t = 0; t < count; t++) {
        fraction[t] = median(sums[t].fraction);
        print_target(&targets[t], &sums[t], fraction[t], signs);
        print_floor(&targets[t], &sums[t], limit_us, requests);
    }
    if (signs == 1 && count > 1)
        report_at_most("two workers: CPU per certificate against one", fraction[0] / fraction[1],
                       SECOND_WORKER_GOAL);
}
