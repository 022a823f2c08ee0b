/* The messages between lane.c and asker.c. */
#pragma once

#include "common/kms/lane.h"

#define LANE_SPKI_MAX ((size_t)2048)
#define LANE_SIGNATURE_MAX ((size_t)2048)

enum { LANE_OPEN, LANE_SIGN, LANE_CLOSE, LANE_OPENED, LANE_SIGNED, LANE_STATE };

struct tm_kms_open {
    uint64_t id;
};
struct tm_kms_sign {
    uint64_t id, key, scheme, hash;
    struct tm_ipc_bytes data;
};
struct tm_kms_close {
    uint64_t key;
};
struct tm_kms_opened {
    uint64_t id, key;
    struct tm_ipc_bytes spki; /* DER; empty: it was not opened */
    const char *why;
};
struct tm_kms_signed {
    uint64_t id;
    struct tm_ipc_bytes signature; /* empty: there is none */
    const char *why;
};
struct tm_kms_state {
    uint64_t key, away;
    const char *why;
};

extern const struct tm_ipc_protocol tm_kms_protocol;
