/*
 * Bars over a common axis of time: a list, a row for each thing that lasts. The pictures are SVG,
 * whose places are attributes: a page's policy lets no inline style pass.
 */
#pragma once

#include "common/html/html.h"

struct tm_html_axis {
    int64_t from, to; /* Unix seconds; from < to */
    bool growing; /* from `from`: the first hour is as wide as the first day, week, month, year … */
    int64_t now; /* drawn as a line unless it lies outside */
};

struct tm_html_bar {
    const char *name;
    const char *note; /* what the bar shows, in words */
    int64_t from, to; /* INT64_MAX: without an end */
    int64_t mark;     /* a point on it; 0: none */
    enum tm_html_tone tone;
};

void tm_html_timeline_begin(struct tm_html *h);
void tm_html_timeline_bar(struct tm_html *h, const struct tm_html_axis *axis,
                          const struct tm_html_bar *bar);
/* With what the axis' places mean. */
void tm_html_timeline_end(struct tm_html *h, const struct tm_html_axis *axis);
