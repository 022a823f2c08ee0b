#include "tuf/verify/bundle/report.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/utf8.h"

static void add(struct report *r, const char *name, enum report_outcome outcome, const char *fmt,
                va_list ap) __attribute__((format(printf, 4, 0)));

static void add(struct report *r, const char *name, enum report_outcome outcome, const char *fmt,
                va_list ap)
{
    if (r->count == REPORT_CHECKS_MAX) {
        r->overflow = true;
        return;
    }
    struct report_check *c = &r->check[r->count++];
    c->name = name;
    c->outcome = outcome;
    c->remedy[0] = '\0';
    vsnprintf(c->detail, sizeof(c->detail), fmt, ap);
    /* Text from certificates and bundles goes to terminals. */
    utf8_clean(c->detail);
}

void report_pass(struct report *r, const char *name, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(r, name, REPORT_PASSED, fmt, ap);
    va_end(ap);
}

void report_note(struct report *r, const char *name, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(r, name, REPORT_NOTED, fmt, ap);
    va_end(ap);
}

void report_fail(struct report *r, const char *name, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(r, name, REPORT_FAILED, fmt, ap);
    va_end(ap);
}

void report_remedy(struct report *r, const char *fmt, ...)
{
    if (r->count == 0 || r->overflow)
        return;
    struct report_check *c = &r->check[r->count - 1];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(c->remedy, sizeof(c->remedy), fmt, ap);
    va_end(ap);
    utf8_clean(c->remedy);
}

const struct report_check *report_first_failure(const struct report *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->check[i].outcome == REPORT_FAILED)
            return &r->check[i];
    }
    return NULL;
}

bool report_ok(const struct report *r)
{
    bool passed = false;
    for (size_t i = 0; i < r->count; i++)
        passed |= r->check[i].outcome == REPORT_PASSED;
    return passed && !r->overflow && report_first_failure(r) == NULL;
}
