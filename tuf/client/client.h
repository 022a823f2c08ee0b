/*
 * The TUF client workflow (spec §5): from one trusted root file to verified targets, against
 * rollback, freeze, mix-and-match, endless data and fast-forward, with everything accepted kept
 * in a cache directory.
 *
 *   client = tuf_client_open(&options, &e);     no request; takes the cache's lock
 *   tuf_client_refresh(client, &e);             §5.3 to §5.6, top-level roles
 *   tuf_client_get(client, "name", path, &e);   §5.7, delegated roles as needed
 *   tuf_client_close(client);
 *
 * A failed step keeps what was accepted before it; the next run goes on from there. One process
 * at a time uses a cache: others wait. An object is used by one thread.
 *
 * The cache holds root.json, timestamp.json, snapshot.json, targets.json and <role>.json as they
 * came, the chain of roots in root_history/, targets in targets/. Replaced atomically and synced.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/fetch/fetch.h"
#include "tuf/metadata/metadata.h"

#define TUF_MIRRORS_MAX 16

/* Limits of one run, as python-tuf, go-tuf and tuf-js have them. */
#define TUF_ROOT_BYTES_MAX ((size_t)512000)
#define TUF_TIMESTAMP_BYTES_MAX ((size_t)16384)
#define TUF_SNAPSHOT_BYTES_MAX ((size_t)2000000) /* unless the timestamp pins a length */
#define TUF_TARGETS_BYTES_MAX ((size_t)5000000)  /* unless the snapshot pins a length */
#define TUF_ROOT_ROTATIONS_MAX 256

struct tuf_client_options {
    const char *dir; /* the cache; made when missing (mode 0755) */
    /*
     * Where trust begins. With `root`, a root file that the user gave: it always beats the cache,
     * of which only what verifies from it is used. But when the cache's root is a later one of
     * the same repository (a key that signs a root of the given chain signed it), a run whose
     * chain ends below it is a "rollback". Without, the cache's root.json is trusted.
     */
    const void *root;
    size_t root_len;
    /* Mirrors in the order to try: http(s) URLs, or local directories (or file:///path). */
    const char *const *metadata_urls; /* hold timestamp.json, N.root.json, ... */
    size_t metadata_url_count;
    const char *const
        *target_urls; /* hold <hash>.<name>; none: "targets/" below each metadata URL */
    size_t target_url_count;
    int64_t now;        /* Unix seconds, fixed for the whole run; 0: the system's clock */
    bool offline;       /* no request: what is cached, as long as it has not expired */
    bool allow_http;    /* plain http beyond loopback: safe for TUF, but not private */
    const char *ca_pem; /* extra trusted CAs for https, or NULL */
    long timeout_ms;    /* of one metadata file, and of a target's stall; 0: 30 000 */
    bool patient;       /* asks again where every mirror is busy or lost (common/fetch/again.h) */
    unsigned tries;     /* how often then at most; 0: TM_FETCH_TRIES */
    long lock_ms;       /* how long to wait for another process; 0: 60 000 */
    /* Carries requests in the place of tm_fetch_run, for who lets another process fetch; every byte
     * is verified here all the same. It calls the request's sink. NULL: tm_fetch_run. */
    int (*fetch)(void *ctx, const struct tm_fetch_request *req, struct tm_fetch_response *resp,
                 struct tm_err *e);
    void *fetch_ctx;
    bool passing; /* the cache is thrown away afterwards: nothing is synced to the disk */
};

struct tuf_client;

/*
 * Writes `root` (a root file that verifies by its own keys; its expiry does not matter) as the
 * trusted root of the cache `dir`, whatever was there: also to go back, or to another repository.
 * Later roots in the cache are forgotten. No network.
 */
int tuf_client_init(const char *dir, const void *root, size_t len, struct tm_err *e);

/* Copies the options. Loads and checks the trusted root; sends nothing. */
struct tuf_client *tuf_client_open(const struct tuf_client_options *options, struct tm_err *e);
void tuf_client_close(struct tuf_client *c); /* NULL is fine */

/*
 * Brings root, timestamp, snapshot and targets up to date, in that order. On -1 the error names
 * the file and begins its reason with the attack that it may be: "rollback", "freeze" (expired),
 * "mix-and-match" (version or hash), "unsigned" (threshold), or with what was downloaded.
 */
int tuf_client_refresh(struct tuf_client *c, struct tm_err *e);

/*
 * Finds the target through the delegations and puts it, verified, at `path` (NULL: in the cache).
 * No download when that file, or the cache's copy, already is the target. After a refresh only.
 */
int tuf_client_get(struct tuf_client *c, const char *name, const char *path, struct tm_err *e);

/* The cache's path for a target (all but letters, digits and "_.-~" as %XX); does not mean that it
 * is there. */
int tuf_client_target_path(const struct tuf_client *c, const char *name, char *out, size_t size,
                           struct tm_err *e);

/* tuf_client_get into the cache, then appends the bytes, checked again. More than `max`: -1. */
int tuf_client_read(struct tuf_client *c, const char *name, size_t max, struct tm_buf *out,
                    struct tm_err *e);

struct tuf_client_source {           /* of a target; borrowed until the next refresh */
    const struct tuf_metadata *role; /* that lists it: the top-level targets, or a delegated one */
    const char *name;                /* of that role */
    struct tuf_signers by;           /* whose keys count for it */
    int64_t expires_s; /* the first of the targets roles on the way to it, Unix seconds */
};

/* Who vouches for the target. After a refresh only. */
int tuf_client_source(struct tuf_client *c, const char *name, struct tuf_client_source *out,
                      struct tm_err *e);

/* The verified metadata of a top-level role; NULL before it is loaded. Borrowed until the next
 * refresh. */
const struct tuf_metadata *tuf_client_role(const struct tuf_client *c, enum tuf_role role);

/* The time that the run judges expiry by. */
int64_t tuf_client_now(const struct tuf_client *c);
