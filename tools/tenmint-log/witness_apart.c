/* The witness in tenmint-log: a program of its own is started, which brings the libraries. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/tenmint-log/witness/witness.h"

#define WITNESS "tenmint-log-witness"

/* Beside this program, as in a build tree, or where `make install` puts what no person starts. */
static const char *const places[] = {"/" WITNESS, "/../libexec/tenmint/" WITNESS};

/* The folder of this program; 0, or -1 with `e`. */
static int own_folder(char folder[PATH_MAX], struct tm_err *e)
{
    ssize_t n = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    if (n < 0)
        return tm_err_set(e, "log witness: /proc/self/exe: %s", strerror(errno));
    folder[n] = '\0';
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        *slash = '\0';
    return 0;
}

/* Returns only when it cannot be: with errno as execv left it. */
static void become(const char *folder, char **words, size_t count)
{
    char command[] = "witness";
    char path[PATH_MAX + sizeof("/../libexec/tenmint/" WITNESS)];
    char **argv = calloc(count + 3, sizeof(*argv));
    if (argv == NULL)
        return;
    argv[0] = path;
    argv[1] = command;
    memcpy(argv + 2, words, count * sizeof(*argv));
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", folder, places[i]);
        if (execv(path, argv) != 0 && errno != ENOENT)
            break;
    }
    free(argv);
}

int log_witness_run(const struct log_witness_words *w, char **words, size_t count)
{
    (void)w; /* looked over here, read again there */
    struct tm_err e = {0};
    char folder[PATH_MAX];
    if (own_folder(folder, &e) != 0)
        return cli_fail(CLI_FAILED, &e);
    become(folder, words, count);
    tm_err_set(&e,
               "log witness: %s cannot be started, neither beside tenmint-log nor in "
               "../libexec/tenmint: %s",
               WITNESS, strerror(errno));
    return cli_fail(CLI_FAILED, &e);
}
