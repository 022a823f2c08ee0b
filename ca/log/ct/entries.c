/* get-entries, written as it is read, an entry at a time: a reader that takes it slowly holds one
 * entry, not a tile. */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/log/ct/serve_internal.h"
#include "common/b64.h"
#include "common/file.h"

#define READ_ONE ((size_t)4 * 1024)   /* bytes of the tile, to write an entry; it may need more */
#define READ_MANY ((size_t)64 * 1024) /* to walk over entries */
#define READ_MOST ((size_t)64 << 20)

struct entries {
    int fd;             /* of the tile */
    off_t at;           /* in it: where the next entry begins */
    uint64_t next, end; /* indexes; the end is one of them */
    bool begun, ended;
    off_t first_at; /* the same for the first of them */
    uint64_t first_next;
    bool collecting;       /* `issuers`, and writing nothing */
    struct tm_buf issuers; /* of each its fingerprint, a u24 length, the certificate */
    struct tm_buf first;   /* made before the reply began, so that damage is an error of its own */
    struct ca_log_chain_cache cache;
    char directory[];
};

void ca_log_serve_put_b64(struct tm_buf *out, const void *data, size_t len)
{
    buf_putc(out, '"');
    tm_b64_encode(B64_STD, data, len, out);
    buf_putc(out, '"');
}

/* Among issuers that were collected. NULL: it is not there. */
static const unsigned char *find_issuer(const struct tm_buf *issuers,
                                        const unsigned char *fingerprint, size_t *len)
{
    struct tm_bytes in = bytes_of(issuers->data, issuers->len);
    while (in.left > 0 && !in.failed) {
        const unsigned char *hash = tm_bytes_take(&in, ENTRY_FINGERPRINT);
        const unsigned char *der = tm_bytes_vector(&in, 3, len);
        if (der != NULL && memcmp(hash, fingerprint, ENTRY_FINGERPRINT) == 0)
            return der;
    }
    return NULL;
}

/* The chain out of those that came along. */
static int put_given(const struct tm_buf *given, const struct tm_entry *n, struct tm_buf *out,
                     struct tm_err *e)
{
    struct tm_buf chain = {0};
    for (size_t at = 0; at < n->chain_len; at += ENTRY_FINGERPRINT) {
        size_t len = 0;
        const unsigned char *der = find_issuer(given, n->chain + at, &len);
        if (der == NULL) {
            tm_buf_free(&chain);
            return tm_err_set(e, "an issuer did not come along");
        }
        tm_buf_put_be(&chain, len, 3);
        tm_buf_append(&chain, der, len);
    }
    tm_buf_put_be(out, chain.len, 3);
    tm_buf_append(out, chain.data, chain.len);
    out->failed |= chain.failed;
    tm_buf_free(&chain);
    return buf_failed(out) ? tm_err_set(e, "out of memory") : 0;
}

static int put_chain(const char *directory, struct ca_log_chain_cache *cache,
                     const struct tm_entry *n, struct tm_buf *out, struct tm_err *e)
{
    if (cache->given != NULL)
        return put_given(cache->given, n, out, e);
    if (cache->fingerprints.len != n->chain_len || n->chain_len == 0 ||
        memcmp(cache->fingerprints.data, n->chain, n->chain_len) != 0) {
        tm_buf_reset(&cache->fingerprints);
        tm_buf_reset(&cache->der);
        for (size_t at = 0; at < n->chain_len; at += ENTRY_FINGERPRINT) {
            struct tm_buf one = {0};
            int rc = ca_log_dir_issuer(directory, n->chain + at, &one, e);
            tm_buf_put_be(&cache->der, one.len, 3);
            tm_buf_append(&cache->der, one.data, one.len);
            tm_buf_free(&one);
            if (rc != 0)
                return -1;
        }
        tm_buf_append(&cache->fingerprints, n->chain, n->chain_len);
    }
    tm_buf_put_be(out, cache->der.len, 3);
    tm_buf_append(out, cache->der.data, cache->der.len);
    return buf_failed(&cache->der) || buf_failed(out) ? tm_err_set(e, "out of memory") : 0;
}

