/*
 * A signing event: one JSON file, or a folder, that carries a proposed change from the workspace to
 * the holders and back, by USB stick, mail or git. It holds the whole root chain, what was
 * published when it was made, what is proposed, and the signatures gathered so far. In a folder
 * event.json is the proposal and signatures/KEYID.json what one signer added, so that branches
 * merge.
 *
 * What a holder reviews is named by one digest: SHA-256 over the canonical form of the event's
 * name, reason, date, and the version and hash of every base and proposed role. Each holder signs,
 * beside the metadata, a statement with that digest; a signature without it is refused.
 */
#ifndef TENMINT_TUF_EVENT_H
#define TENMINT_TUF_EVENT_H

#include <openssl/evp.h>

#include "tuf/metadata/build.h"
#include "tuf/manager/state/published.h"

#define EVENT_MEDIA_TYPE "application/vnd.tenmint.signing-event+json;version=1"
#define EVENT_BYTES_MAX ((size_t)512 << 20)
#define EVENT_FILE_MAX ((size_t)1 << 20)  /* a target that travels along for review */
#define EVENT_FILES_MAX ((size_t)8 << 20) /* all of them */
#define EVENT_ROLES_MAX 20000

struct event_role {
    const char *name;              /* borrowed from the tree */
    struct tuf_metadata *base;     /* as published; NULL: new. For root the newest one. */
    struct tuf_metadata *proposed; /* NULL: only there to be referred to */
};

struct event {
    json_t *tree; /* the file, without the `targets` of roles; the frames of the metadata below are
                     part of it */
    struct event_role *role; /* root first, then targets, then delegated roles */
    size_t count;
    struct tuf_metadata **roots; /* the published chain, from version 1 */
    size_t root_count;
    struct event_held { /* what the tree leaves out, until event_load() */
        bool proposed;
        char *role;
        struct tuf_entries *entries; /* of a text */
        struct tuf_metadata *m;      /* or of a draft */
    } * held;
    size_t held_count, held_cap, held_next[2];
};

/* An event without roles. `name` has the characters of policy_name_ok(). Add to it, then
 * event_load() it: only then are `role` and `roots` there. */
int event_new(const char *name, const char *reason, int64_t now, const struct published *base,
              struct event *out, struct err *e);

/* A published role that only shows who may sign what is proposed; one that is there stays. */
int event_add_reference(struct event *ev, const char *role, const struct tuf_metadata *base,
                        struct err *e);

/* Adds what is proposed for a role (taken over, also on failure) and its published version (or
 * NULL). */
int event_add(struct event *ev, const char *role, const struct tuf_metadata *base,
              struct tuf_metadata *proposed, struct err *e);

/* What event_add() took for a role, or NULL; before event_load(). Borrowed. */
const struct tuf_metadata *event_added(const struct event *ev, const char *role);

/* A target's old and new content, for review; NULL: it did not or will not exist. */
int event_add_file(struct event *ev, const char *path, const struct buf *before,
                   const struct buf *after, struct err *e);

/* Decodes what event_add_file() put in. 1: there, 0: not there, -1: damaged. */
int event_file(const struct event *ev, const char *path, bool after, struct buf *out,
               struct err *e);

/* Checks the whole tree and parses what it holds. -1: event_free() it all the same. */
int event_load(struct event *ev, struct err *e);

int event_parse(const char *text, size_t len, struct event *out, struct err *e);
/* A folder is an existing one, or a path that ends with '/'. */
int event_read(const char *path, struct event *out, struct err *e);
int event_write(const char *path, const struct event *ev, struct err *e);
/* The file's text, in parts to `write`; of `tree`, which is ev->tree or a changed copy of it. */
int event_dump(const struct event *ev, const json_t *tree,
               int (*write)(void *arg, const void *data, size_t len, struct err *e), void *arg,
               struct err *e);
bool event_is_there(const char *path);
void event_free(struct event *ev);

const char *event_name(const struct event *ev);
const char *event_reason(const struct event *ev);
const char *event_created(const struct event *ev);

/* What review prints and sign asks for. */
int event_digest(const struct event *ev, char hex[65], struct err *e);

/* NULL when the event does not have the role. */
const struct event_role *event_find(const struct event *ev, const char *role);

/* Who must sign the role: by what is proposed, or (`old`, root only) by the published root.
 * False: nobody, because there is no old root or no delegation to the role. */
bool event_signers(const struct event *ev, const char *role, bool old, struct tuf_signers *out);

/* ---- signing ---- */

struct event_signer {
    char holder[128];
    char fingerprint[65]; /* SHA-256 of the public key, hex */
    struct buf roles;     /* what was signed: "root 2, targets 5"; owned */
};

/* Adds the signatures of `pkey`'s holder to every role that wants them, and the statement. The
 * caller has shown the review and got `digest` from the holder. */
int event_sign(struct event *ev, EVP_PKEY *pkey, const char *digest, int64_t now,
               struct event_signer *out, struct err *e);

/* Every signature and statement holds: over these bytes, by a member, once, and reviewed as
 * `event_digest`. Call on every event that comes from outside. */
int event_check_signatures(const struct event *ev, struct err *e);

/* Takes the signatures that `from` has more; both must be the same proposal. Number added, or -1.
 */
int event_merge(struct event *ev, const struct event *from, struct err *e);

/* Statements, as evidence: calls back with each. */
void event_each_statement(const struct event *ev, void (*each)(void *arg, const json_t *statement),
                          void *arg);

/* Checks one {"signed", "signatures"} statement with `key` (a KEY object). */
int event_statement_verify(const json_t *statement, const json_t *key, struct err *e);

#endif
