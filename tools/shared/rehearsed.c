#include "tools/shared/printed.h"
#include "tools/shared/rehearsed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "tools/shared/cli.h"

static void print_text(const struct tm_rehearsal *r)
{
    for (size_t i = 0; i < r->count; i++) {
        printf("%s  %s\n",
               r->step[i].skipped ? "skip"
               : r->step[i].ok    ? "ok  "
                                  : "FAIL",
               r->step[i].what);
        if (r->step[i].says[0] == '\0')
            continue;
        printf("      ");
        cli_print_text(stdout, r->step[i].says, strlen(r->step[i].says));
        printf("\n");
    }
    printf("rehearsal '%s' %s", r->kind, r->passed ? "passed" : "FAILED");
    if (r->skipped > 0)
        printf(", %zu of %zu steps were skipped", r->skipped, r->count);
    printf("\n");
}

static void print_json(const struct tm_rehearsal *r)
{
    json_t *steps = json_array();
    for (size_t i = 0; i < r->count; i++)
        json_array_append_new(steps, json_pack("{s:s, s:b, s:b, s:s}", "step", r->step[i].what,
                                               "ok", (int)r->step[i].ok, "skipped",
                                               (int)r->step[i].skipped, "says", r->step[i].says));
    json_t *all = json_pack("{s:s, s:s, s:s, s:o}", "kind", r->kind, "result",
                            r->passed ? "passed" : "failed", "by", r->by, "steps", steps);
    (void)cli_print_json_indented(all, NULL);
}

void cli_print_rehearsal(const struct tm_rehearsal *r, bool json)
{
    (json ? print_json : print_text)(r);
}

json_t *cli_rehearsed_json(const char *const *kinds, size_t count, const struct tm_rehearsed *last)
{
    json_t *all = json_object();
    for (size_t k = 0; k < count; k++) {
        char when[21];
        tm_clock_format(last[k].time, when);
        json_object_set_new(all, kinds[k],
                            last[k].time == 0 ? json_null()
                                              : json_pack("{s:s, s:b, s:I}", "time", when, "passed",
                                                          (int)last[k].passed, "skipped",
                                                          (json_int_t)last[k].skipped));
    }
    return all;
}
