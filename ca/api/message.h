/*
 * The messages of the gRPC API (grpc.proto): bytes to the same request that JSON becomes, and
 * answers to bytes.
 */
#pragma once

#include "ca/api/request.h"
#include "oidc/trust/trust.h"

#define CA_MESSAGE_PREFIX 5 /* bytes before a message: whether it is compressed, and its length */

/* As ca_api_request_parse_v2, of a CreateSigningCertificateRequest. */
int ca_api_request_parse_message(const void *data, size_t len, struct ca_api_request *out,
                                 struct tm_err *e);
/* Appends the service that a HealthCheckRequest names. -1: it is none, or names none of ours. */
int ca_api_message_health_parse(const void *data, size_t len, struct tm_buf *out);

struct ca_api_certificate { /* what was issued, for a reply */
    const char **pem;       /* the leaf first, without final line ends */
    size_t count;
    bool embedded; /* the SCT is in the certificate; else it is `sct`, as JSON */
    const struct tm_buf *sct;
};

/* Each appends one message with its prefix; a failure is the buffer's. */
void ca_api_message_certificate(const struct ca_api_certificate *c, struct tm_buf *out);
void ca_api_message_trust_bundle(const char *const *pem, size_t count, struct tm_buf *out);
void ca_api_message_configuration(const struct oidc_trust *trust, struct tm_buf *out);
void ca_api_message_health(bool ready, struct tm_buf *out);
/* Without a prefix: google.rpc.Status, with a RetryInfo unless retry_after_s is 0. */
void ca_api_message_status(unsigned code, const char *message, int64_t retry_after_s,
                           struct tm_buf *out);
