/*
 * A signature of a key that takes its time (a token's, a key service's): made on another thread,
 * while who wants it serves others. A key in memory signs at once.
 */
#pragma once

#include "ca/signer/signer.h"
#include "common/offload.h"

struct ca_errand;

enum ca_errand_status {
    ERRAND_DONE,   /* the signature is there */
    ERRAND_WAIT,   /* `wake` will be called once; then ask ca_errand_take */
    ERRAND_FAILED, /* `e` says why */
};

/* Signs `tbs`, which is copied. `threads` NULL: always at once. On WAIT, *errand is the caller's
 * until ca_errand_take or ca_errand_drop, and wake(arg) is called exactly once, also after a
 * drop. */
enum ca_errand_status ca_errand_begin(struct ca_signer *s, struct tm_offload *threads,
                                      const struct tm_buf *tbs, void (*wake)(void *arg), void *arg,
                                      struct ca_errand **errand, struct tm_buf *sig,
                                      struct tm_err *e);

/* After the wake: DONE or FAILED; *errand is NULL then. */
enum ca_errand_status ca_errand_take(struct ca_errand **errand, struct tm_buf *sig,
                                     struct tm_err *e);
void ca_errand_drop(struct ca_errand *errand); /* NULL is fine */
