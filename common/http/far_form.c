/* The forms in which requests and replies travel between processes. */
#include "common/http/far_internal.h"

const char *const tm_http_far_headers[FAR_HEADERS] = {
    "Authorization", "If-None-Match", "Content-Type", "oidcidentitytoken", "traceparent"};
const char *const tm_http_far_arguments[FAR_ARGUMENTS] = {
    "first", "second", "tree_size", "hash", "start", "end", "leaf_index", "q", "log", "before"};

#define HEADER_MAX ((size_t)20 * 1024) /* a token may be one */
#define ASK(member, kind, max) TM_IPC_FIELD(struct tm_http_ask, member, kind, max)
#define ANSWER(member, kind, max) TM_IPC_FIELD(struct tm_http_answer, member, kind, max)

static const struct tm_ipc_field ask_fields[] = {
    ASK(id, IPC_U64, 0),
    ASK(method, IPC_U64, 0),
    ASK(http2, IPC_U64, 0),
    ASK(started_us, IPC_U64, 0),
    ASK(asked_us, IPC_U64, 0),
    ASK(path, IPC_TEXT, HEADER_MAX),
    ASK(remote, IPC_TEXT, 64),
    ASK(header[0], IPC_TEXT, HEADER_MAX),
    ASK(header[1], IPC_TEXT, HEADER_MAX),
    ASK(header[2], IPC_TEXT, HEADER_MAX),
    ASK(header[3], IPC_TEXT, HEADER_MAX),
    ASK(header[4], IPC_TEXT, HEADER_MAX),
    ASK(argument[0], IPC_TEXT, HEADER_MAX),
    ASK(argument[1], IPC_TEXT, HEADER_MAX),
    ASK(argument[2], IPC_TEXT, HEADER_MAX),
    ASK(argument[3], IPC_TEXT, HEADER_MAX),
    ASK(argument[4], IPC_TEXT, HEADER_MAX),
    ASK(argument[5], IPC_TEXT, HEADER_MAX),
    ASK(argument[6], IPC_TEXT, HEADER_MAX),
    ASK(argument[7], IPC_TEXT, HEADER_MAX),
    ASK(argument[8], IPC_TEXT, HEADER_MAX),
    ASK(argument[9], IPC_TEXT, HEADER_MAX),
    ASK(body, IPC_BYTES, FAR_HTTP_BODY_MAX),
};
static const struct tm_ipc_field gone_fields[] = {
    TM_IPC_FIELD(struct tm_http_gone, id, IPC_U64, 0)};
static const struct tm_ipc_field answer_fields[] = {
    ANSWER(id, IPC_U64, 0),
    ANSWER(status, IPC_U64, 0),
    ANSWER(type, IPC_TEXT, 128),
    ANSWER(headers, IPC_TEXT, HEADER_MAX),
    ANSWER(body, IPC_BYTES, FAR_HTTP_BODY_MAX),
    ANSWER(file, IPC_FD, 0),
    ANSWER(size, IPC_U64, 0),
    ANSWER(passed, IPC_U64, 0),
};

static const struct tm_ipc_form forms[] = {
    [FAR_HTTP_ASK] = TM_IPC_FORM(struct tm_http_ask, ask_fields),
    [FAR_HTTP_GONE] = TM_IPC_FORM(struct tm_http_gone, gone_fields),
    [FAR_HTTP_ANSWER] = TM_IPC_FORM(struct tm_http_answer, answer_fields),
};

const struct tm_ipc_protocol tm_http_far_protocol = {forms, sizeof(forms) / sizeof(forms[0]),
                                                     FAR_HTTP_BODY_MAX + ((size_t)1 << 20)};
