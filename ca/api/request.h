/*
 * The two request bodies, by proto-JSON's rules: camelCase or snake_case keys (both
 * is an error), null is absent, unknown keys are skipped, bytes in either base64.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

struct ca_api_request {
    struct tm_buf text; /* owns what token points to */
    const char *token;  /* NULL: not in the body */
    size_t token_len;
    bool has_csr; /* a non-empty request was given */
    bool has_key; /* a publicKey object was given */
    struct tm_buf csr;
    struct tm_buf key; /* PEM or DER */
    struct tm_buf proof;
};

/* An empty body is an empty request. -1: `e` holds a message for the client, which
 * names the field and never quotes the input. */
int ca_api_request_parse_v2(const void *body, size_t len, struct ca_api_request *out,
                            struct tm_err *e);
int ca_api_request_parse_v1(const void *body, size_t len, struct ca_api_request *out,
                            struct tm_err *e);
void ca_api_request_free(struct ca_api_request *r);

/* The token of an Authorization header: what follows "Bearer ", or all of it. NULL: none. */
const char *ca_api_bearer(const char *authorization);
