/*
 * Logs of signatures, as the engine knows them: C2SP tlog-tiles, each entry a JSON text.
 */
#pragma once

#include "ca/log/engine/format.h"

#define SIG_ENTRY_MAX 65535 /* bytes of a text: a tile has its length in 16 bits */

extern const struct ca_log_format ca_log_format_signatures;

/* Takes what `text` holds. -1: it is too long, or there is no memory. */
int ca_sig_draft_init(struct ca_log_draft *d, const struct tm_buf *text, struct tm_err *e);

/* The hash of the entry with this text. */
void ca_sig_leaf_hash(const struct tm_buf *text, struct tm_merkle_hash *out);
