#include "ca/ct/retry.h"

#define DELAY_FIRST_MS 100
#define DELAY_MAX_MS 5000

int64_t ca_retry_delay_ms(unsigned n, uint32_t random)
{
    int64_t delay = DELAY_FIRST_MS;
    for (unsigned i = 1; i < n && delay < DELAY_MAX_MS; i++)
        delay *= 2;
    if (delay > DELAY_MAX_MS)
        delay = DELAY_MAX_MS;
    return delay - (int64_t)(random % (uint32_t)(delay / 2));
}

bool ca_breaker_admit(struct ca_breaker *b, int64_t now_ms)
{
    if (b->state == BREAKER_CLOSED)
        return true;
    if (b->state == BREAKER_OPEN && now_ms >= b->until_ms) {
        b->state = BREAKER_HALF_OPEN;
        b->probing = false;
    }
    if (b->state != BREAKER_HALF_OPEN || b->probing)
        return false;
    b->probing = true;
    return true;
}

bool ca_breaker_success(struct ca_breaker *b)
{
    bool changed = b->state != BREAKER_CLOSED;
    *b = (struct ca_breaker){.state = BREAKER_CLOSED};
    return changed;
}

static bool open_until(struct ca_breaker *b, int64_t until_ms)
{
    bool changed = b->state != BREAKER_OPEN;
    b->state = BREAKER_OPEN;
    b->probing = false;
    if (until_ms > b->until_ms)
        b->until_ms = until_ms;
    return changed;
}

bool ca_breaker_failure(struct ca_breaker *b, int64_t now_ms)
{
    if (b->state == BREAKER_OPEN)
        return false; /* one that began before it opened */
    if (b->failures < BREAKER_FAILURES)
        b->failures++;
    if (b->state == BREAKER_CLOSED && b->failures < BREAKER_FAILURES)
        return false;
    b->open_ms = b->open_ms == 0 ? BREAKER_OPEN_MS : 2 * b->open_ms;
    if (b->open_ms > BREAKER_OPEN_MAX_MS)
        b->open_ms = BREAKER_OPEN_MAX_MS;
    return open_until(b, now_ms + b->open_ms);
}

bool ca_breaker_pause(struct ca_breaker *b, int64_t now_ms, int64_t pause_ms)
{
    if (pause_ms > BREAKER_PAUSE_MAX_MS)
        pause_ms = BREAKER_PAUSE_MAX_MS;
    return open_until(b, now_ms + pause_ms);
}

void ca_breaker_abandon(struct ca_breaker *b)
{
    b->probing = false;
}
