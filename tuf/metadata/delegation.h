/*
 * Delegations (spec §4.5): which roles a targets role trusts for which paths, in priority order;
 * paths, path_hash_prefixes and succinct hash bins (TAP 15).
 */
#pragma once

#include "tuf/metadata/metadata.h"

#define TUF_DELEGATIONS_MAX 32 /* delegated roles that a client visits for one target */

struct tuf_path {     /* a target path and its SHA-256 */
    const char *text; /* borrowed */
    unsigned char hash[32];
};

/* -1: empty, over-long. */
int tuf_path_init(struct tuf_path *p, const char *text, struct tm_err *e);

/* Shell glob by segment: '*', '?' and '[...]' never match '/'; a '?' is one UTF-8 character.
 * Linear in pattern times text, whatever the pattern. */
bool tuf_path_glob(const char *pattern, const char *path);

struct tuf_delegation {
    char name[TUF_ROLE_NAME_MAX + 1];
    struct tuf_signers signers; /* borrowed from `targets` */
    bool terminating;
};

/* The next delegation of `targets` at or after *at that covers the path; *at starts at 0.
 * Succinct bins count as terminating, as python-tuf, go-tuf and tuf-js treat them. False: no more.
 */
bool tuf_delegation_next(const struct tuf_metadata *targets, const struct tuf_path *path,
                         size_t *at, struct tuf_delegation *out);

/* By the role's name, bins included. False: `targets` does not delegate to it. */
bool tuf_delegation_find(const struct tuf_metadata *targets, const char *name,
                         struct tuf_delegation *out);

/* The metadata of the role that `d` delegates to, as far as it counts, else NULL in *out. Borrowed.
 * -1 ends the search. */
typedef int (*tuf_delegated_fn)(void *arg, const struct tuf_delegation *d,
                                const struct tuf_metadata **out, struct tm_err *e);

#define TUF_DELEGATORS_MAX 1024 /* roles that are asked */

/* Who may sign `name`, by `targets` or the roles below it, breadth-first, each once. Hash bins are
 * not asked what they delegate to. 1: `out`, 0: nobody delegates to it, -1: as `get` says, or more
 * than TUF_DELEGATORS_MAX. */
int tuf_delegation_search(const struct tuf_metadata *targets, const char *name,
                          tuf_delegated_fn get, void *arg, struct tuf_delegation *out,
                          struct tm_err *e);
/* Whether the role delegates at all. */
bool tuf_delegates(const struct tuf_metadata *targets);

/* "<prefix>-<bin>" of TAP 15 for bin number `bin` of 2^bits. -1: too long. */
int tuf_succinct_name(const char *prefix, unsigned bits, uint32_t bin, char *out, size_t size);
/* The bin that holds the path: the first `bits` bits of its hash. */
uint32_t tuf_succinct_bin(const struct tuf_path *path, unsigned bits);
