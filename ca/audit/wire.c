#include "ca/audit/wire.h"

#define EVENT(member, kind) TM_IPC_FIELD(struct ca_audit_wire_event, member, kind, AUDIT_TEXT_MAX)
#define EVENT_TEXT(name, what) EVENT(event.name, IPC_TEXT),

static const struct tm_ipc_field event_fields[] = {EVENT(id, IPC_U64), EVENT(kind, IPC_U64),
                                                   AUDIT_FIELDS(EVENT_TEXT)};
static const struct tm_ipc_field kept_fields[] = {
    TM_IPC_FIELD(struct ca_audit_wire_kept, upto, IPC_U64, 0),
    TM_IPC_FIELD(struct ca_audit_wire_kept, ok, IPC_U64, 0),
    TM_IPC_FIELD(struct ca_audit_wire_kept, why, IPC_TEXT, ERR_TEXT_MAX),
};
static const struct tm_ipc_field state_fields[] = {
    TM_IPC_FIELD(struct ca_audit_wire_state, works, IPC_U64, 0),
    TM_IPC_FIELD(struct ca_audit_wire_state, why, IPC_TEXT, ERR_TEXT_MAX),
};
static const struct tm_ipc_form forms[] = {
    [AUDIT_WIRE_EVENT] = TM_IPC_FORM(struct ca_audit_wire_event, event_fields),
    [AUDIT_WIRE_KEPT] = TM_IPC_FORM(struct ca_audit_wire_kept, kept_fields),
    [AUDIT_WIRE_STATE] = TM_IPC_FORM(struct ca_audit_wire_state, state_fields),
};

const struct tm_ipc_protocol ca_audit_wire = {forms, sizeof(forms) / sizeof(forms[0]),
                                              (AUDIT_FIELD_COUNT + 1) * (size_t)AUDIT_TEXT_MAX};

_Static_assert(sizeof(struct ca_audit_wire_event) <= 256, "IPC_MESSAGE_MAX");
