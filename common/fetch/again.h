/*
 * Asking again: what passes by itself (a service that is busy or restarts, a connection that is
 * lost) is asked a few times with growing pauses; everything else once.
 */
#pragma once

#include "common/fetch/fetch.h"

#define TM_FETCH_TRIES 4      /* unless the caller says another */
#define TM_FETCH_TRIES_MAX 20 /* of what a person may ask for: some nine minutes */

/* 429, 502, 503, 504, or no answer because the connection was refused or lost. `rc` and `resp`
 * are tm_fetch_run's. */
bool tm_fetch_may_pass(int rc, const struct tm_fetch_response *resp);

/* Milliseconds to wait after the try numbered `tried` (from 1): half a second, then twice as long
 * each time, and a little by chance so that jobs of one batch do not come back together; as long
 * as Retry-After says, but not over half a minute. retry_after_s < 0: it says nothing. */
int64_t tm_fetch_pause_ms(unsigned tried, int64_t retry_after_s);

void tm_fetch_pause(unsigned tried, int64_t retry_after_s); /* waits that long */

/* tm_fetch_run, up to req->tries times. For requests without a `sink`, which may be sent
 * twice. In vain, `e` says how often it was tried. */
int tm_fetch_run_again(const struct tm_fetch_request *req, struct tm_fetch_response *resp,
                       struct tm_err *e);
