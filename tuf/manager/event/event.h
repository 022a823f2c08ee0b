/*
 * A signing event: one JSON file, or a folder, that carries a proposed change from the workspace to
 * the holders and back, by USB stick, mail or git. It holds the whole root chain, what was
 * published when it was made, what is proposed, and the signatures gathered so far. In a folder
 * event.json is the proposal and signatures/KEYID.json what one signer added, so that branches
 * merge.
 *
 * What a holder reviews is named by one digest: SHA-256 over the canonical form of the event's
 * name, reason, date, the version and hash of every base and proposed role, and the hashes of the
 * targets' content that travels along. Each holder signs, beside the metadata, a statement with
 * that digest; a signature without it is refused.
 *
 * An event is whole from the moment it exists, drafted or read.
 */
#pragma once

#include <openssl/evp.h>

#include "tuf/metadata/build.h"
#include "tuf/metadata/delegation.h"
#include "tuf/manager/event/statement.h"
#include "tuf/manager/state/progress.h"
#include "tuf/manager/state/published.h"

#define EVENT_BYTES_MAX ((size_t)512 << 20)
#define EVENT_FILE_MAX ((size_t)1 << 20)  /* a target that travels along for review */
#define EVENT_FILES_MAX ((size_t)8 << 20) /* all of them */
#define EVENT_FILE_COST 4096 /* of one, however small: 2,000 are reviewed, not 100,000 */
#define EVENT_ROLES_MAX 20000
#define EVENT_REASON_MAX 1000 /* bytes */

struct tuf_event_role {
    char *name;
    struct tuf_metadata *base;     /* as published; NULL: new. For root the newest one. */
    struct tuf_metadata *proposed; /* NULL: only there to be referred to */
};

struct tuf_event_copy { /* of a target's content */
    struct tm_buf data;
    char sha256[65];
};

struct tuf_event_file { /* copies of a target, so that a review elsewhere can say what is in it */
    char *path;
    struct tuf_event_side { /* several: roles list the path with different hashes */
        struct tuf_event_copy *copy;
        size_t count;
    } side[2]; /* before and after */
};

struct tuf_event { /* what it points to is its own */
    char *name, *reason;
    int64_t created;             /* Unix seconds */
    struct tuf_metadata **roots; /* the published chain, from 1 unless it was taken over */
    size_t root_count;
    struct tuf_event_role *role; /* root first, then targets, then delegated roles */
    size_t count, cap;
    size_t *by_name; /* their numbers in the order of names */
    struct tuf_event_files {
        struct tuf_event_file *item; /* in the order of paths */
        size_t count;
    } files;
    struct tuf_statements {
        struct tuf_statement *item;
        size_t count;
    } statements;
};

/* Of the newest published root; 0: there is none. */
int64_t tuf_event_root_version(const struct tuf_event *ev);

/* ---- making ---- */

/* An event without proposed roles. `name` has the characters of tuf_policy_name_ok(). */
int tuf_event_new(const char *name, const char *reason, int64_t now,
                  const struct tuf_published *base, struct tuf_event *out, struct tm_err *e);

/* A published role that only shows who may sign what is proposed; one that is there stays. */
int tuf_event_add_reference(struct tuf_event *ev, const char *role, const struct tuf_metadata *base,
                            struct tm_err *e);

/* Adds what is proposed for a role (taken over, also on failure) and its published version (or
 * NULL). */
int tuf_event_add(struct tuf_event *ev, const char *role, const struct tuf_metadata *base,
                  struct tuf_metadata *proposed, struct tm_err *e);

/* Frees what is published, or proposed, of a role: its place is as if it had none. */
void tuf_event_let_go(struct tuf_event *ev, const char *role, bool proposed);

/* What a target's content was or will be, for review. */
int tuf_event_add_content(struct tuf_event *ev, const char *path, bool after,
                          const struct tm_buf *data, struct tm_err *e);

void tuf_event_free(struct tuf_event *ev);

/* ---- reading and writing ---- */

/* `spent`: the buffer that the text stands in, which is given up as it is read, so that a large
 * event is never in memory twice. NULL: the text stays. `progress` may be NULL. */
int tuf_event_parse(const char *text, size_t len, struct tm_buf *spent,
                    const struct tuf_progress *progress, struct tuf_event *out, struct tm_err *e);
