#include "tuf/manager/state/workspace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"

#define LOCK_POLL_MS 50

int tuf_workspace_path(const struct tuf_workspace *w, const char *path, char *out, size_t size,
                       struct tm_err *e)
{
    if (path[0] != '/')
        return tm_file_join(w->dir, path, out, size, e);
    if ((size_t)snprintf(out, size, "%s", path) >= size)
        return tm_err_set(e, "'%.100s': the path is too long", path);
    return 0;
}

int tuf_workspace_published(const struct tuf_workspace *w, struct tuf_published *p,
                            struct tm_err *e)
{
    return tuf_published_load_from(w->published, w->policy.first_root, p, e);
}

static int read_policy(struct tuf_workspace *w, struct tm_err *e)
{
    struct tm_buf text = {0};
    int rc = tm_file_read(w->policy_file, YAMLMAP_FILE_MAX, &text, e);
    if (rc != 0 && errno == ENOENT)
        rc = tm_err_set(e,
                        "'%s' is no repository workspace: it has no policy.yaml (use --dir, or "
                        "make one with init)",
                        w->dir);
    else if (rc == 0)
        rc = tuf_policy_parse(w->policy_file, (const char *)text.data, text.len, &w->policy, e);
    tm_buf_free(&text);
    return rc;
}

int tuf_workspace_open(const char *dir, struct tuf_workspace *w, struct tm_err *e)
{
    *w = (struct tuf_workspace){.lock = -1};
    if ((size_t)snprintf(w->dir, sizeof(w->dir), "%s", dir) >= sizeof(w->dir))
        return tm_err_set(e, "'%.100s': the path is too long", dir);
    if (tuf_workspace_path(w, "policy.yaml", w->policy_file, sizeof(w->policy_file), e) != 0 ||
        tuf_workspace_path(w, "keys", w->keys, sizeof(w->keys), e) != 0 ||
        tuf_workspace_path(w, "transcript.jsonl", w->transcript, sizeof(w->transcript), e) != 0 ||
        read_policy(w, e) != 0)
        return tm_err_mark(e, ERR_REFUSED);
    if (tuf_workspace_path(w, w->policy.published, w->published, sizeof(w->published), e) != 0) {
        tuf_policy_free(&w->policy);
        return -1;
    }
    return 0;
}

int tuf_workspace_lock(struct tuf_workspace *w, int wait_ms, struct tm_err *e)
{
    char path[PATH_MAX];
    if (tm_file_join(w->dir, ".lock", path, sizeof(path), e) != 0)
        return -1;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return tm_err_errno(e, "open lock '%s'", path);
    int64_t until = tm_clock_mono_ms() + wait_ms;
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            tm_err_errno(e, "lock '%s'", path);
            close(fd);
            return -1;
        }
        if (tm_clock_mono_ms() >= until) {
            close(fd);
            return tm_err_set(e, "another run holds '%s' (waited %d s)", path, wait_ms / 1000);
        }
        usleep(LOCK_POLL_MS * 1000);
    }
    w->lock = fd;
    return 0;
}

void tuf_workspace_close(struct tuf_workspace *w)
{
    tuf_policy_free(&w->policy);
    if (w->lock >= 0)
        close(w->lock);
    w->lock = -1;
}
