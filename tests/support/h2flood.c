#include "tests/support/h2flood.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/support/rawh2.h"
#include "tests/support/rawhttp.h"

#define HEAD_ONLY (NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM)

static void put_reset(int fd, uint32_t id, const struct tm_buf *block)
{
    (void)rawh2_frame(fd, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, id, block->data, block->len);
    (void)rawh2_frame(fd, NGHTTP2_RST_STREAM, 0, id, "\0\0\0\10", 4);
}

static void put_ping(int fd, uint32_t id, const struct tm_buf *block)
{
    (void)id;
    (void)block;
    (void)rawh2_frame(fd, NGHTTP2_PING, 0, 0, "12345678", 8);
}

static void put_settings(int fd, uint32_t id, const struct tm_buf *block)
{
    (void)id;
    (void)block;
    (void)rawh2_frame(fd, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
}

static void put_priority(int fd, uint32_t id, const struct tm_buf *block)
{
    (void)block;
    (void)rawh2_frame(fd, NGHTTP2_PRIORITY, 0, id, "\0\0\0\0\20", 5);
}

static void put_window(int fd, uint32_t id, const struct tm_buf *block)
{
    (void)id;
    (void)block;
    (void)rawh2_frame(fd, NGHTTP2_WINDOW_UPDATE, 0, 0, "\0\0\0\1", 4);
}

static void put_empty(int fd, uint32_t id, const struct tm_buf *block)
{
    if (id == 1)
        (void)rawh2_frame(fd, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, block->data,
                          block->len);
    (void)rawh2_frame(fd, NGHTTP2_DATA, 0, 1, NULL, 0);
}

static void put_continuation(int fd, uint32_t id, const struct tm_buf *block)
{
    if (id == 1)
        (void)rawh2_frame(fd, NGHTTP2_HEADERS, 0, 1, block->data, block->len);
    (void)rawh2_frame(fd, NGHTTP2_CONTINUATION, 0, 1, "\0\1x\1y", 5);
}

static void put_unknown(int fd, uint32_t id, const struct tm_buf *block)
{
    (void)id;
    (void)block;
    (void)rawh2_frame(fd, 0xee, 0, 0, "x", 1);
}

/* Requests whose answers nobody reads, and for which there is no window. */
static void put_unread(int fd, uint32_t id, const struct tm_buf *block)
{
    (void)block;
    struct tm_buf b = {0};
    if (id == 1)
        (void)rawh2_frame(fd, NGHTTP2_SETTINGS, 0, 0, "\0\4\0\0\0\0", 6);
    rawh2_block("GET", "/api/v2/trustBundle", &b);
    (void)rawh2_frame(fd, NGHTTP2_HEADERS, HEAD_ONLY, id, b.data, b.len);
    tm_buf_free(&b);
}

/* The same, and a window that grows by a byte. */
static void put_tiny(int fd, uint32_t id, const struct tm_buf *block)
{
    put_unread(fd, id, block);
    (void)rawh2_frame(fd, NGHTTP2_WINDOW_UPDATE, 0, id, "\0\0\0\1", 4);
}

/* Requests that fill the table of fields with ever new ones, and make it small and large. */
static void put_table(int fd, uint32_t id, const struct tm_buf *block)
{
    (void)block;
    struct tm_buf b = {0};
    char value[100];
    tm_buf_append(&b, "\x20\x3f\xe1\x1f", 4); /* size 0, then 4096 */
    rawh2_block("GET", "/healthz", &b);
    memset(value, 'a' + (int)(id / 2 % 26), sizeof(value));
    for (int i = 0; i < 30; i++) { /* kept: name and value are new */
        tm_buf_append(&b, "\x40\x03x-y", 5);
        buf_putc(&b, sizeof(value));
        tm_buf_append(&b, value, sizeof(value));
    }
    (void)rawh2_frame(fd, NGHTTP2_HEADERS, HEAD_ONLY, id, b.data, b.len);
    tm_buf_free(&b);
}

const struct h2flood_kind h2flood_kinds[] = {
    {"reset", put_reset, false},
    {"ping", put_ping, false},
    {"settings", put_settings, false},
    {"priority", put_priority, false},
    {"window", put_window, false},
    {"empty", put_empty, false},
    {"continuation", put_continuation, false},
    {"unknown", put_unknown, false},
    {"unread", put_unread, true},
    {"tiny", put_tiny, true},
    {"table", put_table, true},
    {NULL, NULL, false},
};

unsigned h2flood(const char *address, const struct h2flood_kind *kind, const char *path,
                 unsigned most, int ms)
{
    struct tm_buf block = {0};
    int64_t until = tm_clock_mono_ms() + ms;
    int fd = raw_dial(address);
    unsigned n = 0;
    rawh2_block("POST", path, &block);
    (void)rawh2_preface(fd);
    for (char c = 0; n < most && tm_clock_mono_ms() < until; n++) {
        kind->one(fd, 2 * n + 1, &block);
        ssize_t got = recv(fd, &c, 1, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            break;
        while (got > 0) {
            char dropped[4096];
            got = recv(fd, dropped, sizeof(dropped), MSG_DONTWAIT);
        }
    }
    close(fd);
    tm_buf_free(&block);
    return n;
}
