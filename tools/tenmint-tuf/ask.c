#include "tools/tenmint-tuf/ask.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/fetch/again.h"
#include "tuf/manager/services/answers.h"

#define TRIES 2 /* a person waits, and can go on without the answer */

void answer_free(struct answer *r)
{
    tm_buf_free(&r->body);
}

__attribute__((format(printf, 3, 0))) static void tell(const struct ask *a, const struct answer *r,
                                                       const char *fmt, va_list ap)
{
    char text[ERR_TEXT_MAX];
    vsnprintf(text, sizeof(text), fmt, ap);
    if (r != NULL)
        talk_asked(a->talk, r->request, r->status, text);
    else
        talk_note(a->talk, text);
}

void ask_found(const struct ask *a, const struct answer *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    tell(a, r, fmt, ap);
    va_end(ap);
}

void ask_note(const struct ask *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    tell(a, NULL, fmt, ap);
    va_end(ap);
}

/* What the status means: 1, 0 or -1 as ask_one. */
static int judge(const struct tm_fetch_response *got, const struct answer *r, struct tm_err *e)
{
    bool done = got->status == 200 || got->status == 201;
    if (!done && (got->status < 400 || got->status == 429 || got->status >= 500)) {
        tm_err_set(e, "'%s' answers with status %ld", r->request, got->status);
        return tm_err_mark(e, ERR_UNAVAILABLE);
    }
    if (strncmp(got->content_type, "text/html", 9) == 0 && got->status != 404)
        return tm_err_set(e, "'%s' answers with a web page (status %ld): there is no such service",
                          r->request, got->status);
    return done;
}

int ask_one(struct ask *a, const char *base, const char *path, const char *type,
            const struct tm_buf *body, struct answer *r, struct tm_err *e)
{
    char header[80];
    const char *const headers[] = {header, NULL};
    const char *method = body != NULL ? "POST" : "GET";
    size_t len = strlen(base);
    while (len > 0 && base[len - 1] == '/')
        len--;
    *r = (struct answer){0};
    snprintf(header, sizeof(header), "Content-Type: %s", type);
    int n = snprintf(r->request, sizeof(r->request), "%s %.*s%s", method, (int)len, base, path);
    if (n < 0 || (size_t)n >= sizeof(r->request))
        return tm_err_set(e, "the address '%.100s' is too long", base);
    struct tm_fetch_request req = {.url = r->request + strlen(method) + 1,
                                   .headers = body != NULL ? headers : NULL,
                                   .post_body = body != NULL ? (const char *)body->data : NULL,
                                   .post_len = body != NULL ? body->len : 0,
                                   .ca_pem = a->ca_pem,
                                   .timeout_ms = a->timeout_ms,
                                   .tries = TRIES,
                                   .max_bytes = TUF_ANSWER_MAX};
    struct tm_fetch_response got = {0};
    int rc = tm_fetch_run_again(&req, &got, e);
    a->reached |= !got.unreached;
    rc = rc == 0 ? judge(&got, r, e) : -1;
    r->status = got.status;
    if (rc == 1) {
        r->body = got.body;
        got.body = (struct tm_buf){0};
    } else if (rc == 0) {
        ask_found(a, r, "status %ld", r->status);
    }
    tm_fetch_response_free(&got);
    return rc;
}

struct tuf_trusted_root *ask_probe(const struct ask *a, enum tuf_trust_list list, struct tm_err *e)
{
    const struct tuf_validity always = {.has_start = list == TRUST_TLOG || list == TRUST_CTLOG};
    struct tuf_trusted_root *r = tuf_trusted_root_new(e);
    int rc = r == NULL          ? -1
             : always.has_start ? tuf_trusted_root_add_log(r, list, a->url, a->material.data,
                                                           a->material.len, &always, e)
                                : tuf_trusted_root_add_authority(r, list, a->url, a->material.data,
                                                                 a->material.len, &always, e);
    if (rc == 0)
        return r;
    tuf_trusted_root_free(r);
    if (a->file != NULL)
        tm_err_wrap(e, "'%s'", a->file);
    return NULL;
}
