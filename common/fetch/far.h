/*
 * Fetches that another process carries out: whoever holds keys has no network, and whoever has the
 * network holds no keys. A hub is this process's end of the channel; up to 16 struct
 * tm_fetch_pool at once stand on it and work as they do on their own.
 */
#pragma once

#include "common/fetch/fetch.h"
#include "common/ipc/loop.h"

struct tm_fetch_hub;

/* Takes `fd`, a socket whose other end is served by a tm_fetch_service. One thread of its own, on
 * which the pools' callbacks run. NULL with `e` set. */
struct tm_fetch_hub *tm_fetch_hub_new(int fd, struct tm_err *e);
void tm_fetch_hub_free(struct tm_fetch_hub *h); /* after its pools; NULL is fine */

/* The side that fetches: serves one channel on a loop. */
struct tm_fetch_service;
/* Takes `fd`. `loop` must not run yet. Each of the other side's pools is one of its own here. */
struct tm_fetch_service *tm_fetch_service_new(int fd, struct tm_ipc_loop *loop, struct tm_err *e);
void tm_fetch_service_free(struct tm_fetch_service *s); /* once the loop has ended; NULL is fine */
