/* A published tree to look at: a directory, a workspace's, or a URL copied to a folder of /tmp. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "tuf/manager/report/open.h"
#include "tuf/manager/state/published.h"

struct look {
    char dir[PATH_MAX];
    bool temporary;
    bool workspace;     /* `where` was one: transcript has its path */
    int64_t first_root; /* of its policy, at least 1; 0: no workspace */
    char transcript[PATH_MAX];
};

int look_open(const char *where, struct look *l, struct tm_err *e);
/* The tree: a workspace's is ours, and as strict as all that goes on from it. */
int look_load(const struct look *l, struct tuf_published *p, struct tm_err *e);
/* What waits for holders, of a workspace at `where`; else nothing. */
int look_open_events(const struct look *l, const char *where, struct tuf_published *p,
                     struct tuf_open_events *out, struct tm_err *e);
void look_close(struct look *l);
