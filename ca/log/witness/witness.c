#include "ca/log/witness/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "ca/log/witness/request.h"
#include "common/b64.h"
#include "common/file.h"
#include "common/hex.h"

#define PATH_BYTES 4096
#define CHECKPOINT_SUFFIX ".checkpoint"

struct watched {
    struct tm_note_key key;   /* as logs of certificates sign; `plain`, as logs of signatures do: */
    struct tm_note_key plain; /* it is one log, whichever it uses */
    bool dated;               /* the former can be of this key */
    const struct tm_note_key *by; /* what the request at work was verified by; under the lock */
    char hash[WITNESS_HASH_TEXT];
    char *path;                /* of its checkpoint; owned */
    struct tm_checkpoint last; /* cosigned; size 0 before the first */
    struct tm_buf note;        /* the same with its signatures; empty before the first */
};

struct ca_witness {
    const struct tm_note_key *key;
    int lock_fd;
    pthread_mutex_t lock; /* guards `last` and `note` of each: check and record are one step */
    size_t count;
    struct watched log[];
};

void ca_witness_origin_hash(const char *origin, char out[WITNESS_HASH_TEXT])
{
    unsigned char h[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)origin, strlen(origin), h);
    tm_hex_encode(h, sizeof(h), out);
}

/* What was cosigned last. A file that is damaged is no reason to begin anew. */
static int load(struct watched *l, const struct tm_note_key *own, struct tm_err *e)
{
    struct tm_note n;
    if (access(l->path, F_OK) != 0 && errno == ENOENT) {
        tm_merkle_empty(&l->last.root);
        return 0;
    }
    if (tm_file_read(l->path, NOTE_BYTES_MAX, &l->note, e) != 0)
        return -1;
    if (tm_note_parse(l->note.data, l->note.len, &n, e) != 0)
        return tm_err_wrap(e, "'%s'", l->path);
    int rc = tm_checkpoint_parse(&n, &l->last, e);
    if (rc == 0)
        rc = tm_note_verify(&n, own, NULL, e);
    if (rc == 0 && strcmp(l->last.origin, l->plain.name) != 0)
        rc = tm_err_set(e, "it is of the log '%s'", l->last.origin);
    tm_note_free(&n);
    return rc == 0 ? 0 : tm_err_wrap(e, "'%s'", l->path);
}

static int add_log(struct ca_witness *w, const char *directory, const struct ca_witness_log *log,
                   struct tm_err *e)
{
    char name[WITNESS_HASH_TEXT + sizeof(CHECKPOINT_SUFFIX)];
    char path[PATH_BYTES];
    struct watched *l = &w->log[w->count];
    bool ed25519 = EVP_PKEY_is_a(log->key, "ED25519");
    l->dated = !ed25519 && tm_note_key_init(&l->key, log->origin, NOTE_RFC6962, log->key, e) == 0;
    bool plain = tm_note_key_init(&l->plain, log->origin, ed25519 ? NOTE_ED25519 : NOTE_ECDSA,
                                  log->key, e) == 0;
    if (!l->dated && !plain)
        return -1;
    if (!plain)
        l->plain = l->key; /* RSA: of certificates only */
    ca_witness_origin_hash(log->origin, l->hash);
    snprintf(name, sizeof(name), "%s" CHECKPOINT_SUFFIX, l->hash);
    if (tm_file_join(directory, name, path, sizeof(path), e) != 0)
        return -1;
    l->path = strdup(path);
    if (l->path == NULL)
        return tm_err_set(e, "out of memory");
    w->count++;
    return load(l, w->key, e);
}

static int lock_directory(struct ca_witness *w, const char *directory, struct tm_err *e)
{
    char path[PATH_BYTES];
    if (tm_file_mkdirs(directory, 0755, e) != 0 ||
        tm_file_join(directory, "lock", path, sizeof(path), e))
        return -1;
    w->lock_fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    if (w->lock_fd < 0)
        return tm_err_errno(e, "'%s'", path);
    return flock(w->lock_fd, LOCK_EX | LOCK_NB) == 0
               ? 0
               : tm_err_set(e, "'%s' is in use by another witness", directory);
}

struct ca_witness *ca_witness_open(const char *directory, const struct tm_note_key *key,
                                   const struct ca_witness_log *logs, size_t count,
                                   struct tm_err *e)
{
    struct ca_witness *w = calloc(1, sizeof(*w) + count * sizeof(w->log[0]));
    if (w == NULL)
        return tm_err_null(e, "out of memory");
    pthread_mutex_init(&w->lock, NULL);
    w->key = key;
    w->lock_fd = -1;
    int rc = lock_directory(w, directory, e);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = add_log(w, directory, &logs[i], e);
    if (rc != 0) {
        ca_witness_close(w);
        return NULL;
    }
    return w;
}

