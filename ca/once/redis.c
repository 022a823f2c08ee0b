#include "ca/once/redis.h"

#include <curl/curl.h>
#include <hiredis/hiredis.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/fetch/fetch.h"
#include "common/file.h"
#include "common/quantity.h"

#define PORT "6379"
#define PASSWORD_MAX ((size_t)1024)
#define REPLY_MAX ((size_t)1024) /* bytes of one reply; ours are shorter */

struct place { /* of a URL; owned by libcurl */
    char *scheme, *user, *host, *port, *path;
};

struct ca_redis {
    CURL *easy;
    redisReader *reader;
    redisReplyObjectFunctions make; /* the reader's, but for arrays */
    bool array;                     /* the server began one */
    int64_t timeout_ms;
    int64_t ahead_s; /* the server's clock, of our monotonic one */
};

#if HIREDIS_MAJOR < 1
typedef int array_size;
#else
typedef size_t array_size;
#endif

/* No command of ours is answered by an array; hiredis would make room for as many replies as the
 * server's number says before one of them is there. */
static void *refuse_array(const redisReadTask *task, array_size count)
{
    (void)count;
    *(bool *)task->privdata = true;
    return NULL;
}

static redisReader *reader_new(struct ca_redis *r)
{
    redisReader *reader = redisReaderCreate();
    if (reader == NULL)
        return NULL;
    r->make = *reader->fn;
    r->make.createArray = refuse_array;
    reader->fn = &r->make;
    reader->privdata = &r->array;
    return reader;
}

static void place_free(struct place *p)
{
    curl_free(p->scheme);
    curl_free(p->user);
    curl_free(p->host);
    curl_free(p->port);
    curl_free(p->path);
    *p = (struct place){0};
}

static const char *database(const struct place *p)
{
    return p->path != NULL && p->path[0] == '/' ? p->path + 1 : "";
}

static bool is_tls(const struct place *p)
{
    return strcmp(p->scheme, "rediss") == 0;
}

/* What a URL has no business to hold: a password, a question, a fragment. */
static bool has_more(CURLU *u)
{
    static const CURLUPart parts[] = {CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT,
                                      CURLUPART_OPTIONS};
    bool more = false;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        char *part = NULL;
        more = curl_url_get(u, parts[i], &part, 0) == CURLUE_OK || more;
        curl_free(part);
    }
    return more;
}

static bool read_parts(CURLU *u, const char *url, struct place *p)
{
    if (u == NULL || curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_SCHEME, &p->scheme, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_HOST, &p->host, 0) != CURLUE_OK || has_more(u))
        return false;
    (void)curl_url_get(u, CURLUPART_USER, &p->user, CURLU_URLDECODE);
    (void)curl_url_get(u, CURLUPART_PORT, &p->port, 0);
    (void)curl_url_get(u, CURLUPART_PATH, &p->path, 0);
    const char *db = database(p);
    return (strcmp(p->scheme, "redis") == 0 || is_tls(p)) &&
           strspn(db, "0123456789") == strlen(db) && strlen(db) <= 5;
}

static int place_read(const char *url, struct place *p, struct tm_err *e)
{
    *p = (struct place){0};
    CURLU *u = curl_url();
    bool ok = read_parts(u, url, p);
    curl_url_cleanup(u);
    if (ok)
        return 0;
    place_free(p);
    return tm_err_set(e, "not of the form redis://[USER@]HOST[:PORT][/DB], or rediss:// for TLS; a "
                         "password belongs in a file");
}

/* The address as libcurl connects to it. */
static int connect_url(const struct place *p, char *out, size_t size)
{
    int n = snprintf(out, size, "%s://%s:%s/", is_tls(p) ? "https" : "http", p->host,
                     p->port != NULL ? p->port : PORT);
    return n > 0 && (size_t)n < size ? 0 : -1;
}

int ca_redis_check_url(const char *url, bool allow_plain, struct tm_err *e)
{
    struct place p;
    char address[512];
    if (place_read(url, &p, e) != 0)
        return -1;
    int rc = connect_url(&p, address, sizeof(address)) == 0 ? 0 : tm_err_set(e, "it is too long");
    if (rc == 0 && !is_tls(&p) && !allow_plain && !tm_fetch_is_loopback(address))
        rc = tm_err_set(e, "redis:// to another machine is read by everybody on the way: use "
                           "rediss://, or single-use-allow-plain in a network of your own");
    place_free(&p);
    return rc;
}

