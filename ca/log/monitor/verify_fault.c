#include <stdarg.h>
#include <stdio.h>

#include "ca/log/monitor/verify_internal.h"

void ca_verify_fault(struct ca_verifier *v, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    v->report->faults++;
    v->o->fault(v->o->ctx, text);
}
