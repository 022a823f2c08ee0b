/* spend FILE WORDS...: runs the words; FILE gets "wall-ms processor-ms peak-KiB". The exit code is
 * that of the words. */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double ms(const struct timeval *t)
{
    return (double)t->tv_sec * 1e3 + (double)t->tv_usec / 1e3;
}

int main(int argc, char **argv)
{
    struct timespec from;
    struct timespec to;
    struct rusage spent;
    int status = 0;
    if (argc < 3)
        return 2;
    clock_gettime(CLOCK_MONOTONIC, &from);
    pid_t pid = fork();
    if (pid == 0) {
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &status, 0, &spent) != pid)
        return 127;
    clock_gettime(CLOCK_MONOTONIC, &to);
    FILE *f = fopen(argv[1], "w");
    if (f == NULL)
        return 127;
    fprintf(f, "%.2f %.2f %ld\n",
            (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6,
            ms(&spent.ru_utime) + ms(&spent.ru_stime), spent.ru_maxrss);
    fclose(f);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}
