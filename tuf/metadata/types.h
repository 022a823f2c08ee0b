/*
 * What a TUF metadata file says (spec §4), as structs. They are read and written by
 * tuf/metadata/typesjson.h; whoever judges, compares or makes metadata has these and no JSON.
 *
 * A file that others wrote is written again unchanged: what has no place here stands in `rest`,
 * which nobody looks into (NULL: nothing; tuf_rest_compare() tells how two differ), and a keyid is
 * what the file says. All that is pointed to is owned and from malloc, unless it says borrowed.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tuf_role { TUF_ROOT, TUF_TIMESTAMP, TUF_SNAPSHOT, TUF_TARGETS, TUF_ROLE_COUNT };

/* "root", "timestamp", "snapshot", "targets". */
const char *tuf_role_name(enum tuf_role role);
/* -1: none of the four. */
int tuf_role_from_name(const char *name, enum tuf_role *out);

#define TUF_ROLE_NAME_MAX 230 /* bytes of a delegated role's name, encoded */

/* A role's name as it stands in file names: all but letters, digits and "_.-~" as %XX, '/' too.
 * False: longer than TUF_ROLE_NAME_MAX. */
bool tuf_role_encode(const char *name, char out[TUF_ROLE_NAME_MAX + 1]);

/* "targets" or "meta" when a file of the role has a map of any size there, which is kept as bytes;
 * else NULL. */
const char *tuf_role_map(enum tuf_role role);

#define TUF_SPEC_VERSION "1.0"                   /* what Sigstore writes; every client takes it */
#define TUF_VERSION_MAX ((INT64_C(1) << 53) - 1) /* what every implementation can read */
#define TUF_SIGNATURES_MAX 1024                  /* entries in one file */
#define TUF_KEYIDS_MAX 256                       /* of one role */
#define TUF_PATHS_MAX 1000000 /* of one role; the size of its file bounds them before */
#define TUF_SUCCINCT_BITS_MAX 32

struct tuf_texts {
    char **item;
    size_t count;
};

/* ---- keys (§4.2) ---- */

struct tuf_keyval {
    char *text; /* `public`, or NULL */
    json_t *rest;
};

/* A KEY. Which kinds can be used shows when they are (tuf/metadata/key.h): one of an unknown kind,
 * or without keytype, scheme or keyval.public, counts for nothing and does no harm. */
struct tuf_public_key {
    char *keyid; /* its name in `keys`; NULL: it stands in none */
    char *keytype, *scheme;
    bool has_keyval;
    struct tuf_keyval keyval;
    char *owner;                   /* x-tenmint-keyowner */
    char *on_ci_owner, *on_ci_uri; /* x-tuf-on-ci-keyowner, -online-uri */
    json_t *rest;
};

struct tuf_keys { /* by keyid, in byte order */
    struct tuf_public_key *item;
    size_t count;
};

/* ---- who may sign ---- */

struct tuf_periods {                   /* 0: not given */
    int64_t expiry, signing;           /* seconds: x-tenmint-expiry-period, -signing-period */
    int64_t expiry_days, signing_days; /* tuf-on-ci's x-tuf-on-ci-… */
};

struct tuf_role_keys {
    struct tuf_texts keyids; /* no doubles */
    int64_t threshold;       /* >= 1; more than there are keyids can never be met */
    struct tuf_periods periods;
    json_t *rest;
};

/* ---- entries of `meta` and `targets` (§4.4, §4.5) ---- */

struct tuf_named_hash {
    char *algorithm, *hex;
};

struct tuf_hashes {
    struct tuf_named_hash *item;
    size_t count;
};

struct tuf_sigstore_custom { /* what old Sigstore clients go by */
    char *usage, *status, *uri;
    json_t *rest;
};

struct tuf_custom {
    bool has_sigstore;
    struct tuf_sigstore_custom sigstore;
    json_t *rest;
};

struct tuf_entry {
    int64_t version; /* of `meta`; 0 in `targets` */
    bool has_length;
    int64_t length;           /* bytes; always there in `targets` */
    struct tuf_hashes hashes; /* there is one at least in `targets` */
    bool has_custom;
    struct tuf_custom custom; /* `targets` */
    json_t *rest;
};

/* ---- delegations (§4.5) ---- */

struct tuf_delegated_role {
    char *name;
    struct tuf_role_keys by; /* its `rest` is the role's */
    bool terminating;
    bool has_paths, has_prefixes; /* one of the two */
    struct tuf_texts paths, prefixes;
};

