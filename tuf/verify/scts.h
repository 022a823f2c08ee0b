/*
 * That the certificate was logged: signed certificate timestamps inside it, by trusted CT logs.
 */
#ifndef TENMINT_TUF_VERIFY_SCTS_H
#define TENMINT_TUF_VERIFY_SCTS_H

#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

#include "tuf/sigstore/trusted_root.h"
#include "tuf/verify/report.h"

/*
 * At least `threshold` distinct CT logs of `root` gave a valid SCT for `leaf` as issued by
 * `issuer`, at a time within the log's window and not in the future. A threshold of 0 asks for
 * nothing. One line in the report, and a note for each SCT that does not count.
 */
void scts_check(const struct trusted_root *root, X509 *leaf, X509 *issuer, size_t threshold,
                int64_t now_ms, struct report *r);

#endif
