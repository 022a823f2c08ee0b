#include "ca/ct/far_internal.h"

#include "ca/log/ct/entry.h"

#define ENTRY(member, kind, max) TM_IPC_FIELD(struct ca_ct_far_entry, member, kind, max)

static const struct tm_ipc_field certificates_fields[] = {
    TM_IPC_FIELD(struct ca_ct_far_certificates, der, IPC_BYTES, CT_FAR_CHAIN_MAX),
};
static const struct tm_ipc_field entry_fields[] = {
    ENTRY(id, IPC_U64, 0),
    ENTRY(detached, IPC_U64, 0),
    ENTRY(cert, IPC_BYTES, LOG_ENTRY_MAX),
    ENTRY(precert, IPC_BYTES, LOG_ENTRY_MAX),
    ENTRY(issuer_key_hash, IPC_BYTES, 32),
};
static const struct tm_ipc_field ask_fields[] = {
    TM_IPC_FIELD(struct ca_ct_far_ask, n, IPC_U64, 0),
};
static const struct tm_ipc_field hello_fields[] = {
    TM_IPC_FIELD(struct ca_ct_far_hello, id, IPC_BYTES, 32),
};
static const struct tm_ipc_field sct_fields[] = {
    TM_IPC_FIELD(struct ca_ct_far_sct, id, IPC_U64, 0),
    TM_IPC_FIELD(struct ca_ct_far_sct, sct, IPC_BYTES, 1024),
    TM_IPC_FIELD(struct ca_ct_far_sct, why, IPC_TEXT, ERR_TEXT_MAX),
};
static const struct tm_ipc_field state_fields[] = {
    TM_IPC_FIELD(struct ca_ct_far_state, n, IPC_U64, 0),
    TM_IPC_FIELD(struct ca_ct_far_state, ready, IPC_U64, 0),
    TM_IPC_FIELD(struct ca_ct_far_state, why, IPC_TEXT, ERR_TEXT_MAX),
};

static const struct tm_ipc_form forms[] = {
    [CT_FAR_CHAIN] = TM_IPC_FORM(struct ca_ct_far_certificates, certificates_fields),
    [CT_FAR_ENTRY] = TM_IPC_FORM(struct ca_ct_far_entry, entry_fields),
    [CT_FAR_ROOT] = TM_IPC_FORM(struct ca_ct_far_certificates, certificates_fields),
    [CT_FAR_ASK] = TM_IPC_FORM(struct ca_ct_far_ask, ask_fields),
    [CT_FAR_HELLO] = TM_IPC_FORM(struct ca_ct_far_hello, hello_fields),
    [CT_FAR_SCT] = TM_IPC_FORM(struct ca_ct_far_sct, sct_fields),
    [CT_FAR_STATE] = TM_IPC_FORM(struct ca_ct_far_state, state_fields),
};

const struct tm_ipc_protocol ca_ct_far_protocol = {forms, sizeof(forms) / sizeof(forms[0]),
                                                   CT_FAR_CHAIN_MAX + 1024};
