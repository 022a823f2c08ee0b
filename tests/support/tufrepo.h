/*
 * A TUF repository in the test's process, served over loopback HTTP, that can be honest or
 * misbehave in any way. Every fault of its own ends the program.
 *
 * Roles are trees to edit; nothing is served until it is published (signed as it then is).
 */
#pragma once

#include <jansson.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"

#define TUFREPO_NOW INT64_C(1900000000) /* the time that tests run at */
#define TUFREPO_EXPIRES (TUFREPO_NOW + INT64_C(30) * 86400)

struct tufrepo;

/* Four roles of one Ed25519 key each, version 1, published; one target "file1". */
struct tufrepo *tufrepo_start(void);
void tufrepo_stop(struct tufrepo *r);
const char *tufrepo_url(const struct tufrepo *r); /* "http://127.0.0.1:PORT" */

/* The `signed` part of a role, to edit. */
json_t *tufrepo_body(struct tufrepo *r, const char *role);
int64_t tufrepo_version(struct tufrepo *r, const char *role);
void tufrepo_set_version(struct tufrepo *r, const char *role, int64_t version);
void tufrepo_set_expires(struct tufrepo *r, const char *role, int64_t seconds);

/* Signs a role with its keys and serves it as N.role.json (timestamp.json). */
void tufrepo_publish(struct tufrepo *r, const char *role);
/* Version + 1, then publish. */
void tufrepo_bump(struct tufrepo *r, const char *role);
/* Bumps `role` (NULL: none), then snapshot, which lists every targets role, and timestamp. With
 * `pinned`, by length and hash too. */
void tufrepo_release(struct tufrepo *r, const char *role, bool pinned);
/* The signed bytes as tufrepo_publish would serve them; for other places. */
void tufrepo_sign(struct tufrepo *r, const char *role, struct tm_buf *out);

/* Another key for a role that signs besides; it and the keyid in root (or in the delegator's
 * delegations) go together. Not published. */
void tufrepo_add_key(struct tufrepo *r, const char *role);
/* One new key in place of all; for root, the old ones still sign the next version. */
void tufrepo_rotate(struct tufrepo *r, const char *role);
/* The keyids and threshold object of a role in root. */
json_t *tufrepo_root_role(struct tufrepo *r, const char *role);
/* Drops the role's keys from its signers: it signs nothing. */
void tufrepo_drop_signers(struct tufrepo *r, const char *role);

/* A target's entry in `role`, and its file under targets/. */
void tufrepo_add_target(struct tufrepo *r, const char *role, const char *name, const char *data);
/* A new role with a key of its own, for one pattern; the same name again: the same role by
 * another way, with a key that the role does not sign with. */
void tufrepo_delegate(struct tufrepo *r, const char *parent, const char *role, const char *pattern,
                      bool terminating);

enum tufrepo_manner {
    TUFREPO_HONEST,
    TUFREPO_CHUNKED,  /* no Content-Length */
    TUFREPO_ENDLESS,  /* the file, then spaces for ever */
    TUFREPO_DRIP,     /* a byte every 100 ms */
    TUFREPO_CUT,      /* half of what Content-Length says */
    TUFREPO_GZIP,     /* says Content-Encoding: gzip */
    TUFREPO_REDIRECT, /* 302 to the file's content */
};

/* What is served at a path below the URL ("timestamp.json", "targets/x"). */
void tufrepo_put(struct tufrepo *r, const char *path, const void *data, size_t len);
void tufrepo_remove(struct tufrepo *r, const char *path);
/* The file's bytes as served, borrowed; NULL when there is none. */
const struct tm_buf *tufrepo_file(struct tufrepo *r, const char *path);
void tufrepo_behave(struct tufrepo *r, const char *path, enum tufrepo_manner manner);
void tufrepo_status(struct tufrepo *r, const char *path, int status);

/* The paths asked for since the last call, each followed by a space. */
const char *tufrepo_requests(struct tufrepo *r);
