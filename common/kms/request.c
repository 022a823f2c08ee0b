/* One request to a service, and what its answer means. */
#include <string.h>

#include "common/clock.h"
#include "common/fetch/again.h"
#include "common/kms/internal.h"
#include "common/thread.h"

void tm_kms_header(struct tm_kms_request *r, const char *name, const char *value)
{
    if (r->headers == KMS_HEADERS_MAX) {
        r->url.failed = true;
        return;
    }
    struct tm_buf *h = &r->header[r->headers++];
    tm_buf_puts(h, name);
    tm_buf_puts(h, ": ");
    tm_buf_puts(h, value);
}

void tm_kms_bearer(struct tm_kms_request *r, const struct tm_kms_login *l)
{
    struct tm_buf value = {0};
    tm_buf_puts(&value, "Bearer ");
    tm_buf_append(&value, l->token.data, l->token.len);
    tm_kms_header(r, "Authorization", tm_buf_str(&value) != NULL ? tm_buf_str(&value) : "");
    tm_buf_free_secret(&value);
}

int tm_kms_request_check(const struct tm_kms_request *r, struct tm_err *e)
{
    bool failed = buf_failed(&r->url) || buf_failed(&r->body);
    for (size_t i = 0; i < r->headers; i++) {
        const struct tm_buf *h = &r->header[i];
        failed = failed || buf_failed(h);
        if (!failed &&
            (memchr(h->data, '\n', h->len) != NULL || memchr(h->data, '\r', h->len) != NULL))
            return tm_err_set(e, "a credential holds a line's end");
    }
    return failed ? tm_err_set(e, "out of memory") : 0;
}

void tm_kms_request_free(struct tm_kms_request *r)
{
    tm_buf_free(&r->url);
    tm_buf_free_secret(&r->body);
    for (size_t i = 0; i < r->headers; i++)
        tm_buf_free_secret(&r->header[i]);
    *r = (struct tm_kms_request){0};
}

void tm_kms_fetch_form(const struct tm_kms *k, const struct tm_kms_request *r,
                       struct tm_fetch_request *out, const char *list[KMS_HEADERS_MAX + 1])
{
    for (size_t i = 0; i < r->headers; i++)
        list[i] = tm_buf_str((struct tm_buf *)&r->header[i]);
    list[r->headers] = NULL;
    bool body = r->post || r->put;
    *out = (struct tm_fetch_request){
        .url = tm_buf_str((struct tm_buf *)&r->url),
        .post_body = body ? tm_buf_str((struct tm_buf *)&r->body) : NULL,
        .post_len = body ? r->body.len : 0,
        .put = r->put,
        .headers = list,
        .ca_pem = k->ca_pem,
        .allow_http = r->metadata,
        .no_proxy = r->direct,
        .timeout_ms = KMS_TRY_MS,
        .max_bytes = KMS_ANSWER_MAX,
    };
    if (r->sigv4[0] != '\0') {
        out->aws_sigv4 = r->sigv4;
        out->user = tm_buf_str((struct tm_buf *)&r->signer->id);
        out->password = tm_buf_str((struct tm_buf *)&r->signer->secret);
    }
}

static const struct tm_kms_fault *find_fault(const struct tm_kms_fault *rows, long status,
                                             const char *code)
{
    for (; rows->status != 0 || rows->code != NULL; rows++) {
        if ((rows->status == 0 || rows->status == status) &&
            (rows->code == NULL || strcmp(rows->code, code) == 0))
            return rows;
    }
    return NULL;
}

enum tm_kms_verdict tm_kms_judge(const struct tm_kms *k, int rc, const struct tm_fetch_response *r,
                                 struct tm_err *e)
{
    char code[64] = "";
    char words[200] = "";
    if (rc != 0) { /* `e` says what curl says */
        tm_err_mark(e, ERR_UNAVAILABLE);
        return r->lost || r->timed_out ? KMS_AGAIN : KMS_FAIL;
    }
    k->service->read_fault(&r->body, code, words);
    const struct tm_kms_fault *f = find_fault(k->service->faults, r->status, code);
    bool passes = r->status == 429 || r->status >= 500 || (f != NULL && f->verdict == KMS_AGAIN);
    tm_err_set(e, "it answers %ld%s%s%s%s%s%s", r->status, code[0] != '\0' ? " " : "", code,
               words[0] != '\0' ? ": " : "", words, f != NULL ? ": " : "",
               f != NULL ? f->remedy : "");
    if (passes)
        tm_err_mark(e, ERR_UNAVAILABLE);
    return passes ? KMS_AGAIN : f != NULL ? f->verdict : KMS_FAIL;
}

/* Waits before the next try. False: there is no time for one, or the key is to be freed. */
static bool may_try_again(struct tm_kms *k, int64_t pause_ms)
{
    int64_t at = tm_clock_mono_ms() + pause_ms;
    if (at >= k->until_ms)
        return false;
    pthread_mutex_lock(&k->lock);
    while (!k->stop && tm_cond_wait(&k->wake, &k->lock, at))
        ;
    bool may = !k->stop;
    pthread_mutex_unlock(&k->lock);
    return may;
}

/* As often as is sensible; returns the number of tries. *rc and `answer` are the last one's. */
static unsigned run_again(struct tm_kms *k, struct tm_fetch_request *q,
                          struct tm_fetch_response *answer, int *rc, struct tm_err *e)
{
    for (unsigned tried = 1;; tried++) {
        int64_t left = k->until_ms - tm_clock_mono_ms();
        q->timeout_ms = left < 1 ? 1 : left < KMS_TRY_MS ? (long)left : KMS_TRY_MS;
        *rc = tm_fetch_run(q, answer, e);
        if (!tm_fetch_may_pass(*rc, answer) || tried >= k->tries_max ||
            !may_try_again(k, tm_fetch_pause_ms(tried, answer->retry_after_s)))
            return tried;
        tm_fetch_response_free(answer);
    }
}

int tm_kms_run(struct tm_kms *k, const struct tm_kms_request *r, struct tm_buf *body,
               struct tm_err *e)
{
    const char *list[KMS_HEADERS_MAX + 1];
    struct tm_fetch_request q;
    struct tm_fetch_response answer;
    if (tm_kms_request_check(r, e) != 0)
        return -1;
    tm_kms_fetch_form(k, r, &q, list);
    int rc;
    unsigned tried = run_again(k, &q, &answer, &rc, e);
    if (rc == 0 && answer.status == 200)
        tm_buf_append(body, answer.body.data, answer.body.len);
    else
        rc = -1, (void)tm_kms_judge(k, answer.status != 0 ? 0 : -1, &answer, e);
    tm_fetch_response_free(&answer);
    if (rc != 0 && tried > 1)
        tm_err_wrap(e, "tried %u times", tried);
    if (rc != 0)
        return tm_err_wrap(e, "%s", q.url);
    return tm_buf_str(body) != NULL ? 0 : tm_err_set(e, "out of memory");
}
