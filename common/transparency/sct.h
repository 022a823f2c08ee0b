/*
 * Signed certificate timestamps (RFC 6962 §3.2, §3.3) and what they sign.
 */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

#define SCT_LIST_MAX 65535 /* bytes, RFC 6962 §3.3 */
#define SCT_LOG_ID 32      /* bytes */
#define SCT_KEY_HASH 32    /* bytes */

struct tm_sct {                       /* pointers go into the parsed bytes */
    unsigned char log_id[SCT_LOG_ID]; /* SHA-256 of the log's SPKI: tm_digsig_log_id */
    uint64_t timestamp_ms;
    const unsigned char *extensions;
    size_t extensions_len;
    const unsigned char *signature; /* the DigitallySigned: hash, algorithm, u16 length, bytes */
    size_t signature_len;
};

/* One serialised v1 SCT, nothing after it. */
int tm_sct_parse(const void *data, size_t len, struct tm_sct *out, struct tm_err *e);
void tm_sct_put(const struct tm_sct *s, struct tm_buf *out);

/* Walks a SignedCertificateTimestampList, all of `len`. *at starts at 0. 1: `out` is the next, 0:
 * the end, -1: damaged. */
int tm_sct_list_next(const void *list, size_t len, size_t *at, struct tm_sct *out,
                     struct tm_err *e);
/* Appends the list of `count` serialised SCTs. */
int tm_sct_list_put(const struct tm_buf *serialised, size_t count, struct tm_buf *out,
                    struct tm_err *e);

enum tm_sct_entry_type { SCT_X509 = 0, SCT_PRECERT = 1 };

struct tm_sct_entry { /* what was logged */
    enum tm_sct_entry_type type;
    const unsigned char *cert; /* X509: the DER certificate; PRECERT: the TBSCertificate */
    size_t cert_len;
    const unsigned char *issuer_key_hash; /* PRECERT: 32 bytes */
};

/* Appends the bytes that the log signs: sign them by tm_digsig_sign into s->signature. */
int tm_sct_signed_data(const struct tm_sct *s, const struct tm_sct_entry *entry, struct tm_buf *out,
                       struct tm_err *e);

/* Log id, signature, and that the timestamp is not after now_ms + skew_ms. */
int tm_sct_verify(const struct tm_sct *s, const struct tm_sct_entry *entry, EVP_PKEY *log_key,
                  int64_t now_ms, int64_t skew_ms, struct tm_err *e);

/* The leaf_index extension of static-ct-api: 5 bytes big-endian in extension type 0.
 * get: 1 found, 0 absent, -1 damaged. */
int tm_sct_leaf_index_get(const struct tm_sct *s, uint64_t *index, struct tm_err *e);
void tm_sct_leaf_index_put(uint64_t index, struct tm_buf *out);

/* From a final certificate: the SCT list inside its extension (points into `der`), and the
 * TBSCertificate without that extension, byte for byte as the precertificate's without poison
 * (RFC 6962 §3.2), appended to `tbs`.
 * 1: found, 0: no SCT list (`tbs` is then untouched), -1: damaged. */
int tm_sct_from_certificate(const unsigned char *der, size_t len, const unsigned char **list,
                            size_t *list_len, struct tm_buf *tbs, struct tm_err *e);

/* SHA-256 of the issuing CA's SubjectPublicKeyInfo, for sct_entry. */
int tm_sct_issuer_key_hash(const X509 *issuer, unsigned char hash[SCT_KEY_HASH], struct tm_err *e);

/* From a precertificate: the TBSCertificate without its poison, which must be there once and be
 * critical with the value NULL. `tbs` is appended to. */
int tm_sct_from_precertificate(const unsigned char *der, size_t len, struct tm_buf *tbs,
                               struct tm_err *e);
