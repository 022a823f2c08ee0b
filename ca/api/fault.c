#include "ca/api/fault.h"

#include <string.h>

#include "common/json/jsonstr.h"

/* gRPC codes; grpc-gateway maps them to the HTTP statuses beside them. */
enum {
    INVALID_ARGUMENT = 3,
    DEADLINE_EXCEEDED = 4,
    NOT_FOUND = 5,
    RESOURCE_EXHAUSTED = 8,
    UNIMPLEMENTED = 12,
    INTERNAL = 13,
    UNAVAILABLE = 14,
};

static const struct {
    unsigned short http, code;
    const char *reason;
    const char *message; /* NULL: the detail */
} rows[API_FAULT_COUNT] = {
    [API_FAULT_NONE] = {500, INTERNAL, NULL, "internal error"},
    [API_FAULT_NOT_FOUND] = {404, NOT_FOUND, "not_found", "Not Found"},
    [API_FAULT_NOT_SERVED] = {404, NOT_FOUND, "not_served", NULL},
    [API_FAULT_METHOD] = {501, UNIMPLEMENTED, "method", "Method Not Allowed"},
    [API_FAULT_TOO_LARGE] = {400, INVALID_ARGUMENT, "too_large", "http: request body too large"},
    [API_FAULT_MEDIA_TYPE] = {415, INVALID_ARGUMENT, "media_type",
                              "the request body must be JSON (Content-Type: application/json)"},
    [API_FAULT_HEADERS] = {400, INVALID_ARGUMENT, "headers", "malformed HTTP headers"},
    [API_FAULT_ENCODING] = {415, UNIMPLEMENTED, "encoding", "the message's encoding is not taken"},
    [API_FAULT_SERVICE] = {404, NOT_FOUND, "service", "unknown service"},
    [API_FAULT_DEADLINE] = {504, DEADLINE_EXCEEDED, "deadline", "context deadline exceeded"},
    [API_FAULT_WATCHES] = {503, RESOURCE_EXHAUSTED, "watches", "too many watch already"},
    [API_FAULT_REQUEST] = {400, INVALID_ARGUMENT, "request", NULL},
    [API_FAULT_TOKEN] = {400, INVALID_ARGUMENT, "token",
                         "There was an error processing the identity token"},
    [API_FAULT_ISSUER_KEYS] = {503, UNAVAILABLE, NULL,
                               "The keys of the token's issuer are not available, try again later"},
    [API_FAULT_TRUST] = {503, UNAVAILABLE, NULL,
                         "The list of trusted issuers has expired, try again later"},
    [API_FAULT_CSR] = {400, INVALID_ARGUMENT, "csr",
                       "The certificate signing request could not be parsed"},
    [API_FAULT_KEY] = {400, INVALID_ARGUMENT, "public_key",
                       "The public key supplied in the request could not be parsed"},
    [API_FAULT_WEAK_KEY] = {400, INVALID_ARGUMENT, "weak_key",
                            "The public key supplied in the request is insecure"},
    [API_FAULT_PROOF] = {400, INVALID_ARGUMENT, "proof",
                         "The signature supplied in the request could not be verified"},
    [API_FAULT_UNKNOWN_ALGORITHM] = {400, INVALID_ARGUMENT, "unknown_algorithm", NULL},
    [API_FAULT_NOT_PERMITTED] = {400, INVALID_ARGUMENT, "algorithm_not_permitted", NULL},
    [API_FAULT_LIMIT] = {429, RESOURCE_EXHAUSTED, "limit", NULL},
    [API_FAULT_ONCE] = {503, UNAVAILABLE, "token_store",
                        "It cannot be told now whether the token was used before, try again later"},
    [API_FAULT_CA] = {503, UNAVAILABLE, "ca", "error communicating with CA backend"},
    [API_FAULT_LOG] = {503, UNAVAILABLE, "log", "Error entering certificate in CTL"},
    [API_FAULT_AUDIT] = {503, UNAVAILABLE, "audit",
                         "The certificate could not be recorded, try again later"},
    [API_FAULT_CLOCK] = {503, UNAVAILABLE, "clock",
                         "The server's clock is not trusted, try again later"},
    [API_FAULT_STOPPED] = {503, UNAVAILABLE, "stopped", NULL},
    [API_FAULT_TIMEOUT] = {503, UNAVAILABLE, "timeout",
                           "The request could not be completed in time, try again later"},
    [API_FAULT_BUSY] = {503, UNAVAILABLE, "busy", "The server is busy, try again later"},
    [API_FAULT_INTERNAL] = {500, INTERNAL, "internal", "internal error"},
};

