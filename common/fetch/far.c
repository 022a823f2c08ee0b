/* The forms in which fetches travel between processes. */
#include "common/fetch/far_internal.h"

#define ASK(member, kind, max) TM_IPC_FIELD(struct tm_fetch_ask, member, kind, max)
#define ANSWER(member, kind, max) TM_IPC_FIELD(struct tm_fetch_answer, member, kind, max)

static const struct tm_ipc_field ask_fields[] = {
    ASK(id, IPC_U64, 0),           ASK(pool, IPC_U64, 0),
    ASK(transfers, IPC_U64, 0),    ASK(url, IPC_TEXT, 8192),
    ASK(has_body, IPC_U64, 0),     ASK(body, IPC_BYTES, FAR_BODY_MAX),
    ASK(headers, IPC_TEXT, 65536), ASK(ca_pem, IPC_TEXT, FAR_PEM_MAX),
    ASK(flags, IPC_U64, 0),        ASK(timeout_ms, IPC_U64, 0),
    ASK(stall_ms, IPC_U64, 0),     ASK(max_bytes, IPC_U64, 0),
    ASK(delay_ms, IPC_U64, 0),
};

static const struct tm_ipc_field answer_fields[] = {
    ANSWER(id, IPC_U64, 0),
    ANSWER(failed, IPC_U64, 0),
    ANSWER(status, IPC_U64, 0),
    ANSWER(body, IPC_BYTES, FAR_BODY_MAX),
    ANSWER(max_age_s, IPC_U64, 0),
    ANSWER(retry_after_s, IPC_U64, 0),
    ANSWER(flags, IPC_U64, 0),
    ANSWER(content_type, IPC_TEXT, 127),
    ANSWER(why, IPC_TEXT, ERR_TEXT_MAX),
};

static const struct tm_ipc_form forms[] = {
    [FAR_ASK] = TM_IPC_FORM(struct tm_fetch_ask, ask_fields),
    [FAR_ANSWER] = TM_IPC_FORM(struct tm_fetch_answer, answer_fields),
};

const struct tm_ipc_protocol tm_fetch_protocol = {forms, sizeof(forms) / sizeof(forms[0]),
                                                  FAR_PEM_MAX + FAR_BODY_MAX + (size_t)128 * 1024};
