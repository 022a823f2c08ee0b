/* Programs: those that an operator types, and the copy's server. None of them outlives this one. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "tools/tenmint-ca/rehearse/rehearse.h"

#define WORDS_MAX 48
#define RUN_MS 120000 /* keys of the slowest kind, one after the other */
#define LOOK_MS 10
#define OUTPUT_MAX ((size_t)4 << 20)
#define NO_PROGRAM 127 /* as a shell has it */

struct line { /* a command line, cut up */
    struct tm_buf text[WORDS_MAX];
    const char *word[WORDS_MAX + 1];
    size_t count;
};

/* ---- words ---- */

static const char *below(const struct rehearse_copy *c, char name, char out[PATH_MAX])
{
    static const struct {
        char name;
        const char *below;
    } places[] = {{'W', ""}, {'C', "/ca"}, {'T', "/ca/tuf/targets"}};
    if (name == 'U')
        return c->url;
    if (name == 'F')
        return c->fingerprint;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (places[i].name == name &&
            snprintf(out, PATH_MAX, "%s%s", c->dir, places[i].below) < PATH_MAX)
            return out;
    }
    return "";
}

static void put_word(const struct rehearse_copy *c, const char *word, size_t len,
                     struct tm_buf *out)
{
    char place[PATH_MAX];
    for (size_t i = 0; i < len; i++) {
        if (word[i] == '$' && i + 1 < len)
            tm_buf_puts(out, below(c, word[++i], place));
        else
            buf_putc(out, (unsigned char)word[i]);
    }
}

static int cut(const struct rehearse_copy *c, const char *words, struct line *l, struct tm_err *e)
{
    *l = (struct line){0};
    for (const char *p = words + strspn(words, " "); *p != '\0'; p += strspn(p, " ")) {
        size_t len = strcspn(p, " ");
        if (l->count == WORDS_MAX)
            return tm_err_set(e, "a command of more than %d words", WORDS_MAX);
        put_word(c, p, len, &l->text[l->count]);
        l->word[l->count] = tm_buf_str(&l->text[l->count]);
        if (l->word[l->count++] == NULL)
            return tm_err_set(e, "out of memory");
        p += len;
    }
    return 0;
}

static void line_free(struct line *l)
{
    for (size_t i = 0; i < l->count; i++)
        tm_buf_free(&l->text[i]);
}

/* ---- signals ---- */

static void mask_of(sigset_t *set)
{
    static const int ends[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    sigemptyset(set);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        sigaddset(set, ends[i]);
}

int rehearse_run_begin(struct rehearse_copy *c, struct tm_err *e)
{
    sigset_t set;
    mask_of(&set);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
        c->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return c->signals >= 0 ? 0 : tm_err_errno(e, "wait for signals");
}

/* ---- a child ---- */

/* What a child is told of the surroundings. All else may be the live server's: its folders, its
 * sockets and tokens of a CI job. A name that ends in '_' is how names begin. */
static bool may_stay(const char *variable)
{
    static const char *const names[] = {
        "PATH",         "TMPDIR",       "TZ",           "TZDIR",        "LANG", "LANGUAGE",
        "LC_",          "LD_",          "OPENSSL_",     "NO_COLOR",     "USER", "LOGNAME",
        "ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t len = strlen(names[i]);
        if (strncmp(variable, names[i], len) == 0 &&
            (variable[len] == '=' || names[i][len - 1] == '_'))
            return true;
    }
    return false;
}

static void forget_surroundings(const char *home)
{
    size_t kept = 0;
    for (char **v = environ; v != NULL && *v != NULL; v++) {
        if (may_stay(*v))
            environ[kept++] = *v;
    }
    if (environ != NULL)
        environ[kept] = NULL;
    setenv("HOME", home, 1);
    setenv("no_proxy", "127.0.0.1", 1);
}

/* The program beside this one, as it was built or installed with it; else of the PATH. */
static void find_program(const char *name, char out[PATH_MAX])
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash != NULL)
        *slash = '\0';
    if (slash == NULL || snprintf(out, PATH_MAX, "%s/%s", self, name) >= PATH_MAX ||
        access(out, X_OK) != 0)
        snprintf(out, PATH_MAX, "%s", name);
}

struct child {
    const char *home, *output; /* its file */
    int listener;              /* handed over as the service manager does (sd_listen_fds(3)); -1 */
    pid_t parent;
};

