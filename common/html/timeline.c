#include "common/html/timeline.h"

#include <stdio.h>
#include <time.h>

#define HOUR_S INT64_C(3600)
#define DAY_S (24 * HOUR_S)
#define YEAR_S (365 * DAY_S + DAY_S / 4)
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* The parts of a growing axis, equally wide: each ends so long after its beginning. */
static const struct {
    int64_t after;
    const char *text;
} steps[] = {{0, "now"},
             {HOUR_S, "1 hour"},
             {DAY_S, "1 day"},
             {7 * DAY_S, "1 week"},
             {30 * DAY_S, "1 month"},
             {YEAR_S, "1 year"},
             {5 * YEAR_S, "5 years"},
             {25 * YEAR_S, "25 years"}};

/* How many parts reach to the end of the axis. */
static size_t parts(const struct tm_html_axis *a)
{
    size_t n = 1;
    while (n + 1 < COUNT(steps) && steps[n].after < a->to - a->from)
        n++;
    return n;
}

/* ---- places, in thousandths of the width ---- */

static int growing_place(const struct tm_html_axis *a, int64_t after)
{
    size_t i = 1;
    size_t n = parts(a);
    while (i < n && steps[i].after < after)
        i++;
    int64_t wide = steps[i].after - steps[i - 1].after;
    int64_t in = after - steps[i - 1].after;
    in = in < wide ? in : wide;
    return (int)((1000 * (int64_t)(i - 1) + 1000 * in / wide) / (int64_t)n);
}

static int place(const struct tm_html_axis *a, int64_t t)
{
    if (t <= a->from || a->to <= a->from)
        return 0;
    if (a->growing)
        return growing_place(a, t - a->from);
    return t >= a->to ? 1000 : (int)((t - a->from) / ((a->to - a->from) / 1000 + 1));
}

static void put_place(struct tm_html *h, const char *name, int thousandths)
{
    char text[16];
    snprintf(text, sizeof(text), "%d.%d%%", thousandths / 10, thousandths % 10);
    tm_html_put_attr(h, name, text);
}

/* ---- the axis' ticks ---- */

struct tick {
    int64_t at;
    char text[16];
};
#define TICKS_MAX COUNT(steps)

static size_t growing_ticks(const struct tm_html_axis *a, struct tick out[TICKS_MAX])
{
    size_t n = parts(a);
    for (size_t i = 0; i <= n; i++) {
        out[i].at = a->from + steps[i].after;
        snprintf(out[i].text, sizeof(out[i].text), "%s", steps[i].text);
    }
    return n + 1;
}

/* First days of years, or of months where they are few. */
static size_t even_ticks(const struct tm_html_axis *a, struct tick out[TICKS_MAX])
{
    static const int wide[] = {1,   2,   3,    6,    12,   24,    60,   120,
                               240, 600, 1200, 2400, 6000, 12000, 24000};
    int64_t months = (a->to - a->from) * 12 / YEAR_S;
    size_t s = 0;
    while (s + 1 < COUNT(wide) && months / wide[s] >= 5)
        s++;
    struct tm t;
    time_t from = a->from;
    size_t n = 0;
    if (gmtime_r(&from, &t) == NULL)
        return 0;
    int month = ((t.tm_year + 1900) * 12 + t.tm_mon) / wide[s] * wide[s] + wide[s];
    for (; n < TICKS_MAX; month += wide[s]) {
        struct tm day = {.tm_year = month / 12 - 1900, .tm_mon = month % 12, .tm_mday = 1};
        int64_t at = timegm(&day);
        if (at >= a->to)
            break;
        out[n].at = at;
        strftime(out[n++].text, sizeof(out[0].text), wide[s] >= 12 ? "%Y" : "%Y-%m", &day);
    }
    return n;
}

static size_t ticks(const struct tm_html_axis *a, struct tick out[TICKS_MAX])
{
    return a->growing ? growing_ticks(a, out) : even_ticks(a, out);
}

/* ---- drawing ---- */

static void line(struct tm_html *h, const char *class_name, int at)
{
    tm_html_open(h, "line");
    tm_html_put_attr(h, "class", class_name);
    put_place(h, "x1", at);
    put_place(h, "x2", at);
    tm_html_attr(h, "y1", "0");
    tm_html_attr(h, "y2", "100%");
    tm_html_close(h);
}

static void draw(struct tm_html *h, const struct tm_html_axis *axis, const struct tm_html_bar *bar)
{
    static const char *const classes[] = {
        [TM_HTML_PLAIN] = "plain",
        [TM_HTML_GOOD] = "good",
        [TM_HTML_WARN] = "warn",
        [TM_HTML_BAD] = "bad",
    };
    struct tick tick[TICKS_MAX];
    size_t n = ticks(axis, tick);
    int from = place(axis, bar->from);
    int to = place(axis, bar->to);
    int width = to - from > 6 ? to - from : 6; /* seen, however short */
    tm_html_open(h, "svg");
    tm_html_class(h, "bar");
    tm_html_attr(h, "aria-hidden", "true"); /* the row says it in words */
    for (size_t i = 0; i < n; i++)
        line(h, "tick", place(axis, tick[i].at));
    tm_html_open(h, "rect");
    tm_html_put_attr(h, "class", classes[bar->tone]);
    put_place(h, "x", from < 1000 - width ? from : 1000 - width);
    tm_html_attr(h, "y", "5");
    put_place(h, "width", width);
    tm_html_attr(h, "height", "10");
    tm_html_attr(h, "rx", "3");
    tm_html_close(h);
    if (bar->mark != 0)
        line(h, "mark", place(axis, bar->mark));
    if (axis->now >= axis->from && axis->now <= axis->to)
        line(h, "now", place(axis, axis->now));
    tm_html_close(h);
}

/* ---- the list ---- */

void tm_html_timeline_begin(struct tm_html *h)
{
    tm_html_open(h, "ul");
    tm_html_class(h, "timeline");
}

void tm_html_timeline_bar(struct tm_html *h, const struct tm_html_axis *axis,
                          const struct tm_html_bar *bar)
{
    tm_html_open(h, "li");
    tm_html_element_class(h, "span", "name", bar->name);
    draw(h, axis, bar);
    tm_html_element_class(h, "span", "note", bar->note);
    tm_html_close(h);
}

void tm_html_timeline_end(struct tm_html *h, const struct tm_html_axis *axis)
{
    struct tick tick[TICKS_MAX];
    size_t n = ticks(axis, tick);
    tm_html_open(h, "li");
    tm_html_class(h, "axis");
    tm_html_attr(h, "aria-hidden", "true");
    tm_html_open(h, "svg");
    for (size_t i = 0; i < n; i++) {
        int at = place(axis, tick[i].at);
        tm_html_open(h, "text");
        /* It stays in the picture. */
        tm_html_put_attr(h, "class", at < 30 ? "first" : at > 970 ? "last" : "inner");
        put_place(h, "x", at);
        tm_html_attr(h, "y", "12");
        tm_html_text(h, tick[i].text);
        tm_html_close(h);
    }
    tm_html_close(h);
    tm_html_close(h);
    tm_html_close(h);
}