int ca_api_failure_set(struct ca_api_failure *f, enum ca_api_fault fault)
{
    f->fault = fault;
    return -1;
}

unsigned ca_api_fault_status(enum ca_api_fault f)
{
    return rows[f].http;
}

/* What has a status of its own in HTTP, and is one of gRPC's own codes there. */
unsigned ca_api_fault_code(enum ca_api_fault f)
{
    bool unknown = f == API_FAULT_NOT_FOUND || f == API_FAULT_NOT_SERVED || f == API_FAULT_METHOD;
    if (unknown)
        return UNIMPLEMENTED;
    return f == API_FAULT_TOO_LARGE ? RESOURCE_EXHAUSTED : rows[f].code;
}

bool ca_api_fault_is_server(enum ca_api_fault f)
{
    return rows[f].http >= 500 && rows[f].code != UNIMPLEMENTED;
}

bool ca_api_fault_is_passing(enum ca_api_fault f)
{
    return rows[f].http == 503 || rows[f].http == 429;
}

/* Whoever has the token reads this in it. */
static bool shows_in_token(enum oidc_reason r)
{
    static const bool shows[OIDC_REASON_COUNT] = {
        [OIDC_REASON_MISSING] = true, [OIDC_REASON_ISSUER] = true,   [OIDC_REASON_EXPIRED] = true,
        [OIDC_REASON_NOT_YET] = true, [OIDC_REASON_AUDIENCE] = true,
    };
    return shows[r];
}

void ca_api_failure_say(struct ca_api_failure *f, const char *request_id)
{
    if (f->fault != API_FAULT_TOKEN)
        return;
    tm_err_set(&f->said, "%s: %.300s (request %s)", rows[f->fault].message,
               shows_in_token(f->reason) ? f->detail.text : oidc_reason_name(f->reason),
               request_id);
}

const char *ca_api_fault_message(const struct ca_api_failure *f)
{
    if (f->said.text[0] != '\0')
        return f->said.text;
    return rows[f->fault].message != NULL ? rows[f->fault].message : f->detail.text;
}

unsigned ca_api_reason_index(const struct ca_api_failure *f)
{
    bool of_token = f->fault == API_FAULT_TOKEN || f->fault == API_FAULT_ISSUER_KEYS ||
                    f->fault == API_FAULT_TRUST;
    if (of_token && f->reason != OIDC_REASON_NONE)
        return API_FAULT_COUNT + (unsigned)f->reason;
    return (unsigned)f->fault;
}

const char *ca_api_reason_name(unsigned index)
{
    if (index < API_FAULT_COUNT)
        return rows[index].reason;
    if (index == API_FAULT_COUNT + OIDC_REASON_NONE || index >= API_REASON_COUNT)
        return NULL;
    return oidc_reason_name((enum oidc_reason)(index - API_FAULT_COUNT));
}

void ca_api_failure_json(const struct ca_api_failure *f, struct tm_buf *out)
{
    const char *message = ca_api_fault_message(f);
    tm_buf_printf(out, "{\"code\":%u,\"message\":", (unsigned)rows[f->fault].code);
    tm_jsonstr_put(out, message, strlen(message));
    tm_buf_puts(out, ",\"details\":[]}");
}