/* A folder is an existing one, or a path that ends with '/'. */
int tuf_event_read(const char *path, const struct tuf_progress *progress, struct tuf_event *out,
                   struct tm_err *e);
int tuf_event_write(const char *path, const struct tuf_event *ev, struct tm_err *e);
/* The file's text, in parts to `write`; `bare`: only the proposal, without what signers added. */
int tuf_event_dump(const struct tuf_event *ev, bool bare,
                   int (*write)(void *arg, const void *data, size_t len, struct tm_err *e),
                   void *arg, struct tm_err *e);
bool tuf_event_is_there(const char *path);

/* ---- asking ---- */

/* What review prints and sign asks for. */
int tuf_event_digest(const struct tuf_event *ev, char hex[65], struct tm_err *e);

/* NULL when the event does not have the role. */
const struct tuf_event_role *tuf_event_find(const struct tuf_event *ev, const char *role);
size_t tuf_event_proposed_count(const struct tuf_event *ev);

/* Who must sign the role: by what is proposed, or (`old`, root only) by the published root.
 * False: nobody, because there is no old root or no delegation to the role. */
bool tuf_event_signers(const struct tuf_event *ev, const char *role, bool old,
                       struct tuf_signers *out);

/* What the event says is published of a delegated role, when its delegator's keys have signed it,
 * else NULL; for tuf_delegation_search(). `ev` is a const struct tuf_event. */
int tuf_event_base(void *ev, const struct tuf_delegation *d, const struct tuf_metadata **out,
                   struct tm_err *e);

/* The same of what is in force once the event is published. */
int tuf_event_coming(void *ev, const struct tuf_delegation *d, const struct tuf_metadata **out,
                     struct tm_err *e);

enum tuf_content {
    TUF_CONTENT_THERE,   /* the event holds what the metadata pins */
    TUF_CONTENT_MISSING, /* it holds nothing for this side of the path */
    TUF_CONTENT_WRONG,   /* what it holds is something else */
};
/* Appends the content that `pin` names, when it is there. */
enum tuf_content tuf_event_content(const struct tuf_event *ev, const char *path, bool after,
                                   const struct tuf_file_info *pin, struct tm_buf *out);

/* Every signature and statement holds: over these bytes, by a member, once, and reviewed as
 * `tuf_event_digest`. Call on every event that comes from outside. */
int tuf_event_check_signatures(const struct tuf_event *ev, struct tm_err *e);

/* ---- signing ---- */

struct tuf_event_signer {
    char holder[128];
    char fingerprint[65]; /* SHA-256 of the public key, hex */
    struct tm_buf roles;  /* what was signed: "root 2, targets 5"; owned */
};

/* Whether `pkey` is a key of the role, by the old or the new signers. */
bool tuf_event_may_sign(const struct tuf_event *ev, const char *role, EVP_PKEY *pkey);

/* Adds the signatures of `pkey`'s holder to every role that wants them, and the statement. The
 * caller has shown the review and got `digest` from the holder. */
int tuf_event_sign(struct tuf_event *ev, EVP_PKEY *pkey, const char *digest, int64_t now,
                   struct tuf_event_signer *out, struct tm_err *e);

/* ---- merging ---- */

/* What signers have added to an event: so little that one proposal is in memory, however many files
 * are merged. */
struct tuf_event_added { /* what it points to is its own */
    char *name;          /* the event's */
    char digest[65];     /* tuf_event_digest() */
    struct tuf_added_role {
        char *name;
        struct tuf_signatures signatures;
    } * role;
    size_t count;
    struct tuf_statements statements;
    bool holds; /* every signature and statement of the event; else `fault` */
    struct tm_err fault;
};
/* Signatures that do not hold are told of by tuf_event_take(), which first looks whether the
 * proposal is the same at all. -1: free it all the same. */
int tuf_event_added(const struct tuf_event *ev, struct tuf_event_added *out, struct tm_err *e);
void tuf_event_added_free(struct tuf_event_added *a);

/* Takes the signatures that `from` has more; both must be the same proposal, and every signature
 * and statement must hold. Number added, or -1. */
int tuf_event_take(struct tuf_event *ev, const struct tuf_event_added *from, struct tm_err *e);
/* The same from a whole event. */
int tuf_event_merge(struct tuf_event *ev, const struct tuf_event *from, struct tm_err *e);
