/*
 * That the certificate was logged: signed certificate timestamps inside it or beside it, by trusted
 * CT logs.
 */
#pragma once

#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "tuf/verify/trust/trusted_root.h"
#include "tuf/verify/bundle/report.h"

struct tuf_scts_of {
    X509 *leaf, *issuer;
    const struct tm_buf *detached; /* an SCT list (RFC 6962 §3.3) over the whole leaf, or NULL */
};

/*
 * At least `threshold` distinct CT logs of `root` gave a valid SCT for the leaf as issued by its
 * issuer, at a time within the log's window and not in the future. A threshold of 0 asks for
 * nothing. One line in the report, and a note for each SCT that does not count.
 */
void tuf_scts_check(const struct tuf_trusted_root *root, const struct tuf_scts_of *what,
                    size_t threshold, int64_t now_ms, struct tuf_report *r);
