/* What the kernel says of a process and those that it started: a server is several. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/bench.h"

double clock_us(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* schedstat counts nanoseconds; utime and stime in stat count ticks of 10 ms. */
static void add_thread(FILE *f, double *ran_us, double *waited_us)
{
    unsigned long long ran_ns = 0;
    unsigned long long waited_ns = 0;
    if (fscanf(f, "%llu %llu", &ran_ns, &waited_ns) == 2) {
        *ran_us += (double)ran_ns / 1e3;
        *waited_us += (double)waited_ns / 1e3;
    }
}

static void add_threads(int pid, double *ran_us, double *waited_us)
{
    char path[320];
    snprintf(path, sizeof(path), "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    const struct dirent *task;
    while (tasks != NULL && (task = readdir(tasks)) != NULL) {
        snprintf(path, sizeof(path), "/proc/%d/task/%.16s/schedstat", pid, task->d_name);
        FILE *f = fopen(path, "r");
        if (f == NULL)
            continue;
        add_thread(f, ran_us, waited_us);
        fclose(f);
    }
    if (tasks != NULL)
        closedir(tasks);
}

#define FAMILY_MAX 32

static void add_children(int pid, int out[FAMILY_MAX], size_t *n)
{
    char path[64];
    int child = 0;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
    FILE *f = fopen(path, "r");
    while (f != NULL && *n < FAMILY_MAX && fscanf(f, "%d", &child) == 1)
        out[(*n)++] = child;
    if (f != NULL)
        fclose(f);
}

/* The process, its children, and theirs: who waits for signals, who starts the others, and they. */
static size_t family_of(int pid, int out[FAMILY_MAX])
{
    size_t n = 0;
    out[n++] = pid;
    for (size_t i = 0; i < n; i++)
        add_children(out[i], out, &n);
    if (n == FAMILY_MAX) {
        fprintf(stderr, "more than %d processes of a server\n", FAMILY_MAX);
        exit(1);
    }
    return n;
}

static void sum_threads(int pid, double *ran_us, double *waited_us)
{
    int family[FAMILY_MAX];
    size_t n = family_of(pid, family);
    *ran_us = 0;
    *waited_us = 0;
    for (size_t i = 0; i < n; i++)
        add_threads(family[i], ran_us, waited_us);
}

double process_cpu_us(int pid)
{
    double ran;
    double waited;
    sum_threads(pid, &ran, &waited);
    return ran;
}

double process_wait_us(int pid)
{
    double ran;
    double waited;
    sum_threads(pid, &ran, &waited);
    return waited;
}

/* The eighth figure of /proc/stat's first line, in clock ticks (proc(5)). */
double machine_stolen_ms(void)
{
    unsigned long long steal = 0;
    FILE *f = fopen("/proc/stat", "r");
    if (f != NULL && fscanf(f, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &steal) != 1)
        steal = 0;
    if (f != NULL)
        fclose(f);
    return (double)steal * 1e3 / (double)sysconf(_SC_CLK_TCK);
}

/* A page that several share counts once; where that cannot be read, as often as it is there. */
static long memory_kib(int pid)
{
    static const char *const files[] = {"smaps_rollup", "status"};
    char path[64];
    char line[256];
    long kib = 0;
    for (size_t i = 0; i < 2 && kib == 0; i++) {
        snprintf(path, sizeof(path), "/proc/%d/%s", pid, files[i]);
        FILE *f = fopen(path, "r");
        while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
            if (kib == 0)
                sscanf(line, i == 0 ? "Pss: %ld" : "VmRSS: %ld", &kib);
        }
        if (f != NULL)
            fclose(f);
    }
    return kib;
}

long process_rss_kib(int pid)
{
    int family[FAMILY_MAX];
    size_t n = family_of(pid, family);
    long kib = 0;
    for (size_t i = 0; i < n; i++)
        kib += memory_kib(family[i]);
    return kib;
}
