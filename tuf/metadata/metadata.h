/*
 * A TUF metadata file (spec §4): {"signed": {...}, "signatures": [...]}.
 *
 * All members are kept, unknown ones too; signatures are checked over the canonical form of what
 * was read and never over something rebuilt. That form is kept as bytes, with the entries of
 * targets and snapshots in it; the rest as structs, which are written as they were read.
 * tuf_metadata_parse() has checked every member that a view reads, so views do not fail.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "tuf/metadata/types.h"

#define TUF_METADATA_MAX ((size_t)256 << 20) /* bytes of one file, whatever a pin says */
#define TUF_TARGET_PATH_MAX 2048             /* bytes */

struct tuf_metadata;

/*
 * Reads and checks a whole file of the type `role` (delegated roles: TUF_TARGETS): form, _type,
 * spec_version 1.x, version 1..TUF_VERSION_MAX, expires, and all of the role's own members.
 * Not the signatures, not the date. NULL with `e` set; the caller adds which file it was.
 */
struct tuf_metadata *tuf_metadata_parse(const void *data, size_t len, enum tuf_role role,
                                        struct tm_err *e);
/* The same of a text that is given up as it is read, so that a large file is never in memory
 * twice; `data` is empty afterwards. */
struct tuf_metadata *tuf_metadata_parse_once(struct tm_buf *data, enum tuf_role role,
                                             struct tm_err *e);
void tuf_metadata_free(struct tuf_metadata *m); /* NULL is fine */

/* What the file says: `signed` (entries apart), and the signatures. Borrowed. */
const struct tuf_signed *tuf_metadata_signed(const struct tuf_metadata *m);
const struct tuf_signatures *tuf_metadata_signature_list(const struct tuf_metadata *m);

enum tuf_role tuf_metadata_role(const struct tuf_metadata *m);
int64_t tuf_metadata_version(const struct tuf_metadata *m);
int64_t tuf_metadata_expires(const struct tuf_metadata *m); /* Unix seconds */
/* Valid only while now < expires (spec §5.3.10: "expired if not after the fixed start time"). */
bool tuf_metadata_expired(const struct tuf_metadata *m, int64_t now);

/* ---- who may sign a role ---- */

struct tuf_signers { /* borrowed from the metadata that delegates */
    const struct tuf_keys *known;
    const struct tuf_role_keys *role;
    int64_t threshold; /* role->threshold, unless the caller asks for another */
};

/* `root` is of type root. */
void tuf_root_signers(const struct tuf_metadata *root, enum tuf_role role, struct tuf_signers *out);
bool tuf_root_consistent_snapshot(const struct tuf_metadata *root);

/* ---- timestamp, snapshot ---- */

#define TUF_HASHES_MAX 3 /* two are known, so that of three one is unknown */

struct tuf_hash {
    char algorithm[16]; /* cut when longer: then it is none that we know */
    char hex[130];      /* likewise: then nothing is equal to it */
};

struct tuf_file_info { /* of `meta` and of `targets` entries */
    int64_t version;   /* meta entries; 0 for targets */
    int64_t length;    /* bytes; -1: not given */
    size_t hash_count;
    struct tuf_hash hash[TUF_HASHES_MAX];
};

/* The one entry of a timestamp. */
void tuf_timestamp_snapshot(const struct tuf_metadata *timestamp, struct tuf_file_info *out);

/* What an entry pins. */
void tuf_entry_info(const struct tuf_entry *entry, struct tuf_file_info *out);

/* A snapshot's entry for `role_name` ("targets" and delegated ones). False: not listed. */
bool tuf_snapshot_find(const struct tuf_metadata *snapshot, const char *role_name,
                       struct tuf_file_info *out);

/* Length and every listed hash of `data`; a file in parts goes through tuf/metadata/digest.h. */
int tuf_file_check(const struct tuf_file_info *info, const void *data, size_t len,
                   struct tm_err *e);

/* ---- targets ---- */

/* False: not listed there. */
bool tuf_targets_find(const struct tuf_metadata *targets, const char *path,
                      struct tuf_file_info *out);
/* ---- all entries of a snapshot's `meta` or of `targets` ---- */

size_t tuf_entries_count(const struct tuf_metadata *m);

/* By the name as it stands there ("targets.json" in a snapshot). False: not listed. */
bool tuf_entry_find(const struct tuf_metadata *m, const char *name, struct tuf_file_info *out);

/* The whole of it, to be freed by tuf_free_entry(); of targets and snapshots. */
bool tuf_entry_load(const struct tuf_metadata *m, const char *name, struct tuf_entry *out);
/* Entry number i < tuf_entries_count(), in the order of names; its name in place of what `name`
 * held. -1: out of memory. */
int tuf_entry_get(const struct tuf_metadata *m, size_t i, struct tm_buf *name,
                  struct tuf_entry *out, struct tm_err *e);

/* Not 0 ends it and is returned. */
typedef int (*tuf_entry_fn)(void *arg, const char *name, const struct tuf_file_info *info,
                            struct tm_err *e);
int tuf_entries_each(const struct tuf_metadata *m, tuf_entry_fn each, void *arg, struct tm_err *e);
