#include "ca/log/engine/indexer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/log/engine/index.h"
#include "ca/log/engine/reader.h"
#include "common/file.h"

#define CHUNK ((size_t)4096) /* records in a buffer */

struct record { /* as in the file */
    unsigned char key[8];
    unsigned char number[8];
};

struct ca_log_indexer {
    char *dir;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    uint64_t settled; /* lock */
    bool stop;        /* lock */
    uint64_t covered; /* the thread's */
};

/* ---- writing a run ---- */

struct run_writer {
    int fd;
    char path[PATH_MAX], tmp[PATH_MAX];
    struct record *buf;
    size_t used;
};

static int writer_flush(struct run_writer *w)
{
    size_t len = w->used * sizeof(*w->buf);
    w->used = 0;
    return tm_file_write_all(w->fd, w->buf, len);
}

static int writer_open(struct run_writer *w, const char *dir, unsigned level, uint64_t first)
{
    w->used = 0;
    w->fd = -1;
    w->buf = malloc(CHUNK * sizeof(*w->buf));
    if (w->buf != NULL && ca_index_run_path(dir, level, first, w->path) == 0 &&
        tm_file_join(dir, LOG_STATE "/index.tmp", w->tmp, sizeof(w->tmp), NULL) == 0)
        w->fd = open(w->tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (w->fd < 0)
        free(w->buf);
    return w->fd < 0 ? -1 : 0;
}

static int writer_put(struct run_writer *w, const struct record *r)
{
    w->buf[w->used++] = *r;
    return w->used == CHUNK ? writer_flush(w) : 0;
}

/* Puts the run in place if `rc` is 0 so far. */
static int writer_close(struct run_writer *w, int rc)
{
    if (rc == 0 && (writer_flush(w) != 0 || fsync(w->fd) != 0))
        rc = -1;
    close(w->fd);
    free(w->buf);
    if (rc == 0)
        rc = rename(w->tmp, w->path);
    return rc;
}

/* ---- a run of level 0 ---- */

static int compare_records(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct record));
}

static void set_record(struct record *r, const struct tm_merkle_hash *leaf, uint64_t number)
{
    memcpy(r->key, leaf->b, sizeof(r->key));
    for (size_t i = 0; i < 8; i++)
        r->number[i] = (unsigned char)(number >> (56 - 8 * i));
}

static int build(const struct ca_log_indexer *x, uint64_t first)
{
    struct ca_log_dir d = {.path = x->dir, .size = first + INDEX_RUN_MIN};
    struct ca_log_tiles t = ca_log_dir_tiles(&d);
    struct record *all = malloc(INDEX_RUN_MIN * sizeof(*all));
    struct run_writer w;
    int rc = all != NULL ? 0 : -1;
    for (uint64_t i = 0; i < INDEX_RUN_MIN && rc == 0; i += TILE_WIDTH) {
        struct tm_merkle_hash h[TILE_WIDTH];
        rc = t.hashes(t.ctx, 0, (first + i) / TILE_WIDTH, TILE_WIDTH, h, NULL);
        for (unsigned k = 0; k < TILE_WIDTH && rc == 0; k++)
            set_record(&all[i + k], &h[k], first + i + k);
    }
    if (rc == 0) {
        qsort(all, INDEX_RUN_MIN, sizeof(*all), compare_records);
        rc = writer_open(&w, x->dir, 0, first);
    }
    if (rc == 0) {
        for (uint64_t i = 0; i < INDEX_RUN_MIN && rc == 0; i++)
            rc = writer_put(&w, &all[i]);
        rc = writer_close(&w, rc);
    }
    free(all);
    return rc;
}

/* ---- merging ---- */

struct run_reader {
    int fd;
    struct record *buf;
    size_t at, have;
    uint64_t left; /* in the file */
};

/* The next record, or NULL at the end; *rc is -1 on a fault. */
static const struct record *reader_peek(struct run_reader *r, int *rc)
{
    if (r->at < r->have)
        return &r->buf[r->at];
    if (r->left == 0)
        return NULL;
    size_t n = r->left < CHUNK ? (size_t)r->left : CHUNK;
    if (read(r->fd, r->buf, n * sizeof(*r->buf)) != (ssize_t)(n * sizeof(*r->buf))) {
        *rc = -1;
        return NULL;
    }
    r->left -= n;
    r->at = 0;
    r->have = n;
    return r->buf;
}

static int merge_records(struct run_reader *in, struct run_writer *w)
{
    int rc = 0;
    for (;;) {
        struct run_reader *least = NULL;
        const struct record *record = NULL;
        for (size_t i = 0; i < INDEX_FANOUT; i++) {
            const struct record *r = reader_peek(&in[i], &rc);
            if (r != NULL && (record == NULL || compare_records(r, record) < 0)) {
                record = r;
                least = &in[i];
            }
        }
        if (rc != 0 || record == NULL || (rc = writer_put(w, record)) != 0)
            return rc;
        least->at++;
    }
}

