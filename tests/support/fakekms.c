#include "tests/support/fakekms.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int fake_kms_start(struct fake_kms *f, const char *delay_ms)
{
    int out[2];
    char line[16] = "";
    snprintf(f->dir, sizeof(f->dir), "/tmp/tenmint-kms-XXXXXX");
    if (mkdtemp(f->dir) == NULL || pipe(out) != 0)
        return -1;
    f->pid = fork();
    if (f->pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        execlp("python3", "python3", "tests/support/fake_kms.py", f->dir, delay_ms, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    FILE *said = fdopen(out[0], "r");
    bool up = said != NULL && fgets(line, sizeof(line), said) != NULL;
    if (said != NULL)
        fclose(said);
    if (!up)
        fputs("tests/support/fake_kms.py does not start: python3 and its cryptography?\n", stderr);
    snprintf(f->base, sizeof(f->base), "http://127.0.0.1:%d", atoi(line));
    return up ? 0 : -1;
}

int fake_kms_stop(struct fake_kms *f)
{
    char command[128];
    kill(f->pid, SIGTERM);
    waitpid(f->pid, NULL, 0);
    snprintf(command, sizeof(command), "rm -rf %s", f->dir);
    return system(command) == 0 ? 0 : -1;
}
