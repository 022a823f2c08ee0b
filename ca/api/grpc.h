/*
 * gRPC over HTTP/2, as its specification has it (grpc.io, PROTOCOL-HTTP2): calls with one message
 * each way. The request's message out of a body, and the trailers that end a reply.
 */
#pragma once

#include "ca/api/fault.h"
#include "common/http/http.h"

#define CA_GRPC_TYPE "application/grpc"
#define CA_GRPC_SERVICE "/dev.sigstore.fulcio.v2.CA/"
#define CA_GRPC_HEALTH "/grpc.health.v1.Health/"

/* "h1", "h2" or "grpc": for records and figures. */
const char *ca_grpc_protocol(const struct tm_http_exchange *x);
bool ca_grpc_is(const struct tm_http_exchange *x);

/* Appends the message in a call's body, decompressed: at most `max` bytes. -1 with `f` set. */
int ca_grpc_take(struct tm_http_exchange *x, size_t max, struct tm_buf *out,
                 struct ca_api_failure *f);

/* Shortens the time that the call may wait to what its client will. False: that is over. */
bool ca_grpc_heed_timeout(struct tm_http_exchange *x);

/* Replies with one message that has its prefix; the memory is taken. */
void ca_grpc_reply(struct tm_http_exchange *x, struct tm_buf *message);
void ca_grpc_end(struct tm_http_exchange *x); /* of a reply with another body: it went well */
/* Replies with a status alone. retry_after_s: of one that is UNAVAILABLE. */
void ca_grpc_refuse(struct tm_http_exchange *x, const struct ca_api_failure *f,
                    int64_t retry_after_s);
