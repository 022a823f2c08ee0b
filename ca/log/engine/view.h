/*
 * What there is to serve of a log: one that takes entries, or one that is retired.
 */
#pragma once

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include "ca/log/engine/format.h"

struct ca_log;

struct ca_log_view { /* borrowed from the log, which outlives it */
    const char *directory, *origin;
    const unsigned char *id; /* 32 bytes */
    EVP_PKEY *key;           /* its public half is enough */
    /* Appends the newest checkpoint. Returns its tree size. */
    uint64_t (*checkpoint)(void *ctx, struct tm_buf *note);
    void *ctx;
};

struct ca_log_view ca_log_view_of(struct ca_log *l);

/*
 * A log that takes nothing more. Its directory is only read, and is complete: everything that got
 * an SCT is in its last checkpoint. While it is open here, no process can open it for writing.
 */
struct ca_log_retired; /* any thread */

/* `public_key_file`: PEM or DER. NULL with `e` set: the checkpoint is not by this key, the tree on
 * disk is not the checkpoint's, the journal holds entries that no checkpoint covers yet, a process
 * writes to it. */
struct ca_log_retired *ca_log_retired_open(const struct ca_log_format *format,
                                           const char *directory, const char *public_key_file,
                                           struct tm_err *e);
/* As ca_log_retired_open, to look before a change: a process that still writes to it is no fault,
 * *in_use says that there is one. */
struct ca_log_retired *ca_log_retired_look(const struct ca_log_format *format,
                                           const char *directory, const char *public_key_file,
                                           bool *in_use, struct tm_err *e);
void ca_log_retired_close(struct ca_log_retired *r); /* NULL is fine */
struct ca_log_view ca_log_retired_view(struct ca_log_retired *r);
