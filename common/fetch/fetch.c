#include "common/fetch/fetch.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/fetch/fetch_transfer.h"
#include "common/file.h"

#define DEFAULT_TIMEOUT_MS 10000L
#define DEFAULT_MAX_BYTES ((size_t)1 << 20)
#define REDIRECTS_MAX 3
#define SYSTEM_CA_FILE "/etc/ssl/certs/ca-certificates.crt"
#define SYSTEM_CA_MAX ((size_t)4 << 20)
#define STALL_BYTES_PER_S 1024L
#define ENCODING_SLACK ((size_t)64 * 1024) /* that a compressed body may be longer by */

struct fetch_session {
    CURL *easy; /* holds the live connections; made at the first use, which may never come */
};

struct fetch_session *tm_fetch_session_new(void)
{
    return calloc(1, sizeof(struct fetch_session));
}

static CURL *session_easy(struct fetch_session *s)
{
    if (s->easy == NULL)
        s->easy = curl_easy_init();
    return s->easy;
}

void tm_fetch_session_free(struct fetch_session *s)
{
    if (s == NULL)
        return;
    curl_easy_cleanup(s->easy);
    free(s);
}

struct origin {
    char *scheme;
    char *host;
    char *port;
};

static void origin_free(struct origin *o)
{
    curl_free(o->scheme);
    curl_free(o->host);
    curl_free(o->port);
    *o = (struct origin){0};
}

/* Only http and https, and no credentials in the URL. */
static int origin_parse(const char *url, struct origin *o)
{
    CURLU *u = curl_url();
    char *user = NULL;
    int ok = u != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
             curl_url_get(u, CURLUPART_SCHEME, &o->scheme, 0) == CURLUE_OK &&
             curl_url_get(u, CURLUPART_HOST, &o->host, 0) == CURLUE_OK &&
             curl_url_get(u, CURLUPART_PORT, &o->port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
             curl_url_get(u, CURLUPART_USER, &user, 0) != CURLUE_OK &&
             (strcmp(o->scheme, "http") == 0 || strcmp(o->scheme, "https") == 0);
    curl_free(user);
    curl_url_cleanup(u);
    if (!ok)
        origin_free(o);
    return ok ? 0 : -1;
}

/* Literal addresses and localhost only: a name that resolves to 127.0.0.1 today may not tomorrow.
 */
static bool host_is_loopback(const char *host)
{
    if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    if (strncmp(host, "127.", 4) != 0)
        return false;
    return strspn(host, "0123456789.") == strlen(host);
}

bool tm_fetch_is_loopback(const char *url)
{
    struct origin o = {0};
    bool yes = origin_parse(url, &o) == 0 && host_is_loopback(o.host);
    origin_free(&o);
    return yes;
}

int tm_fetch_check_url(const char *url, bool allow_http, struct tm_err *e)
{
    struct origin o = {0};
    if (origin_parse(url, &o) != 0)
        return tm_err_set(e, "'%.200s' is not an http or https URL", url);
    bool plain = strcmp(o.scheme, "http") == 0;
    bool ok = !plain || allow_http || host_is_loopback(o.host);
    origin_free(&o);
    return ok ? 0
              : tm_err_set(e, "'%.200s' must use https (http only on loopback, or with allow-http)",
                           url);
}

/* What the body may hold. */
static size_t limit(const struct tm_transfer *t, long *status)
{
    *status = 200;
    if (t->sink != NULL)
        curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, status);
    return *status != 200 && t->max_bytes < DEFAULT_MAX_BYTES
               ? DEFAULT_MAX_BYTES /* an error page, thrown away, may be longer than the file */
               : t->max_bytes;
}

/* Bounds what comes over the wire: an encoding can be long and decode to nothing. */
static int on_progress(void *arg, curl_off_t total, curl_off_t now, curl_off_t up_total,
                       curl_off_t up)
{
    struct tm_transfer *t = arg;
    long status;
    size_t max = limit(t, &status);
    (void)total;
    (void)up_total;
    (void)up;
    if ((uint64_t)now <= (uint64_t)max + max / 8 + ENCODING_SLACK)
        return 0;
    t->too_large = true;
    return 1;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    struct tm_transfer *t = arg;
    size_t len = size * count;
    long status;
    if (len > limit(t, &status) - t->received) {
        t->too_large = true;
        return 0;
    }
    t->received += len;
    if (t->sink != NULL)
        return status != 200 || t->sink(t->sink_arg, data, len) == 0 ? len : 0;
    tm_buf_append(&t->response.body, data, len);
    return buf_failed(&t->response.body) ? 0 : len;
}

