/*
 * A store of used tokens as ca/once asks one: a Redis server of one connection at a time with the
 * few commands that are said to it, which misbehaves as it is told to. Its protocol is hiredis's.
 */
#pragma once

#include <stddef.h>

enum fakeredis_mode {
    FAKEREDIS_GOOD,
    FAKEREDIS_SILENT,    /* carries out and keeps its answers until the mode is another */
    FAKEREDIS_HANGS_UP,  /* carries out, and ends the connection in the place of an answer */
    FAKEREDIS_STUMBLES,  /* does so once, and is good then */
    FAKEREDIS_LOADING,   /* refuses every command */
    FAKEREDIS_FORGETFUL, /* keeps nothing */
};

struct fakeredis;

/* Listens on loopback, a thread of its own. Aborts the test program on failure. */
struct fakeredis *fakeredis_new(void);
void fakeredis_free(struct fakeredis *r);

const char *fakeredis_url(const struct fakeredis *r); /* the server's own */

/* Any thread, as all below. */
void fakeredis_set(struct fakeredis *r, enum fakeredis_mode mode);

/* Every connection is answered by these bytes, after its first command, and then ended if
 * `hang_up`; what else it says is read. Borrowed; NULL: the store's own answers again. */
void fakeredis_script(struct fakeredis *r, const char *bytes, size_t len, int hang_up);

/* What INFO says: "MAXMEMORY POLICY", borrowed, at first "0 noeviction"; NULL: it is forbidden. */
void fakeredis_evicts(struct fakeredis *r, const char *info);

void fakeredis_forget(struct fakeredis *r); /* restarted without a disk, or evicted */

void fakeredis_put(struct fakeredis *r, const char *key, const char *value); /* a new key */

/* How many keys it has, but the one of its beginning. */
size_t fakeredis_keys(struct fakeredis *r);

/* How many commands of this name were carried out. */
size_t fakeredis_count(struct fakeredis *r, const char *name);

/* How often it was connected to. */
size_t fakeredis_connections(struct fakeredis *r);
