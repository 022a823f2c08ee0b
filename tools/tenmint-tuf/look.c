#include "tools/tenmint-tuf/look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "tuf/manager/publish/tree.h"
#include "tuf/manager/report/remote.h"
#include "tuf/manager/state/workspace.h"

static int open_url(const char *url, struct look *l, struct err *e)
{
    snprintf(l->dir, sizeof(l->dir), "/tmp/tenmint-tuf.XXXXXX");
    if (mkdtemp(l->dir) == NULL)
        return err_errno(e, "make a folder in /tmp");
    l->temporary = true;
    if (remote_copy(url, l->dir, e) != 0) {
        look_close(l);
        return -1;
    }
    return 0;
}

static int open_workspace(const char *where, struct look *l, struct err *e)
{
    struct workspace w;
    if (workspace_open(where, &w, e) != 0)
        return -1;
    memcpy(l->dir, w.published, sizeof(l->dir));
    memcpy(l->transcript, w.transcript, sizeof(l->transcript));
    l->workspace = true;
    workspace_close(&w);
    return 0;
}

int look_open(const char *where, struct look *l, struct err *e)
{
    char policy[PATH_MAX];
    *l = (struct look){0};
    if (remote_is_url(where))
        return open_url(where, l, e);
    if (strstr(where, "://") != NULL)
        return err_set(e, "'%.200s': a directory, or an http or https URL", where);
    if (file_join(where, "policy.yaml", policy, sizeof(policy), e) != 0)
        return -1;
    if (access(policy, F_OK) == 0)
        return open_workspace(where, l, e);
    if ((size_t)snprintf(l->dir, sizeof(l->dir), "%s", where) >= sizeof(l->dir))
        return err_set(e, "the path is too long");
    return 0;
}

void look_close(struct look *l)
{
    if (l->temporary)
        tree_remove(l->dir, NULL);
    l->temporary = false;
}
