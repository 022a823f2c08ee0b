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
#ifndef TENMINT_TUF_WORKSPACE_H
#define TENMINT_TUF_WORKSPACE_H

#include <limits.h>

#include "tuf/manager/policy/policy.h"

struct workspace {
    char dir[PATH_MAX];
    char policy_file[PATH_MAX];
    char keys[PATH_MAX];
    char transcript[PATH_MAX];
    char published[PATH_MAX];
    struct policy policy;
    int lock; /* file descriptor, or -1 */
};

/* Reads the policy of the workspace at `dir`. -1 leaves nothing to close. */
int workspace_open(const char *dir, struct workspace *w, struct err *e);

/* Waits up to `wait_ms` for the only writer's lock, which workspace_close() gives back. The kernel
 * gives it back when the process dies. */
int workspace_lock(struct workspace *w, int wait_ms, struct err *e);
void workspace_close(struct workspace *w);

/* A path of the policy, from the workspace unless absolute. */
int workspace_path(const struct workspace *w, const char *path, char *out, size_t size,
                   struct err *e);

#endif
