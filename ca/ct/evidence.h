/* Inside ca/ct only: what is shown to a log. */
#ifndef TENMINT_CA_CT_EVIDENCE_H
#define TENMINT_CA_CT_EVIDENCE_H

#include <stdatomic.h>

#include "ca/ct/log.h"
#include "common/transparency/sct.h"

struct ct_evidence {
    atomic_uint refs;
    atomic_bool abandoned;
    const char *path; /* "/ct/v1/add-…" */
    struct buf body;  /* the JSON */
    struct buf cert;  /* what `entry` points to */
    unsigned char key_hash[SCT_KEY_HASH];
    struct sct_entry entry; /* what the SCT must be over */
    int64_t deadline_ms;
};

struct ct_evidence *ct_evidence_ref(struct ct_evidence *ev);

#endif
