/*
 * A key of a service, used by a process that has neither network nor credential: it asks, by a
 * channel for this one key, the process that has both. What can be said on it is this, and nothing
 * else:
 *
 *     open                      -> the key's number and its public half, or why not
 *     sign (number, a digest)   -> the signature, or why not
 *     close (number)
 *     <- away (number, why), or back
 *
 * Numbers tell a key apart from the one that follows it in a rotation. The asking side makes an
 * EVP_PKEY of it by tm_key_open, so each signature is verified before it is used.
 */
#pragma once

#include "common/ipc/loop.h"
#include "common/jlog.h"
#include "common/kms/kms.h"

/* ---- the side that signs with it ---- */

struct tm_kms_asker;

/* Takes `fd`. One thread of its own. NULL with `e` set. */
struct tm_kms_asker *tm_kms_asker_new(int fd, struct tm_err *e);
/* After its keys; NULL is fine. */
void tm_kms_asker_free(struct tm_kms_asker *a);

/* For struct tm_key_source. The URI that is opened by it must be of a service, and is otherwise not
 * looked at: which key it is, the other process knows. */
struct tm_key_far tm_kms_asker_far(struct tm_kms_asker *a);

/* Prometheus text: signatures made and failed, how long they took, whether the service answers.
 * `whose` is in their names: "log" makes tenmint_log_key_service_seconds. */
void tm_kms_asker_metrics(struct tm_kms_asker *a, const char *whose, struct tm_buf *out);

/* ---- the side that asks the service ---- */

struct tm_kms_lane;

struct tm_kms_lane_options {
    const char *role; /* in log lines */
    /* Where the key is now: called at each `open`. `u` is the caller's to free. */
    int (*where)(void *ctx, struct tm_key_uri *u, struct tm_err *e);
    void *ctx;
    struct tm_jlog *jlog;
};

/* Takes `fd`; `loop` must not run yet. NULL with `e` set. */
struct tm_kms_lane *tm_kms_lane_new(int fd, struct tm_ipc_loop *loop,
                                    const struct tm_kms_lane_options *o, struct tm_err *e);
void tm_kms_lane_free(struct tm_kms_lane *l); /* once the loop has ended; NULL is fine */