int ca_log_serve_put_entry(const char *directory, struct ca_log_chain_cache *cache,
                           const struct tm_entry *n, struct tm_buf *out, struct tm_err *e)
{
    struct tm_buf leaf = {0};
    struct tm_buf extra = {0};
    buf_putc(&leaf, 0); /* v1 */
    buf_putc(&leaf, 0); /* timestamped_entry */
    tm_buf_append(&leaf, n->timestamped, n->timestamped_len);
    if (n->logged.type == SCT_PRECERT) {
        tm_buf_put_be(&extra, n->precert_len, 3);
        tm_buf_append(&extra, n->precert, n->precert_len);
    }
    int rc = put_chain(directory, cache, n, &extra, e);
    tm_buf_puts(out, "\"leaf_input\":");
    ca_log_serve_put_b64(out, leaf.data, leaf.len);
    tm_buf_puts(out, ",\"extra_data\":");
    ca_log_serve_put_b64(out, extra.data, extra.len);
    tm_buf_free(&leaf);
    tm_buf_free(&extra);
    return rc;
}

static void entries_free(void *ctx)
{
    struct entries *s = ctx;
    if (s->fd >= 0)
        close(s->fd);
    tm_buf_free(&s->issuers);
    tm_buf_free(&s->first);
    tm_buf_free(&s->cache.fingerprints);
    tm_buf_free(&s->cache.der);
    free(s);
}

/* Each issuer once. */
static int collect(struct entries *s, const struct tm_entry *n)
{
    for (size_t at = 0; at < n->chain_len; at += ENTRY_FINGERPRINT) {
        size_t len = 0;
        if (find_issuer(&s->issuers, n->chain + at, &len) != NULL)
            continue;
        struct tm_buf der = {0};
        int rc = ca_log_dir_issuer(s->directory, n->chain + at, &der, NULL);
        tm_buf_append(&s->issuers, n->chain + at, ENTRY_FINGERPRINT);
        tm_buf_put_be(&s->issuers, der.len, 3);
        tm_buf_append(&s->issuers, der.data, der.len);
        tm_buf_free(&der);
        if (rc != 0 || buf_failed(&s->issuers))
            return -1;
    }
    return 0;
}

/* Moves past one entry and, with `out`, writes it. -1: damaged, or its issuers are. */
static int take(struct entries *s, const struct tm_buf *tile, size_t *used, struct tm_buf *out)
{
    struct tm_bytes in = bytes_of(tile->data + *used, tile->len - *used);
    struct tm_entry n;
    if (tm_entry_take_tile_leaf(&in, &n, NULL) != 1)
        return -1;
    *used = tile->len - in.left;
    if (out == NULL)
        return s->collecting ? collect(s, &n) : 0;
    tm_buf_puts(out, s->begun ? ",{" : "{\"entries\":[{");
    s->begun = true;
    int rc = ca_log_serve_put_entry(s->directory, &s->cache, &n, out, NULL);
    buf_putc(out, '}');
    return rc;
}

/* The next bytes of the tile, at least `n` of them if there are so many. */
static int read_on(const struct entries *s, size_t n, struct tm_buf *tile)
{
    tm_buf_reset(tile);
    unsigned char *to = tm_buf_reserve(tile, n);
    ssize_t got = to != NULL ? pread(s->fd, to, n, s->at) : -1;
    tile->len = got > 0 ? (size_t)got : 0;
    return got > 0 ? 0 : -1;
}

/* Entries up to `until`; with `out` only the next one, which is written. */
static int walk(struct entries *s, uint64_t until, struct tm_buf *out)
{
    struct tm_buf tile = {0};
    const size_t least = out != NULL ? READ_ONE : READ_MANY;
    const size_t before = out != NULL ? out->len : 0;
    size_t n = least;
    size_t used = 0;
    int rc = read_on(s, n, &tile);
    while (rc == 0 && s->next <= until && (out == NULL || out->len == before)) {
        bool begun = s->begun;
        if (take(s, &tile, &used, out) == 0) {
            s->next++;
        } else if (tile.len == n && n < READ_MOST) { /* it goes on beyond what was read */
            if (out != NULL)
                out->len = before;
            s->begun = begun;
            n = used > 0 ? least : n * 2;
            s->at += (off_t)used;
            used = 0;
            rc = read_on(s, n, &tile);
        } else {
            rc = -1;
        }
    }
    s->at += (off_t)used;
    tm_buf_free(&tile);
    return rc;
}

