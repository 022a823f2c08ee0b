#include "common/kms/lane_internal.h"

static const struct tm_ipc_field open_fields[] = {
    TM_IPC_FIELD(struct tm_kms_open, id, IPC_U64, 0),
};
static const struct tm_ipc_field sign_fields[] = {
    TM_IPC_FIELD(struct tm_kms_sign, id, IPC_U64, 0),
    TM_IPC_FIELD(struct tm_kms_sign, key, IPC_U64, 0),
    TM_IPC_FIELD(struct tm_kms_sign, scheme, IPC_U64, 0),
    TM_IPC_FIELD(struct tm_kms_sign, hash, IPC_U64, 0),
    TM_IPC_FIELD(struct tm_kms_sign, data, IPC_BYTES, KEY_MESSAGE_MAX),
};
static const struct tm_ipc_field close_fields[] = {
    TM_IPC_FIELD(struct tm_kms_close, key, IPC_U64, 0),
};
static const struct tm_ipc_field opened_fields[] = {
    TM_IPC_FIELD(struct tm_kms_opened, id, IPC_U64, 0),
    TM_IPC_FIELD(struct tm_kms_opened, key, IPC_U64, 0),
    TM_IPC_FIELD(struct tm_kms_opened, spki, IPC_BYTES, LANE_SPKI_MAX),
    TM_IPC_FIELD(struct tm_kms_opened, why, IPC_TEXT, ERR_TEXT_MAX),
};
static const struct tm_ipc_field signed_fields[] = {
    TM_IPC_FIELD(struct tm_kms_signed, id, IPC_U64, 0),
    TM_IPC_FIELD(struct tm_kms_signed, signature, IPC_BYTES, LANE_SIGNATURE_MAX),
    TM_IPC_FIELD(struct tm_kms_signed, why, IPC_TEXT, ERR_TEXT_MAX),
};
static const struct tm_ipc_field state_fields[] = {
    TM_IPC_FIELD(struct tm_kms_state, key, IPC_U64, 0),
    TM_IPC_FIELD(struct tm_kms_state, away, IPC_U64, 0),
    TM_IPC_FIELD(struct tm_kms_state, why, IPC_TEXT, ERR_TEXT_MAX),
};
static const struct tm_ipc_form forms[] = {
    [LANE_OPEN] = TM_IPC_FORM(struct tm_kms_open, open_fields),
    [LANE_SIGN] = TM_IPC_FORM(struct tm_kms_sign, sign_fields),
    [LANE_CLOSE] = TM_IPC_FORM(struct tm_kms_close, close_fields),
    [LANE_OPENED] = TM_IPC_FORM(struct tm_kms_opened, opened_fields),
    [LANE_SIGNED] = TM_IPC_FORM(struct tm_kms_signed, signed_fields),
    [LANE_STATE] = TM_IPC_FORM(struct tm_kms_state, state_fields),
};
const struct tm_ipc_protocol tm_kms_protocol = {forms, sizeof(forms) / sizeof(forms[0]),
                                                KEY_MESSAGE_MAX + 4096};
