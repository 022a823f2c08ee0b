#include "tools/tenmint-tuf/look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "tuf/manager/publish/tree.h"
#include "tuf/manager/report/remote.h"
#include "tuf/manager/state/workspace.h"

static int open_url(const char *url, struct look *l, struct tm_err *e)
{
    snprintf(l->dir, sizeof(l->dir), "/tmp/tenmint-tuf.XXXXXX");
    if (mkdtemp(l->dir) == NULL)
        return tm_err_errno(e, "make a folder in /tmp");
    l->temporary = true;
    if (tuf_remote_copy(url, l->dir, e) != 0) {
        look_close(l);
        return -1;
    }
    return 0;
}

static int open_workspace(const char *where, struct look *l, struct tm_err *e)
{
    struct tuf_workspace w;
    if (tuf_workspace_open(where, &w, e) != 0)
        return -1;
    memcpy(l->dir, w.published, sizeof(l->dir));
    memcpy(l->transcript, w.transcript, sizeof(l->transcript));
    l->workspace = true;
    l->first_root = w.policy.first_root > 0 ? w.policy.first_root : 1;
    tuf_workspace_close(&w);
    return 0;
}

int look_open(const char *where, struct look *l, struct tm_err *e)
{
    char policy[PATH_MAX];
    *l = (struct look){0};
    if (tuf_remote_is_url(where))
        return open_url(where, l, e);
    if (strstr(where, "://") != NULL)
        return tm_err_set(e, "'%.200s': a directory, or an http or https URL", where);
    if (tm_file_join(where, "policy.yaml", policy, sizeof(policy), e) != 0)
        return -1;
    if (access(policy, F_OK) == 0)
        return open_workspace(where, l, e);
    if ((size_t)snprintf(l->dir, sizeof(l->dir), "%s", where) >= sizeof(l->dir))
        return tm_err_set(e, "the path is too long");
    return 0;
}

int look_load(const struct look *l, struct tuf_published *p, struct tm_err *e)
{
    return l->workspace ? tuf_published_load_from(l->dir, l->first_root, p, e)
                        : tuf_published_look(l->dir, p, e);
}

int look_open_events(const struct look *l, const char *where, struct tuf_published *p,
                     struct tuf_open_events *out, struct tm_err *e)
{
    struct tuf_workspace w;
    *out = (struct tuf_open_events){0};
    if (!l->workspace)
        return 0;
    if (tuf_workspace_open(where, &w, e) != 0)
        return -1;
    int rc = tuf_open_events_read(&w, p, out, e);
    tuf_workspace_close(&w);
    return rc;
}

void look_close(struct look *l)
{
    if (l->temporary)
        tuf_tree_remove(l->dir, NULL);
    l->temporary = false;
}
