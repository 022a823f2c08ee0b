#include "ca/log/engine/shown.h"

#include "common/clock.h"

void ca_log_shown_init(struct ca_log_shown *s)
{
    *s = (struct ca_log_shown){0};
    pthread_mutex_init(&s->lock, NULL);
}

void ca_log_shown_free(struct ca_log_shown *s)
{
    tm_buf_free(&s->note);
    pthread_mutex_destroy(&s->lock);
}

void ca_log_shown_set(struct ca_log_shown *s, struct tm_buf *note, uint64_t size, uint64_t time_ms)
{
    pthread_mutex_lock(&s->lock);
    struct tm_buf old = s->note;
    s->note = *note;
    s->size = size;
    s->since = tm_clock_mono_ms();
    s->time_ms = time_ms;
    pthread_mutex_unlock(&s->lock);
    *note = (struct tm_buf){0};
    tm_buf_free(&old);
}

void ca_log_shown_before(struct ca_log_shown *s, uint64_t time_ms)
{
    pthread_mutex_lock(&s->lock);
    s->time_ms = time_ms;
    pthread_mutex_unlock(&s->lock);
}

uint64_t ca_log_shown_get(struct ca_log_shown *s, struct tm_buf *note)
{
    pthread_mutex_lock(&s->lock);
    tm_buf_append(note, s->note.data, s->note.len);
    uint64_t size = s->size;
    pthread_mutex_unlock(&s->lock);
    return size;
}

uint64_t ca_log_shown_size(struct ca_log_shown *s)
{
    pthread_mutex_lock(&s->lock);
    uint64_t size = s->size;
    pthread_mutex_unlock(&s->lock);
    return size;
}

uint64_t ca_log_shown_time_ms(struct ca_log_shown *s)
{
    pthread_mutex_lock(&s->lock);
    uint64_t time_ms = s->time_ms;
    pthread_mutex_unlock(&s->lock);
    return time_ms;
}

int64_t ca_log_shown_age_ms(struct ca_log_shown *s)
{
    pthread_mutex_lock(&s->lock);
    int64_t since = s->since;
    pthread_mutex_unlock(&s->lock);
    return tm_clock_mono_ms() - since;
}
