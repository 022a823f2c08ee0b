/* A transcript: first the bytes as they are, then with numbers and hashes made good, since no
 * mutation finds one. What verifies whole has as many lines as it says, and a last one. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/json/strictjson.h"
#include "tuf/metadata/canonical.h"
#include "tuf/manager/evidence/transcript.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static int count_line(void *arg, const struct tuf_line *line, struct tm_err *e)
{
    int64_t *lines = arg;
    (void)e;
    ++*lines;
    must(line->n == *lines && line->what != NULL && line->prev != NULL);
    return 0;
}

/* What is written of a line can be read, and says the same. */
static void again(struct tuf_line *line)
{
    struct tuf_line other;
    struct tm_err e = {0};
    struct tm_buf first = {0};
    struct tm_buf second = {0};
    char hash[65];
    must(tuf_line_write(line, &first, &e) == 0);
    must(tuf_line_parse((const char *)first.data, first.len - 1, &other, hash, &e) == 0);
    must(strcmp(hash, line->hash) == 0 && tuf_line_write(&other, &second, &e) == 0);
    must(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    tuf_line_free(&other);
    tm_buf_free(&first);
    tm_buf_free(&second);
}

static void try_bytes(const void *data, size_t size)
{
    struct tm_err e = {0};
    char path[64];
    int64_t lines = 0;
    struct tuf_line last;
    int fd = memfd_create("transcript", MFD_CLOEXEC);
    must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int64_t n = tuf_transcript_verify(path, count_line, &lines, &e);
    must(n >= 0 ? n == lines : e.text[0] != '\0');
    e.text[0] = '\0';
    if (n >= 0)
        must(tuf_transcript_last(path, &last, &e) == 0 && (last.what != NULL) == (n > 0));
    if (n > 0)
        again(&last);
    if (n >= 0)
        tuf_line_free(&last);
    must(tuf_transcript_last_published(path, &last, &e) == 0 || e.text[0] != '\0');
    tuf_line_free(&last);
    close(fd);
}

/* Appends the line anew, so that it follows `prev`, which becomes its hash. */
static void seal(const char *line, size_t len, int64_t n, char prev[65], struct tm_buf *out)
{
    struct tm_err e = {0};
    json_t *v = tm_strictjson_parse(line, len, len, &e);
    if (json_is_object(v)) {
        json_object_set_new(v, "n", json_integer(n));
        json_object_set_new(v, "prev", json_string(prev));
        json_object_del(v, "hash");
        if (tuf_canonical_sha256(v, prev, &e) == 0)
            json_object_set_new(v, "hash", json_string(prev));
        char *text = json_dumps(v, JSON_COMPACT);
        must(text != NULL);
        tm_buf_puts(out, text);
        buf_putc(out, '\n');
        free(text);
    }
    json_decref(v);
}

static void try_sealed(const char *p, size_t left)
{
    struct tm_buf out = {0};
    char prev[65];
    memset(prev, '0', 64);
    prev[64] = '\0';
    for (int64_t n = 1; left > 0; n++) {
        const char *end = memchr(p, '\n', left);
        size_t len = end != NULL ? (size_t)(end - p) : left;
        seal(p, len, n, prev, &out);
        len += end != NULL;
        p += len;
        left -= len;
    }
    if (out.len > 0)
        try_bytes(out.data, out.len);
    tm_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_bytes(data, size);
    try_sealed((const char *)data, size);
    return 0;
}
