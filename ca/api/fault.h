/*
 * Every refusal of the API by one table: HTTP status, gRPC code, the message that
 * clients see (Fulcio's words: pkg/server/error.go, grpc-gateway) and the stable
 * reason that logs and metrics carry.
 */
#pragma once

#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"
#include "oidc/verifier.h"

enum ca_api_fault {
    API_FAULT_NONE,
    API_FAULT_NOT_FOUND,
    API_FAULT_NOT_SERVED, /* a known path, of what the configuration has not */
    API_FAULT_METHOD,
    API_FAULT_TOO_LARGE,
    API_FAULT_MEDIA_TYPE,
    API_FAULT_HEADERS,
    API_FAULT_ENCODING,    /* of a gRPC message: one that is not taken */
    API_FAULT_SERVICE,     /* of gRPC's health: one that nobody knows */
    API_FAULT_DEADLINE,    /* a gRPC client's own */
    API_FAULT_WATCHES,     /* more watch the health than may */
    API_FAULT_REQUEST,     /* JSON, base64, oneof: the detail is the message */
    API_FAULT_TOKEN,       /* any failure of the token; oidc_reason says which */
    API_FAULT_ISSUER_KEYS, /* OIDC_REASON_KEYS: ours or the issuer's fault, not the client's */
    API_FAULT_TRUST,       /* OIDC_REASON_OUTDATED */
    API_FAULT_CSR,
    API_FAULT_KEY,
    API_FAULT_WEAK_KEY,
    API_FAULT_PROOF,
    API_FAULT_UNKNOWN_ALGORITHM, /* the detail is the message */
    API_FAULT_NOT_PERMITTED,     /* the detail is the message */
    API_FAULT_LIMIT,             /* of the issuer or the identity */
    API_FAULT_ONCE,              /* it cannot be told whether the token was used before */
    API_FAULT_CA,                /* building or signing failed */
    API_FAULT_LOG,               /* the transparency log refused or failed */
    API_FAULT_AUDIT,             /* the certificate's audit line could not be written */
    API_FAULT_BUSY,              /* more requests than can be served in good time */
    API_FAULT_CLOCK,             /* the clock jumped: nothing can be dated */
    API_FAULT_STOPPED,           /* by an operator, who says why: the detail is the message */
    API_FAULT_TIMEOUT,           /* waited too long for keys or the log, or shutting down */
    API_FAULT_INTERNAL,
    API_FAULT_COUNT
};

struct ca_api_failure {
    enum ca_api_fault fault;
    enum oidc_reason reason; /* API_FAULT_TOKEN, API_FAULT_ISSUER_KEYS */
    int64_t retry_after_s;   /* of a 503; 0: not known */
    struct tm_err detail;    /* for the log */
    struct tm_err said;      /* to the client, in the place of the table's words; or "" */
};

/* Says to the client of a refused token what the token itself shows (issuer, audience, times), or
 * the reason's name, and by which id the server's log has the request. */
void ca_api_failure_say(struct ca_api_failure *f, const char *request_id);

/* Sets fault and returns -1; the detail is the caller's to set. */
int ca_api_failure_set(struct ca_api_failure *f, enum ca_api_fault fault);

unsigned ca_api_fault_status(enum ca_api_fault f); /* HTTP */
unsigned ca_api_fault_code(enum ca_api_fault f);   /* gRPC, over gRPC */
bool ca_api_fault_is_server(enum ca_api_fault f);  /* 5xx for which an operator should look */
/* The client may come again, and is told when. */
bool ca_api_fault_is_passing(enum ca_api_fault f);
const char *ca_api_fault_message(const struct ca_api_failure *f);

/* Reason labels are numbered, for counters: 0 <= index < API_REASON_COUNT. */
#define API_REASON_COUNT (API_FAULT_COUNT + (unsigned)OIDC_REASON_COUNT)
unsigned ca_api_reason_index(const struct ca_api_failure *f);
const char *ca_api_reason_name(unsigned index); /* NULL: a number that is not used */

/* Appends {"code":N,"message":"…","details":[]}. */
void ca_api_failure_json(const struct ca_api_failure *f, struct tm_buf *out);
