/*
 * Bars over a common axis of time, one in each row of a table or list. The pictures are SVG, whose
 * places are attributes: a page's policy lets no inline style pass.
 */
#ifndef TENMINT_COMMON_HTML_TIMELINE_H
#define TENMINT_COMMON_HTML_TIMELINE_H

#include "common/html/html.h"

/* Unix seconds; from < to. */
struct tm_html_axis {
    int64_t from, to;
    bool growing; /* from `from`: the first hour is as wide as the first day, week, month, year … */
};

/* What the axis' places mean: its own row. */
void tm_html_axis(struct tm_html *h, const struct tm_html_axis *axis);

struct tm_html_bar {
    int64_t from, to; /* INT64_MAX: without an end */
    int64_t mark;     /* a point on it; 0: none */
    enum tm_html_tone tone;
    const char *label; /* what it shows, in words, for those who do not see it */
};
/* `now` is drawn as a line unless it lies outside. */
void tm_html_bar(struct tm_html *h, const struct tm_html_axis *axis, const struct tm_html_bar *bar,
                 int64_t now);

#endif
