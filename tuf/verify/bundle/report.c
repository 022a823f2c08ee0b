#include "tuf/verify/bundle/report.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/utf8.h"

static void add(struct tuf_report *r, const char *name, enum tuf_report_outcome outcome,
                const char *fmt, va_list ap) __attribute__((format(printf, 4, 0)));

static void add(struct tuf_report *r, const char *name, enum tuf_report_outcome outcome,
                const char *fmt, va_list ap)
{
    if (r->count == REPORT_CHECKS_MAX) {
        r->overflow = true;
        return;
    }
    struct tuf_report_check *c = &r->check[r->count++];
    c->name = name;
    c->outcome = outcome;
    c->remedy[0] = '\0';
    vsnprintf(c->detail, sizeof(c->detail), fmt, ap);
    /* Text from certificates and bundles goes to terminals. */
    tm_utf8_clean(c->detail);
}

void tuf_report_pass(struct tuf_report *r, const char *name, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(r, name, REPORT_PASSED, fmt, ap);
    va_end(ap);
}

void tuf_report_note(struct tuf_report *r, const char *name, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(r, name, REPORT_NOTED, fmt, ap);
    va_end(ap);
}

void tuf_report_fail(struct tuf_report *r, const char *name, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(r, name, REPORT_FAILED, fmt, ap);
    va_end(ap);
}

void tuf_report_remedy(struct tuf_report *r, const char *fmt, ...)
{
    if (r->count == 0 || r->overflow)
        return;
    struct tuf_report_check *c = &r->check[r->count - 1];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(c->remedy, sizeof(c->remedy), fmt, ap);
    va_end(ap);
    tm_utf8_clean(c->remedy);
}

const struct tuf_report_check *tuf_report_first_failure(const struct tuf_report *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->check[i].outcome == REPORT_FAILED)
            return &r->check[i];
    }
    return NULL;
}

bool tuf_report_ok(const struct tuf_report *r)
{
    bool passed = false;
    for (size_t i = 0; i < r->count; i++)
        passed |= r->check[i].outcome == REPORT_PASSED;
    return passed && !r->overflow && tuf_report_first_failure(r) == NULL;
}
