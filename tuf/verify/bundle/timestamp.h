/*
 * RFC 3161 signed timestamps by trusted authorities.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "tuf/verify/trust/trusted_root.h"

/*
 * 0: `response` (DER TimeStampResp) is over `data`, by an authority of `root` whose certificates
 * and window hold at the time that it states: *time_ms (whole seconds), *tsa (borrowed).
 */
int tuf_timestamp_verify(const struct tuf_trusted_root *root, const struct tm_buf *response,
                         const void *data, size_t len, const struct tuf_trust_entry **tsa,
                         int64_t *time_ms, struct tm_err *e);

/* Appends a DER TimeStampReq for `data` (SHA-256, with a nonce, asking for no certificate). */
int tuf_timestamp_request(const void *data, size_t len, struct tm_buf *out, struct tm_err *e);

/* 0: the authority granted it and it is over `data`; whose it is, is not checked. */
int tuf_timestamp_check_granted(const struct tm_buf *response, const void *data, size_t len,
                                struct tm_err *e);