static void become(const struct child *k, const struct line *l) __attribute__((noreturn));
static void become(const struct child *k, const struct line *l)
{
    char program[PATH_MAX], pid[16];
    sigset_t set;
    int in = open("/dev/null", O_RDONLY);
    int out = open(k->output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    forget_surroundings(k->home);
    mask_of(&set);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
    if (k->listener >= 0) {
        snprintf(pid, sizeof(pid), "%d", (int)getpid());
        setenv("LISTEN_PID", pid, 1);
        setenv("LISTEN_FDS", "1", 1);
    }
    find_program(l->word[0], program);
    if (getppid() == k->parent && in >= 0 && out >= 0 && dup2(in, 0) == 0 && dup2(out, 1) == 1 &&
        dup2(out, 2) == 2) {
        if (k->listener < 0 || (k->listener == 3 && fcntl(3, F_SETFD, 0) == 0) ||
            dup2(k->listener, 3) == 3)
            execvp(program, (char *const *)(uintptr_t)l->word);
    }
    _exit(errno == ENOENT ? NO_PROGRAM : 126);
}

static pid_t start(const struct rehearse_copy *c, const struct line *l, const char *output,
                   int listener, struct tm_err *e)
{
    const struct child k = {c->dir, output, listener, getpid()};
    pid_t pid = fork();
    if (pid == 0)
        become(&k, l);
    if (pid < 0)
        tm_err_errno(e, "start '%s'", l->word[0]);
    return pid;
}

/* ---- what they say ---- */

/* A word, or one of the server's log lines. */
static bool begins_text(unsigned char c)
{
    return isalpha(c) || c == '{';
}

static size_t line_start(const struct tm_buf *all, size_t at)
{
    while (at > 0 && all->data[at - 1] != '\n')
        at--;
    return at;
}

/* The last line that is text, cleaned and cut: what follows it is of no use to a
 * reader. */
static void last_line(const char *path, char out[REHEARSE_SAID_MAX])
{
    struct tm_err clean = {0};
    struct tm_buf all = {0};
    out[0] = '\0';
    if (tm_file_read(path, OUTPUT_MAX, &all, NULL) == 0) {
        size_t end = all.len;
        size_t begin = line_start(&all, end);
        while (begin > 0 && (begin == end || !begins_text(all.data[begin]))) {
            end = begin - 1;
            begin = line_start(&all, end);
        }
        tm_err_set(&clean, "%.*s", (int)(end - begin), (const char *)all.data + begin);
        snprintf(out, REHEARSE_SAID_MAX, "%.*s", REHEARSE_SAID_MAX - 1, clean.text);
    }
    tm_buf_free(&all);
}

/* ---- commands ---- */

/* Why what runs is not waited for any longer. 0: it is. */
static int interrupted(struct rehearse_copy *c, const char *what, int64_t until_ms,
                       struct tm_err *e)
{
    char said[REHEARSE_SAID_MAX] = "", log[PATH_MAX];
    struct pollfd signals = {.fd = c->signals, .events = POLLIN};
    int status = 0;
    if (poll(&signals, 1, LOOK_MS) > 0)
        return tm_err_set(e, "interrupted by a signal");
    if (tm_clock_mono_ms() >= until_ms)
        return tm_err_set(e, "'%s' took more than %d s", what, RUN_MS / 1000);
    if (c->server == 0 || waitpid(c->server, &status, WNOHANG) != c->server)
        return 0;
    c->server = 0;
    if (tm_file_join(c->dir, "server.log", log, sizeof(log), e) == 0)
        last_line(log, said);
    return tm_err_set(e, "the copy's server ended: %s", said);
}

static int wait_for(struct rehearse_copy *c, pid_t pid, const char *what, int *status,
                    struct tm_err *e)
{
    int64_t until_ms = tm_clock_mono_ms() + RUN_MS;
    while (waitpid(pid, status, WNOHANG) == 0) {
        if (interrupted(c, what, until_ms, e) == 0)
            continue;
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, status, 0);
        return -1;
    }
    return 0;
}

int rehearse_run(struct rehearse_copy *c, const char *words, char said[REHEARSE_SAID_MAX],
                 bool *missing, struct tm_err *e)
{
    char output[PATH_MAX];
    struct line l;
    int status = 0;
    said[0] = '\0';
    int rc = cut(c, words, &l, e);
    if (rc == 0)
        rc = tm_file_join(c->dir, "output", output, sizeof(output), e);
    pid_t pid = rc == 0 ? start(c, &l, output, -1, e) : -1;
    rc = pid > 0 ? wait_for(c, pid, l.word[0], &status, e) : -1;
    if (rc == 0) {
        last_line(output, said);
        rc = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        if (rc < 0)
            tm_err_set(e, "'%s' was killed by signal %d", l.word[0], WTERMSIG(status));
    }
    *missing = rc == NO_PROGRAM;
    if (*missing)
        rc = tm_err_set(e, "there is no program '%s', neither beside this one nor on the PATH",
                        l.word[0]);
    line_free(&l);
    return rc;
}

/* ---- the server ---- */

int rehearse_server_start(struct rehearse_copy *c, struct tm_err *e)
{
    char output[PATH_MAX];
    struct line l;
    int rc = cut(c, "tenmint-ca serve --config $C/tenmint-ca.yaml", &l, e);
    if (rc == 0)
        rc = tm_file_join(c->dir, "server.log", output, sizeof(output), e);
    pid_t pid = rc == 0 ? start(c, &l, output, c->listener, e) : -1;
    c->server = pid > 0 ? pid : 0;
    line_free(&l);
    return pid > 0 ? 0 : -1;
}

int rehearse_server_reload(struct rehearse_copy *c, struct tm_err *e)
{
    return c->server != 0 && kill(c->server, SIGHUP) == 0
               ? 0
               : tm_err_set(e, "the copy's server does not run");
}

void rehearse_server_stop(struct rehearse_copy *c)
{
    int status = 0;
    if (c->server == 0)
        return;
    (void)kill(c->server, SIGTERM);
    for (int64_t until = tm_clock_mono_ms() + RUN_MS; tm_clock_mono_ms() < until;) {
        if (waitpid(c->server, &status, WNOHANG) != 0) {
            c->server = 0;
            return;
        }
        (void)poll(NULL, 0, LOOK_MS);
    }
    (void)kill(c->server, SIGKILL);
    (void)waitpid(c->server, &status, 0);
    c->server = 0;
}
