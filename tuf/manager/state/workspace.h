/*
 * A manager's directory:
 *
 *   policy.yaml        who may sign what
 *   keys/NAME.pub      holders' public keys
 *   targets/           what is published (the policy may name other folders)
 *   transcript.jsonl   evidence: what was proposed, signed, published, by whom
 *   published/         the tree that is served (the policy may put it elsewhere)
 *   .lock              one writer at a time
 */
#pragma once

#include <limits.h>

#include "tuf/manager/policy/policy.h"
#include "tuf/manager/state/published.h"

struct tuf_workspace {
    char dir[PATH_MAX];
    char policy_file[PATH_MAX];
    char keys[PATH_MAX];
    char transcript[PATH_MAX];
    char published[PATH_MAX];
    struct tuf_policy policy;
    int lock; /* file descriptor, or -1 */
};

/* Reads the policy of the workspace at `dir`. -1 leaves nothing to close. */
int tuf_workspace_open(const char *dir, struct tuf_workspace *w, struct tm_err *e);

/* Waits up to `wait_ms` for the only writer's lock, which tuf_workspace_close() gives back. The
 * kernel gives it back when the process dies. */
int tuf_workspace_lock(struct tuf_workspace *w, int wait_ms, struct tm_err *e);
void tuf_workspace_close(struct tuf_workspace *w);

/* What is published, as tuf_published_load_from() the policy's first root. */
int tuf_workspace_published(const struct tuf_workspace *w, struct tuf_published *p,
                            struct tm_err *e);

/* A path of the policy, from the workspace unless absolute. */
int tuf_workspace_path(const struct tuf_workspace *w, const char *path, char *out, size_t size,
                       struct tm_err *e);
