/* Opening, making and closing a log; what it tells of itself. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/log/engine/internal.h"
#include "ca/log/engine/view.h"
#include "common/b64.h"
#include "common/clock.h"
#include "common/file.h"

void ca_log_options_default(struct ca_log_options *o)
{
    *o = (struct ca_log_options){.checkpoint_interval_ms = 1000};
}

int64_t ca_log_now_ms(const struct ca_log *l)
{
    return l->o.now_ms != NULL ? l->o.now_ms() : tm_clock_wall_ms();
}

void ca_log_say(const struct ca_log *l, enum tm_jlog_level level, const char *message,
                const struct tm_err *e)
{
    jlog(l->o.jlog, level, message, JLOG_STR("log", l->origin),
         JLOG_STR("detail", e != NULL ? e->text : ""), JLOG_END);
}

int ca_log_key_failed(const struct ca_log *l, struct tm_err *e)
{
    struct tm_err why = {0};
    if (l->o.key_remedy == NULL || e == NULL)
        return -1;
    why = *e;
    return tm_err_set(e, "%.300s: %s", why.text, l->o.key_remedy);
}

static void init_locks(struct ca_log *l)
{
    pthread_condattr_t mono;
    pthread_condattr_init(&mono);
    pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    pthread_mutex_init(&l->queue_lock, NULL);
    pthread_mutex_init(&l->tree_lock, NULL);
    pthread_mutex_init(&l->note_lock, NULL);
    pthread_mutex_init(&l->issuer_lock, NULL);
    pthread_mutex_init(&l->stats_lock, NULL);
    pthread_cond_init(&l->queue_wake, NULL);
    pthread_cond_init(&l->tree_wake, &mono);
    pthread_cond_init(&l->tree_settled, NULL);
    pthread_condattr_destroy(&mono);
}

static void free_locks(struct ca_log *l)
{
    pthread_mutex_destroy(&l->queue_lock);
    pthread_mutex_destroy(&l->tree_lock);
    pthread_mutex_destroy(&l->note_lock);
    pthread_mutex_destroy(&l->issuer_lock);
    pthread_mutex_destroy(&l->stats_lock);
    pthread_cond_destroy(&l->queue_wake);
    pthread_cond_destroy(&l->tree_wake);
    pthread_cond_destroy(&l->tree_settled);
}

static void log_free(struct ca_log *l)
{
    if (l == NULL)
        return;
    ca_log_indexer_stop(l->indexer);
    ca_journal_close(&l->journal);
    while (l->tree.pending != NULL) {
        struct ca_log_pending *p = l->tree.pending;
        l->tree.pending = p->next;
        ca_log_pending_free(p);
    }
    tm_digsig_signer_free(l->signer);
    ca_log_store_free(&l->tiles);
    ca_log_store_free(&l->issuers);
    ca_log_issuers_forget(l);
    tm_buf_free(&l->group);
    tm_buf_free(&l->tree.partial);
    tm_buf_free(&l->snapshot_partial);
    tm_buf_free(&l->note);
    if (l->lock_fd >= 0)
        close(l->lock_fd);
    free_locks(l);
    free(l->directory);
    free(l->origin);
    free(l->anchor);
    free(l);
}

int ca_log_origin_check(const char *origin, struct tm_err *e)
{
    size_t len = origin != NULL ? strlen(origin) : 0;
    if (len == 0 || len >= sizeof(((struct tm_checkpoint *)0)->origin))
        return tm_err_set(e, "the log's origin is empty or longer than 255 bytes");
    if (strpbrk(origin, " +\n") != NULL || strstr(origin, "://") != NULL)
        return tm_err_set(e,
                          "the log's origin '%s' must be a URL without its scheme, such as "
                          "log.example.com/2026: no '://', space or '+'",
                          origin);
    if (origin[len - 1] == '/')
        return tm_err_set(e, "the log's origin '%s' must not end with '/'", origin);
    return 0;
}

static int check_options(const struct ca_log_options *o, struct tm_err *e)
{
    if (ca_log_origin_check(o->origin, e) != 0)
        return -1;
    if (o->checkpoint_interval_ms < 10 || o->checkpoint_interval_ms > 86400000)
        return tm_err_set(e, "the log's checkpoint interval must be 10 ms to 24 h");
    return tm_digsig_check_key(o->key, e);
}

static struct ca_log *log_new(const struct ca_log_options *o, struct tm_err *e)
{
    if (check_options(o, e) != 0)
        return NULL;
    struct ca_log *l = calloc(1, sizeof(*l));
    if (l == NULL) {
        tm_err_set(e, "out of memory");
        return NULL;
    }
    init_locks(l);
    l->lock_fd = -1;
    l->journal.fd = -1;
    l->o = *o;
    if (l->o.merge_delay_ms == 0)
        l->o.merge_delay_ms = LOG_MERGE_DELAY_S * INT64_C(1000);
    if (l->o.merge_delay_ms < 2 * o->checkpoint_interval_ms)
        l->o.merge_delay_ms = 2 * o->checkpoint_interval_ms;
    l->directory = strdup(o->directory);
    l->origin = strdup(o->origin);
    l->anchor = o->anchor != NULL ? strdup(o->anchor) : NULL;
    l->tiles = (struct ca_log_store){.dir = l->directory, .tmp = LOG_STATE "/tile.tmp"};
    l->issuers = (struct ca_log_store){.dir = l->directory, .tmp = LOG_STATE "/issuer.tmp"};
    int rc = 0;
    if (l->directory == NULL || l->origin == NULL || (o->anchor != NULL && l->anchor == NULL))
        rc = tm_err_set(e, "out of memory");
    if (rc == 0)
        rc = tm_digsig_log_id(o->key, l->id, e);
    if (rc == 0 && (l->signer = tm_digsig_signer_new(o->key, e)) == NULL)
        rc = -1;
    if (rc == 0)
        rc = tm_note_key_init(&l->note_key, l->origin, NOTE_RFC6962, o->key, e);
    if (rc != 0) {
        log_free(l);
        return NULL;
    }
    return l;
}

/* One writer: the lock goes with the process, however it ends. */
static int take_lock(struct ca_log *l, struct tm_err *e)
{
    char path[PATH_MAX];
    if (tm_file_join(l->directory, LOG_LOCK, path, sizeof(path), e) != 0)
        return -1;
    l->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (l->lock_fd < 0)
        return tm_err_errno(e, "open '%s'", path);
    if (flock(l->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno == EWOULDBLOCK)
        return tm_err_set(e, "log '%s' is in use by another process", l->directory);
    return tm_err_errno(e, "lock '%s'", path);
}

static int write_identity(const struct ca_log *l, struct tm_err *e)
{
    char path[PATH_MAX];
    struct tm_buf b = {0};
    tm_buf_printf(&b, LOG_IDENTITY_HEAD "%s\n", l->origin);
    tm_b64_encode(B64_STD, l->id, sizeof(l->id), &b);
    buf_putc(&b, '\n');
    int rc = tm_file_join(l->directory, LOG_IDENTITY, path, sizeof(path), e);
    if (rc == 0)
        rc = buf_failed(&b) ? tm_err_set(e, "out of memory")
                            : tm_file_create(path, 0644, b.data, b.len, e);
    tm_buf_free(&b);
    return rc;
}

static int make_directories(const char *dir, struct tm_err *e)
{
    static const char *const names[] = {LOG_STATE, "tile", "issuer"};
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (tm_file_join(dir, names[i], path, sizeof(path), e) != 0 ||
            tm_file_mkdirs(path, 0755, e) != 0)
            return -1;
    }
    if (tm_file_sync_dir(dir, e) != 0 || tm_file_join(dir, "..", path, sizeof(path), e) != 0)
        return -1;
    return tm_file_sync_dir(path, e);
}

