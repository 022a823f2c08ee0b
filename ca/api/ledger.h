/*
 * Times by key, in memory that is bounded from the start: what limits and single use remember. A
 * row whose time has passed is free. Sets of LEDGER_WAYS rows, chosen by the key, which is a hash:
 * nobody can choose another's set.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define LEDGER_KEY 16 /* bytes */
#define LEDGER_WAYS 16

struct ca_ledger;

/* Bytes of its rows; each takes memory when it is first used. */
#define LEDGER_BYTES(sets) ((sets)*LEDGER_WAYS * (LEDGER_KEY + sizeof(int64_t)))

/* `sets` is a power of two. `memory`: LEDGER_BYTES of it for the rows, aligned for any type, all 0
 * or as another ledger left them, even one whose process was killed; borrowed; NULL: its own. NULL
 * with `e` set. */
struct ca_ledger *ca_ledger_new(size_t sets, void *memory, struct tm_err *e);
void ca_ledger_free(struct ca_ledger *l); /* NULL is fine */

/* The key's time, which the caller may change before ca_ledger_close; 0: it has none. Other
 * threads wait for the set meanwhile. NULL, and nothing to close: the set is full of rows whose
 * time is after `now`; with `forget` the earliest of them gives way instead. */
int64_t *ca_ledger_open(struct ca_ledger *l, const unsigned char key[LEDGER_KEY], int64_t now,
                        bool forget);
void ca_ledger_close(struct ca_ledger *l, const unsigned char key[LEDGER_KEY]);
