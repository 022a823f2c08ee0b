/*
 * The newest checkpoint that has been shown. The publisher replaces it, anybody reads it.
 */
#pragma once

#include <pthread.h>
#include <stdint.h>

#include "common/buf.h"

struct ca_log_shown {
    pthread_mutex_t lock; /* of all that follows; held while a note is copied */
    struct tm_buf note;   /* empty before the first */
    uint64_t size;
    uint64_t time_ms; /* that it is dated */
    int64_t since;    /* monotonic ms: when it was shown */
};

void ca_log_shown_init(struct ca_log_shown *s);
void ca_log_shown_free(struct ca_log_shown *s);

/* Takes what `note` holds. */
void ca_log_shown_set(struct ca_log_shown *s, struct tm_buf *note, uint64_t size, uint64_t time_ms);
/* What an earlier process showed last: the next one is dated later. */
void ca_log_shown_before(struct ca_log_shown *s, uint64_t time_ms);

uint64_t ca_log_shown_get(struct ca_log_shown *s, struct tm_buf *note); /* appends; the size */
uint64_t ca_log_shown_size(struct ca_log_shown *s);
uint64_t ca_log_shown_time_ms(struct ca_log_shown *s);
int64_t ca_log_shown_age_ms(struct ca_log_shown *s); /* since it was shown */
