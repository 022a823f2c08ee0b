/*
 * An entry of an artifact transparency log (Rekor): that a trusted log holds it and when it came,
 * and that it is about this signature. Source: sigstore_rekor.proto; C2SP tlog-checkpoint; Rekor's
 * hashedrekord, dsse and intoto types.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/transparency/note.h"
#include "tuf/verify/trust/trusted_root.h"
#include "tuf/verify/bundle/artifact.h"
#include "tuf/verify/bundle/bundle.h"

struct tuf_tlog_proof {
    const struct tuf_trust_entry *log; /* borrowed */
    bool has_time;
    int64_t time_ms; /* integrated time, by a signed entry timestamp */
};

/*
 * 0: a log of `root` holds the entry: its signed entry timestamp and its inclusion proof with
 * checkpoint, as far as the entry has them, verify, and it has one of them at least. With a time,
 * the time is in the log's window; without one the caller compares the window itself.
 */
int tuf_tlog_check_logged(const struct tuf_trusted_root *root, const struct tuf_log_entry *entry,
                          struct tuf_tlog_proof *proof, struct tm_err *e);

/* 0: `note` is a checkpoint of the log, signed by its key; *c is what it says. */
int tuf_tlog_check_checkpoint(const struct tuf_trust_entry *log, const void *note, size_t len,
                              struct tm_checkpoint *c, struct tm_err *e);

/*
 * 0: the entry's body names the bundle's signature, the leaf (or `key`) and the artifact or DSSE
 * payload. Kinds: hashedrekord 0.0.1 and 0.0.2, dsse 0.0.1 and 0.0.2, intoto 0.0.2.
 */
int tuf_tlog_check_body(const struct tuf_log_entry *entry, const struct tuf_bundle *bundle,
                        EVP_PKEY *key, const struct tuf_artifact *artifact, struct tm_err *e);
