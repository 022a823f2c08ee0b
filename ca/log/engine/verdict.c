#include "ca/log/engine/verdict.h"

void ca_log_verdict_pass(struct ca_log_verdict *v, const struct tm_err *why)
{
    if (ca_log_contradicted(v))
        return;
    v->why = *why;
    atomic_store_explicit(&v->contradicted, true, memory_order_release);
}

bool ca_log_contradicted(const struct ca_log_verdict *v)
{
    return atomic_load_explicit(&v->contradicted, memory_order_acquire);
}

int ca_log_verdict_check(const struct ca_log_verdict *v, struct tm_err *e)
{
    return ca_log_contradicted(v) ? tm_err_set(e, "%s", v->why.text) : 0;
}
