#include "oidc/keys/discovery.h"

#include <stdlib.h>
#include <string.h>

#include "common/json/strictjson.h"

#define DOCUMENT_MAX ((size_t)64 * 1024)
#define URL_MAX 2048
#define WELL_KNOWN "/.well-known/openid-configuration"

struct lookup {
    struct fetch_pool *pool;
    char *iss;
    char *ca_pem;
    struct buf authorization; /* the header line; empty: none */
    bool allow_http;
    int64_t timeout_ms;
    discovery_done_fn done;
    void *arg;
};

static void lookup_end(struct lookup *l, struct jwks *keys, int64_t max_age_s, const struct err *e)
{
    l->done(l->arg, keys, max_age_s, e);
    free(l->iss);
    free(l->ca_pem);
    buf_free_secret(&l->authorization);
    free(l);
}

static bool is_https(const char *url)
{
    return strncmp(url, "https://", 8) == 0;
}

char *discovery_parse(const char *text, size_t len, const char *iss, struct err *e)
{
    json_t *doc = strictjson_parse(text, len, DOCUMENT_MAX, e);
    if (doc == NULL)
        return NULL;
    const char *named = strictjson_str(doc, "issuer");
    const char *uri = strictjson_str(doc, "jwks_uri");
    char *copy = NULL;
    if (named == NULL || strcmp(named, iss) != 0)
        err_set(e, "the document names issuer '%.200s'", named != NULL ? named : "(none)");
    else if (uri == NULL || strlen(uri) > URL_MAX)
        err_set(e, "the document has no usable jwks_uri");
    else if (is_https(iss) && !is_https(uri)) /* or an issuer could point us at our own loopback */
        err_set(e, "the jwks_uri of an https issuer is not https");
    else if ((copy = strdup(uri)) == NULL)
        err_set(e, "out of memory");
    json_decref(doc);
    return copy;
}

static int get(struct lookup *l, const char *url, size_t max, fetch_done_fn done, struct err *e)
{
    const char *headers[] = {NULL, NULL};
    if (l->authorization.len > 0 && fetch_same_origin(l->iss, url))
        headers[0] = buf_str(&l->authorization);
    struct fetch_request req = {
        .url = url,
        .headers = headers,
        .ca_pem = l->ca_pem,
        .allow_http = l->allow_http,
        .timeout_ms = (long)l->timeout_ms,
        .max_bytes = max,
    };
    return fetch_pool_start(l->pool, &req, done, l, e);
}

static const char *body_text(const struct fetch_response *resp)
{
    return resp->body.data != NULL ? (const char *)resp->body.data : "";
}

static void on_jwks(void *arg, int rc, struct fetch_response *resp, const struct err *fault)
{
    struct lookup *l = arg;
    struct err e = *fault;
    struct jwks *keys = NULL;
    if (rc == 0 && resp->status != 200)
        rc = err_set(&e, "HTTP status %ld", resp->status);
    if (rc == 0)
        keys = jwks_parse(body_text(resp), resp->body.len, &e);
    if (keys == NULL)
        err_wrap(&e, "key set");
    lookup_end(l, keys, resp->max_age_s, &e);
}

static void on_document(void *arg, int rc, struct fetch_response *resp, const struct err *fault)
{
    struct lookup *l = arg;
    struct err e = *fault;
    char *uri = NULL;
    if (rc == 0 && resp->status != 200)
        rc = err_set(&e, "HTTP status %ld", resp->status);
    if (rc == 0)
        uri = discovery_parse(body_text(resp), resp->body.len, l->iss, &e);
    if (uri == NULL || get(l, uri, JWKS_BYTES_MAX, on_jwks, &e) != 0) {
        err_wrap(&e, "discovery");
        lookup_end(l, NULL, -1, &e);
    }
    free(uri);
}

void discovery_start(struct fetch_pool *pool, const struct discovery_request *req,
                     discovery_done_fn done, void *arg)
{
    struct err e = {0};
    struct buf url = {0};
    size_t len = strlen(req->iss);
    struct lookup *l = calloc(1, sizeof(*l));
    if (l == NULL) {
        err_set(&e, "out of memory");
        done(arg, NULL, -1, &e);
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
        buf_puts(&l->authorization, "Authorization: Bearer ");
        buf_puts(&l->authorization, req->bearer);
    }
    buf_append(&url, req->iss, len > 0 && req->iss[len - 1] == '/' ? len - 1 : len);
    buf_puts(&url, WELL_KNOWN);
    const char *text = buf_str(&url);
    int rc = -1;
    if (l->iss == NULL || text == NULL || (req->ca_pem != NULL && l->ca_pem == NULL) ||
        buf_str(&l->authorization) == NULL)
        err_set(&e, "out of memory");
    else
        rc = get(l, text, DOCUMENT_MAX, on_document, &e);
    if (rc != 0)
        lookup_end(l, NULL, -1, &e);
    buf_free(&url);
}
