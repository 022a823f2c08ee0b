/*
 * Metadata that the manager makes, compares, signs and writes. A file of 100,000 targets never
 * becomes a tree: its entries come one at a time and are written one at a time.
 */
#pragma once

#include <openssl/evp.h>

#include "common/json/jsondump.h"
#include "tuf/metadata/metadata.h"

/* ---- making ---- */

struct tuf_entries; /* of `targets` or of a snapshot's `meta`, on their way into metadata */

/* `bytes`: about how many there will be, as a hint. */
struct tuf_entries *tuf_entries_new(enum tuf_role role, size_t bytes, struct tm_err *e);
void tuf_entries_free(struct tuf_entries *t); /* NULL is fine */

/* Checks and adds an entry, in any order; `entries` is a struct tuf_entries. `name` is UTF-8
 * without NUL; one that was added before is found by tuf_metadata_build(). */
int tuf_entries_add(void *entries, const char *name, size_t len, json_t *value, struct tm_err *e);

/* The same of an entry that is typed, by a name that may be no UTF-8: then it is refused. */
int tuf_entries_put(struct tuf_entries *t, const char *name, const struct tuf_entry *entry,
                    struct tm_err *e);

/* The entries of `m`. NULL: out of memory. */
struct tuf_entries *tuf_entries_copy(const struct tuf_metadata *m, struct tm_err *e);

/* Metadata of an envelope whose `targets` or `meta` is empty, and of what stands there (NULL:
 * nothing). Takes over both, also on failure. Checks as tuf_metadata_parse() does. */
struct tuf_metadata *tuf_metadata_build(json_t *envelope, enum tuf_role role,
                                        struct tuf_entries *entries, struct tm_err *e);

/* The same of what `signed` says, which is taken over and emptied; it must be whole. */
struct tuf_metadata *tuf_metadata_make(struct tuf_signed *body, struct tuf_entries *entries,
                                       struct tm_err *e);

/* Another owner of the same metadata: each calls tuf_metadata_free(). */
struct tuf_metadata *tuf_metadata_ref(const struct tuf_metadata *m);

/* ---- comparing ---- */

/* What signatures are over. Borrowed. */
const struct tm_buf *tuf_metadata_canonical(const struct tuf_metadata *m);
/* Its SHA-256 in hex. */
int tuf_metadata_sha256(const struct tuf_metadata *m, char hex[65], struct tm_err *e);
/* The same `signed`. Either may be NULL. */
bool tuf_metadata_equal(const struct tuf_metadata *a, const struct tuf_metadata *b);
/* The same but for version, date and place in the transcript. */
bool tuf_metadata_same_content(const struct tuf_metadata *a, const struct tuf_metadata *b);

/* Entry number i < tuf_entries_count() of targets or a snapshot, in the order of names: its name
 * in place of what `name` held, and its value as a new reference. NULL: out of memory. */
json_t *tuf_entry_at(const struct tuf_metadata *m, size_t i, struct tm_buf *name);

/* All of them, as a tree of about seven times the file's memory. A new reference, or NULL. */
json_t *tuf_entries_tree(const struct tuf_metadata *m);
/* The entries that differ between two targets roles or snapshots, in the order of names. `before`
 * (the whole list may be NULL) or `after` is NULL when it is not listed there; borrowed. Not 0 ends
 * it and is returned. */
typedef int (*tuf_change_fn)(void *arg, const char *name, const struct tuf_entry *before,
                             const struct tuf_entry *after, struct tm_err *e);
int tuf_entries_compare(const struct tuf_metadata *before, const struct tuf_metadata *after,
                        tuf_change_fn each, void *arg, struct tm_err *e);

/* ---- signing ---- */

/* Puts one in place of that of the same keyid, or at the end; `sig` is hex. */
int tuf_metadata_put_signature(struct tuf_metadata *m, const char *keyid, const char *sig,
                               struct tm_err *e);
/* Signs and puts: `pkey` is the private half of `key`, which has its keyid. */
int tuf_metadata_sign(struct tuf_metadata *m, const struct tuf_public_key *key, EVP_PKEY *pkey,
                      struct tm_err *e);

/* ---- writing ---- */

/* The file's text, in parts to `write`: JSON with sorted keys and a final line feed, indented by
 * one space a level, as python-tuf and a reviewer's diff want it, or without white space. */
int tuf_metadata_dump(const struct tuf_metadata *m, bool indented,
                      int (*write)(void *arg, const void *data, size_t len, struct tm_err *e),
                      void *arg, struct tm_err *e);

/* Inside a larger text. */
struct tuf_frame {
    json_t *envelope;    /* whose `targets` or `meta` is empty; a new reference */
    const json_t *place; /* that object, in the envelope; NULL: the role has none */
};
/* `bare`: without signatures. */
int tuf_metadata_frame(const struct tuf_metadata *m, bool bare, struct tuf_frame *out,
                       struct tm_err *e);
/* The members of the place. */
int tuf_metadata_fill(const struct tuf_metadata *m, struct tm_jsondump *d, struct tm_err *e);
