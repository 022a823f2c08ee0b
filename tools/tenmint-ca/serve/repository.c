#include "tools/tenmint-ca/serve/repository.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/promtext.h"
#include "tools/tenmint-ca/serve/server.h"
#include "tuf/manager/report/status.h"

#define MEASURE_EVERY_MS 60000

struct repository {
    const char *directory, *prefix; /* borrowed */
    /* What the last look at the whole tree found, while this timestamp.json stands. */
    struct tm_file_stamp stamp;
    int64_t measured_ms;
    struct tm_buf metrics;
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

static void refuse(struct tm_http_exchange *x, unsigned status, const char *body)
{
    struct tm_buf b = {0};
    tm_buf_puts(&b, body);
    tm_http_reply(x, status, "application/json", &b);
    /* A client asks for the next root until it is there: no cache may remember that it was not. */
    tm_http_reply_header(x, "Cache-Control", "no-store");
}

static enum tm_http_result handle(void *ctx, struct tm_http_exchange *x)
{
    struct repository *r = ctx;
    const char *name = tm_http_mount_name(x);
    if (tm_http_method_of(x) == HTTP_POST)
        refuse(x, 405, "{\"code\":12,\"message\":\"Method Not Allowed\",\"details\":[]}");
    else if (!tm_http_reply_file(x, r->directory, name, tm_http_file_type(name), caching(name)))
        refuse(x, 404, "{\"code\":5,\"message\":\"Not Found\",\"details\":[]}");
    return HTTP_DONE;
}

static int load(const struct repository *r, struct tuf_published *p, struct tm_err *e)
{
    if (tuf_published_look(r->directory, p, e) != 0)
        return -1;
    if (p->root_count > 0)
        return 0;
    tuf_published_free(p);
    return tm_err_set(e, "'%s' holds no TUF repository: publish one with tenmint-tuf",
                      r->directory);
}

struct repository *repository_new(const char *directory, const char *prefix, struct tm_err *e)
{
    struct tuf_published p = {0};
    struct repository *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return tm_err_null(e, "out of memory");
    r->directory = directory;
    r->prefix = prefix;
    if (load(r, &p, e) != 0) {
        free(r);
        return NULL;
    }
    tuf_published_free(&p);
    return r;
}

void repository_free(struct repository *r)
{
    if (r == NULL)
        return;
    tm_buf_free(&r->metrics);
    free(r);
}

static void measure(const struct repository *r, int64_t now_ms, struct tm_buf *out)
{
    struct tuf_published p = {0};
    struct tuf_status status = {0};
    bool loaded = load(r, &p, NULL) == 0;
    bool whole = loaded && tuf_status_read(&p, now_ms / 1000, &status, NULL) == 0;
    tm_promtext_head(out, "tenmint_tuf_whole", "gauge",
                     "1: the published TUF tree can be read and its signatures verify.");
    tm_buf_printf(out, "tenmint_tuf_whole %d\n", whole ? 1 : 0);
    if (whole)
        tuf_status_prometheus(&status, NULL, out);
    tuf_status_free(&status);
    if (loaded)
        tuf_published_free(&p);
}

/* Every publication ends with a new timestamp.json; the age bounds how long other damage hides. */
static void measured(void *ctx, struct tm_buf *out)
{
    struct repository *r = ctx;
    char path[PATH_MAX];
    struct tm_file_stamp stamp = {0};
    int64_t now = tm_clock_wall_ms();
    if (tm_file_join(r->directory, "timestamp.json", path, sizeof(path), NULL) == 0)
        stamp = tm_file_stamp(path);
    bool fresh = r->metrics.len > 0 && tm_file_stamp_same(&stamp, &r->stamp) &&
                 now >= r->measured_ms && now - r->measured_ms < MEASURE_EVERY_MS;
    if (!fresh) {
        tm_buf_reset(&r->metrics);
        measure(r, now, &r->metrics);
        r->stamp = stamp;
        r->measured_ms = now;
    }
    tm_buf_append(out, r->metrics.data, r->metrics.len);
}

static int open_tree(struct server *s, struct tm_err *e)
{
    struct repository *r =
        repository_new(s->config->tuf.directory, ca_config_tuf_prefix(s->config), e);
    s->own = r;
    if (r == NULL)
        return tm_err_wrap(e, "tuf");
    s->mounts[s->mount_count++] =
        (struct tm_http_mount){.prefix = r->prefix, .handle = handle, .ctx = r};
    return 0;
}

static void close_tree(struct server *s)
{
    repository_free(s->own);
}

const struct server_kind server_tuf = {
    .open = open_tree, .metrics = measured, .close = close_tree, .rights = SANDBOX_READ};
