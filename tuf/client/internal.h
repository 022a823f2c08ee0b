/* Shared by the client's own files. */
#pragma once

#include "tuf/client/client.h"
#include "tuf/client/mirror.h"
#include "tuf/client/store.h"
#include "tuf/metadata/delegation.h"

/* As tm_err_set, of what a mirror must never do. */
#define rollback(e, ...) (tm_err_set(e, "rollback: " __VA_ARGS__), tm_err_mark(e, ERR_DANGER))

struct tuf_delegated { /* a delegated role loaded in this run */
    char *name;        /* owned */
    struct tuf_metadata *m;
};

struct tuf_client {
    struct tuf_store store;
    struct tuf_mirrors metadata, targets;
    struct fetch_session *session;
    char *ca_pem;
    int64_t now;
    bool offline;
    struct tuf_metadata *top[TUF_ROLE_COUNT];
    struct tm_buf root_bytes;    /* of top[TUF_ROOT] */
    bool given;                  /* trust began with a root file of the user's */
    struct tuf_metadata *beaten; /* then: the root that the cache would have begun with, or NULL */
    bool beaten_is_kin;          /* of the same repository */
    struct tuf_delegated *roles;
    size_t role_count;
};

/* ---- roots.c: §5.2, §5.3 ---- */

/* The root where trust begins, and what the cached chain adds to it. */
int tuf_roots_load(struct tuf_client *c, const void *given, size_t len, struct tm_err *e);
int tuf_roots_update(struct tuf_client *c, struct tm_err *e);
/* Makes `data` the cache's root, and the end of its chain. */
int tuf_roots_begin(struct tuf_store *s, const void *data, size_t len, struct tm_err *e);
/* A root that verifies by its own keys. */
struct tuf_metadata *tuf_roots_parse(const void *data, size_t len, struct tm_err *e);

/* ---- roles.c: §5.4, §5.5, §5.6 ---- */

int tuf_roles_update_timestamp(struct tuf_client *c, struct tm_err *e);
int tuf_roles_update_snapshot(struct tuf_client *c, struct tm_err *e);
/* A targets role, top-level or delegated, signed by `by`: from this run, the cache or a mirror. */
int tuf_roles_load_targets(struct tuf_client *c, const char *name, const struct tuf_signers *by,
                           struct tuf_metadata **out, struct tm_err *e);

/* Fetches metadata and hands it to `accept`, which takes over what it needs or refuses. */
typedef int (*roles_accept)(void *arg, const struct tm_buf *bytes, struct tm_err *e);
enum tuf_mirror_result tuf_roles_fetch(struct tuf_client *c, const char *file, size_t max,
                                       roles_accept accept, void *arg, struct tm_err *e);

/* "freeze" unless still valid. */
int tuf_roles_check_expiry(const struct tuf_client *c, const struct tuf_metadata *m,
                           struct tm_err *e);

/* ---- walk.c: §5.6.7 ---- */

/* The target's entry, borrowed from the client's metadata, and, unless NULL, who lists it. */
int tuf_walk_find(struct tuf_client *c, const char *name, struct tuf_file_info *out,
                  struct tuf_client_source *source, struct tm_err *e);
