/*
 * From a request to the text that is logged: every signature is verified, and what is written
 * follows from the request alone, so that anybody can build it from a bundle.
 */
#pragma once

#include "ca/log/signatures/request.h"

/* "hashedrekord", "dsse"; all are of version SIG_VERSION. */
const char *ca_sig_kind_name(enum ca_sig_kind kind);
#define SIG_VERSION "0.0.2"

struct ca_sig_judgement {
    int signer[SIG_SIGNATURES_MAX]; /* of each signature of an envelope: its verifier's number */
};

/* 0: each signature verifies by a verifier of the request. -1 with the reason, which may be shown
 * to the client. */
int ca_sig_entry_judge(const struct ca_sig_algorithms *a, const struct ca_sig_request *r,
                       struct ca_sig_judgement *out, struct tm_err *e);

/* Appends the canonical text (RFC 8785) of a request that was judged good. */
int ca_sig_entry_write(const struct ca_sig_request *r, const struct ca_sig_judgement *j,
                       struct tm_buf *out, struct tm_err *e);
