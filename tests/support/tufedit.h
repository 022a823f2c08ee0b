/*
 * TUF metadata by trees, as an attacker or another program writes it: what tuf/metadata/edit.h has
 * no need of.
 */
#ifndef TENMINT_TESTS_SUPPORT_TUFEDIT_H
#define TENMINT_TESTS_SUPPORT_TUFEDIT_H

#include "tuf/metadata/edit.h"

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

#endif
