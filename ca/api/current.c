/* What is in force at this moment: the time, and what the replies are made of. */
#include "ca/api/internal.h"

int ca_api_clock_ready(struct ca_api *api, struct tm_err *e)
{
    int64_t ms = 0;
    return tm_checked_clock_now(&api->clock, &ms, e);
}

int ca_api_now(struct ca_api *api, int64_t *now_s, struct ca_api_failure *f)
{
    int64_t ms = 0;
    if (api->o.now_s != NULL) {
        *now_s = api->o.now_s();
        return 0;
    }
    if (tm_checked_clock_now(&api->clock, &ms, &f->detail) != 0)
        return ca_api_failure_set(f, API_FAULT_CLOCK);
    *now_s = ms / 1000;
    return 0;
}

struct ca_api_view *ca_api_view_get(struct ca_api *api)
{
    unsigned at = tm_gate_enter(&api->gate);
    struct ca_api_view *v = ca_api_view_ref(atomic_load(&api->view));
    tm_gate_leave(&api->gate, at);
    return v;
}
