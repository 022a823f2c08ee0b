#include "common/http/calm.h"

static void pay(struct tm_http_calm *c, int64_t frames)
{
    c->spent = c->spent > frames ? c->spent - frames : 0;
}

bool tm_http_calm_spend(struct tm_http_calm *c, unsigned frames, int64_t now_ms)
{
    int64_t due = (now_ms - c->at_ms) * HTTP_CALM_PER_SECOND / 1000;
    if (due > 0) {
        pay(c, due);
        c->at_ms = now_ms;
    }
    c->spent += frames;
    return c->spent <= HTTP_CALM_BURST;
}

void tm_http_calm_answered(struct tm_http_calm *c)
{
    pay(c, HTTP_CALM_ANSWER);
}

void tm_http_calm_sent(struct tm_http_calm *c, uint64_t bytes)
{
    c->unpaid += bytes;
    pay(c, (int64_t)(c->unpaid / HTTP_CALM_SENT));
    c->unpaid %= HTTP_CALM_SENT;
}
