#include "ca/log/engine/index.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int ca_index_run_path(const char *dir, unsigned level, uint64_t first, char out[PATH_MAX])
{
    int n = snprintf(out, PATH_MAX, "%s/" LOG_INDEX "/%u-%010" PRIx64, dir, level, first);
    return n > 0 && n < PATH_MAX ? 0 : -1;
}

int ca_index_run_open(const char *dir, uint64_t first, unsigned *level)
{
    char path[PATH_MAX];
    for (unsigned i = INDEX_LEVELS; i-- > 0;) {
        struct stat st;
        if (first % index_run_count(i) != 0 || ca_index_run_path(dir, i, first, path) != 0)
            continue;
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
            continue;
        if (fstat(fd, &st) == 0 && (uint64_t)st.st_size == index_run_count(i) * INDEX_RECORD) {
            *level = i;
            return fd;
        }
        close(fd);
    }
    return -1;
}
