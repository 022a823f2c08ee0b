/* hold: a holder's part of the ceremony over git. The repository is cloned into a folder of its
 * own, which is gone afterwards; what others push meanwhile is merged, as events are. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file.h"
#include "tools/tenmint-tuf/commands.h"
#include "tools/tenmint-tuf/holder.h"
#include "tools/tenmint-tuf/session.h"
#include "tuf/manager/review/rules.h"
#include "tuf/manager/publish/tree.h"

#define GIT_WORDS_MAX 24
#define PUSHES 5 /* others push too */

struct clone {
    char dir[PATH_MAX];
    char event[PATH_MAX]; /* below dir */
};

/* Runs git with these words (ended by NULL) in `dir` (or NULL). `quiet`: its complaints are not
 * shown. */
static int git(const char *dir, bool quiet, const char *const *words, struct tm_err *e)
{
    const char *argv[GIT_WORDS_MAX + 8] = {"git"};
    size_t n = 1;
    int status = 0;
    if (dir != NULL) {
        argv[n++] = "-C";
        argv[n++] = dir;
    }
    for (size_t i = 0; words[i] != NULL && i < GIT_WORDS_MAX; i++)
        argv[n++] = words[i];
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (quiet && freopen("/dev/null", "w", stderr) == NULL)
            _exit(126);
        dup2(STDERR_FILENO, STDOUT_FILENO); /* our own output is the review */
        execvp("git", (char *const *)argv);
        _exit(127);
    }
    if (pid < 0)
        return tm_err_errno(e, "run git");
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return tm_err_errno(e, "wait for git");
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return tm_err_set(e, "git is not installed, or not in PATH");
    return tm_err_set(e, "git %s failed", words[0]);
}

