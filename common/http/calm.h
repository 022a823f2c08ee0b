/*
 * What one HTTP/2 connection may ask for that costs us work and it nothing: frames that bring no
 * request forward. An account: each such frame costs, time and answered requests pay back. Whoever
 * has none left is not talking to us but flooding us: rapid resets (CVE-2023-44487), pings,
 * settings, empty frames, priorities, windows of a byte.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define HTTP_CALM_BURST 600 /* frames at once */
#define HTTP_CALM_PER_SECOND 20
#define HTTP_CALM_RESET 6   /* frames that a reset stream costs, */
#define HTTP_CALM_ANSWER 8  /* and that a request pays which was answered, */
#define HTTP_CALM_SENT 1024 /* and as many bytes of body that were sent, one */

struct tm_http_calm { /* zero-initialise */
    int64_t spent;    /* frames not paid back yet */
    int64_t at_ms;    /* when time last paid */
    uint64_t unpaid;  /* bytes sent for which nothing was paid back yet */
};

/* Spends `frames` at time `now_ms`. False: the account is overdrawn. */
bool tm_http_calm_spend(struct tm_http_calm *c, unsigned frames, int64_t now_ms);
void tm_http_calm_answered(struct tm_http_calm *c);
void tm_http_calm_sent(struct tm_http_calm *c, uint64_t bytes);
