#include "tuf/manager/evidence/transcript.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "tuf/metadata/key.h"

static const char zero_hash[] = "0000000000000000000000000000000000000000000000000000000000000000";

static int read_all(const char *path, struct tm_buf *out, struct tm_err *e)
{
    struct stat st;
    if (stat(path, &st) != 0 && errno == ENOENT)
        return 0;
    return tm_file_read(path, TRANSCRIPT_BYTES_MAX, out, e);
}

/* Length of the whole lines: a cut last one was never acknowledged. */
static size_t whole(const struct tm_buf *b)
{
    const char *end = b->len > 0 ? memrchr(b->data, '\n', b->len) : NULL;
    return end != NULL ? (size_t)(end - (const char *)b->data) + 1 : 0;
}

/* The last of the whole lines, or of those about a publication; *size is that of all of them. */
static int last_line(const char *path, bool published, struct tuf_line *last, size_t *size,
                     struct tm_err *e)
{
    struct tm_buf all = {0};
    char computed[65];
    int rc = read_all(path, &all, e);
    const char *text = (const char *)all.data;
    *last = (struct tuf_line){0};
    *size = rc == 0 ? whole(&all) : 0;
    for (size_t end = *size; end > 0 && rc == 0 && last->what == NULL;) {
        const char *before = memrchr(text, '\n', end - 1);
        size_t start = before != NULL ? (size_t)(before - text) + 1 : 0;
        rc = tuf_line_parse(text + start, end - 1 - start, last, computed, e);
        if (rc != 0)
            tm_err_wrap(e, "transcript '%s': one of the last lines", path);
        if (rc != 0 || (published && !tuf_line_is_publication(last)))
            tuf_line_free(last);
        end = start;
    }
    tm_buf_free(&all);
    return rc;
}

int tuf_transcript_last(const char *path, struct tuf_line *last, struct tm_err *e)
{
    size_t size = 0;
    return last_line(path, false, last, &size, e);
}

int tuf_transcript_last_published(const char *path, struct tuf_line *last, struct tm_err *e)
{
    size_t size = 0;
    return last_line(path, true, last, &size, e);
}

int tuf_transcript_hash_of(const char *path, int64_t n, char hash[65], struct tm_err *e)
{
    struct tm_buf all = {0};
    struct tuf_line line = {0};
    char computed[65];
    int rc = read_all(path, &all, e);
    const char *p = (const char *)all.data;
    size_t left = rc == 0 ? whole(&all) : 0;
    hash[0] = '\0';
    for (int64_t i = 1; left > 0; i++) {
        const char *end = memchr(p, '\n', left);
        if (i == n) {
            rc = tuf_line_parse(p, (size_t)(end - p), &line, computed, e);
            snprintf(hash, 65, "%s", rc == 0 && line.hash != NULL ? line.hash : "");
            break;
        }
        left -= (size_t)(end - p) + 1;
        p = end + 1;
    }
    tuf_line_free(&line);
    tm_buf_free(&all);
    return rc;
}

static int write_line(const char *path, size_t size, const char *line, size_t len, struct tm_err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return tm_err_errno(e, "open transcript '%s'", path);
    int rc = 0;
    if (ftruncate(fd, (off_t)size) != 0 || pwrite(fd, line, len, (off_t)size) != (ssize_t)len ||
        fsync(fd) != 0) {
        rc = tm_err_errno(e, "write transcript '%s'", path);
        if (ftruncate(fd, (off_t)size) != 0)
            tm_err_wrap(e, "the last line is cut");
    }
    if (close(fd) != 0 && rc == 0)
        rc = tm_err_errno(e, "close transcript '%s'", path);
    return rc;
}

int tuf_transcript_tail(const char *path, struct tuf_transcript_tail *t, struct tm_err *e)
{
    struct tuf_line last;
    *t = (struct tuf_transcript_tail){0};
    memcpy(t->hash, zero_hash, sizeof(t->hash));
    if (last_line(path, false, &last, &t->size, e) != 0)
        return -1;
    int rc = 0;
    t->n = last.n;
    if (t->n < 0 || (size_t)t->n >= TRANSCRIPT_BYTES_MAX) /* a line has more than a byte */
        rc = tm_err_set(e, "transcript '%s': its last line says that it is number %lld", path,
                        (long long)t->n);
    else if (last.what != NULL && (last.hash == NULL || strlen(last.hash) != 64))
        rc = tm_err_set(e, "transcript '%s': its last line has no hash", path);
    else if (last.what != NULL)
        memcpy(t->hash, last.hash, sizeof(t->hash));
    tuf_line_free(&last);
    return rc;
}