static bool exists(const char *dir, const char *name)
{
    char path[PATH_MAX];
    struct stat st;
    return tm_file_join(dir, name, path, sizeof(path), NULL) == 0 && lstat(path, &st) == 0;
}

/* The identity comes last: with it there is a log. A making that was cut short is begun again. */
static int create(struct ca_log *l, struct tm_err *e)
{
    if (exists(l->directory, LOG_IDENTITY))
        return tm_err_set(e, "'%s' holds a log already", l->directory);
    if (exists(l->directory, "tile/data") || exists(l->directory, "tile/0"))
        return tm_err_set(e, "'%s' holds tiles but no " LOG_IDENTITY ": a part of a log",
                          l->directory);
    if (make_directories(l->directory, e) != 0 || take_lock(l, e) != 0 ||
        ca_journal_create(&l->journal, l->directory, 0, NULL, 0, e) != 0 ||
        ca_log_publish(l, true, e) != 0)
        return -1;
    return write_identity(l, e);
}

int ca_log_create(const struct ca_log_options *o, struct tm_err *e)
{
    struct ca_log *l = log_new(o, e);
    if (l == NULL)
        return tm_err_wrap(e, "make a log");
    int rc = create(l, e);
    log_free(l);
    return rc == 0 ? 0 : tm_err_wrap(e, "make a log");
}