static int set_options(CURL *c, const struct place *p, const struct ca_redis_options *o,
                       char why[CURL_ERROR_SIZE], struct tm_err *e)
{
    char address[512];
    why[0] = '\0';
    bool ok =
        connect_url(p, address, sizeof(address)) == 0 &&
        curl_easy_setopt(c, CURLOPT_URL, address) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, is_tls(p) ? "https" : "http") == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_CONNECT_ONLY, 1L) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_SSL_ENABLE_ALPN, 0L) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)o->timeout_ms) == CURLE_OK &&
        curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why) == CURLE_OK;
    return ok ? 0 : tm_err_set(e, "libcurl cannot connect so");
}

/* The file's text is libcurl's own copy from here on. */
static int set_ca(CURL *c, const char *file, struct tm_err *e)
{
    struct tm_buf pem = {0};
    if (file == NULL)
        return 0;
    int rc = tm_file_read(file, (size_t)4 << 20, &pem, e);
    struct curl_blob blob = {.data = pem.data, .len = pem.len, .flags = CURL_BLOB_COPY};
    if (rc == 0 && curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &blob) != CURLE_OK)
        rc = tm_err_set(e, "'%s': cannot use these CA certificates", file);
    tm_buf_free(&pem);
    return rc;
}

static int dial(struct ca_redis *r, const struct place *p, const struct ca_redis_options *o,
                struct tm_err *e)
{
    char why[CURL_ERROR_SIZE];
    if (set_options(r->easy, p, o, why, e) != 0 || set_ca(r->easy, o->ca_file, e) != 0)
        return -1;
    CURLcode code = curl_easy_perform(r->easy);
    curl_easy_setopt(r->easy, CURLOPT_ERRORBUFFER, NULL);
    return code == CURLE_OK ? 0
                            : tm_err_set(e, "%s", why[0] != '\0' ? why : curl_easy_strerror(code));
}

static int read_password(const char *file, struct tm_buf *out, struct tm_err *e)
{
    if (tm_file_read_secret(file, PASSWORD_MAX, out, e) != 0)
        return -1;
    size_t len = strcspn(tm_buf_str(out), "\r\n");
    if (len == 0 || memchr(out->data, '\0', out->len) != NULL)
        return tm_err_set(e, "'%s' holds no password in its first line", file);
    out->data[len] = '\0';
    return 0;
}

static int set_clock(struct ca_redis *r, const struct ca_redis_command *got, struct tm_err *e)
{
    int64_t now_s = 0;
    if (got->kind != REDIS_TEXT || tm_quantity_count(got->text, &now_s) != 0)
        return tm_err_set(e, "it does not say what time it is");
    r->ahead_s = now_s - tm_clock_mono_ms() / 1000;
    return 0;
}

int64_t ca_redis_now_s(const struct ca_redis *r)
{
    return r->ahead_s + tm_clock_mono_ms() / 1000 + 1;
}

/* AUTH and SELECT, where there is anything to say. */
static int log_in(struct ca_redis *r, const struct place *p, const char *password_file,
                  struct tm_err *e)
{
    struct tm_buf password = {0};
    struct ca_redis_command say[3];
    size_t count = 0;
    int rc = password_file != NULL ? read_password(password_file, &password, e) : 0;
    if (rc == 0 && password.len > 0) {
        const char *text = (const char *)password.data;
        const char *user = p->user != NULL ? p->user : "default";
        say[count++] = (struct ca_redis_command){.word = {"AUTH", user, text}};
    }
    if (rc == 0 && database(p)[0] != '\0')
        say[count++] = (struct ca_redis_command){.word = {"SELECT", database(p)}};
    say[count++] = (struct ca_redis_command){.word = {"EVAL", "return redis.call('time')[1]", "0"}};
    if (rc == 0 && (rc = ca_redis_run(r, say, count, e)) == 0)
        rc = ca_redis_all_taken(say, count, e);
    if (rc == 0)
        rc = set_clock(r, &say[count - 1], e);
    tm_buf_free_secret(&password);
    return rc;
}

