/*
 * Whose entries a private log takes: those with a certificate of a trusted CA that is valid now.
 * Without it the log is everybody's, as Rekor is.
 */
#pragma once

#include <openssl/x509.h>

#include "ca/log/signatures/request.h"

/* The CAs of a PEM file of up to 256 KiB, roots and intermediates: each is trusted by itself. For
 * the caller to free; NULL with `e` set. */
X509_STORE *ca_sig_admit_read(const char *path, struct tm_err *e);

/* 0: every signer of the request has such a certificate. `now`: Unix seconds. */
int ca_sig_admit(X509_STORE *cas, const struct ca_sig_request *r, int64_t now, struct tm_err *e);
