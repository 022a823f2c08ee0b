/*
 * Members of a JSON object as protobuf's JSON mapping has them: lowerCamelCase names, `bytes` as
 * base64, 64-bit integers as strings or numbers, Timestamp as RFC 3339, null as absent. Unknown
 * members are refused, as Go's protojson does; each error names the member.
 */
#ifndef TENMINT_TUF_SIGSTORE_PROTOJSON_H
#define TENMINT_TUF_SIGSTORE_PROTOJSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "tuf/verify/trust/validity.h"

/* `v` must be an object whose members are all in the NULL-terminated list. */
int tuf_protojson_known(const json_t *v, const char *const *names, struct tm_err *e);

/* The member, or NULL when absent or null. */
json_t *tuf_protojson_get(const json_t *obj, const char *name);

/* Borrowed text; "" when absent. */
int tuf_protojson_text(const json_t *obj, const char *name, const char **out, struct tm_err *e);

/* As tuf_protojson_text, into owned memory; frees the text that *out held. */
int tuf_protojson_text_copy(const json_t *obj, const char *name, char **out, struct tm_err *e);

/* Appends the bytes (none when absent); more than max_bytes is an error. */
int tuf_protojson_bytes(const json_t *obj, const char *name, size_t max_bytes, struct tm_buf *out,
                        struct tm_err *e);

/* 0 when absent. Accepts 12 and "12", -3 and "-3"; no leading zeros, plus, blank or fraction. */
int tuf_protojson_int64(const json_t *obj, const char *name, int64_t *out, struct tm_err *e);
int tuf_protojson_uint32(const json_t *obj, const char *name, uint32_t *out, struct tm_err *e);

/* The object or array, borrowed; NULL when absent. Any other type is an error. */
int tuf_protojson_object(const json_t *obj, const char *name, json_t **out, struct tm_err *e);
int tuf_protojson_array(const json_t *obj, const char *name, size_t max_items, json_t **out,
                        struct tm_err *e);

/* TimeRange; an absent object leaves both ends open. Finer than a millisecond narrows. */
int tuf_protojson_validity(const json_t *obj, const char *name, struct tuf_validity *out,
                           struct tm_err *e);

/* --- writing: each returns 0, or -1 when out of memory --- */
int tuf_protojson_put_text(json_t *obj, const char *name, const char *text);
int tuf_protojson_put_bytes(json_t *obj, const char *name, const void *data, size_t len);
int tuf_protojson_put_validity(json_t *obj, const char *name, const struct tuf_validity *v);

#endif
