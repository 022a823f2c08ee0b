/*
 * New files on their way into the published tree. They are written, whole and synced, into a
 * folder inside the tree (so that a rename moves them), checked there by our own client, and then
 * put in place in an order in which a reader at any moment, and a power cut at any moment, finds a
 * whole set: target files, versioned metadata, the new root, timestamp.json, and last root.json,
 * which is a convenience.
 */
#pragma once

#include <limits.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

#include "tuf/metadata/build.h"

#define STAGE_FOLDER ".staging" /* in the published tree */

enum tuf_stage_phase { STAGE_METADATA, STAGE_ROOT, STAGE_TIMESTAMP, STAGE_LATEST };

struct tuf_stage_file { /* of metadata; targets are known by their folder */
    char *name;         /* below the tree */
    enum tuf_stage_phase phase;
};

struct tuf_stage {
    char tree[PATH_MAX];
    char dir[PATH_MAX]; /* the staging folder */
    int dir_fd;         /* of it, or -1 */
    bool fresh;         /* the tree has no targets/ yet: ours becomes it as a whole */
    bool moved;         /* it has */
    EVP_MD_CTX *ctx;
    EVP_MD *sha256;
    struct tuf_stage_file *file;
    size_t count, cap;
    size_t targets;
};

/* Makes tree and staging folder; what a killed run left there goes. */
int tuf_stage_open(const char *tree, struct tuf_stage *s, struct tm_err *e);

struct tuf_stage_pin { /* of what was written */
    int64_t length;    /* bytes */
    char sha256[65];
};

/* Writes a metadata file, part by part. `pin` may be NULL. */
int tuf_stage_put(struct tuf_stage *s, enum tuf_stage_phase phase, const char *name,
                  const struct tuf_metadata *m, bool indented, struct tuf_stage_pin *pin,
                  struct tm_err *e);

/* Copies a target file, whose content must have this hash. Nothing happens when the tree has a
 * file of that name and length already. */
int tuf_stage_put_target(struct tuf_stage *s, const char *name, const char *from,
                         const char *sha256, long long length, struct tm_err *e);

/* How many files. */
size_t tuf_stage_count(const struct tuf_stage *s);

/* All of it on disk. */
int tuf_stage_sync(struct tuf_stage *s, struct tm_err *e);

/* Puts everything in place, phase by phase. */
int tuf_stage_commit(struct tuf_stage *s, struct tm_err *e);

/* Puts everything in place in one step: a copy of the tree (hard links) with the new files is
 * exchanged with it. For a root that makes the old timestamp unverifiable. -1 with *unsupported
 * set: the file system cannot, nothing has changed. */
int tuf_stage_exchange(struct tuf_stage *s, bool *unsupported, struct tm_err *e);

/* Removes the staging folder. */
void tuf_stage_close(struct tuf_stage *s);
