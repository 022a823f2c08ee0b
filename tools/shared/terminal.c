#include "tools/shared/terminal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"

#define SILENT_MS 2000
#define SHOW_MS 200

const char *const cli_colour_names[] = {"auto", "always", "never", NULL};

bool cli_colour(const struct cli_choice *when)
{
    const char *no = getenv("NO_COLOR");
    if (when->value != NULL && strcmp(when->value, "auto") != 0)
        return strcmp(when->value, "always") == 0;
    return isatty(STDOUT_FILENO) && (no == NULL || no[0] == '\0');
}

/* "10,000,000" */
static void put_number(uint64_t v, char out[32])
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%" PRIu64, v);
    int n = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[n++] = ',';
        out[n++] = digits[i];
    }
    out[n] = '\0';
}

static void put_time_left(double seconds, char out[32])
{
    if (seconds < 100)
        snprintf(out, 32, "%.0f s left", seconds);
    else if (seconds < 100 * 60)
        snprintf(out, 32, "%.0f min left", seconds / 60);
    else
        snprintf(out, 32, "%.0f h left", seconds / 3600);
}

void cli_progress_line(const struct cli_progress *p, uint64_t done, int64_t ms,
                       char out[CLI_PROGRESS_LINE])
{
    char at[32], of[32], each[32], left[32];
    uint64_t gone = done > p->from ? done - p->from : 0;
    double rate = ms > 0 ? (double)gone * 1000 / (double)ms : 0;
    put_number(gone, at);
    put_number((uint64_t)rate, each);
    if (p->total <= p->from) {
        snprintf(out, CLI_PROGRESS_LINE, "%.40s: %s, %s a second", p->what, at, each);
        return;
    }
    uint64_t all = p->total - p->from;
    put_number(all, of);
    put_time_left(rate > 0 && all > gone ? (double)(all - gone) / rate : 0, left);
    snprintf(out, CLI_PROGRESS_LINE, "%.40s: %s of %s (%u %%), %s a second, %s", p->what, at, of,
             (unsigned)((double)gone * 100 / (double)all), each, left);
}

void cli_progress_begin(struct cli_progress *p, const char *what, uint64_t from, uint64_t total)
{
    int64_t now = tm_clock_mono_ms();
    *p = (struct cli_progress){.what = what,
                               .from = from,
                               .total = total,
                               .begun_ms = now,
                               .shown_ms = now + SILENT_MS - SHOW_MS,
                               .on = isatty(STDERR_FILENO) == 1};
}

void cli_progress(struct cli_progress *p, uint64_t done)
{
    char line[CLI_PROGRESS_LINE];
    int64_t now = p->on ? tm_clock_mono_ms() : 0;
    if (!p->on || now - p->shown_ms < SHOW_MS)
        return;
    p->shown_ms = now;
    p->shown = true;
    cli_progress_line(p, done, now - p->begun_ms, line);
    fprintf(stderr, "\r%s\033[K", line);
}

void cli_progress_clear(struct cli_progress *p)
{
    if (p->shown)
        fprintf(stderr, "\r\033[K");
    p->shown = false;
}

void cli_progress_end(struct cli_progress *p)
{
    cli_progress_clear(p);
    p->on = false;
}
