/*
 * Readers that take no lock. What is shared is an atomic pointer to a counted object; a reader
 * enters the gate, loads the pointer, takes its reference and leaves, which is a few instructions
 * that wait for nobody. A writer exchanges the pointer, then waits until everybody has left who
 * may have loaded the old one, and only then drops the owner's reference.
 *
 *     unsigned at = tm_gate_enter(&x->gate);            old = atomic_exchange(&x->thing, new);
 *     t = thing_ref(atomic_load(&x->thing));         tm_gate_wait(&x->gate);
 *     tm_gate_leave(&x->gate, at);                      thing_unref(old);
 *
 * The loads and exchanges must be sequentially consistent, which C's default is.
 */
#pragma once

#include <stdatomic.h>

#define GATE_LANES 8 /* threads are spread over these, so that they share no cache line */
#define GATE_LANE_BYTES 64

struct tm_gate { /* all zeros is an open gate */
    struct {
        atomic_uint inside;
        char apart[GATE_LANE_BYTES - sizeof(atomic_uint)];
    } lane[GATE_LANES];
};

/* Between the two: no lock, no wait, nothing that can block. The result goes to tm_gate_leave. */
unsigned tm_gate_enter(struct tm_gate *g);
void tm_gate_leave(struct tm_gate *g, unsigned at);

/* Until all who are inside now have left. Not from inside. */
void tm_gate_wait(struct tm_gate *g);
