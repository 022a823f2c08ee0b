/*
 * TUF metadata by trees, as an attacker or another program writes it. Functions return a new
 * reference, or NULL when out of memory (or with `e` set).
 */
#pragma once

#include <jansson.h>
#include <openssl/evp.h>

#include "tuf/metadata/build.h"
#include "tuf/metadata/key.h"
#include "tuf/metadata/metadata.h"

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

/* The text that tuf_metadata_dump() has of it, by jansson. */
int tuf_envelope_dump(const json_t *envelope, bool indented, struct tm_buf *out, struct tm_err *e);

/* tuf_metadata_parse() of a tree; takes over the reference. */
struct tuf_metadata *tuf_metadata_from_json(json_t *envelope, enum tuf_role role, struct tm_err *e);
/* The tree that a file of it holds. */
json_t *tuf_envelope_of(const struct tuf_metadata *m);

/* tuf/metadata/key.h for KEY objects: tuf_key_open, tuf_key_of, tuf_key_hash. */
int tuf_key_decode(const json_t *key, struct tuf_key *out, struct tm_err *e);
json_t *tuf_key_from_pkey(EVP_PKEY *pkey, struct tm_err *e);
int tuf_key_id(const json_t *key, char keyid[TUF_KEYID_SIZE], struct tm_err *e);

/* {"version", and with `data` "length" and "hashes": {"sha256"}}: an entry of `meta`. */
json_t *tuf_meta_entry(int64_t version, const void *data, size_t len);
/* {"length", "hashes": {"sha256"}}: an entry of `targets`. */
json_t *tuf_target_entry(const void *data, size_t len);
/* Adds KEY (takes over the reference) to a `keys` object and its keyid to `keyids`, unless
 * there. Either may be NULL. Writes the keyid out. */
int tuf_keys_add(json_t *keys, json_t *keyids, json_t *key, char keyid[TUF_KEYID_SIZE],
                 struct tm_err *e);

/* {"keyid", "sig"} over canonical(signed_part). `key` is the KEY object, `pkey` its private
 * half; the signature is verified before it is returned. */
json_t *tuf_sign(const json_t *signed_part, const char *keyid, const json_t *key, EVP_PKEY *pkey,
                 struct tm_err *e);
