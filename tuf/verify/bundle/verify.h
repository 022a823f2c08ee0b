/*
 * A whole verification. The data goes one way: log entries and timestamps -> signing times ->
 * certificate path at those times -> SCTs -> identity -> signature over the artifact -> log
 * entries are about it.
 */
#pragma once

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include "tuf/verify/trust/trusted_root.h"
#include "tuf/verify/bundle/artifact.h"
#include "tuf/verify/bundle/bundle.h"
#include "tuf/verify/bundle/identity.h"
#include "tuf/verify/bundle/report.h"

struct tuf_verify_job { /* all borrowed */
    const struct tuf_trusted_root *root;
    const struct tuf_bundle *bundle;
    EVP_PKEY *key;                       /* for a bundle signed by a key; else NULL */
    const struct tuf_artifact *artifact; /* NULL: none given */
    bool artifact_waived;                /* a DSSE envelope is checked without its subject */
    const char *predicate_type;          /* of an attestation, which is then wanted; NULL: any */
    struct tuf_identity_policy policy;

    const struct tm_buf *detached_scts; /* SCT list from beside the certificate; or NULL */
    size_t scts;                        /* CT logs that must vouch for the certificate */
    size_t tlogs;       /* transparency logs that must hold an entry about the signature */
    bool tlogs_by_time; /* one at least, if the trusted root has a log whose window holds the time
                           of signing: whoever runs one wants signatures in it */
    size_t timestamps;  /* timestamp authorities that must have signed a time */
    int64_t now_ms;
    bool has_at; /* the caller vouches for this signing time */
    int64_t at_ms;
};

/* Fills `r`, which must be zeroed. 0: tuf_report_ok(r). */
int tuf_verify_run(const struct tuf_verify_job *job, struct tuf_report *r);
