/* tests/support/fake_kms.py as a child: key services on a free loopback port, with a folder of its
 * own. */
#pragma once

#include <sys/types.h>

struct fake_kms {
    char dir[64];  /* what the test may put files into; it goes with fake_kms_stop() */
    char base[64]; /* http://127.0.0.1:PORT */
    pid_t pid;
};

/* `delay_ms`: how long it takes over each answer, in decimal; NULL: none. -1, after a line on
 * standard error: it does not start. */
int fake_kms_start(struct fake_kms *f, const char *delay_ms);

/* -1: its folder cannot be removed. */
int fake_kms_stop(struct fake_kms *f);