/* A decimal number of seconds after `name` in a header line; -1 when absent. */
static int64_t seconds_after(const char *line, size_t len, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i + n < len; i++) {
        if (strncasecmp(line + i, name, n) != 0)
            continue;
        int64_t v = 0;
        size_t d = i + n;
        while (d < len && line[d] == ' ')
            d++;
        size_t first = d;
        for (; d < len && line[d] >= '0' && line[d] <= '9' && v < 1000000000; d++)
            v = v * 10 + (line[d] - '0');
        return d > first ? v : -1;
    }
    return -1;
}

/* gzip, once, is undone by curl; anything more would cost memory or time that no limit counts. */
static bool coding_is_fine(struct tm_transfer *t, const char *value, size_t len)
{
    static const char *const words[] = {"gzip", "x-gzip"};
    while (len > 0 && (*value == ' ' || *value == '\t')) {
        value++;
        len--;
    }
    while (len > 0 && strchr(" \t\r\n", value[len - 1]) != NULL)
        len--;
    if (len == 0 || (len == 8 && strncasecmp(value, "identity", 8) == 0))
        return true;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (len == strlen(words[i]) && strncasecmp(value, words[i], len) == 0 && !t->is_encoded) {
            t->is_encoded = true;
            return true;
        }
    }
    return false;
}

/* One word of visible ASCII, or nothing. */
static void keep_request_id(struct tm_transfer *t, const char *value, size_t len)
{
    size_t n = 0;
    while (len > 0 && (*value == ' ' || *value == '\t')) {
        value++;
        len--;
    }
    while (len > 0 && strchr(" \t\r\n", value[len - 1]) != NULL)
        len--;
    while (n < len && value[n] > ' ' && value[n] <= '~')
        n++;
    if (n != len || len >= sizeof(t->response.request_id))
        n = 0;
    memcpy(t->response.request_id, value, n);
    t->response.request_id[n] = '\0';
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
    struct tm_transfer *t = arg;
    size_t len = size * count;
    if (len > 17 && strncasecmp(line, "content-encoding:", 17) == 0 &&
        !coding_is_fine(t, line + 17, len - 17)) {
        t->odd_coding = true;
        return 0;
    }
    if (len > 14 && strncasecmp(line, "cache-control:", 14) == 0)
        t->response.max_age_s = seconds_after(line, len, "max-age=");
    if (len > 12 && strncasecmp(line, "retry-after:", 12) == 0)
        t->response.retry_after_s = seconds_after(line, len, "retry-after:");
    if (len > 13 && strncasecmp(line, "x-request-id:", 13) == 0)
        keep_request_id(t, line + 13, len - 13);
    return len;
}

/* Extra CAs are added to the system's by handing curl both. */
static int set_ca(struct tm_transfer *t, const struct tm_fetch_request *req, struct tm_err *e)
{
    if (req->ca_pem == NULL)
        return 0;
    struct tm_buf pem = {0};
    int rc = 0;
    struct tm_err ignored;
    if (!req->ca_only && tm_file_read(SYSTEM_CA_FILE, SYSTEM_CA_MAX, &pem, &ignored) != 0)
        tm_buf_reset(&pem); /* a machine without system CAs still trusts the given one */
    buf_putc(&pem, '\n');
    tm_buf_puts(&pem, req->ca_pem);
    t->ca = tm_buf_str(&pem) != NULL ? strdup(tm_buf_str(&pem)) : NULL;
    struct curl_blob blob = {.data = t->ca, .len = pem.len, .flags = CURL_BLOB_NOCOPY};
    if (t->ca == NULL || curl_easy_setopt(t->easy, CURLOPT_CAINFO_BLOB, &blob) != CURLE_OK)
        rc = tm_err_set(e, "cannot use the given CA certificates");
    tm_buf_free(&pem);
    return rc;
}

static int set_body(struct tm_transfer *t, const struct tm_fetch_request *req, struct tm_err *e)
{
    for (const char *const *h = req->headers; h != NULL && *h != NULL; h++) {
        struct curl_slist *grown = curl_slist_append(t->headers, *h);
        if (grown == NULL)
            return tm_err_set(e, "out of memory");
        t->headers = grown;
    }
    /* SigV4 would sign the empty header. */
    bool coded = req->aws_sigv4 == NULL;
    /* An object store may send what it holds compressed, asked or not: curl undoes it when it is
     * told of gzip, and to have it say nothing of that takes an empty header. */
    curl_easy_setopt(t->easy, CURLOPT_ACCEPT_ENCODING, coded ? "gzip" : NULL);
    if (!req->gzip && coded) {
        struct curl_slist *grown = curl_slist_append(t->headers, "Accept-Encoding:");
        if (grown == NULL)
            return tm_err_set(e, "out of memory");
        t->headers = grown;
    }
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
    if (req->post_body == NULL)
        return 0;
    t->body = malloc(req->post_len + 1);
    if (t->body == NULL)
        return tm_err_set(e, "out of memory");
    memcpy(t->body, req->post_body, req->post_len);
    t->body_len = req->post_len;
    curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
    if (req->put)
        curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, "PUT");
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->post_len);
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->body);
    return 0;
}

