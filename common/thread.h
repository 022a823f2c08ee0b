/*
 * Threads that serve a module, and waits by the clock that never steps: a step of the wall clock
 * neither ends a wait nor draws it out.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* A condition variable for tm_cond_wait. */
void tm_cond_init(pthread_cond_t *c);

/* With `lock`: waits for a signal, at most until tm_clock_mono_ms() is `until_ms`. False: it is. It
 * also wakes for no reason: look again at what is waited for. */
bool tm_cond_wait(pthread_cond_t *c, pthread_mutex_t *lock, int64_t until_ms);

/* pthread_create of a thread that takes no signals: they are the main thread's. */
int tm_thread_start(pthread_t *thread, void *(*run)(void *arg), void *arg);
