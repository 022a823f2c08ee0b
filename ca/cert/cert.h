/*
 * The leaf certificate: Fulcio's profile (docs/certificate-specification.md),
 * encoded straight to DER from a table of extensions.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ca/signer/signer.h"
#include "common/buf.h"
#include "oidc/principal/principal.h"

#define CERT_SERIAL_LEN 20 /* bytes; top bit clear: RFC 5280 §4.1.2.2 */

struct ca_cert_spec {
    unsigned char serial[CERT_SERIAL_LEN];
    int64_t not_before; /* Unix seconds */
    int64_t not_after;
    const unsigned char *spki; /* subject's SubjectPublicKeyInfo, canonical DER */
    size_t spki_len;
    const struct oidc_principal *principal;
    bool subject_key_id; /* add a leaf SKI */
};

/* Fresh random serial and validity from `now_s`, `lifetime_s`, capped at the CA's end. */
int ca_cert_spec_init(struct ca_cert_spec *spec, const struct ca_signer *ca, int64_t now_s,
                      int64_t lifetime_s, struct tm_err *e);

enum ca_cert_form {
    CERT_FINAL,      /* no poison; with SCT list when `sct_list` is given */
    CERT_PRECERT,    /* critical poison last: RFC 6962 §3.1 */
    CERT_LOGGED_TBS, /* neither: the TBS that the log and the verifier sign over */
};

/* Appends the DER TBSCertificate. `sct_list`: TLS-encoded SignedCertificateTimestampList
 * (RFC 6962 §3.3), wrapped here; NULL for none. */
int ca_cert_tbs(const struct ca_cert_spec *spec, const struct ca_signer *ca, enum ca_cert_form form,
                const struct tm_buf *sct_list, struct tm_buf *tbs, struct tm_err *e);

/* Appends the DER Certificate of a TBS and its signature by the CA. */
int ca_cert_wrap(const struct tm_buf *tbs, const struct ca_signer *ca, const struct tm_buf *sig,
                 struct tm_buf *der, struct tm_err *e);

/* Signs `tbs` and appends the DER Certificate. */
int ca_cert_sign(const struct tm_buf *tbs, struct ca_signer *ca, struct tm_buf *der,
                 struct tm_err *e);
