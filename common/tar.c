#include "common/tar.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define GZIP_WINDOW (15 + 16) /* zlib's way to ask for gzip */

struct tar_header { /* POSIX.1-1988 ustar */
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type;
    char link[100], magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155];
    char rest[12];
};
_Static_assert(sizeof(struct tar_header) == TAR_BLOCK, "a header is a block");

/* A long name is cut at a slash. False: there is none at the right place. */
static bool set_name(struct tar_header *h, const char *name)
{
    size_t len = strlen(name);
    const char *cut = name;
    if (len > sizeof(h->name)) {
        cut = strchr(name + len - sizeof(h->name) - 1, '/');
        if (cut == NULL || (size_t)(cut - name) > sizeof(h->prefix) || cut[1] == '\0')
            return false;
        memcpy(h->prefix, name, (size_t)(cut - name));
        cut++;
    }
    memcpy(h->name, cut, strlen(cut));
    return true;
}

static void set_checksum(struct tar_header *h)
{
    const unsigned char *p = (const unsigned char *)h;
    unsigned sum = 0;
    memset(h->checksum, ' ', sizeof(h->checksum));
    for (size_t i = 0; i < sizeof(*h); i++)
        sum += p[i];
    snprintf(h->checksum, sizeof(h->checksum), "%06o", sum);
}

static void fill(struct tm_buf *out)
{
    static const char zeros[TAR_BLOCK];
    if (out->len % TAR_BLOCK != 0)
        tm_buf_append(out, zeros, TAR_BLOCK - out->len % TAR_BLOCK);
}

/* Header and content; a name that fits in no header goes ahead, as GNU tar has it. */
static void put(struct tm_buf *out, char type, const char *name, const void *data, size_t len)
{
    struct tar_header h = {.mode = "0000644",
                           .uid = "0000000",
                           .gid = "0000000",
                           .mtime = "00000000000",
                           .type = type,
                           .magic = "ustar",
                           .version = {'0', '0'},
                           .user = "root",
                           .group = "root"};
    if (!set_name(&h, name)) {
        put(out, 'L', "././@LongLink", name, strlen(name) + 1);
        memcpy(h.name, name, sizeof(h.name));
    }
    snprintf(h.size, sizeof(h.size), "%011zo", len);
    set_checksum(&h);
    tm_buf_append(out, &h, sizeof(h));
    tm_buf_append(out, data, len);
    fill(out);
}

int tm_tar_add(struct tm_buf *out, const char *name, const void *data, size_t len, struct tm_err *e)
{
    if (len > (size_t)INT_MAX || strlen(name) >= TAR_NAME_MAX)
        return tm_err_set(e, "'%.300s' is too large, or its name too long", name);
    put(out, '0', name, data, len);
    return buf_failed(out) ? tm_err_set(e, "out of memory") : 0;
}

/* Of what goes before the content. */
static size_t head_len(const char *name)
{
    struct tar_header h = {0};
    return set_name(&h, name) ? TAR_BLOCK
                              : 2 * TAR_BLOCK + (strlen(name) / TAR_BLOCK + 1) * TAR_BLOCK;
}

static bool crosses(size_t at, size_t len, size_t boundary)
{
    return len > 0 && at / boundary != (at + len - 1) / boundary;
}

int tm_tar_add_within(struct tm_buf *out, size_t boundary, const char *filler, const char *name,
                      const void *data, size_t len, struct tm_err *e)
{
    size_t at = out->len + head_len(name);
    int rc = 0;
    if (len <= boundary && crosses(at, len, boundary)) {
        size_t gap = boundary - at % boundary; /* until a header may begin */
        void *zeros = calloc(1, gap);
        rc = zeros != NULL ? tm_tar_add(out, filler, zeros, gap - TAR_BLOCK, e)
                           : tm_err_set(e, "out of memory");
        free(zeros);
    }
    if (rc != 0 || tm_tar_add(out, name, data, len, e) != 0)
        return -1;
    return len > boundary ? 1 : 0;
}

int tm_tar_end(struct tm_buf *out, struct tm_err *e)
{
    static const char zeros[2 * TAR_BLOCK];
    tm_buf_append(out, zeros, sizeof(zeros));
    return buf_failed(out) ? tm_err_set(e, "out of memory") : 0;
}

int tm_gzip(const void *data, size_t len, struct tm_buf *out, struct tm_err *e)
{
    z_stream z = {0};
    int rc = -1;
    if (len > UINT_MAX || deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8,
                                       Z_DEFAULT_STRATEGY) != Z_OK)
        return tm_err_set(e, "cannot compress %zu bytes", len);
    uLong bound = deflateBound(&z, (uLong)len);
    unsigned char *to = bound <= UINT_MAX ? malloc(bound) : NULL;
    z.next_in = (unsigned char *)data;
    z.avail_in = (uInt)len;
    z.next_out = to;
    z.avail_out = (uInt)bound;
    if (to != NULL && deflate(&z, Z_FINISH) == Z_STREAM_END) {
        tm_buf_append(out, to, bound - z.avail_out);
        rc = 0;
    }
    deflateEnd(&z);
    free(to);
    return rc == 0 && !buf_failed(out) ? 0 : tm_err_set(e, "out of memory");
}
