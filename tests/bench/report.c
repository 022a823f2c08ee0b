/* Labelled lines; tests/bench.sh counts the goals that are missed. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "tests/bench/bench.h"

void report(const char *label, const char *fmt, ...)
{
    va_list ap;
    printf("%-52s ", label);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    fflush(stdout);
}

static void goal(const char *label, double value, const char *than, double want, bool met)
{
    report(label, "%-9.2f goal %s %-9.4g %s", value, than, want, met ? "met" : "MISSED");
}

void report_at_least(const char *label, double value, double want)
{
    goal(label, value, ">=", want, isfinite(value) && value >= want);
}

void report_at_most(const char *label, double value, double want)
{
    goal(label, value, "<=", want, isfinite(value) && value <= want);
}

int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}
