/* Inside ca/ct only: what is shown to a log. */
#pragma once

#include <stdatomic.h>

#include "ca/ct/log.h"
#include "common/transparency/sct.h"

struct ca_ct_evidence {
    atomic_uint refs;
    atomic_bool abandoned;
    const char *path;   /* "/ct/v1/add-…" */
    struct tm_buf body; /* the JSON */
    struct tm_buf cert; /* what `entry` points to */
    unsigned char key_hash[SCT_KEY_HASH];
    struct tm_sct_entry entry; /* what the SCT must be over */
    int64_t deadline_ms;
};

struct ca_ct_evidence *ca_ct_evidence_ref(struct ca_ct_evidence *ev);