/* Storage that comes back together with the log from one backup shows nothing. */
static int check_anchor(const struct ca_log *l, struct tm_err *e)
{
    char place[PATH_MAX], home[PATH_MAX], copy[PATH_MAX];
    struct stat a, b;
    if (l->anchor == NULL)
        return 0;
    if (snprintf(copy, sizeof(copy), "%s", l->anchor) >= (int)sizeof(copy))
        return tm_err_set(e, "the anchor's path is too long");
    if (realpath(dirname(copy), place) == NULL)
        return tm_err_errno(e, "anchor '%s'", l->anchor);
    if (realpath(l->directory, home) == NULL)
        return tm_err_errno(e, "'%s'", l->directory);
    size_t len = strlen(home);
    if (strncmp(place, home, len) == 0 && (place[len] == '\0' || place[len] == '/'))
        return tm_err_set(e,
                          "the anchor '%s' lies in the log's own directory: a backup would bring "
                          "both back together. Put it on other storage",
                          l->anchor);
    if (stat(place, &a) == 0 && stat(home, &b) == 0 && a.st_dev == b.st_dev)
        ca_log_say(
            l, JLOG_WARN,
            "the anchor is on the same file system as the log: a backup of both would not be "
            "noticed",
            NULL);
    return 0;
}

static int check_identity(const struct ca_log *l, struct tm_err *e)
{
    struct ca_log_identity id;
    if (ca_log_dir_identity(l->directory, &id, e) != 0)
        return -1;
    if (strcmp(id.origin, l->origin) != 0)
        return tm_err_set(e, "it is the log of origin '%.128s', not '%.128s'", id.origin,
                          l->origin);
    if (memcmp(id.log_id, l->id, sizeof(l->id)) != 0)
        return tm_err_set(e, "it belongs to another log key");
    return 0;
}

static int start(struct ca_log *l, struct tm_err *e)
{
    l->indexer = ca_log_indexer_start(l->directory, e);
    if (l->indexer == NULL)
        return -1;
    ca_log_indexer_advance(l->indexer, l->tree.settled);
    errno = pthread_create(&l->publisher, NULL, ca_log_publisher, l);
    if (errno != 0)
        return tm_err_errno(e, "start a thread");
    l->publishing = true;
    errno = pthread_create(&l->sequencer, NULL, ca_log_sequencer, l);
    if (errno != 0)
        return tm_err_errno(e, "start a thread");
    l->sequencing = true;
    return 0;
}