int tuf_transcript_chain(struct tuf_transcript_tail *t, struct tuf_line *line, int64_t now,
                         struct tm_err *e)
{
    char when[21];
    tm_clock_format(now, when);
    line->n = t->n + 1;
    if (tuf_line_set(&line->time, when, e) != 0 || tuf_line_set(&line->prev, t->hash, e) != 0 ||
        tuf_line_write(line, &t->to_come, e) != 0)
        return tm_err_wrap(e, "a line of the transcript");
    t->n++;
    memcpy(t->hash, line->hash, sizeof(t->hash));
    return 0;
}

int tuf_transcript_write(const char *path, const struct tuf_transcript_tail *t, struct tm_err *e)
{
    if (t->to_come.len == 0)
        return 0;
    return write_line(path, t->size, (const char *)t->to_come.data, t->to_come.len, e);
}

void tuf_transcript_tail_free(struct tuf_transcript_tail *t)
{
    tm_buf_free(&t->to_come);
}

int tuf_transcript_append(const char *path, struct tuf_line *line, int64_t now, struct tm_err *e)
{
    struct tuf_transcript_tail t;
    int rc = tuf_transcript_tail(path, &t, e);
    if (rc == 0)
        rc = tuf_transcript_chain(&t, line, now, e);
    if (rc == 0)
        rc = tuf_transcript_write(path, &t, e);
    tuf_transcript_tail_free(&t);
    return rc;
}

int tuf_transcript_propose(const char *path, const struct tuf_event *ev, const char *digest,
                           int64_t now, struct tm_err *e)
{
    struct tuf_line line = {0};
    int rc = tuf_line_set(&line.what, "proposed", e) == 0 &&
                     tuf_line_set(&line.event, ev->name, e) == 0 &&
                     tuf_line_set(&line.reason, ev->reason, e) == 0 &&
                     tuf_line_set(&line.digest, digest, e) == 0
                 ? tuf_transcript_append(path, &line, now, e)
                 : -1;
    tuf_line_free(&line);
    return rc;
}

/* A "signed" line proves itself: its statement verifies by the key in it. */
static int check_signed(const struct tuf_line *line, struct tm_err *e)
{
    char real[TUF_KEYID_SIZE];
    if (!line->states || !line->has_key || tuf_key_hash(&line->key, real, e) != 0 ||
        strcmp(real, line->statement.keyid) != 0)
        return tm_err_set(e, "the key is not the one that the statement names");
    return tuf_statement_verify(&line->statement, &line->key, e);
}

static int check_line(const struct tuf_line *line, int64_t n, const char *prev,
                      const char *computed, struct tm_err *e)
{
    if (line->n != n)
        return tm_err_set(e, "its number is not %lld: lines are missing or moved", (long long)n);
    if (line->hash == NULL || line->prev == NULL)
        return tm_err_set(e, "a member is missing");
    if (strcmp(line->prev, prev) != 0)
        return tm_err_set(e, "it does not follow the line before it");
    if (strcmp(computed, line->hash) != 0)
        return tm_err_set(e, "its hash is wrong: it was changed");
    return tuf_line_is(line, "signed") ? check_signed(line, e) : 0;
}

int64_t tuf_transcript_verify(const char *path, tuf_line_fn each, void *arg, struct tm_err *e)
{
    struct tm_buf all = {0};
    char prev[65];
    char computed[65] = "";
    int64_t n = 0;
    int rc = read_all(path, &all, e);
    const char *p = (const char *)all.data;
    size_t left = rc == 0 ? whole(&all) : 0;
    memcpy(prev, zero_hash, sizeof(prev));
    while (left > 0 && rc == 0) {
        const char *end = memchr(p, '\n', left);
        struct tuf_line line;
        n++;
        rc = tuf_line_parse(p, (size_t)(end - p), &line, computed, e);
        if (rc == 0)
            rc = check_line(&line, n, prev, computed, e);
        if (rc == 0 && each != NULL)
            rc = each(arg, &line, e);
        memcpy(prev, computed, sizeof(prev));
        tuf_line_free(&line);
        left -= (size_t)(end - p) + 1;
        p = end + 1;
    }
    if (rc != 0)
        tm_err_wrap(e, "transcript '%s' line %lld", path, (long long)n);
    tm_buf_free(&all);
    return rc == 0 ? n : -1;
}