static int clone_open(struct clone *c, const char *remote, const char *branch, struct tm_err *e)
{
    const char *tmp = getenv("TMPDIR");
    if (remote[0] == '-')
        return tm_err_set(e, "'%.100s' is no repository", remote);
    snprintf(c->dir, sizeof(c->dir), "%s/tenmint-hold.XXXXXX",
             tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");
    if (mkdtemp(c->dir) == NULL)
        return tm_err_errno(e, "make '%s'", c->dir);
    /* A link in what others made would lead out of the folder. */
    const char *const whole[] = {"clone", "--quiet", "--config", "core.symlinks=false",
                                 "--",    remote,    c->dir,     NULL};
    const char *const one[] = {"clone",    "--quiet", "--config", "core.symlinks=false",
                               "--branch", branch,    "--",       remote,
                               c->dir,     NULL};
    if (git(NULL, false, branch != NULL ? one : whole, e) == 0)
        return 0;
    return tm_err_wrap(e, "'%.200s'", remote);
}

/* ---- which event ---- */

struct search {
    struct clone *c;
    size_t found;
};

/* One that is no event, or complete already, is passed over. */
static void try_event(struct search *s, const char *path)
{
    char full[PATH_MAX];
    struct tuf_event ev;
    if (tm_file_join(s->c->dir, path, full, sizeof(full), NULL) != 0 || !tuf_event_is_there(full) ||
        tuf_event_read(full, NULL, &ev, NULL) != 0)
        return;
    if (tuf_rules_thresholds(&ev, NULL) != 0) {
        if (s->found++ == 0)
            snprintf(s->c->event, sizeof(s->c->event), "%s", path);
        printf("event ");
        cli_print_text(stdout, path, strlen(path));
        printf(" waits for signatures\n");
    }
    tuf_event_free(&ev);
}

static void try_folder(struct search *s, const char *folder)
{
    char dir[PATH_MAX];
    char path[PATH_MAX];
    struct dirent **names = NULL;
    if (tm_file_join(s->c->dir, folder, dir, sizeof(dir), NULL) != 0)
        return;
    int count = scandir(dir, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        if (names[i]->d_name[0] != '.' &&
            (size_t)snprintf(path, sizeof(path), "%s%s%s", folder, folder[0] != '\0' ? "/" : "",
                             names[i]->d_name) < sizeof(path))
            try_event(s, path);
        free(names[i]);
    }
    free(names);
}

/* 1: found, 0: none waits. */
static int find_event(struct clone *c, const char *given, struct tm_err *e)
{
    struct search s = {.c = c};
    if (given != NULL) {
        if (given[0] == '/' || strstr(given, "..") != NULL)
            return tm_err_set(e, "--event: '%.200s' is no path in the repository", given);
        snprintf(c->event, sizeof(c->event), "%s", given);
        return 1;
    }
    try_folder(&s, "");
    try_folder(&s, "events");
    try_folder(&s, "tuf/events");
    if (s.found > 1)
        return tm_err_set(e, "more than one event waits: say which by --event PATH");
    return s.found == 1;
}

/* ---- sending ---- */

static int commit_and_push(const struct clone *c, const char *holder, const char *event,
                           struct tm_err *e)
{
    char message[300];
    char name[160];
    char mail[200];
    const char *const add[] = {"add", "--", c->event, NULL};
    const char *const who[] = {"config", "user.email", NULL};
    const char *const push[] = {"push", "--quiet", "origin", "HEAD", NULL};
    snprintf(message, sizeof(message), "%s signs %s", holder, event);
    snprintf(name, sizeof(name), "user.name=%s", holder);
    snprintf(mail, sizeof(mail), "user.email=%s@holder.invalid", holder);
    const char *const as_set[] = {"commit", "--quiet", "-m", message, NULL};
    const char *const as_holder[] = {"-c",      name, "-c",    mail, "commit",
                                     "--quiet", "-m", message, NULL};
    bool has_name = git(c->dir, true, who, NULL) == 0;
    if (git(c->dir, false, add, e) != 0 ||
        git(c->dir, false, has_name ? as_set : as_holder, e) != 0)
        return -1;
    return git(c->dir, true, push, e);
}

/* Another holder was faster: what is there now gets our signatures too. */
static int catch_up(const struct clone *c, const char *path, const struct tuf_event *mine,
                    struct tm_err *e)
{
    const char *const fetch[] = {"fetch", "--quiet", "origin", NULL};
    const char *const reset[] = {"reset", "--quiet", "--hard", "@{upstream}", NULL};
    struct tuf_event theirs;
    if (git(c->dir, false, fetch, e) != 0 || git(c->dir, false, reset, e) != 0 ||
        session_event(path, &theirs, e) != 0)
        return -1;
    int rc = tuf_event_merge(&theirs, mine, e) >= 0 ? tuf_event_write(path, &theirs, e) : -1;
    tuf_event_free(&theirs);
    return rc;
}

static int send_event(const struct clone *c, const char *path, const struct tuf_event *ev,
                      const char *holder, struct tm_err *e)
{
    int rc = tuf_event_write(path, ev, e);
    for (int tries = 1; rc == 0; tries++) {
        if (commit_and_push(c, holder, ev->name, e) == 0)
            return 0;
        if (tries == PUSHES)
            return tm_err_wrap(e, "signed, but not sent (git says why: it may be forbidden)");
        rc = catch_up(c, path, ev, e);
    }
    return rc;
}

struct order { /* of the command line */
    struct tm_key_source source;
    struct holder h;
    struct cli_digest digest;
    const char *trusted, *branch, *event;
};

static int hold(const struct clone *c, struct order *o, int *code, struct tm_err *e)
{
    struct tuf_event ev = {0};
    struct tuf_event_signer who = {0};
    struct tuf_metadata *root = NULL;
    char path[PATH_MAX];
    int rc = tm_file_join(c->dir, c->event, path, sizeof(path), e);
    if (rc == 0)
        rc = holder_root(o->trusted, &root, e) == 0 ? session_event(path, &ev, e) : -1;
    if (rc == 0)
        rc = holder_sign(&o->h, &ev, &o->source, &o->digest, root, &who, code, e);
    if (rc == 0)
        rc = send_event(c, path, &ev, who.holder, e);
    if (rc == 0) {
        holder_say_signed(&who, c->event, &ev);
        printf("pushed\n");
    }
    tm_buf_free(&who.roles);
    tuf_event_free(&ev);
    tuf_metadata_free(root);
    return rc;
}

int command_hold(const struct cli_command *self, int argc, char **argv)
{
    struct order o = {.digest = DIGEST_INIT};
    const struct cli_option options[] = {
        KEY_OPTIONS(o.source),
        STATE_OPTION(o.h),
        AGAIN_OPTION(o.h),
        DIGEST_OPTION(o.digest),
        {"trusted", CLI_TEXT, "FILE", "a root that you trust: the event must follow from it",
         &o.trusted},
        {"branch", CLI_TEXT, "NAME", "of the repository (its default one)", &o.branch},
        {"event", CLI_TEXT, "PATH", "in the repository (the one that waits)", &o.event},
        {0},
    };
    struct clone c = {0};
    struct tm_err e = {0};
    int code = CLI_FAILED;
    int rc = cli_parse(self, options, argc, argv, 1);
    if (rc != CLI_GO_ON)
        return rc;
    rc = clone_open(&c, argv[0], o.branch, &e);
    int found = rc == 0 ? find_event(&c, o.event, &e) : -1;
    if (found == 0)
        printf("no event waits for signatures in %s\n", argv[0]);
    else
        rc = found == 1 ? hold(&c, &o, &code, &e) : -1;
    if (c.dir[0] != '\0')
        tuf_tree_remove(c.dir, NULL);
    return rc != 0 ? cli_fail(code, &e) : CLI_OK;
}
