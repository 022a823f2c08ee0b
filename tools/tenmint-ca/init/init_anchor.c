#include "tools/tenmint-ca/init/init_anchor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "tools/tenmint-ca/setup.h"

#define CHECKPOINT_MAX ((size_t)1 << 16)

static const struct {
    const char *anchor, *checkpoint; /* as setup_put_anchor() names it, and in the CA's folder */
} logs[] = {{"log.checkpoint", "log/checkpoint"},
            {"siglog.checkpoint", "siglog/checkpoint"},
            {"audit.checkpoint", "audit/heads/checkpoint"}};

int init_anchor_check(const struct init_plan *p, struct tm_err *e)
{
    char place[PATH_MAX];
    size_t len;
    if (*p->anchor == '\0')
        return 0;
    if (realpath(p->place, place) != NULL && (len = strlen(place)) > 0 &&
        strncmp(p->anchor, place, len) == 0 && (p->anchor[len] == '\0' || p->anchor[len] == '/'))
        return tm_err_set(e,
                          "--anchor: '%s' is or lies in '%s': an old backup would bring both "
                          "back together. Name a folder on other storage",
                          p->anchor, place);
    return setup_directory_is_empty(p->anchor, e) == 0
               ? 0
               : tm_err_wrap(e, "--anchor: a log's newest checkpoint is to be alone there");
}

/* A CA without that log has no checkpoint of it. */
static int put_one(const struct init_plan *p, size_t i, struct tm_err *e)
{
    char from[PATH_MAX], to[PATH_MAX];
    struct tm_buf note = {0};
    if (tm_file_join(p->place, logs[i].checkpoint, from, sizeof(from), e) != 0 ||
        tm_file_join(p->anchor, logs[i].anchor, to, sizeof(to), e) != 0)
        return -1;
    if (access(from, F_OK) != 0)
        return 0;
    int rc = tm_file_read(from, CHECKPOINT_MAX, &note, e);
    if (rc == 0)
        rc = tm_file_create(to, 0644, note.data, note.len, e);
    tm_buf_free(&note);
    return rc;
}

int init_anchor_put(const struct init_plan *p, struct tm_err *e)
{
    int rc = 0;
    if (*p->anchor == '\0')
        return 0;
    for (size_t i = 0; rc == 0 && i < sizeof(logs) / sizeof(logs[0]); i++)
        rc = put_one(p, i, e);
    if (rc == 0)
        rc = owner_give(&p->owner, p->anchor, e);
    return rc == 0 ? 0
                   : tm_err_wrap(e,
                                 "'%s' is made, and its --anchor is not: remove it, and name "
                                 "another folder",
                                 p->place);
}
