#include "ca/once/internal.h"

static const struct tm_ipc_field ask_fields[] = {
    TM_IPC_FIELD(struct ca_once_ask, number, IPC_U64, 0),
    TM_IPC_FIELD(struct ca_once_ask, id, IPC_BYTES, OIDC_TOKEN_USE_ID),
    TM_IPC_FIELD(struct ca_once_ask, from_s, IPC_U64, 0),
    TM_IPC_FIELD(struct ca_once_ask, until_s, IPC_U64, 0),
    TM_IPC_FIELD(struct ca_once_ask, now_s, IPC_U64, 0),
};
static const struct tm_ipc_field outcome_fields[] = {
    TM_IPC_FIELD(struct ca_once_outcome, number, IPC_U64, 0),
    TM_IPC_FIELD(struct ca_once_outcome, status, IPC_U64, 0),
    TM_IPC_FIELD(struct ca_once_outcome, why, IPC_TEXT, ERR_TEXT_MAX),
};
static const struct tm_ipc_field state_fields[] = {
    TM_IPC_FIELD(struct ca_once_state, up, IPC_U64, 0),
    TM_IPC_FIELD(struct ca_once_state, why, IPC_TEXT, ERR_TEXT_MAX),
    TM_IPC_FIELD(struct ca_once_state, evicts, IPC_U64, 0),
    TM_IPC_FIELD(struct ca_once_state, how, IPC_TEXT, ERR_TEXT_MAX),
};
static const struct tm_ipc_form forms[] = {
    [ONCE_CLAIM] = TM_IPC_FORM(struct ca_once_ask, ask_fields),
    [ONCE_RELEASE] = TM_IPC_FORM(struct ca_once_ask, ask_fields),
    [ONCE_OUTCOME] = TM_IPC_FORM(struct ca_once_outcome, outcome_fields),
    [ONCE_STATE] = TM_IPC_FORM(struct ca_once_state, state_fields),
};
const struct tm_ipc_protocol ca_once_protocol = {forms, sizeof(forms) / sizeof(forms[0]), 4096};
