#include "tuf/verify/trust/validity.h"

#include <stdio.h>

#include "common/clock.h"

enum tuf_validity_at tuf_validity_at(const struct tuf_validity *v, int64_t ms)
{
    if (v->has_start && ms < v->start_ms)
        return VALIDITY_BEFORE;
    if (v->has_end && ms > v->end_ms)
        return VALIDITY_AFTER;
    return VALIDITY_INSIDE;
}

bool tuf_validity_overlap(const struct tuf_validity *a, const struct tuf_validity *b)
{
    bool a_before_b = a->has_end && b->has_start && a->end_ms < b->start_ms;
    bool b_before_a = b->has_end && a->has_start && b->end_ms < a->start_ms;
    return !a_before_b && !b_before_a;
}

/* Rounds towards the past, also before 1970. */
static int64_t seconds(int64_t ms)
{
    return ms / 1000 - (ms % 1000 < 0 ? 1 : 0);
}

const char *tuf_validity_text(const struct tuf_validity *v, char out[VALIDITY_TEXT_MAX])
{
    char start[21] = "";
    char end[21] = "";
    tm_clock_format(seconds(v->start_ms), start);
    tm_clock_format(seconds(v->end_ms), end);
    if (v->has_start && v->has_end)
        snprintf(out, VALIDITY_TEXT_MAX, "from %s to %s", start, end);
    else if (v->has_start)
        snprintf(out, VALIDITY_TEXT_MAX, "from %s", start);
    else if (v->has_end)
        snprintf(out, VALIDITY_TEXT_MAX, "until %s", end);
    else
        snprintf(out, VALIDITY_TEXT_MAX, "always");
    return out;
}
