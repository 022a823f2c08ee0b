/* Shared by the files of this folder. */
#pragma once

#include <openssl/evp.h>

#include "tuf/manager/rehearse/rehearse.h"

/* The targets that clients get. */
#define REHEARSE_BEFORE "rehearsal-before.txt"
#define REHEARSE_AFTER "rehearsal-after.txt" /* comes with the rotation */

struct tuf_actor { /* a holder or online key of the copy */
    char name[POLICY_NAME_MAX + 1];
    EVP_PKEY *key;
    bool online;
    bool away;    /* signs nothing: its key is stolen */
    bool retired; /* the rotation took it out */
};

struct tuf_copy {
    struct tuf_workspace w; /* the workspace's policy; its files are the copy's */
    char dir[PATH_MAX];     /* the copy's; removed at the end */
    struct tuf_actor *actor;
    size_t count;
    int64_t now;
    enum tuf_rehearsal_kind kind;
    struct tm_rehearsal *out;
    unsigned clients; /* caches made so far */
};

int tuf_copy_open(const char *workspace, struct tuf_copy *c, struct tm_err *e);
void tuf_copy_close(struct tuf_copy *c);

/* A path in the copy. */
int tuf_copy_path(const struct tuf_copy *c, const char *name, char out[PATH_MAX], struct tm_err *e);
/* A target of the copy; NULL: it is taken away. */
int tuf_copy_target(const struct tuf_copy *c, const char *name, const char *text, struct tm_err *e);
/* Somebody new, with a key. NULL: `e` is set. */
struct tuf_actor *tuf_copy_actor(struct tuf_copy *c, const char *name, bool online,
                                 struct tm_err *e);
struct tuf_actor *tuf_copy_find(const struct tuf_copy *c, const char *name);

/* Proposes what the policy and the targets ask for, signs by everybody who is not away, publishes.
 */
int tuf_copy_ceremony(struct tuf_copy *c, const char *name, struct tm_err *e);

/* What clients make of it, before and after the rotation: each step is noted. */
int tuf_copy_clients_before(struct tuf_copy *c);
int tuf_copy_clients_after(struct tuf_copy *c);
int tuf_copy_denials(struct tuf_copy *c);