static int open_readers(const struct ca_log_indexer *x, unsigned level, uint64_t first,
                        struct run_reader *in)
{
    int rc = 0;
    for (size_t i = 0; i < INDEX_FANOUT; i++) {
        char path[PATH_MAX];
        in[i] = (struct run_reader){.fd = -1, .left = index_run_count(level)};
        in[i].buf = malloc(CHUNK * sizeof(*in[i].buf));
        if (ca_index_run_path(x->dir, level, first + i * index_run_count(level), path) == 0)
            in[i].fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (in[i].fd < 0 || in[i].buf == NULL)
            rc = -1;
    }
    return rc;
}

/* INDEX_FANOUT runs of `level` into one of the next. */
static int merge(const struct ca_log_indexer *x, unsigned level, uint64_t first)
{
    struct run_reader in[INDEX_FANOUT];
    struct run_writer w;
    char path[PATH_MAX];
    int rc = open_readers(x, level, first, in);
    if (rc == 0)
        rc = writer_open(&w, x->dir, level + 1, first);
    if (rc == 0)
        rc = writer_close(&w, merge_records(in, &w));
    for (size_t i = 0; i < INDEX_FANOUT; i++) {
        if (in[i].fd >= 0)
            close(in[i].fd);
        free(in[i].buf);
        if (rc == 0 &&
            ca_index_run_path(x->dir, level, first + i * index_run_count(level), path) == 0)
            (void)unlink(path);
    }
    return rc;
}

/* ---- the thread ---- */

static uint64_t find_covered(const char *dir)
{
    uint64_t at = 0;
    unsigned level = 0;
    for (int fd; (fd = ca_index_run_open(dir, at, &level)) >= 0; at += index_run_count(level))
        close(fd);
    return at;
}

/* Merges that a crash or a fault left undone are done when the next run ends where they would. */
static int extend(struct ca_log_indexer *x)
{
    if (build(x, x->covered) != 0)
        return -1;
    x->covered += INDEX_RUN_MIN;
    for (unsigned level = 0; level + 1 < INDEX_LEVELS; level++) {
        uint64_t whole = index_run_count(level + 1);
        if (x->covered % whole != 0)
            break;
        if (merge(x, level, x->covered - whole) != 0)
            break; /* the short runs still serve */
    }
    return 0;
}

static void *run(void *arg)
{
    struct ca_log_indexer *x = arg;
    bool stop = false;
    while (!stop) {
        pthread_mutex_lock(&x->lock);
        while (!x->stop && x->settled < x->covered + INDEX_RUN_MIN)
            pthread_cond_wait(&x->wake, &x->lock);
        uint64_t settled = x->settled;
        stop = x->stop;
        pthread_mutex_unlock(&x->lock);
        while (!stop && x->covered + INDEX_RUN_MIN <= settled) {
            if (extend(x) != 0) {
                settled = 0; /* a fault: look again when the log has grown */
                pthread_mutex_lock(&x->lock);
                x->settled = 0;
                pthread_mutex_unlock(&x->lock);
            }
            pthread_mutex_lock(&x->lock);
            stop = x->stop;
            pthread_mutex_unlock(&x->lock);
        }
    }
    return NULL;
}

static int make_directory(const char *dir, struct tm_err *e)
{
    char path[PATH_MAX];
    if (tm_file_join(dir, LOG_INDEX, path, sizeof(path), e) != 0)
        return -1;
    return tm_file_mkdirs(path, 0755, e);
}

struct ca_log_indexer *ca_log_indexer_start(const char *dir, struct tm_err *e)
{
    struct ca_log_indexer *x = calloc(1, sizeof(*x));
    if (x == NULL || (x->dir = strdup(dir)) == NULL) {
        free(x);
        return tm_err_null(e, "out of memory");
    }
    pthread_mutex_init(&x->lock, NULL);
    pthread_cond_init(&x->wake, NULL);
    int rc = make_directory(dir, e);
    if (rc == 0) {
        x->covered = find_covered(dir);
        errno = pthread_create(&x->thread, NULL, run, x);
        if (errno != 0)
            rc = tm_err_errno(e, "start a thread");
    }
    if (rc == 0)
        return x;
    pthread_mutex_destroy(&x->lock);
    pthread_cond_destroy(&x->wake);
    free(x->dir);
    free(x);
    return NULL;
}

void ca_log_indexer_advance(struct ca_log_indexer *x, uint64_t settled)
{
    pthread_mutex_lock(&x->lock);
    x->settled = settled;
    pthread_cond_signal(&x->wake);
    pthread_mutex_unlock(&x->lock);
}

void ca_log_indexer_stop(struct ca_log_indexer *x)
{
    if (x == NULL)
        return;
    pthread_mutex_lock(&x->lock);
    x->stop = true;
    pthread_cond_signal(&x->wake);
    pthread_mutex_unlock(&x->lock);
    pthread_join(x->thread, NULL);
    pthread_mutex_destroy(&x->lock);
    pthread_cond_destroy(&x->wake);
    free(x->dir);
    free(x);
}
