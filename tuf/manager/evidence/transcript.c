#include "tuf/manager/evidence/transcript.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/json/strictjson.h"
#include "tuf/metadata/canonical.h"
#include "tuf/metadata/key.h"
#include "tuf/manager/event/event.h"
#include "tuf/manager/policy/keyring.h"

static const char zero_hash[] = "0000000000000000000000000000000000000000000000000000000000000000";

/* Hash of the entry without its "hash". */
static int entry_hash(const json_t *entry, char hex[65], struct tm_err *e)
{
    json_t *copy = json_copy((json_t *)entry);
    if (copy == NULL)
        return tm_err_set(e, "out of memory");
    json_object_del(copy, "hash");
    int rc = tuf_canonical_sha256(copy, hex, e);
    json_decref(copy);
    return rc;
}

static json_t *parse_line(const char *line, size_t len, struct tm_err *e)
{
    json_t *v = tm_strictjson_parse(line, len, TRANSCRIPT_LINE_MAX, e);
    if (v != NULL && !json_is_object(v)) {
        json_decref(v);
        tm_err_set(e, "not an object");
        return NULL;
    }
    return v;
}

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

static bool is_publication(const json_t *entry)
{
    const char *what = tm_strictjson_str(entry, "what");
    return what != NULL && (strcmp(what, "published") == 0 || strcmp(what, "refreshed") == 0);
}

/* The last of the whole lines that `wanted` wants (NULL: the last); *size is that of all of them.
 */
static int last_line(const char *path, bool (*wanted)(const json_t *entry), json_t **last,
                     size_t *size, struct tm_err *e)
{
    struct tm_buf all = {0};
    *last = NULL;
    if (read_all(path, &all, e) != 0) {
        tm_buf_free(&all);
        return -1;
    }
    int rc = 0;
    const char *text = (const char *)all.data;
    *size = whole(&all);
    for (size_t end = *size; end > 0 && rc == 0 && *last == NULL;) {
        const char *before = memrchr(text, '\n', end - 1);
        size_t start = before != NULL ? (size_t)(before - text) + 1 : 0;
        *last = parse_line(text + start, end - 1 - start, e);
        if (*last == NULL) {
            rc = tm_err_wrap(e, "transcript '%s': one of the last lines", path);
        } else if (wanted != NULL && !wanted(*last)) {
            json_decref(*last);
            *last = NULL;
        }
        end = start;
    }
    tm_buf_free(&all);
    return rc;
}

int tuf_transcript_last(const char *path, json_t **last, struct tm_err *e)
{
    size_t size = 0;
    return last_line(path, NULL, last, &size, e);
}

int tuf_transcript_last_published(const char *path, json_t **last, struct tm_err *e)
{
    size_t size = 0;
    return last_line(path, is_publication, last, &size, e);
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
    json_t *last = NULL;
    *t = (struct tuf_transcript_tail){0};
    memcpy(t->hash, zero_hash, sizeof(t->hash));
    if (last_line(path, NULL, &last, &t->size, e) != 0)
        return -1;
    const char *hash = last != NULL ? tm_strictjson_str(last, "hash") : zero_hash;
    int rc = 0;
    t->n = json_integer_value(json_object_get(last, "n"));
    if (t->n < 0 || (size_t)t->n >= TRANSCRIPT_BYTES_MAX) /* a line has more than a byte */
        rc = tm_err_set(e, "transcript '%s': its last line says that it is number %lld", path,
                        (long long)t->n);
    else if (hash == NULL || strlen(hash) != 64)
        rc = tm_err_set(e, "transcript '%s': its last line has no hash", path);
    else
        memcpy(t->hash, hash, sizeof(t->hash));
    json_decref(last);
    return rc;
}

