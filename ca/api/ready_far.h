/*
 * A check of /readyz whose answer another process knows. The process that tells has a
 * ca_ready_teller; the one that has the list asks it anew with each look, and reads its last answer
 * without waiting.
 */
#pragma once

#include "ca/api/ready.h"

struct ca_ready_asker;

/* Takes `fd`. One thread of its own. NULL with `e` set. */
struct ca_ready_asker *ca_ready_asker_new(int fd, struct tm_err *e);
void ca_ready_asker_free(struct ca_ready_asker *a); /* NULL is fine */

/* For ca_ready_check.look; `asker` is a struct ca_ready_asker. One thread at a time. */
int ca_ready_asker_look(void *asker, struct tm_err *e);

struct ca_ready_teller;

/* Takes `fd`. `look` is called on the teller's thread. NULL with `e` set. */
struct ca_ready_teller *ca_ready_teller_new(int fd, int (*look)(void *ctx, struct tm_err *e),
                                            void *ctx, struct tm_err *e);
int ca_ready_teller_start(struct ca_ready_teller *t, struct tm_err *e);
void ca_ready_teller_free(struct ca_ready_teller *t); /* NULL is fine */
