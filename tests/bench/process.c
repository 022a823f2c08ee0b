/* What the kernel says of a process. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/bench.h"

double clock_us(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* schedstat counts nanoseconds; utime and stime in stat count ticks of 10 ms. */
double process_cpu_us(int pid)
{
    char path[320];
    double total = 0;
    snprintf(path, sizeof(path), "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    const struct dirent *task;
    while (tasks != NULL && (task = readdir(tasks)) != NULL) {
        unsigned long long run_ns = 0;
        snprintf(path, sizeof(path), "/proc/%d/task/%.16s/schedstat", pid, task->d_name);
        FILE *f = fopen(path, "r");
        if (f != NULL && fscanf(f, "%llu", &run_ns) == 1)
            total += (double)run_ns / 1e3;
        if (f != NULL)
            fclose(f);
    }
    if (tasks != NULL)
        closedir(tasks);
    return total;
}

long process_rss_kib(int pid)
{
    char path[64];
    char line[256];
    long kib = 0;
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        sscanf(line, "VmRSS: %ld", &kib);
    if (f != NULL)
        fclose(f);
    return kib;
}
