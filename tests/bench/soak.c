/*
 * Load at a share of the maximum for a long time, while tests/soak.sh disturbs the server in every
 * way it knows: each answer is judged, and memory is looked at.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/crowd.h"

#define SHARE 0.8 /* of the maximum */
#define WARM_SECONDS 2
#define MOST_SECONDS 3
#define AT_ONCE 64
#define BAD_EVERY 10 /* requests: one with a token that nobody signed */
#define POINTS 10    /* at which figures are shown */
#define LOOKS 6      /* at memory, up to each point */
#define MEMORY (POINTS * LOOKS)
#define GROWTH_GOAL 1.02
#define WRONG_SHOWN 5

struct counts {
    long served, busy, refused, wrong;
};

static bool is_bad(long number)
{
    return number % BAD_EVERY == 0;
}

static bool has_status(const struct reply *r, const char *status)
{
    return strncmp(r->data + strlen("HTTP/1.1 "), status, strlen(status)) == 0;
}

static void judge(struct crowd *c, long number, const struct reply *r, double took_us)
{
    struct counts *n = c->ctx;
    bool busy = has_status(r, "503") && strcasestr(r->data, "\r\nretry-after: ") != NULL;
    if (busy) {
        n->busy++;
    } else if (is_bad(number) && has_status(r, "4")) {
        n->refused++;
    } else if (!is_bad(number) && has_status(r, "200") && client_has_certificate(r, number)) {
        crowd_note(c, took_us);
        n->served++;
    } else if (n->wrong++ < WRONG_SHOWN) {
        fprintf(stderr, "wrong answer to request %ld: %.600s\n", number, r->data);
    }
}

/* Of a third of what was looked at: 0 to 2. */
static double median_of_third(const double *mib, int third)
{
    double sorted[MEMORY / 3];
    memcpy(sorted, mib + third * (MEMORY / 3), sizeof(sorted));
    qsort(sorted, MEMORY / 3, sizeof(*sorted), by_value);
    return sorted[MEMORY / 6];
}

/* What is allocated when it is first needed is there after a third of the time; from then on memory
 * is flat, or it grows without end. */
static void report_memory(const double mib[MEMORY])
{
    double second = median_of_third(mib, 1);
    double last = median_of_third(mib, 2);
    report("soak: memory, medians of the thirds", "%.2f, %.2f, %.2f MiB", median_of_third(mib, 0),
           second, last);
    report_at_most("soak: memory, last third against second", last / second, GROWTH_GOAL);
}

void measure_soak(const struct target *t, long seconds)
{
    struct counts n = {0};
    struct crowd c = {.judge = judge, .ctx = &n};
    long number = 0;
    double mib[MEMORY];
    double most_mib = 0;
    client_spoil(BAD_EVERY);
    crowd_open(&c, t);
    crowd_run(&c, &number, WARM_SECONDS, AT_ONCE, 0);
    long before_most = number;
    crowd_run(&c, &number, MOST_SECONDS, AT_ONCE, 0);
    double most = (double)(number - before_most) / MOST_SECONDS;
    report("soak: requests per second, at most", "%.0f; for %ld s %.0f", most, seconds,
           SHARE * most);
    for (int i = 1; i <= POINTS; i++) {
        struct counts before = n;
        for (int k = (i - 1) * LOOKS; k < i * LOOKS; k++) {
            crowd_run(&c, &number, (double)seconds / MEMORY, 0, SHARE * most);
            mib[k] = (double)process_rss_kib(t->pid) / 1024;
            most_mib = mib[k] > most_mib ? mib[k] : most_mib;
        }
        char label[64];
        snprintf(label, sizeof(label), "soak: after %ld s", seconds * i / POINTS);
        report(label, "%ld served, %ld busy, %ld bad ones refused; %.1f MiB",
               n.served - before.served, n.busy - before.busy, n.refused - before.refused,
               mib[i * LOOKS - 1]);
    }
    crowd_finish(&c);
    report("soak: in all", "%ld certificates, %ld told to come again, %ld bad ones refused",
           n.served, n.busy, n.refused);
    report("soak: latency of certificates, median and p99, ms", "%.1f and %.1f",
           crowd_percentile_ms(&c, 0.5), crowd_percentile_ms(&c, 0.99));
    report("soak: connections that ended, requests not sent", "%ld, %ld", c.ended, c.late);
    report_at_most("soak: wrong answers", (double)n.wrong, 0);
    report("soak: memory, most at a moment", "%.1f MiB", most_mib);
    report_memory(mib);
    crowd_close(&c);
}
