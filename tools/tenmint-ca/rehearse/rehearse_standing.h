/*
 * When each kind of rotation of the CA was rehearsed last, by the record (common/rehearsal.h), held
 * against the configuration's `rehearsals`: for `status`, and for the server's metrics.
 */
#pragma once

#include <pthread.h>

#include "common/file.h"
#include "tools/tenmint-ca/rehearse/rehearse.h"

struct rehearse_standing {
    struct tm_rehearsed last[REHEARSE_KINDS];
    int64_t every_ms[REHEARSE_KINDS];  /* 0: whenever */
    const char *wants[REHEARSE_KINDS]; /* why somebody must act; NULL: nobody */
    bool found;                        /* one of them is not NULL */
};
/* At `now`, Unix seconds. -1: the record cannot be read; 1: as tm_rehearsals_last. */
int rehearse_look(const struct ca_config_rehearsals *c, int64_t now, struct rehearse_standing *out,
                  struct tm_err *e);

/* The same for who is asked often: the record is read again when it is another file. */
struct rehearse_watch {
    const struct ca_config_rehearsals *config; /* borrowed */
    pthread_mutex_t lock;
    struct tm_file_stamp seen;
    bool unreadable;
    struct tm_rehearsed last[REHEARSE_KINDS];
};
void rehearse_watch_init(struct rehearse_watch *w, const struct ca_config_rehearsals *c);
/* At `now`, Unix seconds; from any thread. */
void rehearse_watch_metrics(struct rehearse_watch *w, int64_t now, struct tm_buf *out);
void rehearse_watch_end(struct rehearse_watch *w);
