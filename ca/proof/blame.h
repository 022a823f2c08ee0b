/*
 * Whose fault is it that OpenSSL said no: the client's, who sent nonsense, or ours, who have no
 * memory?
 */
#pragma once

#include "ca/proof/proof.h"

/* `client`, or PROOF_INTERNAL when OpenSSL's queue holds an allocation failure or memory is out.
 * `what` and the first error go into `e`; clears the queue. */
enum ca_proof_status ca_proof_blame(enum ca_proof_status client, struct tm_err *e,
                                    const char *what);

/* PROOF_INTERNAL with "out of memory" in `e`. */
enum ca_proof_status ca_proof_no_memory(struct tm_err *e);