struct tuf_delegated_roles {
    struct tuf_delegated_role *item;
    size_t count;
};

struct tuf_bins { /* succinct_roles, TAP 15 */
    struct tuf_role_keys by;
    int64_t bits;
    char *prefix;
};

struct tuf_delegations {
    struct tuf_keys keys;
    bool has_roles, has_bins; /* one of the two */
    struct tuf_delegated_roles roles;
    struct tuf_bins bins;
    json_t *rest;
};

/* ---- `signed` ---- */

struct tuf_root {
    bool has_consistent_snapshot, consistent_snapshot;
    struct tuf_keys keys;
    struct tuf_roles {
        struct tuf_role_keys role[TUF_ROLE_COUNT];
        json_t *mirrors; /* optional in the specification, and unused */
    } roles;
};

struct tuf_timestamp {
    struct tuf_entry snapshot;
};

struct tuf_targets { /* without its entries, as a snapshot is */
    bool has_delegations;
    struct tuf_delegations delegations;
    struct tuf_texts acted_on; /* x-tenmint-clients-act-on */
};

/* {"lines": N, "sha256": HEX}: the line of the record of ceremonies that was its last when this was
 * drafted (root, targets), or that this publication wrote last (timestamp). */
#define TUF_TRANSCRIPT_MEMBER "x-tenmint-transcript"
struct tuf_transcript_head {
    int64_t lines;
    char *sha256; /* hex; of that line */
    json_t *rest;
};

struct tuf_signed {
    enum tuf_role role; /* which of the structs below it is; a snapshot has none */
    char *spec_version;
    int64_t version;
    int64_t expires; /* Unix seconds */
    struct tuf_periods periods;
    bool has_transcript; /* not of a snapshot */
    struct tuf_transcript_head transcript;
    union {
        struct tuf_root root;
        struct tuf_timestamp timestamp;
        struct tuf_targets targets;
    };
    json_t *rest;
};

struct tuf_signature {
    char *keyid, *sig; /* hex; "" is tuf-on-ci's placeholder */
    json_t *rest;
};

struct tuf_signatures { /* no two of one keyid */
    struct tuf_signature *item;
    size_t count;
};

/* ---- look-ups ---- */

/* Borrowed, or NULL. */
const struct tuf_public_key *tuf_keys_find(const struct tuf_keys *keys, const char *keyid);
const struct tuf_signature *tuf_signatures_find(const struct tuf_signatures *s, const char *keyid);
const struct tuf_delegated_role *tuf_delegated_role_find(const struct tuf_delegated_roles *roles,
                                                         const char *name);
bool tuf_texts_have(const struct tuf_texts *texts, const char *text);

/* Whose key it is, by whichever member says so, or "". */
const char *tuf_key_owner(const struct tuf_public_key *key);

/* In seconds, in whichever unit they are given; 0: not given. */
int64_t tuf_period_expiry(const struct tuf_periods *p);
int64_t tuf_period_signing(const struct tuf_periods *p);

/* "sha256" or another; NULL: not listed. */
const char *tuf_hashes_find(const struct tuf_hashes *hashes, const char *algorithm);

/* The same text, or neither. */
bool tuf_same_text(const char *a, const char *b);
bool tuf_texts_equal(const struct tuf_texts *a, const struct tuf_texts *b); /* also in order */
bool tuf_hashes_equal(const struct tuf_hashes *a, const struct tuf_hashes *b);

/* ---- changing them; -1: out of memory, and nothing has changed ---- */

int tuf_text_set(char **place, const char *text); /* NULL: none */
int tuf_texts_add(struct tuf_texts *texts, const char *text);
void tuf_texts_free(struct tuf_texts *texts);
/* The one of this keyid, which is new and empty unless it was there; or NULL. */
struct tuf_public_key *tuf_keys_place(struct tuf_keys *keys, const char *keyid);
/* A new one of zeros at the end, or NULL. */
struct tuf_delegated_role *tuf_delegated_roles_add(struct tuf_delegated_roles *roles,
                                                   const char *name);
int tuf_signatures_put(struct tuf_signatures *s, const char *keyid, const char *sig);
/* An empty one becomes that of a file: version (0 in `targets`), length in bytes, SHA-256 in hex.
 */
int tuf_entry_pin(struct tuf_entry *entry, int64_t version, int64_t length, const char sha256[65]);
