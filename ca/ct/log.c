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

const char *const ca_ct_failure_names[CT_FAILURE_COUNT] = {
    [CT_FAILURE_NETWORK] = "network", [CT_FAILURE_TIMEOUT] = "timeout",
    [CT_FAILURE_BUSY] = "busy",       [CT_FAILURE_REFUSED] = "refused",
    [CT_FAILURE_ANSWER] = "answer",   [CT_FAILURE_SIGNATURE] = "signature",
    [CT_FAILURE_SKIPPED] = "skipped",
};
const int64_t ca_ct_latency_bounds_ms[CT_LATENCY_BUCKETS] = {10, 50, 250, 1000, 2500, 10000};

struct ca_ct_log {
    char *name;
    char *url;         /* without a slash at the end */
    char *host_header; /* "Host: …", or NULL */
    char *tls_ca;
    EVP_PKEY *key;
    int64_t not_after_start, not_after_limit, timeout_ms;
    bool allow_http;
    struct tm_fetch_pool *pool;
    struct tm_jlog *jlog;
    pthread_mutex_t lock; /* guards what follows */
    struct ca_breaker breaker;
    struct ca_ct_log_stats stats;
    bool heard;         /* it has answered, be it to a submission or to a probe */
    bool probing;       /* a probe is under way */
    int64_t heard_ms;   /* when it did last */
    int64_t probed_ms;  /* when it was last probed */
    struct tm_err deaf; /* why the last probe had no answer; "": it had */
};

