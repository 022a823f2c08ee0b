#include "common/buf.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BUF_FIRST 256
#define BUF_STEP ((size_t)1 << 20)
#define BUF_FIRST_PRINT 64 /* bytes that tm_buf_printf hopes to need */

/* The whole pages of [from, to). */
static void give_back(const unsigned char *from, const unsigned char *to)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = ((uintptr_t)from + page - 1) / page * page;
    uintptr_t end = (uintptr_t)to / page * page;
    if (first < end)
        (void)madvise((void *)first, end - first, MADV_DONTNEED);
}

/* Step by step, so that a large buffer is never there twice. */
static void move(unsigned char *to, unsigned char *from, size_t len)
{
    for (size_t at = 0; at < len; at += BUF_STEP) {
        size_t n = len - at < BUF_STEP ? len - at : BUF_STEP;
        memcpy(to + at, from + at, n);
        OPENSSL_cleanse(from + at, n);
        if (n == BUF_STEP)
            give_back(from + at, from + at + n);
    }
}

/* Not realloc: the old bytes may be secret, and realloc would leave a copy behind. */
static bool grow(struct tm_buf *b, size_t need)
{
    size_t cap = b->cap != 0 ? b->cap : BUF_FIRST;
    while (cap < need)
        cap *= 2;
    unsigned char *data = malloc(cap);
    if (data == NULL)
        return false;
    if (b->data != NULL) {
        move(data, b->data, b->len);
        free(b->data);
    }
    b->data = data;
    b->cap = cap;
    return true;
}

unsigned char *tm_buf_reserve(struct tm_buf *b, size_t len)
{
    if (b->failed)
        return NULL;
    if (len > BUF_MAX || b->len > BUF_MAX - len ||
        (b->len + len > b->cap && !grow(b, b->len + len))) {
        b->failed = true;
        return NULL;
    }
    /* An empty reservation of an empty buffer still needs a place to point at. */
    if (b->data == NULL && !grow(b, 1)) {
        b->failed = true;
        return NULL;
    }
    return b->data + b->len;
}

void tm_buf_append(struct tm_buf *b, const void *data, size_t len)
{
    if (len == 0)
        return;
    unsigned char *to = tm_buf_reserve(b, len);
    if (to == NULL)
        return;
    memcpy(to, data, len);
    b->len += len;
}

void tm_buf_puts(struct tm_buf *b, const char *s)
{
    tm_buf_append(b, s, strlen(s));
}

void tm_buf_printf(struct tm_buf *b, const char *fmt, ...)
{
    va_list ap;
    va_list again;
    unsigned char *to = tm_buf_reserve(b, BUF_FIRST_PRINT);
    size_t room = to != NULL ? b->cap - b->len : 0;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf((char *)to, room, fmt, ap);
    va_end(ap);
    if (to != NULL && n >= 0 && (size_t)n >= room) { /* longer than the guess */
        to = tm_buf_reserve(b, (size_t)n + 1);
        if (to != NULL)
            vsnprintf((char *)to, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    if (to != NULL && n >= 0)
        b->len += (size_t)n;
    else
        b->failed = true;
}

void tm_buf_put_int(struct tm_buf *b, int64_t v)
{
    char text[20]; /* "-9223372036854775808" */
    size_t at = sizeof(text);
    uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do
        text[--at] = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    if (v < 0)
        text[--at] = '-';
    tm_buf_append(b, text + at, sizeof(text) - at);
}

void tm_buf_put_be(struct tm_buf *b, unsigned long long v, unsigned bytes)
{
    unsigned char out[8];
    for (unsigned i = 0; i < bytes; i++)
        out[i] = (unsigned char)(v >> (8 * (bytes - 1 - i)));
    tm_buf_append(b, out, bytes);
}

const char *tm_buf_str(struct tm_buf *b)
{
    unsigned char *end = tm_buf_reserve(b, 1);
    if (end == NULL)
        return NULL;
    *end = '\0';
    return (const char *)b->data;
}

void tm_buf_forget(struct tm_buf *b, size_t from, size_t to)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    size_t begun = ((uintptr_t)b->data + from) % page; /* the page that `from` stands in */
    give_back(b->data + from - (begun < from ? begun : from), b->data + to);
}

void tm_buf_drop(struct tm_buf *b, size_t n)
{
    b->len -= n;
    if (b->len == 0)
        tm_buf_free(b);
    else
        memmove(b->data, b->data + n, b->len);
}

void tm_buf_reset(struct tm_buf *b)
{
    b->len = 0;
    b->failed = false;
}

void tm_buf_free(struct tm_buf *b)
{
    free(b->data);
    *b = (struct tm_buf){0};
}

void tm_buf_free_secret(struct tm_buf *b)
{
    if (b->data != NULL)
        OPENSSL_cleanse(b->data, b->cap);
    tm_buf_free(b);
}
