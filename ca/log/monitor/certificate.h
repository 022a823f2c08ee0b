/*
 * What a certificate (or a TBSCertificate, as logs hold it) says about whom it was issued to, read
 * where it lies: nothing is allocated, and a scan of millions costs little. Only for searching: it
 * verifies nothing.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/identity.h"
#include "common/transparency/sct.h"

struct ca_cert_text { /* into the certificate; p is NULL when there is none */
    const unsigned char *p;
    size_t len;
};

struct ca_certificate {
    struct ca_cert_text serial;    /* the INTEGER's bytes, without a leading zero */
    int64_t not_before, not_after; /* Unix seconds */
    struct ca_cert_text
        names; /* GeneralNames of the subject alternative name: ca_certificate_next_name */
    struct ca_cert_text identity[IDENTITY_FIELD_COUNT];
};

/* -1: not one DER certificate (SCT_X509) or TBSCertificate (SCT_PRECERT), or an extension of ours
 * is damaged or repeated. */
int ca_certificate_read(const struct tm_sct_entry *logged, struct ca_certificate *out,
                        struct tm_err *e);

enum ca_certificate_name_kind {
    CERTIFICATE_EMAIL,
    CERTIFICATE_DNS,
    CERTIFICATE_URI,
    CERTIFICATE_OTHER, /* otherName 1.3.6.1.4.1.57264.1.7, UTF8String */
};

/* Walks c->names: starts with *at = 0. 1: the next, 0: the end. Kinds that are not in the enum are
 * passed over. */
int ca_certificate_next_name(const struct ca_certificate *c, size_t *at,
                             enum ca_certificate_name_kind *kind, struct ca_cert_text *out);
