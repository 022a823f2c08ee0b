/* Heads of requests and chunked bodies: the same answer in whatever pieces they come, and what was
 * accepted has one reading. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/http/chunk.h"
#include "common/http/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int ok)
{
    if (!ok)
        abort();
}

/* What goes on is accepted as well, says the same, and has nothing left to take away. */
static void read_plain(const struct tm_http_head *h, const char *whole, size_t len)
{
    struct tm_http_head again;
    char *text = malloc(len);
    char *copy = malloc(len);
    if (text != NULL && copy != NULL) {
        memcpy(text, whole, len);
        size_t n = tm_http_head_plain(text, len, h);
        check(n <= len);
        memcpy(copy, text, n);
        check(tm_http_head_check(copy, n, &again) == 0);
        check(strcmp(again.method, h->method) == 0 && again.minor == h->minor);
        check(again.length == h->length && again.chunked == h->chunked && again.last == h->last);
        check(again.origin_len == 0 && !again.expects);
        check(tm_http_head_plain(text, n, &again) == n);
    }
    free(text);
    free(copy);
}

static void accepted(const struct tm_http_head *h, const char *whole, size_t len)
{
    read_plain(h, whole, len);
    check(h->minor <= 1 && !(h->chunked && (h->length > 0 || h->minor == 0)));
    check(h->method[0] != '\0' && strpbrk(h->method, " \t\r\n") == NULL);
    check(h->origin + h->origin_len < len);
    char first = whole[h->origin + h->origin_len];
    check(first == '/' || (first == '*' && h->origin_len == 0));
}

static void read_head(const char *data, size_t size)
{
    struct tm_http_head h;
    size_t scanned = 0;
    size_t end = 0;
    size_t steps = 0;
    size_t end_again = 0;
    enum tm_http_head_end whole = tm_http_head_find(data, size, &scanned, &end);
    enum tm_http_head_end again = HEAD_MORE;
    for (size_t n = 1; n <= size && again == HEAD_MORE; n++)
        again = tm_http_head_find(data, n, &steps, &end_again);
    check(size == 0 || (again == whole && (whole != HEAD_WHOLE || end == end_again)));
    if (whole != HEAD_WHOLE)
        return;
    char *copy = malloc(end);
    if (copy == NULL)
        return;
    memcpy(copy, data, end);
    if (tm_http_head_check(copy, end, &h) == 0)
        accepted(&h, data, end);
    free(copy);
}

static size_t read_chunks(const char *data, size_t size, size_t step, struct tm_http_chunk *c,
                          struct tm_buf *out)
{
    size_t at = 0;
    while (at < size && c->part != CHUNK_END && c->part != CHUNK_BAD) {
        const char *piece = NULL;
        size_t n = 0;
        at += tm_http_chunk_read(c, data + at, size - at < step ? size - at : step, &piece, &n);
        tm_buf_append(out, piece, n);
    }
    return at;
}

static void read_body(const char *data, size_t size)
{
    struct tm_http_chunk a = {0};
    struct tm_http_chunk b = {0};
    struct tm_buf whole = {0};
    struct tm_buf bytes = {0};
    size_t end = read_chunks(data, size, size, &a, &whole);
    check(read_chunks(data, size, 1, &b, &bytes) == end && a.part == b.part);
    check(whole.len == bytes.len &&
          (whole.len == 0 || memcmp(whole.data, bytes.data, whole.len) == 0));
    tm_buf_free(&whole);
    tm_buf_free(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *text = (const char *)data + 1;
    if (data[0] % 2 == 0)
        read_body(text, size - 1);
    else
        read_head(text, size - 1);
    return 0;
}
