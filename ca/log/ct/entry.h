/*
 * A certificate on its way into the log.
 */
#pragma once

#include "common/transparency/sct.h"

#define LOG_ENTRY_MAX ((size_t)128 * 1024) /* bytes of one TileLeaf */
#define LOG_ISSUERS_MAX 8                  /* certificates of an entry's chain */

struct ca_log_entry { /* copied when it is added */
    struct tm_sct_entry signed_entry;
    const unsigned char *precert; /* SCT_PRECERT: DER as submitted; NULL for SCT_X509 */
    size_t precert_len;
    const unsigned char *const *issuer; /* DER of the chain, issuing CA first */
    const size_t *issuer_len;
    size_t issuer_count;
};
