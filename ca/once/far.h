/*
 * Used tokens in a store that several servers share. The process that issues asks the one that has
 * the network; what can be said between them is this, and nothing else:
 *
 *     claim (number, a token's id, how long)  -> first, young, used or unknown, and why
 *     release (number, the token's id)
 *     <- the store is there, or away (why); whether it may evict keys
 *
 * In the store a used token is a key with the claim's name for its value, which ends when the token
 * does; so a claim may be asked twice, and is taken back by whom it belongs to alone. One more key
 * has the time at which the store began to remember: of tokens older than that it cannot know. A
 * store that may evict keys forgets some, and does not know which.
 *
 * A claim whose outcome is unknown may have been carried out. `lenient` says what becomes of it,
 * on both sides: false, nobody gets a certificate for it, and it is taken back as soon as the store
 * is there again; true, the token is let in, so the claim stays, in the memory of this server, and
 * is asked again when the store is there: then the other servers know, too.
 */
#pragma once

#include <stdbool.h>

#include "ca/api/once.h"
#include "ca/once/redis.h"
#include "common/buf.h"
#include "common/ipc/loop.h"
#include "common/jlog.h"

/* ---- the side that issues ---- */

struct ca_once_far;

/* Takes `fd`. `memory`, of ca_once_memory_new, and `log` are borrowed: what this server has
 * let in it knows without the store, whatever that has forgotten. One thread of its own. NULL with
 * `e` set. */
struct ca_once_far *ca_once_far_new(int fd, const struct ca_once *memory, bool lenient,
                                    struct tm_jlog *log, struct tm_err *e);
/* After the requests: wakes whoever still waits. NULL is fine. */
void ca_once_far_stop(struct ca_once_far *f);
void ca_once_far_free(struct ca_once_far *f); /* NULL is fine */

const struct ca_once *ca_once_far_store(const struct ca_once_far *f);

/* For ca_ready_check.look; `far` is a struct ca_once_far. Any thread. */
int ca_once_far_look(void *far, struct tm_err *e);

/* Prometheus text: tenmint_token_store_up, _evicts and _claims_total by outcome. */
void ca_once_far_metrics(struct ca_once_far *f, struct tm_buf *out);

/* ---- the side that asks the store ---- */

struct ca_once_service;

/* Takes `fd`; `loop` must not run yet. `o` is borrowed. NULL with `e` set. */
struct ca_once_service *ca_once_service_new(int fd, struct tm_ipc_loop *loop,
                                            const struct ca_redis_options *o, bool lenient,
                                            struct tm_err *e);
int ca_once_service_start(struct ca_once_service *s, struct tm_err *e); /* a thread of its own */
void ca_once_service_free(struct ca_once_service *s); /* once the loop has ended; NULL is fine */
