/*
 * Making and changing metadata trees, for the repository manager. Everything here is a plain
 * jansson tree that the caller may edit further; tuf_metadata_from_json() checks the result.
 * Functions return a new reference, or NULL when out of memory (or with `e` set).
 */
#ifndef TENMINT_TUF_EDIT_H
#define TENMINT_TUF_EDIT_H

#include <openssl/evp.h>

#include "tuf/metadata/key.h"
#include "tuf/metadata/metadata.h"

#define TUF_SPEC_VERSION "1.0" /* what Sigstore writes; every client takes it */

/* The `signed` part of a new file with the role's members: root has consistent_snapshot true,
 * empty keys and the four roles without keyids; targets an empty `targets`; timestamp and
 * snapshot an empty `meta`. */
json_t *tuf_signed_new(enum tuf_role role, int64_t version, int64_t expires);
int tuf_signed_set_version(json_t *signed_part, int64_t version);
int tuf_signed_set_expires(json_t *signed_part, int64_t expires);

/* {"signatures": [], "signed": ...}; takes over the reference. */
json_t *tuf_envelope_new(json_t *signed_part);

/* {"length", "hashes": {"sha256"}} and, unless it is 0, "version": an entry of `targets` or `meta`.
 */
json_t *tuf_pinned_entry(int64_t version, int64_t length, const char sha256[65]);

/* Puts a {"keyid", "sig"} object (takes over the reference) in place of one of the same keyid,
 * or at the end. */
int tuf_envelope_put_signature(json_t *envelope, json_t *signature);

/* The bytes of a metadata file: indented JSON with sorted keys and a final line feed, as
 * python-tuf and a reviewer's diff want it, or without white space. */
int tuf_envelope_dump(const json_t *envelope, bool indented, struct tm_buf *out, struct tm_err *e);

#endif