/* An older libcurl without it must not send the request unsigned. */
static int set_signature(struct tm_transfer *t, const struct tm_fetch_request *req,
                         struct tm_err *e)
{
    if (req->aws_sigv4 == NULL ||
        (curl_easy_setopt(t->easy, CURLOPT_AWS_SIGV4, req->aws_sigv4) == CURLE_OK &&
         curl_easy_setopt(t->easy, CURLOPT_USERNAME, req->user) == CURLE_OK &&
         curl_easy_setopt(t->easy, CURLOPT_PASSWORD, req->password) == CURLE_OK))
        return 0;
    return tm_err_set(e, "libcurl cannot sign requests for AWS");
}

/* The own machine is never asked through a proxy; to say so hides the environment's exceptions from
 * curl. */
static void set_no_proxy(CURL *c)
{
    struct tm_buf hosts = {0};
    const char *more = getenv("no_proxy");
    if (more == NULL)
        more = getenv("NO_PROXY");
    tm_buf_printf(&hosts, "localhost,127.0.0.1,::1%s%s", more != NULL ? "," : "",
                  more != NULL ? more : "");
    curl_easy_setopt(c, CURLOPT_NOPROXY, tm_buf_str(&hosts));
    tm_buf_free(&hosts);
}

static void set_limits(struct tm_transfer *t, const struct tm_fetch_request *req)
{
    CURL *c = t->easy;
    curl_easy_setopt(c, CURLOPT_URL, t->url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L); /* the URL is the caller's, dots too */
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (req->stall_ms > 0) {
        curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES_PER_S);
        curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (req->stall_ms + 999) / 1000);
        curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, req->stall_ms);
    } else {
        curl_easy_setopt(c, CURLOPT_TIMEOUT_MS,
                         req->timeout_ms > 0 ? req->timeout_ms : DEFAULT_TIMEOUT_MS);
    }
    curl_easy_setopt(c, CURLOPT_USERAGENT, "tenmint");
    set_no_proxy(c);
    /* plain HTTP is let through since it stays on this machine: so must it, on 127.0.0.2 too */
    if (req->no_proxy || (!req->allow_http && tm_fetch_is_loopback(t->url)))
        curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->why);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, t);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(c, CURLOPT_PRIVATE, t);
}

struct tm_transfer *tm_transfer_new(const struct tm_fetch_request *req, struct tm_err *e)
{
    if (tm_fetch_check_url(req->url, req->allow_http, e) != 0)
        return NULL;
    struct tm_transfer *t = calloc(1, sizeof(*t));
    if (t != NULL) {
        t->session = req->session;
        t->easy = t->session != NULL ? session_easy(t->session) : curl_easy_init();
        t->sink = req->sink;
        t->sink_arg = req->sink_arg;
        t->url = strdup(req->url);
        t->max_bytes = req->max_bytes > 0 ? req->max_bytes : DEFAULT_MAX_BYTES;
        t->response.max_age_s = -1;
        t->response.retry_after_s = -1;
    }
    if (t == NULL || t->easy == NULL || t->url == NULL) {
        tm_transfer_free(t);
        return tm_err_null(e, "out of memory");
    }
    set_limits(t, req);
    if (set_ca(t, req, e) != 0 || set_body(t, req, e) != 0 || set_signature(t, req, e) != 0) {
        tm_transfer_free(t);
        return NULL;
    }
    return t;
}

void tm_transfer_free(struct tm_transfer *t)
{
    if (t == NULL)
        return;
    if (t->session != NULL && t->easy != NULL)
        curl_easy_reset(t->easy); /* keeps the connections */
    else
        curl_easy_cleanup(t->easy);
    ERR_clear_error(); /* what a TLS that failed leaves is not the reason of what fails next */
    for (struct curl_slist *h = t->headers; h != NULL; h = h->next)
        OPENSSL_cleanse(h->data, strlen(h->data)); /* a bearer token may be among them */
    curl_slist_free_all(t->headers);
    tm_fetch_response_free(&t->response);
    free(t->url);
    if (t->body != NULL)
        OPENSSL_cleanse(t->body, t->body_len);
    free(t->body);
    free(t->ca);
    free(t);
}