int tuf_transcript_chain(struct tuf_transcript_tail *t, json_t *entry, int64_t now,
                         struct tm_err *e)
{
    char when[21];
    char hex[65];
    char *text = NULL;
    int rc = -1;
    tm_clock_format(now, when);
    if (json_object_set_new(entry, "n", json_integer(t->n + 1)) != 0 ||
        json_object_set_new(entry, "time", json_string(when)) != 0 ||
        json_object_set_new(entry, "prev", json_string(t->hash)) != 0 ||
        entry_hash(entry, hex, e) != 0 ||
        json_object_set_new(entry, "hash", json_string(hex)) != 0) {
        tm_err_wrap(e, "a line of the transcript");
        goto out;
    }
    text = json_dumps(entry, JSON_COMPACT | JSON_SORT_KEYS);
    if (text == NULL) {
        tm_err_set(e, "out of memory");
        goto out;
    }
    tm_buf_puts(&t->to_come, text);
    buf_putc(&t->to_come, '\n');
    if (tm_buf_str(&t->to_come) == NULL) {
        tm_err_set(e, "out of memory");
        goto out;
    }
    t->n++;
    memcpy(t->hash, hex, sizeof(t->hash));
    rc = 0;
out:
    free(text);
    json_decref(entry);
    return rc;
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

int tuf_transcript_append(const char *path, json_t *entry, int64_t now, struct tm_err *e)
{
    struct tuf_transcript_tail t;
    if (tuf_transcript_tail(path, &t, e) != 0) {
        json_decref(entry);
        return -1;
    }
    int rc = tuf_transcript_chain(&t, entry, now, e);
    if (rc == 0)
        rc = tuf_transcript_write(path, &t, e);
    tuf_transcript_tail_free(&t);
    return rc;
}

/* A "signed" line proves itself: its statement verifies by the key in it. */
static int check_signed(const json_t *entry, struct tm_err *e)
{
    const json_t *statement = json_object_get(entry, "statement");
    const json_t *body = json_object_get(statement, "signed");
    const json_t *key = json_object_get(entry, "key");
    const char *keyid = tm_strictjson_str(body, "keyid");
    char real[TUF_KEYID_SIZE];
    if (key == NULL || keyid == NULL || tuf_key_id(key, real, e) != 0 || strcmp(real, keyid) != 0)
        return tm_err_set(e, "the key is not the one that the statement names");
    return tuf_event_statement_verify(statement, key, e);
}

static int tuf_check_entry(const json_t *entry, int64_t n, const char *prev, struct tm_err *e)
{
    char hex[65];
    const char *hash = tm_strictjson_str(entry, "hash");
    const char *before = tm_strictjson_str(entry, "prev");
    const char *what = tm_strictjson_str(entry, "what");
    if (json_integer_value(json_object_get(entry, "n")) != n)
        return tm_err_set(e, "its number is not %lld: lines are missing or moved", (long long)n);
    if (hash == NULL || before == NULL || what == NULL)
        return tm_err_set(e, "a member is missing");
    if (strcmp(before, prev) != 0)
        return tm_err_set(e, "it does not follow the line before it");
    if (entry_hash(entry, hex, e) != 0)
        return -1;
    if (strcmp(hex, hash) != 0)
        return tm_err_set(e, "its hash is wrong: it was changed");
    return strcmp(what, "signed") == 0 ? check_signed(entry, e) : 0;
}

int64_t tuf_transcript_verify(const char *path,
                              int (*each)(void *arg, const json_t *entry, struct tm_err *e),
                              void *arg, struct tm_err *e)
{
    struct tm_buf all = {0};
    char prev[65];
    int64_t n = 0;
    int rc = read_all(path, &all, e);
    const char *p = (const char *)all.data;
    size_t left = rc == 0 ? whole(&all) : 0;
    memcpy(prev, zero_hash, sizeof(prev));
    while (left > 0 && rc == 0) {
        const char *end = memchr(p, '\n', left);
        json_t *entry = parse_line(p, (size_t)(end - p), e);
        n++;
        rc = entry != NULL ? tuf_check_entry(entry, n, prev, e) : -1;
        if (rc == 0 && each != NULL)
            rc = each(arg, entry, e);
        if (rc == 0)
            memcpy(prev, tm_strictjson_str(entry, "hash"), sizeof(prev));
        json_decref(entry);
        left -= (size_t)(end - p) + 1;
        p = end + 1;
    }
    if (rc != 0)
        tm_err_wrap(e, "transcript '%s' line %lld", path, (long long)n);
    tm_buf_free(&all);
    return rc == 0 ? n : -1;
}
