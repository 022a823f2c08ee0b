#include "tools/tenmint-ca/repository.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ca/api/metrics.h"
#include "common/clock.h"
#include "tuf/repository/report/status.h"

struct repository {
    char *directory;
    char *prefix; /* "/tuf/" */
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
    const char *name = http_path(x) + strlen(r->prefix);
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
    struct repository *r = calloc(1, sizeof(*r));
    struct published p = {0};
    struct buf with_slash = {0};
    buf_printf(&with_slash, "%s/", prefix);
    if (r != NULL && buf_str(&with_slash) != NULL) {
        r->directory = strdup(directory);
        r->prefix = strdup(buf_str(&with_slash));
    }
    buf_free(&with_slash);
    int rc = -1;
    if (r == NULL || r->directory == NULL || r->prefix == NULL)
        err_set(e, "out of memory");
    else
        rc = load(r, &p, e);
    if (rc != 0) {
        repository_free(r);
        return NULL;
    }
    published_free(&p);
    return r;
}

void repository_free(struct repository *r)
{
    if (r == NULL)
        return;
    free(r->directory);
    free(r->prefix);
    free(r);
}

struct http_mount repository_mount(struct repository *r)
{
    return (struct http_mount){.prefix = r->prefix, .handle = handle, .ctx = r};
}

void repository_metrics(void *ctx, struct buf *out)
{
    const struct repository *r = ctx;
    struct published p = {0};
    struct status status = {0};
    int64_t now = clock_wall_ms() / 1000;
    bool loaded = load(r, &p, NULL) == 0;
    bool whole = loaded && status_read(&p, now, &status, NULL) == 0;
    metrics_head(out, "tenmint_tuf_whole", "gauge",
                 "1: the published TUF tree can be read and its signatures verify.");
    buf_printf(out, "tenmint_tuf_whole %d\n", whole ? 1 : 0);
    if (whole)
        status_prometheus(&status, out);
    status_free(&status);
    if (loaded)
        published_free(&p);
}