struct ca_redis *ca_redis_open(const struct ca_redis_options *o, struct tm_err *e)
{
    struct place p;
    struct ca_redis *r = calloc(1, sizeof(*r));
    if (r == NULL || place_read(o->url, &p, e) != 0) {
        free(r);
        return NULL;
    }
    r->timeout_ms = o->timeout_ms;
    r->easy = curl_easy_init();
    r->reader = reader_new(r);
    int rc =
        r->easy != NULL && r->reader != NULL ? dial(r, &p, o, e) : tm_err_set(e, "out of memory");
    if (rc == 0)
        rc = log_in(r, &p, o->password_file, e);
    place_free(&p);
    if (rc == 0)
        return r;
    ca_redis_close(r);
    return NULL;
}

void ca_redis_close(struct ca_redis *r)
{
    if (r == NULL)
        return;
    curl_easy_cleanup(r->easy);
    if (r->reader != NULL)
        redisReaderFree(r->reader);
    free(r);
}

/* Waits until the socket takes or has something; -1: not in time. */
static int await(const struct ca_redis *r, short events, int64_t until_ms, struct tm_err *e)
{
    struct pollfd p = {.fd = CURL_SOCKET_BAD, .events = events};
    int64_t left = until_ms - tm_clock_mono_ms();
    if (curl_easy_getinfo(r->easy, CURLINFO_ACTIVESOCKET, &p.fd) != CURLE_OK)
        return tm_err_set(e, "the connection is lost");
    return left > 0 && poll(&p, 1, (int)left) > 0
               ? 0
               : tm_err_set(e, "no answer within %lld ms", (long long)r->timeout_ms);
}

static int send_all(const struct ca_redis *r, const struct tm_buf *text, int64_t until_ms,
                    struct tm_err *e)
{
    size_t at = 0;
    while (at < text->len) {
        size_t n = 0;
        CURLcode code = curl_easy_send(r->easy, text->data + at, text->len - at, &n);
        at += n;
        if (code == CURLE_AGAIN && await(r, POLLOUT, until_ms, e) != 0)
            return -1;
        if (code != CURLE_OK && code != CURLE_AGAIN)
            return tm_err_set(e, "%s", curl_easy_strerror(code));
    }
    return 0;
}

/* More bytes for the reader. */
static int feed(const struct ca_redis *r, size_t *left, int64_t until_ms, struct tm_err *e)
{
    char part[4096];
    size_t n = 0;
    CURLcode code = curl_easy_recv(r->easy, part, sizeof(part), &n);
    if (code == CURLE_AGAIN)
        return await(r, POLLIN, until_ms, e);
    if (code != CURLE_OK || n == 0)
        return tm_err_set(e, "%s",
                          code != CURLE_OK ? curl_easy_strerror(code) : "it closed the connection");
    if (n > *left)
        return tm_err_set(e, "it answers more than it was asked");
    *left -= n;
    return redisReaderFeed(r->reader, part, n) == REDIS_OK
               ? 0
               : tm_err_set(e, "not Redis's protocol: %s", r->reader->errstr);
}

static int keep_reply(const redisReply *reply, struct ca_redis_command *c, struct tm_err *e)
{
    switch (reply->type) {
    case REDIS_REPLY_NIL:
        c->kind = REDIS_NIL;
        return 0;
    case REDIS_REPLY_INTEGER:
        c->kind = REDIS_NUMBER;
        c->number = reply->integer;
        return 0;
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_STRING:
        c->kind = REDIS_TEXT;
        snprintf(c->text, sizeof(c->text), "%.*s", (int)reply->len, reply->str);
        return 0;
    case REDIS_REPLY_ERROR:
        c->kind = REDIS_REFUSED;
        snprintf(c->text, sizeof(c->text), "%.*s", (int)reply->len, reply->str);
        return 0;
    default:
        return tm_err_set(e, "%s has an answer of another kind", c->word[0]);
    }
}

