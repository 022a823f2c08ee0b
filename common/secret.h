/*
 * Where private keys live in memory, and that nothing is left where they were. OpenSSL puts the
 * private numbers of keys into its secure heap (locked, between guard pages, in no core file) once
 * there is one; what its decoders allocate on the way there, it frees as it is, so a program that
 * asks for it wipes each block that is freed while a key is being read.
 */
#pragma once

#include "common/err.h"

/* First in main: OpenSSL may not have allocated anything. Without it nothing is wiped. */
void tm_secret_init(void);

/* Makes the secure heap; before the first key is read, in the process that will hold it: a fork
 * would copy it. */
int tm_secret_heap(struct tm_err *e);

/* What OpenSSL frees on this thread from the first to the second is wiped. They nest. */
void tm_secret_begin(void);
void tm_secret_end(void);
