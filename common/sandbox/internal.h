/* What the files of common/sandbox share. */
#pragma once

#include <stdbool.h>

/* Sanitizers read /proc, map shadow memory and start threads of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_OFF 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define SANDBOX_OFF 1
#endif
#endif
#ifndef SANDBOX_OFF
#define SANDBOX_OFF 0
#endif

/* calls.c: the process was started with LD_PRELOAD, and may read what it likes. */
bool tm_sandbox_is_preloaded(void);
