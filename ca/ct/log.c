#include "ca/ct/log.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/ct/answer.h"
#include "ca/ct/evidence.h"
#include "ca/ct/retry.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/pem.h"
#include "common/transparency/digsig.h"

#define TIMEOUT_MS 5000
#define KEY_FILE_MAX ((size_t)16 * 1024)
#define TLS_CA_MAX ((size_t)4 << 20)
#define SKEW_MS 60000 /* the log's clock may be this much ahead of ours */

const char *const ct_failure_names[CT_FAILURE_COUNT] = {
    [CT_FAILURE_NETWORK] = "network", [CT_FAILURE_TIMEOUT] = "timeout",
    [CT_FAILURE_BUSY] = "busy",       [CT_FAILURE_REFUSED] = "refused",
    [CT_FAILURE_ANSWER] = "answer",   [CT_FAILURE_SIGNATURE] = "signature",
    [CT_FAILURE_SKIPPED] = "skipped",
};
const int64_t ct_latency_bounds_ms[CT_LATENCY_BUCKETS] = {10, 50, 250, 1000, 2500, 10000};

struct ct_log {
    char *name;
    char *url;         /* without a slash at the end */
    char *host_header; /* "Host: …", or NULL */
    char *tls_ca;
    EVP_PKEY *key;
    int64_t not_after_start, not_after_limit, timeout_ms;
    bool allow_http;
    struct fetch_pool *pool;
    struct jlog *jlog;
    pthread_mutex_t lock; /* guards what follows */
    struct breaker breaker;
    struct ct_log_stats stats;
};

struct attempt { /* of one submission; handed from one try to the next */
    struct ct_log *log;
    struct ct_evidence *ev;
    ct_log_done_fn done;
    void *arg;
    unsigned tries;
    int64_t started_ms;
};

static char *copy_url(const char *url)
{
    size_t len = strlen(url);
    while (len > 0 && url[len - 1] == '/')
        len--;
    return strndup(url, len);
}

static int read_key(struct ct_log *l, const char *path, struct err *e)
{
    struct buf text = {0};
    int rc = file_read(path, KEY_FILE_MAX, &text, e);
    if (rc == 0 && (l->key = digsig_key_parse(text.data, text.len, e)) == NULL)
        rc = err_wrap(e, "public key '%s'", path);
    buf_free(&text);
    return rc;
}

/* Curl would find an unusable file only when it connects. */
static int read_tls_ca(struct ct_log *l, const char *path, struct err *e)
{
    struct buf text = {0};
    int rc = file_read(path, TLS_CA_MAX, &text, e);
    const char *pem = rc == 0 ? buf_str(&text) : NULL;
    BIO *bio = pem != NULL ? BIO_new_mem_buf(pem, (int)text.len) : NULL;
    X509 *first = bio != NULL ? PEM_read_bio_X509(bio, NULL, pem_no_password, NULL) : NULL;
    if (rc == 0 && first == NULL)
        rc = err_openssl(e, "'%s' holds no PEM certificate", path);
    l->tls_ca = first != NULL ? strdup(pem) : NULL;
    if (rc == 0 && l->tls_ca == NULL)
        rc = err_set(e, "out of memory");
    X509_free(first);
    BIO_free(bio);
    buf_free(&text);
    return rc;
}

static int fill(struct ct_log *l, const struct ct_log_options *o, struct err *e)
{
    l->name = strdup(o->name);
    l->url = copy_url(o->url);
    if (l->name == NULL || l->url == NULL ||
        (o->host != NULL && asprintf(&l->host_header, "Host: %s", o->host) < 0)) {
        l->host_header = NULL; /* undefined after a failed asprintf */
        return err_set(e, "out of memory");
    }
    if (read_key(l, o->public_key_file, e) != 0)
        return -1;
    return o->tls_ca_file != NULL ? read_tls_ca(l, o->tls_ca_file, e) : 0;
}

