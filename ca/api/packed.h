/*
 * A signing request between two processes: the one that has the connections reads the JSON, the one
 * that has the key gets the token, the key and the proof, and verifies them.
 */
#pragma once

#include "ca/api/request.h"

typedef int ca_api_request_parse_fn(const void *body, size_t len, struct ca_api_request *out,
                                    struct tm_err *e);

/* Appends what `parse` makes of the JSON; where it refuses, its message. -1: out of memory. */
int ca_api_packed_put(ca_api_request_parse_fn *parse, const void *json, size_t len,
                      struct tm_buf *out);

/* Reads that. `packed` must live as long as `out`. -1: the message of the refusal, or that it is
 * not well formed. */
int ca_api_packed_take(const void *packed, size_t len, struct ca_api_request *out,
                       struct tm_err *e);
