#include "tools/tenmint-ca/repository.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/promtext.h"
#include "tuf/manager/report/status.h"

#define MEASURE_EVERY_MS 60000

struct repository {
    const char *directory, *prefix; /* borrowed */
    /* What the last look at the whole tree found, while this timestamp.json stands. */
    struct file_stamp stamp;
    int64_t measured_ms;
    struct buf metrics;
};

/* N.role.json and targets/HASH.name never change; all else is looked up anew. */
static const char *caching(const char *name)
{
    const char *dot = strchr(name, '.');
    bool versioned = isdigit((unsigned char)name[0]) && dot != NULL &&
                     strspn(name, "0123456789") == (size_t)(dot - name);
    return versioned || strncmp(name, "targets/", 8) == 0 ? "public, max-age=31536000, immutable"
                                                          : "no-cache";
}

static void refuse(struct http_exchange *x, unsigned status, const char *body)
{
    struct buf b = {0};
    buf_puts(&b, body);
    http_reply(x, status, "application/json", &b);
    /* A client asks for the next root until it is there: no cache may remember that it was not. */
    http_reply_header(x, "Cache-Control", "no-store");
}

static enum http_result handle(void *ctx, struct http_exchange *x)
{
    struct repository *r = ctx;
    const char *name = http_mount_name(x);
    if (http_method_of(x) == HTTP_POST)
        refuse(x, 405, "{\"code\":12,\"message\":\"Method Not Allowed\",\"details\":[]}");
    else if (!http_reply_file(x, r->directory, name, http_file_type(name), caching(name)))
        refuse(x, 404, "{\"code\":5,\"message\":\"Not Found\",\"details\":[]}");
    return HTTP_DONE;
}

static int load(const struct repository *r, struct published *p, struct err *e)
{
    if (published_load(r->directory, p, e) != 0)
        return -1;
    if (p->root_count > 0)
        return 0;
    published_free(p);
    return err_set(e, "'%s' holds no TUF repository: publish one with tenmint-tuf", r->directory);
}

struct repository *repository_new(const char *directory, const char *prefix, struct err *e)
{
    struct published p = {0};
    struct repository *r = calloc(1, sizeof(*r));
    if (r == NULL) {
        err_set(e, "out of memory");
        return NULL;
    }
    r->directory = directory;
    r->prefix = prefix;
    if (load(r, &p, e) != 0) {
        free(r);
        return NULL;
    }
    published_free(&p);
    return r;
}

void repository_free(struct repository *r)
{
    if (r == NULL)
        return;
    buf_free(&r->metrics);
    free(r);
}

struct http_mount repository_mount(struct repository *r)
{
    return (struct http_mount){.prefix = r->prefix, .handle = handle, .ctx = r};
}

static void measure(const struct repository *r, int64_t now_ms, struct buf *out)
{
    struct published p = {0};
    struct status status = {0};
    bool loaded = load(r, &p, NULL) == 0;
    bool whole = loaded && status_read(&p, now_ms / 1000, &status, NULL) == 0;
    promtext_head(out, "tenmint_tuf_whole", "gauge",
                  "1: the published TUF tree can be read and its signatures verify.");
    buf_printf(out, "tenmint_tuf_whole %d\n", whole ? 1 : 0);
    if (whole)
        status_prometheus(&status, out);
    status_free(&status);
    if (loaded)
        published_free(&p);
}

/* Every publication ends with a new timestamp.json; the age bounds how long other damage hides. */
void repository_metrics(void *ctx, struct buf *out)
{
    struct repository *r = ctx;
    char path[PATH_MAX];
    struct file_stamp stamp = {0};
    int64_t now = clock_wall_ms();
    if (file_join(r->directory, "timestamp.json", path, sizeof(path), NULL) == 0)
        stamp = file_stamp(path);
    bool fresh = r->metrics.len > 0 && file_stamp_same(&stamp, &r->stamp) &&
                 now >= r->measured_ms && now - r->measured_ms < MEASURE_EVERY_MS;
    if (!fresh) {
        buf_reset(&r->metrics);
        measure(r, now, &r->metrics);
        r->stamp = stamp;
        r->measured_ms = now;
    }
    buf_append(out, r->metrics.data, r->metrics.len);
}
