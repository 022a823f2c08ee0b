#include "ca/log/ct/serve.h"

#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "ca/log/ct/serve_internal.h"
#include "common/b64.h"
#include "common/json/jsonstr.h"

#define IMMUTABLE "public, max-age=31536000, immutable"
#define BRIEF "no-cache"

void log_serve_error(struct http_exchange *x, unsigned status, const char *message)
{
    struct buf b = {0};
    buf_puts(&b, "{\"error_message\":");
    jsonstr_put(&b, message, strlen(message));
    buf_puts(&b, "}\n");
    http_reply(x, status, "application/json", &b);
    http_reply_header(x, "Cache-Control", BRIEF);
}

/* Not the file: only when it has lasted does anyone see it. */
static void serve_checkpoint(const struct log_server *s, struct http_exchange *x)
{
    struct buf b = {0};
    s->view.checkpoint(s->view.ctx, &b);
    http_reply(x, 200, "text/plain; charset=utf-8", &b);
    http_reply_header(x, "Cache-Control", BRIEF);
}

/* What a client has to know of the log, under the name and in the form that logs publish it. */
static void serve_description(const struct log_server *s, struct http_exchange *x)
{
    struct buf b = {0};
    unsigned char *spki = NULL;
    int len = i2d_PUBKEY(s->view.key, &spki);
    buf_puts(&b, "{\"description\":");
    jsonstr_put(&b, s->view.origin, strlen(s->view.origin));
    buf_puts(&b, ",\"log_id\":\"");
    b64_encode(B64_STD, s->view.id, 32, &b);
    buf_puts(&b, "\",\"key\":\"");
    b64_encode(B64_STD, spki, len > 0 ? (size_t)len : 0, &b);
    buf_printf(&b, "\",\"mmd\":%d}\n", LOG_MERGE_DELAY_S);
    OPENSSL_free(spki);
    http_reply(x, 200, "application/json", &b);
    http_reply_header(x, "Cache-Control", BRIEF);
}

static bool is_issuer(const char *name)
{
    static const char head[] = "issuer/";
    return strncmp(name, head, sizeof(head) - 1) == 0 &&
           strspn(name + sizeof(head) - 1, "0123456789abcdef") == 64 &&
           strlen(name) == sizeof(head) - 1 + 64;
}

static bool serve_file(const struct log_server *s, const char *name, struct http_exchange *x)
{
    int level = 0;
    uint64_t n = 0;
    unsigned width = 0;
    const char *dir = s->view.directory;
    if (is_issuer(name))
        return http_reply_file(x, dir, name, "application/pkix-cert", IMMUTABLE);
    return log_tile_path_parse(name, &level, &n, &width) == 0 &&
           http_reply_file(x, dir, name, "application/octet-stream", IMMUTABLE);
}

static enum http_result handle(void *ctx, struct http_exchange *x)
{
    struct log_server *s = ctx;
    const char *name = http_mount_name(x);
    if (http_method_of(x) == HTTP_POST && strncmp(name, "ct/v1/add-", 10) != 0) {
        log_serve_error(x, 405, "only GET and HEAD here");
        http_reply_header(x, "Allow", "GET, HEAD, OPTIONS");
    } else if (strcmp(name, "checkpoint") == 0) {
        serve_checkpoint(s, x);
    } else if (strcmp(name, "log.v3.json") == 0) {
        serve_description(s, x);
    } else if (strncmp(name, "ct/v1/", 6) == 0) {
        log_serve_ct_v1(s, name + 6, x);
    } else if (!serve_file(s, name, x)) {
        log_serve_error(x, 404, "no such file in this log");
    }
    return HTTP_DONE;
}

struct log_server *log_server_new(const struct log_serve_options *o, struct err *e)
{
    if (http_prefix_check("the log's prefix", o->prefix, e) != 0)
        return NULL;
    struct log_server *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        err_set(e, "out of memory");
        return NULL;
    }
    s->o = *o;
    s->view = o->retired != NULL ? log_retired_view(o->retired) : log_view_of(o->log);
    return s;
}

void log_server_free(struct log_server *s)
{
    free(s);
}

struct http_mount log_server_mount(struct log_server *s)
{
    return (struct http_mount){.prefix = s->o.prefix, .handle = handle, .ctx = s};
}