static int produce(void *ctx, struct tm_buf *out)
{
    struct entries *s = ctx;
    if (s->first.len > 0) {
        tm_buf_append(out, s->first.data, s->first.len);
        tm_buf_free(&s->first);
        return 1;
    }
    if (s->ended)
        return 0;
    if (walk(s, s->end, out) != 0)
        return -1;
    s->ended = s->next > s->end;
    if (s->ended)
        tm_buf_puts(out, "]}\n");
    return 1;
}

/* The tile's file; first and last entry, where the first is, and the issuers of them all. */
static int pass(void *ctx, int *fd, struct tm_buf *with)
{
    struct entries *s = ctx;
    s->at = s->first_at;
    s->next = s->first_next;
    s->collecting = true;
    if (walk(s, s->end, NULL) != 0)
        return -1;
    tm_buf_put_be(with, s->first_next, 8);
    tm_buf_put_be(with, s->end, 8);
    tm_buf_put_be(with, (unsigned long long)s->first_at, 8);
    tm_buf_append(with, s->issuers.data, s->issuers.len);
    *fd = s->fd;
    s->fd = -1;
    return buf_failed(with) ? -1 : 0;
}

int ca_log_entries_open(int fd, const struct tm_buf *with, struct tm_http_source *out)
{
    struct tm_bytes in = bytes_of(with->data, with->len);
    struct entries *s = calloc(1, sizeof(*s) + 1);
    if (s == NULL || fd < 0) {
        free(s);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    s->fd = fd;
    s->next = tm_bytes_be(&in, 8);
    s->end = tm_bytes_be(&in, 8);
    s->at = (off_t)tm_bytes_be(&in, 8);
    if (!in.failed)
        tm_buf_append(&s->issuers, in.p, in.left);
    s->cache.given = &s->issuers;
    if (in.failed || buf_failed(&s->issuers)) {
        entries_free(s);
        return -1;
    }
    *out = (struct tm_http_source){.produce = produce, .release = entries_free, .ctx = s};
    return 0;
}

static int open_tile(const char *directory, uint64_t tile, unsigned width, char path[PATH_MAX],
                     struct tm_err *e)
{
    char name[TILE_PATH_MAX];
    tm_tile_path(TILE_LEVEL_DATA, tile, width, name);
    if (tm_file_join(directory, name, path, PATH_MAX, e) != 0)
        return -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && width < TILE_WIDTH) { /* full by now, and the shorter one is gone */
        tm_tile_path(TILE_LEVEL_DATA, tile, TILE_WIDTH, name);
        if (tm_file_join(directory, name, path, PATH_MAX, e) == 0)
            fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    if (fd < 0)
        return tm_err_errno(e, "open '%s'", path);
    return fd;
}

int ca_log_serve_entries(const char *directory, uint64_t start, uint64_t end, unsigned width,
                         struct tm_http_source *out, bool *whole, struct tm_err *e)
{
    char path[PATH_MAX];
    uint64_t tile = start / TILE_WIDTH;
    size_t len = strlen(directory) + 1;
    int fd = open_tile(directory, tile, width, path, e);
    if (fd < 0)
        return -1;
    struct entries *s = calloc(1, sizeof(*s) + len);
    if (s == NULL) {
        close(fd);
        return tm_err_set(e, "out of memory");
    }
    s->fd = fd;
    s->next = tile * TILE_WIDTH;
    s->end = end;
    memcpy(s->directory, directory, len);
    int walked = s->next < start ? walk(s, start - 1, NULL) : 0;
    s->first_at = s->at;
    s->first_next = s->next;
    if (walked != 0 || produce(s, &s->first) < 0) {
        int rc = tm_err_set(e, "'%s' is damaged at entry %" PRIu64, path, s->next);
        entries_free(s);
        return rc;
    }
    *whole = s->ended;
    *out = (struct tm_http_source){
        .produce = produce, .pass = pass, .release = entries_free, .ctx = s};
    return 0;
}
