/* The messages between the two sides. Internal to ca/once. */
#pragma once

#include "ca/once/far.h"

#define ONCE_AT_ONCE_MAX 8192 /* claims that wait for an answer; requests are fewer */

enum { ONCE_CLAIM, ONCE_RELEASE, ONCE_OUTCOME, ONCE_STATE };

struct ca_once_ask { /* CLAIM, RELEASE */
    uint64_t number; /* the claim's, of this channel */
    struct tm_ipc_bytes id;
    int64_t from_s, until_s, now_s; /* Unix seconds; a release has none */
};

struct ca_once_outcome {
    /* Of a claim that was answered already: it could not be taken back, or, USED, a token that was
     * let in while its use was unknown was another server's, too. */
    uint64_t number;
    uint64_t status; /* enum ca_once_status, but WAIT */
    const char *why; /* UNKNOWN, YOUNG */
};

struct ca_once_state {
    uint64_t up;
    const char *why; /* with up 0 */
    uint64_t evicts; /* enum ca_redis_evicts */
    const char *how; /* of that */
};

extern const struct tm_ipc_protocol ca_once_protocol;