struct attempt { /* of one submission; handed from one try to the next */
    struct ca_ct_log *log;
    struct ca_ct_evidence *ev;
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

static int read_key(struct ca_ct_log *l, const char *path, struct tm_err *e)
{
    struct tm_buf text = {0};
    int rc = tm_file_read_text(path, KEY_FILE_MAX, &text, e);
    if (rc == 0 && (l->key = tm_digsig_key_parse(text.data, text.len, e)) == NULL)
        rc = tm_err_wrap(e, "public key '%s'", path);
    tm_buf_free(&text);
    return rc;
}

/* Curl would find an unusable file only when it connects. */
static int read_tls_ca(struct ca_ct_log *l, const char *path, struct tm_err *e)
{
    struct tm_buf text = {0};
    int rc = tm_file_read_text(path, TLS_CA_MAX, &text, e);
    const char *pem = rc == 0 ? tm_buf_str(&text) : NULL;
    BIO *bio = pem != NULL ? BIO_new_mem_buf(pem, (int)text.len) : NULL;
    X509 *first = bio != NULL ? PEM_read_bio_X509(bio, NULL, tm_pem_no_password, NULL) : NULL;
    if (rc == 0 && first == NULL)
        rc = tm_err_openssl(e, "'%s' holds no PEM certificate", path);
    l->tls_ca = first != NULL ? strdup(pem) : NULL;
    if (rc == 0 && l->tls_ca == NULL)
        rc = tm_err_set(e, "out of memory");
    X509_free(first);
    BIO_free(bio);
    tm_buf_free(&text);
    return rc;
}

static int fill(struct ca_ct_log *l, const struct ca_ct_log_options *o, struct tm_err *e)
{
    l->name = strdup(o->name);
    l->url = copy_url(o->url);
    if (l->name == NULL || l->url == NULL ||
        (o->host != NULL && asprintf(&l->host_header, "Host: %s", o->host) < 0)) {
        l->host_header = NULL; /* undefined after a failed asprintf */
        return tm_err_set(e, "out of memory");
    }
    if (read_key(l, o->public_key_file, e) != 0)
        return -1;
    return o->tls_ca_file != NULL ? read_tls_ca(l, o->tls_ca_file, e) : 0;
}

struct ca_ct_log *ca_ct_log_new(const struct ca_ct_log_options *o, struct tm_fetch_pool *pool,
                                struct tm_jlog *jlog, struct tm_err *e)
{
    struct ca_ct_log *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return tm_err_null(e, "out of memory");
    pthread_mutex_init(&l->lock, NULL);
    l->not_after_start = o->not_after_start;
    l->not_after_limit = o->not_after_limit;
    l->timeout_ms = o->timeout_ms > 0 ? o->timeout_ms : TIMEOUT_MS;
    l->allow_http = o->allow_http;
    l->pool = pool;
    l->jlog = jlog;
    if (fill(l, o, e) != 0) {
        ca_ct_log_free(l);
        tm_err_wrap(e, "log '%s'", o->name);
        return NULL;
    }
    return l;
}

void ca_ct_log_free(struct ca_ct_log *l)
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

const char *ca_ct_log_name(const struct ca_ct_log *l)
{
    return l->name;
}

bool ca_ct_log_same_key(const struct ca_ct_log *a, const struct ca_ct_log *b)
{
    return EVP_PKEY_eq(a->key, b->key) == 1;
}

bool ca_ct_log_has_id(const struct ca_ct_log *l, const unsigned char id[32])
{
    unsigned char mine[DIGSIG_LOG_ID];
    return tm_digsig_log_id(l->key, mine, NULL) == 0 && memcmp(mine, id, sizeof(mine)) == 0;
}

bool ca_ct_log_takes(const struct ca_ct_log *l, int64_t not_after)
{
    return (l->not_after_start == 0 || not_after >= l->not_after_start) &&
           (l->not_after_limit == 0 || not_after < l->not_after_limit);
}

void ca_ct_log_stats(struct ca_ct_log *l, struct ca_ct_log_stats *out)
{
    pthread_mutex_lock(&l->lock);
    *out = l->stats;
    out->breaker = (unsigned)l->breaker.state;
    pthread_mutex_unlock(&l->lock);
}

static void attempt_end(struct attempt *a, const struct tm_buf *sct, struct tm_err *e)
{
    if (sct == NULL)
        tm_err_wrap(e, "%s", a->log->name);
    a->done(a->arg, sct, e);
    ca_ct_evidence_unref(a->ev);
    free(a);
}

static void on_answer(void *arg, int rc, struct tm_fetch_response *resp, const struct tm_err *why);

/* Hands one request to the pool, `delay_ms` from now. */
static int ask(struct attempt *a, int64_t delay_ms, struct tm_err *e)
{
    const struct ca_ct_log *l = a->log;
    int64_t now = tm_clock_mono_ms();
    int64_t left = a->ev->deadline_ms - now - delay_ms;
    if (left <= 0)
        return tm_err_set(e, "no time is left to ask again");
    const char *headers[] = {"Content-Type: application/json", "Accept: application/json",
                             l->host_header, NULL};
    struct tm_buf url = {0};
    tm_buf_printf(&url, "%s%s", l->url, a->ev->path);
    const struct tm_fetch_request req = {.url = tm_buf_str(&url),
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
    int rc = req.url != NULL ? tm_fetch_pool_start(l->pool, &req, on_answer, a, e)
                             : tm_err_set(e, "out of memory");
    tm_buf_free(&url);
    return rc;
}

struct verdict {
    int failure; /* enum ca_ct_failure; -1: none */
    bool again;  /* asking again may help */
    bool fault;  /* of the log itself, for its breaker */
};

/* RFC 6962 names no statuses; these are what logs and their proxies use. */
static struct verdict judge_status(const struct ca_ct_log *l, const struct tm_fetch_response *r,
                                   struct tm_err *e)
{
    bool busy = r->status == 408 || r->status == 429 || r->status >= 500;
    tm_err_set(e, "%s answers HTTP %ld: %.*s", l->url, r->status,
               (int)(r->body.len < 120 ? r->body.len : 120),
               r->body.len > 0 ? (const char *)r->body.data : "");
    return (struct verdict){busy ? CT_FAILURE_BUSY : CT_FAILURE_REFUSED, busy, busy};
}

static struct verdict judge(const struct attempt *a, int rc, const struct tm_fetch_response *r,
                            struct tm_buf *sct, struct tm_err *e)
{
    struct tm_sct parsed;
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
    if (ca_ct_answer_parse(r->body.data, r->body.len, sct, e) != 0 ||
        tm_sct_parse(sct->data, sct->len, &parsed, e) != 0)
        return (struct verdict){CT_FAILURE_ANSWER, false, true};
    if (tm_sct_verify(&parsed, &a->ev->entry, a->log->key, tm_clock_wall_ms(), SKEW_MS, e) != 0)
        return (struct verdict){CT_FAILURE_SIGNATURE, false, true};
    return (struct verdict){-1, false, false};
}

/* With the lock held. */
static void heard(struct ca_ct_log *l, int64_t now)
{
    l->heard = true;
    l->heard_ms = now;
    l->deaf.text[0] = '\0';
}

/* Books the outcome; true when the breaker changed its state. *open: it is open now. */
static bool settle(struct ca_ct_log *l, const struct attempt *a, const struct verdict *v,
                   int64_t pause_ms, bool *open)
{
    int64_t now = tm_clock_mono_ms();
    int64_t took = now - a->started_ms;
    size_t b = 0;
    bool changed = false;
    while (b < CT_LATENCY_BUCKETS && took > ca_ct_latency_bounds_ms[b])
        b++;
    pthread_mutex_lock(&l->lock);
    l->stats.attempts++;
    l->stats.latency[b]++;
    l->stats.latency_ms += took > 0 ? (unsigned long long)took : 0;
    if (v->failure >= 0)
        l->stats.failures[v->failure]++;
    if (v->failure < 0) {
        heard(l, now);
        changed = ca_breaker_success(&l->breaker);
    } else if (pause_ms > 0)
        changed = ca_breaker_pause(&l->breaker, now, pause_ms);
    else if (v->fault)
        changed = ca_breaker_failure(&l->breaker, now);
    else
        ca_breaker_abandon(&l->breaker);
    *open = l->breaker.state == BREAKER_OPEN;
    pthread_mutex_unlock(&l->lock);
    return changed;
}

static void report(const struct ca_ct_log *l, const struct verdict *v, bool changed,
                   const struct tm_err *e)
{
    if (v->failure < 0 && changed)
        jlog(l->jlog, JLOG_INFO, "log answers again", JLOG_STR("log", l->name), JLOG_END);
    if (v->failure < 0)
        return;
    jlog(l->jlog, changed ? JLOG_ERROR : JLOG_WARN,
         changed ? "log failed and is left alone for a while" : "log failed",
         JLOG_STR("log", l->name), JLOG_STR("reason", ca_ct_failure_names[v->failure]),
         JLOG_STR("detail", e->text), JLOG_END);
}

/* How long to wait before asking again; -1: do not. */
static int64_t next_delay(const struct attempt *a, const struct verdict *v, int64_t retry_after_ms)
{
    uint32_t random = 0;
    if (!v->again || a->tries >= RETRY_ATTEMPTS_MAX || atomic_load(&a->ev->abandoned))
        return -1;
    (void)RAND_bytes((unsigned char *)&random, sizeof(random)); /* jitter only */
    int64_t delay = ca_retry_delay_ms(a->tries, random);
    if (retry_after_ms > delay)
        delay = retry_after_ms;
    return tm_clock_mono_ms() + delay < a->ev->deadline_ms ? delay : -1;
}

static void on_answer(void *arg, int rc, struct tm_fetch_response *resp, const struct tm_err *why)
{
    struct attempt *a = arg;
    struct ca_ct_log *l = a->log;
    struct tm_err e = *why;
    struct tm_buf sct = {0};
    struct verdict v = judge(a, rc, resp, &sct, &e);
    int64_t retry_after_ms =
        v.failure == CT_FAILURE_BUSY && resp->retry_after_s > 0 ? resp->retry_after_s * 1000 : 0;
    int64_t delay = next_delay(a, &v, retry_after_ms);
    /* A pause that this request cannot sit out is for those that come after it as well. */
    bool open = false;
    bool changed = settle(l, a, &v, delay < 0 ? retry_after_ms : 0, &open);
    report(l, &v, changed, &e);
    struct tm_err asking = {0};
    if (delay < 0 || open || ask(a, delay, &asking) != 0)
        attempt_end(a, v.failure < 0 ? &sct : NULL, &e);
    tm_buf_free(&sct);
}

int ca_ct_log_submit(struct ca_ct_log *l, struct ca_ct_evidence *ev, ct_log_done_fn done, void *arg,
                     struct tm_err *e)
{
    pthread_mutex_lock(&l->lock);
    l->stats.submissions++;
    bool admitted = ca_breaker_admit(&l->breaker, tm_clock_mono_ms());
    if (!admitted)
        l->stats.failures[CT_FAILURE_SKIPPED]++;
    pthread_mutex_unlock(&l->lock);
    if (!admitted)
        return tm_err_set(e, "%s: not asked, it failed too often lately", l->name);
    struct attempt *a = calloc(1, sizeof(*a));
    if (a != NULL) {
        *a = (struct attempt){.log = l, .ev = ca_ct_evidence_ref(ev), .done = done, .arg = arg};
        if (ask(a, 0, e) == 0)
            return 0;
        ca_ct_evidence_unref(a->ev);
        free(a);
    } else {
        tm_err_set(e, "out of memory");
    }
    pthread_mutex_lock(&l->lock);
    ca_breaker_abandon(&l->breaker);
    pthread_mutex_unlock(&l->lock);
    return tm_err_wrap(e, "%s", l->name);
}

static void on_probe(void *arg, int rc, struct tm_fetch_response *resp, const struct tm_err *why)
{
    struct ca_ct_log *l = arg;
    /* Roots too many to be read, and a proxy that lets nothing but submissions through, are
     * answers; a 5xx is not. */
    bool answers = resp->status > 0 && resp->status < 500 && (rc == 0 || resp->limit_broken);
    pthread_mutex_lock(&l->lock);
    l->probing = false;
    if (answers)
        heard(l, tm_clock_mono_ms());
    else if (rc == 0)
        tm_err_set(&l->deaf, "%s answers HTTP %ld", l->url, resp->status);
    else
        l->deaf = *why;
    if (!answers && l->deaf.text[0] == '\0')
        tm_err_set(&l->deaf, "%s does not answer", l->url);
    pthread_mutex_unlock(&l->lock);
}

static void probe(struct ca_ct_log *l)
{
    struct tm_err e = {0};
    const char *headers[] = {"Accept: application/json", l->host_header, NULL};
    struct tm_buf url = {0};
    tm_buf_printf(&url, "%s/ct/v1/get-roots", l->url);
    const struct tm_fetch_request req = {.url = tm_buf_str(&url),
                                         .headers = headers,
                                         .ca_pem = l->tls_ca,
                                         .ca_only = l->tls_ca != NULL,
                                         .allow_http = l->allow_http,
                                         .timeout_ms = l->timeout_ms,
                                         .max_bytes = CT_ANSWER_MAX};
    if (req.url == NULL || tm_fetch_pool_start(l->pool, &req, on_probe, l, &e) != 0) {
        pthread_mutex_lock(&l->lock);
        l->probing = false;
        pthread_mutex_unlock(&l->lock);
    }
    tm_buf_free(&url);
}

int ca_ct_log_ready(struct ca_ct_log *l, struct tm_err *e)
{
    int64_t now = tm_clock_mono_ms();
    int rc = 0;
    pthread_mutex_lock(&l->lock);
    bool well = l->heard && l->deaf.text[0] == '\0';
    bool due = well ? now - l->heard_ms >= CA_CT_PROBE_MS
                    : l->probed_ms == 0 || now - l->probed_ms >= CA_CT_PROBE_AGAIN_MS;
    due = due && !l->probing;
    if (due) {
        l->probing = true;
        l->probed_ms = now;
    }
    if (l->deaf.text[0] != '\0')
        rc = tm_err_set(e, "%s: %s", l->name, l->deaf.text);
    else if (!l->heard)
        rc = tm_err_set(e, "%s: it has not answered yet", l->name);
    else if (l->breaker.state == BREAKER_OPEN && now < l->breaker.until_ms)
        rc = tm_err_set(e, "%s: not asked, it failed too often lately", l->name);
    pthread_mutex_unlock(&l->lock);
    if (due)
        probe(l);
    return rc;
}