struct ct_log *ct_log_new(const struct ct_log_options *o, struct fetch_pool *pool,
                          struct jlog *jlog, struct err *e)
{
    struct ct_log *l = calloc(1, sizeof(*l));
    if (l == NULL) {
        err_set(e, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&l->lock, NULL);
    l->not_after_start = o->not_after_start;
    l->not_after_limit = o->not_after_limit;
    l->timeout_ms = o->timeout_ms > 0 ? o->timeout_ms : TIMEOUT_MS;
    l->allow_http = o->allow_http;
    l->pool = pool;
    l->jlog = jlog;
    if (fill(l, o, e) != 0) {
        ct_log_free(l);
        err_wrap(e, "log '%s'", o->name);
        return NULL;
    }
    return l;
}

void ct_log_free(struct ct_log *l)
{
    if (l == NULL)
        return;
    EVP_PKEY_free(l->key);
    free(l->name);
    free(l->url);
    free(l->host_header);
    free(l->tls_ca);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

const char *ct_log_name(const struct ct_log *l)
{
    return l->name;
}

bool ct_log_same_key(const struct ct_log *a, const struct ct_log *b)
{
    return EVP_PKEY_eq(a->key, b->key) == 1;
}

bool ct_log_has_id(const struct ct_log *l, const unsigned char id[32])
{
    unsigned char mine[DIGSIG_LOG_ID];
    return digsig_log_id(l->key, mine, NULL) == 0 && memcmp(mine, id, sizeof(mine)) == 0;
}

bool ct_log_takes(const struct ct_log *l, int64_t not_after)
{
    return (l->not_after_start == 0 || not_after >= l->not_after_start) &&
           (l->not_after_limit == 0 || not_after < l->not_after_limit);
}

void ct_log_stats(struct ct_log *l, struct ct_log_stats *out)
{
    pthread_mutex_lock(&l->lock);
    *out = l->stats;
    out->breaker = (unsigned)l->breaker.state;
    pthread_mutex_unlock(&l->lock);
}

static void attempt_end(struct attempt *a, const struct buf *sct, struct err *e)
{
    if (sct == NULL)
        err_wrap(e, "%s", a->log->name);
    a->done(a->arg, sct, e);
    ct_evidence_unref(a->ev);
    free(a);
}

static void on_answer(void *arg, int rc, struct fetch_response *resp, const struct err *why);

/* Hands one request to the pool, `delay_ms` from now. */
static int ask(struct attempt *a, int64_t delay_ms, struct err *e)
{
    const struct ct_log *l = a->log;
    int64_t now = clock_mono_ms();
    int64_t left = a->ev->deadline_ms - now - delay_ms;
    if (left <= 0)
        return err_set(e, "no time is left to ask again");
    const char *headers[] = {"Content-Type: application/json", "Accept: application/json",
                             l->host_header, NULL};
    struct buf url = {0};
    buf_printf(&url, "%s%s", l->url, a->ev->path);
    const struct fetch_request req = {.url = buf_str(&url),
                                      .post_body = (const char *)a->ev->body.data,
                                      .post_len = a->ev->body.len,
                                      .headers = headers,
                                      .ca_pem = l->tls_ca,
                                      .ca_only = l->tls_ca != NULL,
                                      .allow_http = l->allow_http,
                                      .timeout_ms = left < l->timeout_ms ? left : l->timeout_ms,
                                      .max_bytes = CT_ANSWER_MAX,
                                      .delay_ms = delay_ms};
    a->tries++;
    a->started_ms = now + delay_ms;
    int rc = req.url != NULL ? fetch_pool_start(l->pool, &req, on_answer, a, e)
                             : err_set(e, "out of memory");
    buf_free(&url);
    return rc;
}

struct verdict {
    int failure; /* enum ct_failure; -1: none */
    bool again;  /* asking again may help */
    bool fault;  /* of the log itself, for its breaker */
};

/* RFC 6962 names no statuses; these are what logs and their proxies use. */
static struct verdict judge_status(const struct ct_log *l, const struct fetch_response *r,
                                   struct err *e)
{
    bool busy = r->status == 408 || r->status == 429 || r->status >= 500;
    err_set(e, "%s answers HTTP %ld: %.*s", l->url, r->status,
            (int)(r->body.len < 120 ? r->body.len : 120),
            r->body.len > 0 ? (const char *)r->body.data : "");
    return (struct verdict){busy ? CT_FAILURE_BUSY : CT_FAILURE_REFUSED, busy, busy};
}

static struct verdict judge(const struct attempt *a, int rc, const struct fetch_response *r,
                            struct buf *sct, struct err *e)
{
    struct sct parsed;
    if (rc != 0 && r->timed_out)
        return (struct verdict){CT_FAILURE_TIMEOUT, true, true};
    if (rc != 0 && r->limit_broken)
        return (struct verdict){r->status >= 300 && r->status < 400 ? CT_FAILURE_REFUSED
                                                                    : CT_FAILURE_ANSWER,
                                false, true};
    if (rc != 0)
        return (struct verdict){CT_FAILURE_NETWORK, true, true};
    if (r->status != 200)
        return judge_status(a->log, r, e);
    if (ct_answer_parse(r->body.data, r->body.len, sct, e) != 0 ||
        sct_parse(sct->data, sct->len, &parsed, e) != 0)
        return (struct verdict){CT_FAILURE_ANSWER, false, true};
    if (sct_verify(&parsed, &a->ev->entry, a->log->key, clock_wall_ms(), SKEW_MS, e) != 0)
        return (struct verdict){CT_FAILURE_SIGNATURE, false, true};
    return (struct verdict){-1, false, false};
}

/* Books the outcome; true when the breaker changed its state. *open: it is open now. */
static bool settle(struct ct_log *l, const struct attempt *a, const struct verdict *v,
                   int64_t pause_ms, bool *open)
{
    int64_t now = clock_mono_ms();
    int64_t took = now - a->started_ms;
    size_t b = 0;
    bool changed = false;
    while (b < CT_LATENCY_BUCKETS && took > ct_latency_bounds_ms[b])
        b++;
    pthread_mutex_lock(&l->lock);
    l->stats.attempts++;
    l->stats.latency[b]++;
    l->stats.latency_ms += took > 0 ? (unsigned long long)took : 0;
    if (v->failure >= 0)
        l->stats.failures[v->failure]++;
    if (v->failure < 0)
        changed = breaker_success(&l->breaker);
    else if (pause_ms > 0)
        changed = breaker_pause(&l->breaker, now, pause_ms);
    else if (v->fault)
        changed = breaker_failure(&l->breaker, now);
    else
        breaker_abandon(&l->breaker);
    *open = l->breaker.state == BREAKER_OPEN;
    pthread_mutex_unlock(&l->lock);
    return changed;
}

static void report(const struct ct_log *l, const struct verdict *v, bool changed,
                   const struct err *e)
{
    if (v->failure < 0 && changed)
        jlog(l->jlog, JLOG_INFO, "log answers again", JLOG_STR("log", l->name), JLOG_END);
    if (v->failure < 0)
        return;
    jlog(l->jlog, changed ? JLOG_ERROR : JLOG_WARN,
         changed ? "log failed and is left alone for a while" : "log failed",
         JLOG_STR("log", l->name), JLOG_STR("reason", ct_failure_names[v->failure]),
         JLOG_STR("detail", e->text), JLOG_END);
}

/* How long to wait before asking again; -1: do not. */
static int64_t next_delay(const struct attempt *a, const struct verdict *v, int64_t retry_after_ms)
{
    uint32_t random = 0;
    if (!v->again || a->tries >= RETRY_ATTEMPTS_MAX || atomic_load(&a->ev->abandoned))
        return -1;
    (void)RAND_bytes((unsigned char *)&random, sizeof(random)); /* jitter only */
    int64_t delay = retry_delay_ms(a->tries, random);
    if (retry_after_ms > delay)
        delay = retry_after_ms;
    return clock_mono_ms() + delay < a->ev->deadline_ms ? delay : -1;
}

static void on_answer(void *arg, int rc, struct fetch_response *resp, const struct err *why)
{
    struct attempt *a = arg;
    struct ct_log *l = a->log;
    struct err e = *why;
    struct buf sct = {0};
    struct verdict v = judge(a, rc, resp, &sct, &e);
    int64_t retry_after_ms =
        v.failure == CT_FAILURE_BUSY && resp->retry_after_s > 0 ? resp->retry_after_s * 1000 : 0;
    int64_t delay = next_delay(a, &v, retry_after_ms);
    /* A pause that this request cannot sit out is for those that come after it as well. */
    bool open = false;
    bool changed = settle(l, a, &v, delay < 0 ? retry_after_ms : 0, &open);
    report(l, &v, changed, &e);
    struct err asking = {0};
    if (delay < 0 || open || ask(a, delay, &asking) != 0)
        attempt_end(a, v.failure < 0 ? &sct : NULL, &e);
    buf_free(&sct);
}

int ct_log_submit(struct ct_log *l, struct ct_evidence *ev, ct_log_done_fn done, void *arg,
                  struct err *e)
{
    pthread_mutex_lock(&l->lock);
    l->stats.submissions++;
    bool admitted = breaker_admit(&l->breaker, clock_mono_ms());
    if (!admitted)
        l->stats.failures[CT_FAILURE_SKIPPED]++;
    pthread_mutex_unlock(&l->lock);
    if (!admitted)
        return err_set(e, "%s: not asked, it failed too often lately", l->name);
    struct attempt *a = calloc(1, sizeof(*a));
    if (a != NULL) {
        *a = (struct attempt){.log = l, .ev = ct_evidence_ref(ev), .done = done, .arg = arg};
        if (ask(a, 0, e) == 0)
            return 0;
        ct_evidence_unref(a->ev);
        free(a);
    } else {
        err_set(e, "out of memory");
    }
    pthread_mutex_lock(&l->lock);
    breaker_abandon(&l->breaker);
    pthread_mutex_unlock(&l->lock);
    return err_wrap(e, "%s", l->name);
}
