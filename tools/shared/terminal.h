/*
 * What a terminal is shown besides the answer: colour, and how far long work is. One rule each for
 * all programs.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tools/shared/value.h"

/* --color: auto (the default), always or never. */
extern const char *const cli_colour_names[];
#define CLI_COLOUR(dest) \
    { \
        "color", CLI_CHOICE, "WHEN", "auto, always or never (auto: a terminal, and no NO_COLOR)", \
            (dest) \
    }
#define CLI_COLOUR_INIT \
    { \
        .of = cli_colour_names \
    }
/* Whether standard output is coloured. */
bool cli_colour(const struct cli_choice *when);

/*
 * Progress of work that may take long: on standard error where that is a terminal, from the second
 * second on, a few times a second:
 *
 *     reading: 123,456 of 10,000,000 (1 %), 45,210 a second, 3 min left
 */
struct cli_progress {
    const char *what;     /* borrowed */
    uint64_t from, total; /* total 0: nobody knows */
    int64_t begun_ms, shown_ms;
    bool on, shown;
};
void cli_progress_begin(struct cli_progress *p, const char *what, uint64_t from, uint64_t total);
void cli_progress(struct cli_progress *p, uint64_t done); /* counted as `from` and `total` are */
void cli_progress_clear(struct cli_progress *p);          /* before other lines are printed */
void cli_progress_end(struct cli_progress *p);            /* nothing is shown any more */

/* The line, of work begun `ms` ago; for tests. */
#define CLI_PROGRESS_LINE 192
void cli_progress_line(const struct cli_progress *p, uint64_t done, int64_t ms,
                       char out[CLI_PROGRESS_LINE]);
