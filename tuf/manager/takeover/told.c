/* What is said of a repository that is taken over: losses and notes, a line each. */
#include <stdarg.h>
#include <stdio.h>

#include "common/utf8.h"
#include "tuf/manager/takeover/internal.h"

#define TOLD_MAX 50 /* lines of each kind */

__attribute__((format(printf, 3, 0))) static void tell(struct tm_buf *lines, size_t *count,
                                                       const char *fmt, va_list ap)
{
    char line[ERR_TEXT_MAX];
    if ((*count)++ >= TOLD_MAX)
        return;
    vsnprintf(line, sizeof(line), fmt, ap);
    tm_utf8_clean(line);
    tm_buf_printf(lines, "%s\n", line);
}

void tuf_plan_loss(struct tuf_plan *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    tell(&p->out->losses, &p->out->loss_count, fmt, ap);
    va_end(ap);
}

void tuf_plan_note(struct tuf_plan *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    tell(&p->out->notes, &p->out->notes_count, fmt, ap);
    va_end(ap);
}