void ca_witness_close(struct ca_witness *w)
{
    if (w == NULL)
        return;
    for (size_t i = 0; i < w->count; i++) {
        free(w->log[i].path);
        tm_buf_free(&w->log[i].note);
    }
    if (w->lock_fd >= 0)
        close(w->lock_fd);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

static struct watched *find_log(struct ca_witness *w, const char *origin)
{
    for (size_t i = 0; i < w->count; i++) {
        if (strcmp(w->log[i].plain.name, origin) == 0)
            return &w->log[i];
    }
    return NULL;
}

static void put_line(const struct tm_note_signature *s, struct tm_buf *out)
{
    struct tm_buf sig = {0};
    tm_buf_append(&sig, s->id, sizeof(s->id));
    tm_buf_append(&sig, s->sig, s->sig_len);
    tm_buf_printf(out, "\xe2\x80\x94 %.*s ", (int)s->name_len, s->name);
    tm_b64_encode(B64_STD, sig.data, sig.len, out);
    buf_putc(out, '\n');
    out->failed = out->failed || sig.failed;
    tm_buf_free(&sig);
}

/* The checkpoint with the log's signatures that were verified and ours, and with no others. */
static void compose(const struct tm_note *n, const struct watched *l,
                    const struct tm_buf *cosignature, struct tm_buf *out)
{
    tm_buf_append(out, n->text, n->text_len);
    buf_putc(out, '\n');
    for (size_t i = 0; i < n->count; i++) {
        const struct tm_note_signature *s = &n->signature[i];
        if (s->name_len == strlen(l->plain.name) &&
            memcmp(s->name, l->plain.name, s->name_len) == 0 &&
            memcmp(s->id, l->by->id, sizeof(s->id)) == 0)
            put_line(s, out);
    }
    tm_buf_append(out, cosignature->data, cosignature->len);
}

static unsigned fail(unsigned status, struct tm_err *e, const char *why)
{
    tm_err_set(e, "%s", why);
    return status;
}

/* With the lock held, and everything about the request itself checked. */
static unsigned record(struct ca_witness *w, struct watched *l, const struct tm_note *n,
                       const struct tm_checkpoint *cp, int64_t now_ms, struct tm_buf *reply,
                       struct tm_err *e)
{
    struct tm_buf line = {0};
    struct tm_buf note = {0};
    unsigned status = 500;
    int rc = tm_note_sign(n->text, n->text_len, w->key, (uint64_t)now_ms, &line, e);
    if (rc == 0) {
        compose(n, l, &line, &note);
        rc = buf_failed(&note) || buf_failed(&line)
                 ? tm_err_set(e, "out of memory")
                 : tm_file_write_atomic(l->path, 0644, note.data, note.len, e);
    }
    if (rc == 0) {
        struct tm_buf before = l->note;
        l->note = note;
        note = before;
        l->last = *cp;
        tm_buf_append(reply, line.data, line.len);
        status = buf_failed(reply) ? fail(500, e, "out of memory") : 200;
    }
    tm_buf_free(&line);
    tm_buf_free(&note);
    return status;
}

static unsigned check_and_record(struct ca_witness *w, struct watched *l,
                                 const struct ca_witness_request *r, const struct tm_note *n,
                                 const struct tm_checkpoint *cp, int64_t now_ms,
                                 struct tm_buf *reply, struct tm_err *e)
{
    struct tm_merkle_hash empty;
    tm_merkle_empty(&empty);
    if (r->old_size != l->last.size) {
        tm_buf_printf(reply, "%" PRIu64 "\n", l->last.size);
        return fail(409, e, "another size was cosigned last");
    }
    if (cp->size == 0 && !tm_merkle_equal(&cp->root, &empty))
        return fail(422, e, "the root hash is not the empty tree's");
    if (tm_merkle_check_consistency(r->old_size, &l->last.root, cp->size, &cp->root, r->proof,
                                    r->count, e) != 0)
        return 422;
    return record(w, l, n, cp, now_ms, reply, e);
}

static unsigned add(struct ca_witness *w, const struct ca_witness_request *r,
                    const struct tm_note *n, int64_t now_ms, struct tm_buf *reply, struct tm_err *e)
{
    struct tm_checkpoint cp;
    if (tm_checkpoint_parse(n, &cp, e) != 0)
        return 400;
    struct watched *l = find_log(w, cp.origin);
    if (l == NULL)
        return fail(404, e, "the log is not one that is witnessed here");
    const struct tm_note_key *by = &l->plain;
    if (tm_note_verify(n, by, NULL, e) != 0) {
        by = &l->key;
        if (!l->dated || tm_note_verify(n, by, NULL, e) != 0)
            return 403;
        if (cp.extended)
            return fail(403, e, "extension lines, which a CT log's signature does not cover");
    }
    if (r->old_size > cp.size)
        return fail(400, e, "the old size is larger than the checkpoint's");
    pthread_mutex_lock(&w->lock);
    l->by = by;
    unsigned status = check_and_record(w, l, r, n, &cp, now_ms, reply, e);
    pthread_mutex_unlock(&w->lock);
    return status;
}

unsigned ca_witness_add_checkpoint(struct ca_witness *w, const void *body, size_t len,
                                   int64_t now_ms, struct tm_buf *reply, struct tm_err *e)
{
    struct ca_witness_request r;
    struct tm_note n;
    if (ca_witness_request_parse(body, len, &r, e) != 0 ||
        tm_note_parse(r.note, r.note_len, &n, e) != 0)
        return 400;
    unsigned status = add(w, &r, &n, now_ms, reply, e);
    tm_note_free(&n);
    return status;
}

unsigned ca_witness_checkpoint(struct ca_witness *w, const char *origin_hash, struct tm_buf *reply)
{
    unsigned status = 404;
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < w->count; i++) {
        if (strcmp(w->log[i].hash, origin_hash) == 0 && w->log[i].note.len > 0) {
            tm_buf_append(reply, w->log[i].note.data, w->log[i].note.len);
            status = 200;
        }
    }
    pthread_mutex_unlock(&w->lock);
    return status;
}
