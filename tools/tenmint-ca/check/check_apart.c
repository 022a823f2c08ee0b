#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "tools/tenmint-ca/check/check.h"

/* The process: what is wrong goes to `said`, and nothing is printed, by the module of a token
 * neither. */
static _Noreturn void check(const char *path, int said)
{
    struct tm_err why = {0};
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    bool refused =
        null < 0 || dup2(null, STDOUT_FILENO) < 0 || check_server_quietly(path, &why) != 0;
    (void)tm_file_write_all(said, why.text, strlen(why.text));
    _exit(refused ? 1 : 0);
}

static ssize_t hear(pid_t pid, int said, const struct check_wait *w, struct tm_err *e)
{
    struct pollfd p = {.fd = said, .events = POLLIN};
    int64_t until = tm_clock_mono_ms() + w->limit_ms;
    while (poll(&p, 1, 1000) == 0) {
        if (!w->goes_on(w->ctx) || tm_clock_mono_ms() >= until)
            (void)kill(pid, SIGKILL);
    }
    return read(said, e->text, sizeof(e->text) - 1);
}

int check_server_apart(const char *path, const struct check_wait *w, struct tm_err *e)
{
    int said[2];
    int status = 0;
    if (pipe2(said, O_CLOEXEC) != 0)
        return tm_err_errno(e, "make a pipe");
    pid_t pid = fork();
    if (pid == 0)
        check(path, said[1]);
    close(said[1]);
    ssize_t n = pid > 0 ? hear(pid, said[0], w, e) : -1;
    e->text[n > 0 ? n : 0] = '\0';
    close(said[0]);
    if (pid < 0)
        return tm_err_errno(e, "start a check");
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return e->text[0] != '\0' ? -1 : tm_err_set(e, "its check was cut off");
    return 0;
}
