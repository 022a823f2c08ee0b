#include "ca/log/kept/kept.h"

#include <libgen.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "ca/log/engine/reader.h"
#include "common/clock.h"

/* Entries wait this long for a checkpoint only when something is wrong: the longest interval that
 * may be configured, and time for the witnesses. */
#define CHECKPOINT_LATE_MS 180000

struct ca_kept {
    size_t quorum; /* of witnesses; 0: none is asked for */
    struct tm_key *key;
    struct ca_witness_client *witnesses; /* NULL: none are configured */
    atomic_size_t cosignatures;          /* of the newest checkpoint */
    const char *directory;               /* the options' */
};

/* Room that a log needs beside its next entries: a full tile of each level, its journal, and what
 * an operator needs to move about in. */
#define DISK_RESERVE_MB 64

static int check_disk(const char *directory, struct tm_err *e)
{
    struct statvfs st;
    if (statvfs(directory, &st) != 0)
        return tm_err_errno(e, "the log's directory '%s'", directory);
    if ((st.f_flag & ST_RDONLY) != 0 || access(directory, W_OK) != 0)
        return tm_err_set(e, "the log's directory '%s' cannot be written to", directory);
    unsigned long long free_mb = (unsigned long long)st.f_bavail * st.f_frsize >> 20;
    if (free_mb < DISK_RESERVE_MB)
        return tm_err_set(e, "the log's disk has %llu MiB left, and %d must be free: '%s'", free_mb,
                          DISK_RESERVE_MB, directory);
    return 0;
}

uint64_t ca_kept_disk_free(const struct ca_kept *k)
{
    struct statvfs st;
    return statvfs(k->directory, &st) == 0 ? (uint64_t)st.f_bavail * st.f_frsize : 0;
}

int ca_kept_ready(const struct ca_kept *k, struct ca_log *log, struct tm_err *e)
{
    struct ca_log_stats s;
    if (ca_log_check(log, e) != 0)
        return -1;
    if (tm_key_look(k->key, e) != 0)
        return tm_err_wrap(e, "log key");
    ca_log_stats_get(log, &s);
    if (s.size > s.checkpoint_size && s.checkpoint_age_ms > CHECKPOINT_LATE_MS)
        return tm_err_set(e, "the log has published no checkpoint for %lld s",
                          (long long)s.checkpoint_age_ms / 1000);
    return check_disk(k->directory, e);
}

/* Out of the tiles, which are on disk before the checkpoint is signed. */
static int prove(void *ctx, uint64_t old_size, uint64_t new_size, struct tm_merkle_hash *proof,
                 size_t *count, struct tm_err *e)
{
    struct ca_kept *k = ctx;
    struct ca_log_dir dir = {.path = k->directory, .size = new_size};
    struct ca_log_tiles tiles = ca_log_dir_tiles(&dir);
    struct ca_log_proof p;
    if (ca_log_tree_consistency(&tiles, old_size, new_size, &p, e) != 0)
        return -1;
    memcpy(proof, p.hash, p.count * sizeof(*proof));
    *count = p.count;
    return 0;
}

/* `lines` begins with the checkpoint that the log has signed. */
static int cosign(void *ctx, const char *text, size_t len, struct tm_buf *lines, struct tm_err *e)
{
    (void)text;
    (void)len;
    struct ca_kept *k = ctx;
    size_t got = 0;
    int rc = ca_witness_client_cosign(k->witnesses, lines, tm_clock_wall_ms(), &got, e);
    atomic_store(&k->cosignatures, got);
    return rc;
}

static int open_witnesses(struct ca_kept *k, const struct ca_kept_options *o, struct tm_err *e)
{
    struct tm_note_key key;
    if (o->witness_count == 0)
        return 0;
    if (o->format->note_key(&key, o->origin, tm_key_pkey(k->key), e) != 0)
        return -1;
    struct ca_witness_client_options w = {.peer = o->witness,
                                          .count = o->witness_count,
                                          .log_key = &key,
                                          .quorum = o->witness_quorum,
                                          .timeout_ms = o->witness_timeout_ms,
                                          .rest_ms = o->witness_rest_ms,
                                          .allow_http = o->witness_allow_http,
                                          .jlog = o->jlog,
                                          .fetch_hub = o->fetch_hub,
                                          .proof = prove,
                                          .ctx = k};
    k->witnesses = ca_witness_client_new(&w, e);
    return k->witnesses != NULL ? 0 : -1;
}