bool tm_fetch_same_origin(const char *a, const char *b)
{
    struct origin x = {0};
    struct origin y = {0};
    bool same = origin_parse(a, &x) == 0 && origin_parse(b, &y) == 0 &&
                strcmp(x.scheme, y.scheme) == 0 && strcasecmp(x.host, y.host) == 0 &&
                strcmp(x.port, y.port) == 0;
    origin_free(&x);
    origin_free(&y);
    return same;
}

static enum tm_transfer_next follow(struct tm_transfer *t, const char *to, struct tm_err *e)
{
    t->response.limit_broken = true;
    if (t->body != NULL) {
        tm_err_set(e, "'%.200s' redirects a POST: refused", t->url);
        return TRANSFER_FAILED;
    }
    if (t->redirects >= REDIRECTS_MAX || !tm_fetch_same_origin(t->url, to)) {
        tm_err_set(e, "'%.200s' redirects to another host, or too often: refused", t->url);
        return TRANSFER_FAILED;
    }
    char *next = strdup(to);
    if (next == NULL) {
        tm_err_set(e, "out of memory");
        return TRANSFER_FAILED;
    }
    free(t->url);
    t->url = next;
    t->redirects++;
    t->response.limit_broken = false;
    t->received = 0;
    t->is_encoded = false;
    tm_buf_reset(&t->response.body);
    curl_easy_setopt(t->easy, CURLOPT_URL, t->url);
    return TRANSFER_AGAIN;
}

static bool is_lost(const struct tm_transfer *t, CURLcode code)
{
    static const CURLcode codes[] = {CURLE_COULDNT_CONNECT, CURLE_GOT_NOTHING, CURLE_SEND_ERROR,
                                     CURLE_RECV_ERROR, CURLE_PARTIAL_FILE};
    long number = 0;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (code == codes[i])
            return true;
    }
    /* while TLS was agreed upon: other faults there do not pass */
    curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &number);
    return code == CURLE_SSL_CONNECT_ERROR && (number == ECONNRESET || number == EPIPE);
}

static bool is_unreached(CURLcode code)
{
    return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
           code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT;
}

enum tm_transfer_next tm_transfer_finish(struct tm_transfer *t, CURLcode code, struct tm_err *e)
{
    char *to = NULL;
    char *type = NULL;
    t->response.timed_out = code == CURLE_OPERATION_TIMEDOUT;
    t->response.limit_broken = t->too_large;
    t->response.lost = is_lost(t, code);
    t->response.unreached = is_unreached(code);
    if (t->too_large) {
        tm_err_set(e, "'%.200s' answers with more than %zu bytes", t->url, t->max_bytes);
        return TRANSFER_FAILED;
    }
    if (code != CURLE_OK) {
        tm_transfer_reason(t, code, e);
        tm_err_mark(e, ERR_UNAVAILABLE);
        return TRANSFER_FAILED;
    }
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->response.status);
    curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &to);
    if (t->response.status >= 300 && t->response.status < 400 && to != NULL)
        return follow(t, to, e);
    curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
    if (type != NULL)
        strncat(t->response.content_type, type, sizeof(t->response.content_type) - 1);
    return TRANSFER_DONE;
}

int tm_fetch_run(const struct tm_fetch_request *req, struct tm_fetch_response *resp,
                 struct tm_err *e)
{
    *resp = (struct tm_fetch_response){0};
    struct tm_transfer *t = tm_transfer_new(req, e);
    if (t == NULL)
        return -1;
    enum tm_transfer_next next;
    do {
        next = tm_transfer_finish(t, curl_easy_perform(t->easy), e);
    } while (next == TRANSFER_AGAIN);
    if (next == TRANSFER_DONE) {
        *resp = t->response;
        t->response = (struct tm_fetch_response){0};
    } else {
        *resp = (struct tm_fetch_response){.retry_after_s = -1,
                                           .max_age_s = -1,
                                           .timed_out = t->response.timed_out,
                                           .limit_broken = t->response.limit_broken,
                                           .lost = t->response.lost,
                                           .unreached = t->response.unreached};
    }
    tm_transfer_free(t);
    return next == TRANSFER_DONE ? 0 : -1;
}

void tm_fetch_response_free(struct tm_fetch_response *resp)
{
    tm_buf_free_secret(&resp->body); /* a credential may be in it */
    *resp = (struct tm_fetch_response){0};
}
