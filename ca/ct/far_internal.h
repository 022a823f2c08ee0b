/* The forms in which the issuer and the log's process speak. */
#pragma once

#include "ca/ct/far.h"

enum {
    /* from the issuer */
    CT_FAR_CHAIN, /* goes with all entries that follow */
    CT_FAR_ENTRY,
    CT_FAR_ROOT,
    CT_FAR_ASK, /* whether an entry would be taken */
    /* from the log */
    CT_FAR_HELLO,
    CT_FAR_SCT, /* to each ENTRY, once */
    CT_FAR_STATE,
};

struct ca_ct_far_certificates { /* CHAIN: a u24 length before each; ROOT: one, without */
    struct tm_ipc_bytes der;
};

struct ca_ct_far_entry {
    uint64_t id;
    uint64_t detached; /* `cert` is the certificate; else the TBSCertificate */
    struct tm_ipc_bytes cert;
    struct tm_ipc_bytes precert; /* empty: none */
    struct tm_ipc_bytes issuer_key_hash;
};

struct ca_ct_far_ask {
    uint64_t n;
};

struct ca_ct_far_hello {
    struct tm_ipc_bytes id;
};

struct ca_ct_far_sct {
    uint64_t id;
    struct tm_ipc_bytes sct; /* empty: `why` says why there is none */
    const char *why;
};

struct ca_ct_far_state {
    uint64_t n; /* of the ASK */
    uint64_t ready;
    const char *why;
};

#define CT_FAR_CHAIN_MAX ((size_t)LOG_ISSUERS_MAX * 64 * 1024)

extern const struct tm_ipc_protocol ca_ct_far_protocol;