/* Where `path` leads, links followed, or, `above`, the folder that names it; "" where that is not.
 */
static void resolve(const char *path, bool above, char out[PATH_MAX])
{
    char copy[PATH_MAX];
    if (path == NULL || snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy) ||
        realpath(above ? dirname(copy) : copy, out) == NULL)
        out[0] = '\0';
}

static bool is_or_is_below(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    return len > 0 && strncmp(path, folder, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

/* Why an old backup of the log would bring its anchor along, or NULL. */
static const char *anchor_fault(const struct ca_kept_options *o)
{
    char at[PATH_MAX], log[PATH_MAX], beside_log[PATH_MAX], beside_key[PATH_MAX];
    struct stat a, b;
    resolve(o->anchor, true, at);
    resolve(o->directory, false, log);
    resolve(o->directory, true, beside_log);
    resolve(o->key.file, true, beside_key);
    if (*at == '\0' || *log == '\0')
        return NULL; /* such a log is not opened */
    if (is_or_is_below(at, log) || strcmp(at, beside_log) == 0 || strcmp(at, beside_key) == 0)
        return "the anchor lies in the log's folder, beside it or beside its key: an old backup "
               "would bring it along, and the log would fork. It belongs on other storage";
    return stat(at, &a) == 0 && stat(log, &b) == 0 && a.st_dev == b.st_dev
               ? "the anchor is on the same file system as the log: a backup of both, restored, "
                 "would not be noticed. It belongs on other storage"
               : NULL;
}

const char *ca_kept_undetected(const struct ca_kept_options *o)
{
    if (o->directory == NULL || o->witness_count > 0)
        return NULL;
    return o->anchor != NULL
               ? anchor_fault(o)
               : "the log has neither an anchor nor a witness: were it restored from an old "
                 "backup, nothing would notice, and it would fork";
}

static void fill(struct ca_kept *k, const struct ca_kept_options *o, struct ca_log_options *lo)
{
    ca_log_options_default(lo);
    lo->format = o->format;
    lo->directory = o->directory;
    lo->origin = o->origin;
    lo->key = tm_key_pkey(k->key);
    lo->key_remedy = tm_key_is_device(k->key)
                         ? "is its token there? It is used again by itself when it is back"
                     : tm_key_is_slow(k->key)
                         ? "is its service there? It is used again by itself when it is back"
                         : NULL;
    lo->anchor = o->anchor;
    lo->jlog = o->jlog;
    if (o->checkpoint_interval_ms > 0)
        lo->checkpoint_interval_ms = o->checkpoint_interval_ms;
    lo->cosign = k->witnesses != NULL ? cosign : NULL;
    lo->cosign_ctx = k;
}

struct ca_kept *ca_kept_open(const struct ca_kept_options *o, struct ca_log_options *lo,
                             struct tm_err *e)
{
    struct ca_kept *k = calloc(1, sizeof(*k));
    if (k == NULL)
        return tm_err_null(e, "out of memory");
    k->quorum = o->witness_quorum;
    k->directory = o->directory;
    k->key = tm_key_open(&o->key, "log key", e);
    if (k->key == NULL || open_witnesses(k, o, e) != 0) {
        ca_kept_close(k);
        return NULL;
    }
    fill(k, o, lo);
    if (ca_kept_undetected(o) != NULL)
        jlog(o->jlog, JLOG_WARN, ca_kept_undetected(o), JLOG_STR("log", o->origin), JLOG_END);
    return k;
}

void ca_kept_close(struct ca_kept *k)
{
    if (k == NULL)
        return;
    ca_witness_client_free(k->witnesses);
    tm_key_free(k->key);
    free(k);
}

bool ca_kept_is_slow(const struct ca_kept *k)
{
    return tm_key_is_slow(k->key);
}

size_t ca_kept_cosignatures(const struct ca_kept *k)
{
    return atomic_load(&k->cosignatures);
}

size_t ca_kept_quorum(const struct ca_kept *k)
{
    return k->quorum;
}
