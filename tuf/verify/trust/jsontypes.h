/*
 * What the files of Sigstore have in common, for common/json/jsonmap.h: times, windows,
 * certificates and log ids as sigstore_common.proto has them.
 */
#pragma once

#include "common/json/jsonmap.h"

/* NAME_map of the members that follow, into a struct of `type`: what others write, so that unknown
 * members are ignored unless it is read strictly. */
#define TUF_JSON_MESSAGE(name, type, ...) \
    static const struct tm_jsonmap_member name##_members[] = {__VA_ARGS__, {0}}; \
    static const struct tm_jsonmap name##_map = { \
        .members = name##_members, .size = sizeof(type), .unknown = JSONMAP_IGNORE, .proto = true}

/* TimeRange, a struct tuf_validity; finer than a millisecond narrows. */
extern const struct tm_jsonmap tuf_json_validity;

/* X509Certificate, an X509 *. */
extern const struct tm_jsonmap tuf_json_certificate;

/* X509CertificateChain, a STACK_OF(X509) *; NULL: absent. */
extern const struct tm_jsonmap tuf_json_chain;

/* LogId, a struct tm_buf. */
extern const struct tm_jsonmap tuf_json_log_id;
