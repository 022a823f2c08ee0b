/*
 * The certificate's path to a trusted CA, judged at a given time (RFC 5280 §6, the "hybrid
 * model": every certificate valid at that time) and within the CA's window in the trusted root.
 */
#pragma once

#include <openssl/x509.h>
#include <stdint.h>

#include "common/err.h"
#include "tuf/verify/trust/trusted_root.h"

/*
 * Finds the certificate authority of `root` under which `leaf` verifies at time_ms: the path must
 * be exactly that entry's chain, so that a certificate that a bundle brings along never extends
 * what an entry trusts. The leaf may sign code and is no CA. 0: *ca is the entry (borrowed); -1:
 * `e` says why the likeliest entry does not fit.
 */
int tuf_path_find(const struct tuf_trusted_root *root, X509 *leaf, int64_t time_ms,
                  const struct tuf_trust_entry **ca, struct tm_err *e);

/* Whether an entry that tuf_path_find() found for `leaf` at one time holds at another as well: the
 * signatures are the same, only times are compared. False: ask tuf_path_find(). */
bool tuf_path_holds(const struct tuf_trust_entry *found, X509 *leaf, int64_t time_ms);

int64_t tuf_path_not_before_ms(X509 *cert);
int64_t tuf_path_not_after_ms(X509 *cert);

/* An X509_STORE that trusts the entry's anchor alone and judges at time_ms; for chains of
 * authorities. NULL: out of memory. */
X509_STORE *tuf_path_store(const struct tuf_trust_entry *authority, int64_t time_ms);
