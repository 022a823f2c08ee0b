#include "ca/log/ct/serve.h"

#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "ca/log/ct/serve_internal.h"
#include "common/b64.h"
#include "common/json/jsonstr.h"

#define IMMUTABLE "public, max-age=31536000, immutable"

/* Not the file: only when it has lasted does anyone see it. */
static void serve_checkpoint(const struct ca_log_server *s, struct tm_http_exchange *x)
{
    struct tm_buf b = {0};
    s->view.checkpoint(s->view.ctx, &b);
    tm_http_reply(x, 200, "text/plain; charset=utf-8", &b);
    tm_http_reply_header(x, "Cache-Control", LOG_SERVE_BRIEF);
}

/* What a client has to know of the log, under the name and in the form that logs publish it. */
static void serve_description(const struct ca_log_server *s, struct tm_http_exchange *x)
{
    struct tm_buf b = {0};
    unsigned char *spki = NULL;
    int len = i2d_PUBKEY(s->view.key, &spki);
    tm_buf_puts(&b, "{\"description\":");
    tm_jsonstr_put(&b, s->view.origin, strlen(s->view.origin));
    tm_buf_puts(&b, ",\"log_id\":\"");
    tm_b64_encode(B64_STD, s->view.id, 32, &b);
    tm_buf_puts(&b, "\",\"key\":\"");
    tm_b64_encode(B64_STD, spki, len > 0 ? (size_t)len : 0, &b);
    tm_buf_printf(&b, "\",\"mmd\":%d}\n", LOG_MERGE_DELAY_S);
    OPENSSL_free(spki);
    tm_http_reply(x, 200, "application/json", &b);
    tm_http_reply_header(x, "Cache-Control", LOG_SERVE_BRIEF);
}

static bool is_issuer(const char *name)
{
    static const char head[] = "issuer/";
    return strncmp(name, head, sizeof(head) - 1) == 0 &&
           strspn(name + sizeof(head) - 1, "0123456789abcdef") == 64 &&
           strlen(name) == sizeof(head) - 1 + 64;
}

static bool serve_file(const struct ca_log_server *s, const char *name, struct tm_http_exchange *x)
{
    int level = 0;
    uint64_t n = 0;
    unsigned width = 0;
    const char *dir = s->view.directory;
    if (is_issuer(name))
        return tm_http_reply_file(x, dir, name, "application/pkix-cert", IMMUTABLE);
    return ca_log_tile_path_parse(name, &level, &n, &width) == 0 &&
           (level >= 0 || level == TILE_LEVEL_DATA) &&
           tm_http_reply_file(x, dir, name, "application/octet-stream", IMMUTABLE);
}

static enum tm_http_result handle(void *ctx, struct tm_http_exchange *x)
{
    struct ca_log_server *s = ctx;
    const char *name = tm_http_mount_name(x);
    if (tm_http_method_of(x) == HTTP_POST && strncmp(name, "ct/v1/add-", 10) != 0) {
        ca_log_serve_error(x, 405, "only GET and HEAD here");
        tm_http_reply_header(x, "Allow", "GET, HEAD, OPTIONS");
    } else if (strcmp(name, "checkpoint") == 0) {
        serve_checkpoint(s, x);
    } else if (strcmp(name, "log.v3.json") == 0) {
        serve_description(s, x);
    } else if (strncmp(name, "ct/v1/", 6) == 0) {
        ca_log_serve_ct_v1(s, name + 6, x);
    } else if (!serve_file(s, name, x)) {
        ca_log_serve_error(x, 404, "no such file in this log");
    }
    return HTTP_DONE;
}

struct ca_log_server *ca_log_server_new(const struct ca_log_serve_options *o, struct tm_err *e)
{
    if (tm_http_prefix_check("the log's prefix", o->prefix, e) != 0)
        return NULL;
    struct ca_log_server *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return tm_err_null(e, "out of memory");
    s->o = *o;
    s->view = o->retired != NULL ? ca_log_retired_view(o->retired) : ca_log_view_of(o->log);
    return s;
}

void ca_log_server_free(struct ca_log_server *s)
{
    free(s);
}

struct tm_http_mount ca_log_server_mount(struct ca_log_server *s)
{
    return (struct tm_http_mount){.prefix = s->o.prefix, .handle = handle, .ctx = s};
}
