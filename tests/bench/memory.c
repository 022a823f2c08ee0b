/* Resident memory of the server while every connection is in use. */
#include <stdio.h>

#include "tests/bench/bench.h"

#define POINTS 8
#define RSS_GOAL_MIB 40
#define GROWTH_GOAL \
    1.05 /* from the first point, where all connections have served, to the last \
          */

void measure_memory(const struct target *t, long requests)
{
    char label[128];
    double first = 0;
    double most = 0;
    double last = 0;
    for (int i = 1; i <= POINTS; i++) {
        (void)client_run(t, requests / POINTS);
        last = (double)process_rss_kib(t->pid) / 1024;
        first = i == 1 ? last : first;
        most = last > most ? last : most;
        snprintf(label, sizeof(label), "%s: RSS after %ld certificates", t->name,
                 requests / POINTS * i);
        report(label, "%.1f MiB", last);
    }
    snprintf(label, sizeof(label), "%s: RSS, MiB", t->name);
    report_at_most(label, most, RSS_GOAL_MIB);
    snprintf(label, sizeof(label), "%s: RSS, last against first", t->name);
    report_at_most(label, last / first, GROWTH_GOAL);
}
