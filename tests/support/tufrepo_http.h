/* The HTTP side of tufrepo: files in memory, one thread. */
#pragma once

#include <pthread.h>

#include "tests/support/tufrepo.h"

#define FILES_MAX 512

struct served {
    char path[512];
    struct tm_buf bytes;
    enum tufrepo_manner manner;
    int status;
};

struct fileserver {
    char url[64];
    int fd;
    pthread_t thread;
    pthread_mutex_t lock;
    struct served file[FILES_MAX];
    size_t count;
    struct tm_buf requests, taken;
    bool stop;
};

void fileserver_start(struct fileserver *s);
void fileserver_stop(struct fileserver *s);
/* Under the lock. */
struct served *fileserver_find(struct fileserver *s, const char *path, bool make);