static int read_reply(const struct ca_redis *r, struct ca_redis_command *c, size_t *left,
                      int64_t until_ms, struct tm_err *e)
{
    void *reply = NULL;
    for (;;) {
        if (redisReaderGetReply(r->reader, &reply) != REDIS_OK)
            return r->array ? tm_err_set(e, "%s has an answer of another kind", c->word[0])
                            : tm_err_set(e, "not Redis's protocol: %s", r->reader->errstr);
        if (reply != NULL)
            break;
        if (feed(r, left, until_ms, e) != 0)
            return -1;
    }
    int rc = keep_reply(reply, c, e);
    freeReplyObject(reply);
    return rc;
}

static int put_command(const struct ca_redis_command *c, struct tm_buf *out, struct tm_err *e)
{
    const char *word[CA_REDIS_WORDS];
    size_t length[CA_REDIS_WORDS];
    int count = 0;
    for (; count < CA_REDIS_WORDS && c->word[count] != NULL; count++) {
        word[count] = c->word[count];
        length[count] = strlen(word[count]);
    }
    char *text = NULL;
    int len = redisFormatCommandArgv(&text, count, word, length);
    if (len < 0)
        return tm_err_set(e, "out of memory");
    tm_buf_append(out, text, (size_t)len);
    OPENSSL_cleanse(text, (size_t)len); /* it may be the password */
    redisFreeCommand(text);
    return 0;
}

/* All that was answered has been read: what else there is would be taken for the answer to the next
 * command. */
static int no_more(const struct ca_redis *r, struct tm_err *e)
{
    char more;
    size_t n = 0;
    CURLcode code = r->reader->pos < r->reader->len
                        ? CURLE_OK
                        : curl_easy_recv(r->easy, &more, sizeof(more), &n);
    if (code == CURLE_AGAIN)
        return 0;
    if (code == CURLE_OK && n == 0 && r->reader->pos == r->reader->len)
        return tm_err_set(e, "it closed the connection");
    return tm_err_set(e, "%s",
                      code != CURLE_OK ? curl_easy_strerror(code) : "it answers what nobody asked");
}

int ca_redis_run(struct ca_redis *r, struct ca_redis_command *command, size_t count,
                 struct tm_err *e)
{
    int64_t until_ms = tm_clock_mono_ms() + r->timeout_ms;
    size_t left = count * REPLY_MAX;
    struct tm_buf text = {0};
    int rc = no_more(r, e);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = put_command(&command[i], &text, e);
    if (rc == 0 && buf_failed(&text))
        rc = tm_err_set(e, "out of memory");
    if (rc == 0)
        rc = send_all(r, &text, until_ms, e);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = read_reply(r, &command[i], &left, until_ms, e);
    tm_buf_free_secret(&text);
    return rc;
}

int ca_redis_all_taken(const struct ca_redis_command *command, size_t count, struct tm_err *e)
{
    for (const struct ca_redis_command *c = command; c < command + count; c++) {
        if (c->kind == REDIS_REFUSED)
            return tm_err_set(e, "%s is refused: %s", c->word[0], c->text);
    }
    return 0;
}

/* One line of INFO's 40, so that a reply stays small: "MAXMEMORY POLICY". Memory 0 has no bound. */
static const char evicts_script[] =
    "local i=redis.call('info','memory') "
    "return i:match('maxmemory:(%d+)')..' '..i:match('maxmemory_policy:([%w-]+)')";

int ca_redis_ask_evicts(struct ca_redis *r, enum ca_redis_evicts *out, struct tm_err *how,
                        struct tm_err *e)
{
    struct ca_redis_command c = {.word = {"EVAL", evicts_script, "0"}};
    *out = REDIS_EVICTS_UNKNOWN;
    if (ca_redis_run(r, &c, 1, e) != 0)
        return -1;
    const char *policy = c.kind == REDIS_TEXT ? strchr(c.text, ' ') : NULL;
    if (policy == NULL) {
        tm_err_set(how, "INFO is refused: %s", c.kind == REDIS_REFUSED ? c.text : "no answer");
        return 0;
    }
    bool safe = strcmp(policy, " noeviction") == 0 || strncmp(c.text, "0 ", 2) == 0;
    *out = safe ? REDIS_EVICTS_NOT : REDIS_EVICTS;
    tm_err_set(how, "maxmemory %.*s, maxmemory-policy%s", (int)(policy - c.text), c.text, policy);
    return 0;
}
