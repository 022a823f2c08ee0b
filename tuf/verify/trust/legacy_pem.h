/*
 * The PEM targets by which clients on sigstore's older TUF client trust: a file for each
 * certificate or key, and in the targets metadata what it is for (`custom.sigstore`: usage,
 * status, uri). They know no time windows, only Active and Expired.
 */
#pragma once

#include "common/certs.h"
#include "tuf/verify/trust/trusted_root.h"

#define LEGACY_PEM_NAME_MAX 64

struct tuf_legacy_pem {
    char name[LEGACY_PEM_NAME_MAX];
    const char *usage, *status; /* static */
    const char *uri;            /* borrowed from the trusted root */
    struct tm_buf text;         /* PEM */
};

struct tuf_legacy_pems {
    struct tuf_legacy_pem *item; /* owned */
    size_t count;
};

/*
 * Those of a trusted root. What is in force at now_ms has the names that clients without `custom`
 * ask for (fulcio.crt.pem, fulcio_intermediate_v1.crt.pem, ctfe.pub, rekor.pub); every other entry
 * has the beginning of its fingerprint in the name, and Expired when its window has ended.
 */
int tuf_legacy_pems_make(const struct tuf_trusted_root *r, int64_t now_ms,
                         struct tuf_legacy_pems *out, struct tm_err *e);
void tuf_legacy_pems_free(struct tuf_legacy_pems *p);

/* The usage that clients read out of a name ("ctfe_2022.pub": "CTFE"); NULL: none. */
const char *tuf_legacy_pem_usage(const char *name);

struct tuf_legacy_claim { /* a target that is published */
    const char *name;
    const char *usage;  /* NULL: by the name */
    const char *status; /* NULL: it says none */
    const void *text;
    size_t len;
};

/* Which certificates and keys the claims so far have; begins as zeros. */
struct tuf_legacy_seen {
    bool has[TRUST_LIST_COUNT][TRUSTED_ROOT_ENTRIES_MAX][CERTS_MAX];
};

/* Whether the trusted root has every certificate or the key of the file, with that status at a time
 * between from_ms and to_ms. -1 with the difference in `e`. A usage of another kind is no fault. */
int tuf_legacy_pem_judge(const struct tuf_trusted_root *r, const struct tuf_legacy_claim *c,
                         int64_t from_ms, int64_t to_ms, struct tuf_legacy_seen *seen,
                         struct tm_err *e);

/* Whether everything of the trusted root that has such targets was seen. */
int tuf_legacy_pems_complete(const struct tuf_trusted_root *r, const struct tuf_legacy_seen *seen,
                             struct tm_err *e);