struct ca_log *ca_log_open(const struct ca_log_options *o, struct tm_err *e)
{
    struct ca_log *l = log_new(o, e);
    int rc = l != NULL ? 0 : -1;
    if (rc == 0)
        rc = check_identity(l, e);
    if (rc == 0)
        rc = check_anchor(l, e);
    if (rc == 0)
        rc = take_lock(l, e);
    if (rc == 0)
        rc = ca_log_recover(l, e);
    if (rc == 0)
        rc = start(l, e);
    if (rc == 0)
        return l;
    tm_err_wrap(e, "log '%s'", o->directory);
    ca_log_close(l);
    return NULL;
}

static void stop_sequencer(struct ca_log *l)
{
    pthread_mutex_lock(&l->queue_lock);
    l->stopping = true;
    pthread_cond_signal(&l->queue_wake);
    pthread_mutex_unlock(&l->queue_lock);
    if (l->sequencing)
        pthread_join(l->sequencer, NULL);
}

static void stop_publisher(struct ca_log *l)
{
    pthread_mutex_lock(&l->tree_lock);
    l->publisher_stop = true;
    pthread_cond_signal(&l->tree_wake);
    pthread_mutex_unlock(&l->tree_lock);
    if (l->publishing)
        pthread_join(l->publisher, NULL);
}

void ca_log_close(struct ca_log *l)
{
    if (l == NULL)
        return;
    stop_sequencer(l);
    stop_publisher(l);
    log_free(l);
}

int ca_log_sync(struct ca_log *l, struct tm_err *e)
{
    pthread_mutex_lock(&l->tree_lock);
    uint64_t target = l->tree.edge.size;
    uint64_t rounds = l->publish_rounds;
    bool done = false;
    while (!done && l->publish_rounds <= rounds + 1 && /* one may be under way */
           ca_log_check_contradiction(l, NULL) == 0) {
        l->publish_now = true;
        pthread_cond_signal(&l->tree_wake);
        pthread_cond_wait(&l->tree_settled, &l->tree_lock);
        pthread_mutex_lock(&l->note_lock);
        done = l->published >= target;
        pthread_mutex_unlock(&l->note_lock);
    }
    pthread_mutex_unlock(&l->tree_lock);
    return done ? 0 : tm_err_set(e, "a checkpoint could not be published: see the log's messages");
}

uint64_t ca_log_checkpoint(struct ca_log *l, struct tm_buf *note)
{
    pthread_mutex_lock(&l->note_lock);
    tm_buf_append(note, l->note.data, l->note.len);
    uint64_t size = l->published;
    pthread_mutex_unlock(&l->note_lock);
    return size;
}

EVP_PKEY *ca_log_key(const struct ca_log *l)
{
    return l->o.key;
}

const unsigned char *ca_log_id(const struct ca_log *l)
{
    return l->id;
}

const char *ca_log_origin(const struct ca_log *l)
{
    return l->origin;
}

const char *ca_log_directory(const struct ca_log *l)
{
    return l->directory;
}

static uint64_t newest_checkpoint(void *ctx, struct tm_buf *note)
{
    return ca_log_checkpoint(ctx, note);
}

struct ca_log_view ca_log_view_of(struct ca_log *l)
{
    return (struct ca_log_view){.directory = l->directory,
                                .origin = l->origin,
                                .id = l->id,
                                .key = l->o.key,
                                .checkpoint = newest_checkpoint,
                                .ctx = l};
}

void ca_log_stats_get(struct ca_log *l, struct ca_log_stats *out)
{
    pthread_mutex_lock(&l->stats_lock);
    *out = l->stats;
    pthread_mutex_unlock(&l->stats_lock);
    out->contradicted = atomic_load(&l->contradicted);
    pthread_mutex_lock(&l->tree_lock);
    out->size = l->tree.edge.size;
    pthread_mutex_unlock(&l->tree_lock);
    pthread_mutex_lock(&l->note_lock);
    out->checkpoint_size = l->published;
    out->checkpoint_age_ms = ca_log_now_ms(l) - (int64_t)l->published_ms;
    pthread_mutex_unlock(&l->note_lock);
}
