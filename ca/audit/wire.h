/* The forms in which the processes of a server speak with the one that keeps the audit trail. */
#pragma once

#include "ca/audit/event.h"
#include "common/ipc/channel.h"

enum {
    AUDIT_WIRE_EVENT, /* to the keeper */
    AUDIT_WIRE_KEPT, /* from the keeper: to each event with an id, at the latest with a later one */
    AUDIT_WIRE_STATE, /* from the keeper, when it changes */
};

struct ca_audit_wire_event {
    uint64_t id; /* 0: no answer is wanted; else more than the one before */
    uint64_t kind;
    struct ca_audit_event event; /* its texts */
};

struct ca_audit_wire_kept {
    uint64_t upto; /* all events up to this id that were not answered yet */
    uint64_t ok;
    const char *why;
};

struct ca_audit_wire_state {
    uint64_t works;
    const char *why;
};

extern const struct tm_ipc_protocol ca_audit_wire;
