#include "oidc/keys/discovery.h"

#include <stdlib.h>
#include <string.h>

#include "common/fetch/fetch.h"
#include "common/json/jsonmap.h"
#include "common/utf8.h"
#include "oidc/keys/jwks.h"

#define DOCUMENT_MAX ((size_t)64 * 1024)
#define URL_MAX 2048
#define TRANSFERS_MAX 128 /* at once; twice what wildcards' issuers on trial may take */
#define WELL_KNOWN "/.well-known/openid-configuration"

struct lookup {
    struct tm_fetch_pool *pool;
    char *iss;
    char *ca_pem;
    struct tm_buf authorization; /* the header line; empty: none */
    bool allow_http;
    int64_t timeout_ms;
    oidc_fetched_fn done;
    void *arg;
};

static void lookup_end(struct lookup *l, const struct oidc_fetched *answer, const struct tm_err *e)
{
    l->done(l->arg, answer, e);
    free(l->iss);
    free(l->ca_pem);
    tm_buf_free_secret(&l->authorization);
    free(l);
}

static bool is_https(const char *url)
{
    return strncmp(url, "https://", 8) == 0;
}

struct document {
    char *issuer;
    char *jwks_uri;
};

static const struct tm_jsonmap_member members[] = {
    JSONMAP_NEED(struct document, "issuer", issuer, TEXT),
    JSONMAP_NEED(struct document, "jwks_uri", jwks_uri, TEXT, .max = URL_MAX),
    {0},
};
static const struct tm_jsonmap map = {
    .members = members, .size = sizeof(struct document), .unknown = JSONMAP_IGNORE};

static int check_document(const struct document *d, const char *iss, struct tm_err *e)
{
    if (strcmp(d->issuer, iss) != 0)
        return tm_err_set(e, "the document names issuer '%.200s'", d->issuer);
    if (is_https(iss) && !is_https(d->jwks_uri)) /* or it could point us at our own loopback */
        return tm_err_set(e, "the jwks_uri of an https issuer is not https");
    return 0;
}

char *oidc_discovery_parse(const char *text, size_t len, const char *iss, struct tm_err *e)
{
    struct document d = {0};
    char *uri = NULL;
    size_t mark = tm_utf8_mark(text, len); /* RFC 8259 §8.1 lets a reader pass over it */
    if (tm_jsonmap_parse(text + mark, len - mark, DOCUMENT_MAX, &map, NULL, &d, e) != 0) {
        tm_err_wrap(e, "the document");
    } else if (check_document(&d, iss, e) == 0) {
        uri = d.jwks_uri;
        d.jwks_uri = NULL;
    }
    tm_jsonmap_free(&map, &d);
    return uri;
}

static int get(struct lookup *l, const char *url, size_t max, fetch_done_fn done, struct tm_err *e)
{
    const char *headers[] = {NULL, NULL};
    if (l->authorization.len > 0 && tm_fetch_same_origin(l->iss, url))
        headers[0] = tm_buf_str(&l->authorization);
    struct tm_fetch_request req = {
        .url = url,
        .headers = headers,
        .ca_pem = l->ca_pem,
        .allow_http = l->allow_http,
        .timeout_ms = (long)l->timeout_ms,
        .max_bytes = max,
    };
    return tm_fetch_pool_start(l->pool, &req, done, l, e);
}

static const char *body_text(const struct tm_fetch_response *resp)
{
    return resp->body.data != NULL ? (const char *)resp->body.data : "";
}

static void on_jwks(void *arg, int rc, struct tm_fetch_response *resp, const struct tm_err *fault)
{
    struct lookup *l = arg;
    struct tm_err e = *fault;
    const struct oidc_fetched answer = {body_text(resp), resp->body.len, resp->max_age_s};
    if (rc == 0 && resp->status != 200)
        rc = tm_err_set(&e, "HTTP status %ld", resp->status);
    if (rc != 0)
        tm_err_wrap(&e, "key set");
    lookup_end(l, rc == 0 ? &answer : NULL, &e);
}

static void on_document(void *arg, int rc, struct tm_fetch_response *resp,
                        const struct tm_err *fault)
{
    struct lookup *l = arg;
    struct tm_err e = *fault;
    char *uri = NULL;
    if (rc == 0 && resp->status != 200)
        rc = tm_err_set(&e, "HTTP status %ld", resp->status);
    if (rc == 0)
        uri = oidc_discovery_parse(body_text(resp), resp->body.len, l->iss, &e);
    if (uri == NULL || get(l, uri, JWKS_BYTES_MAX, on_jwks, &e) != 0) {
        tm_err_wrap(&e, "discovery");
        lookup_end(l, NULL, &e);
    }
    free(uri);
}

static void begin(void *pool, const struct oidc_fetch *req, oidc_fetched_fn done, void *arg)
{
    struct tm_err e = {0};
    struct tm_buf url = {0};
    size_t len = strlen(req->iss);
    struct lookup *l = calloc(1, sizeof(*l));
    if (l == NULL) {
        tm_err_set(&e, "out of memory");
        done(arg, NULL, &e);
        return;
    }
    *l = (struct lookup){.pool = pool,
                         .iss = strdup(req->iss),
                         .ca_pem = req->ca_pem != NULL ? strdup(req->ca_pem) : NULL,
                         .allow_http = req->allow_http,
                         .timeout_ms = req->timeout_ms,
                         .done = done,
                         .arg = arg};
    if (req->bearer != NULL) {
        tm_buf_puts(&l->authorization, "Authorization: Bearer ");
        tm_buf_puts(&l->authorization, req->bearer);
    }
    tm_buf_append(&url, req->iss, len > 0 && req->iss[len - 1] == '/' ? len - 1 : len);
    tm_buf_puts(&url, WELL_KNOWN);
    const char *text = tm_buf_str(&url);
    int rc = -1;
    if (l->iss == NULL || text == NULL || (req->ca_pem != NULL && l->ca_pem == NULL) ||
        tm_buf_str(&l->authorization) == NULL)
        tm_err_set(&e, "out of memory");
    else
        rc = get(l, text, DOCUMENT_MAX, on_document, &e);
    if (rc != 0)
        lookup_end(l, NULL, &e);
    tm_buf_free(&url);
}

static void stop(void *pool)
{
    tm_fetch_pool_free(pool);
}

int oidc_discovery_fetcher(struct tm_fetch_hub *hub, struct oidc_fetcher *out, struct tm_err *e)
{
    struct tm_fetch_pool *pool = tm_fetch_pool_open(hub, TRANSFERS_MAX, e);
    *out = (struct oidc_fetcher){.ctx = pool, .begin = begin, .stop = stop};
    return pool != NULL ? 0 : -1;
}
