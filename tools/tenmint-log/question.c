#include "tools/tenmint-log/question.h"

#include <openssl/sha.h>
#include <string.h>

#include "tools/tenmint-log/print.h"

static int set_key(struct ca_filter *f, const char *path, struct tm_err *e)
{
    struct tm_buf der = {0};
    int rc = log_read_public_key(path, &der, e);
    if (rc == 0)
        SHA256(der.data, der.len, f->key_hash);
    f->has_key = rc == 0;
    tm_buf_free(&der);
    return rc == 0 ? 0 : tm_err_wrap(e, "--signer-key");
}

int log_question_read(struct log_question *q, struct tm_err *e)
{
    struct ca_filter *f = &q->filter;
    if (q->pattern != NULL && ca_filter_set_pattern(f, q->pattern, e) != 0)
        return -1;
    if (q->serial != NULL && ca_filter_set_serial(f, q->serial, e) != 0)
        return tm_err_wrap(e, "--serial");
    if (q->key != NULL && set_key(f, q->key, e) != 0)
        return -1;
    f->digest = q->digest.bytes;
    f->digest_len = q->digest.len;
    f->after_ms = (uint64_t)q->after.ms;
    f->before_ms = (uint64_t)q->before.ms;
    if (q->before.given && q->before.ms <= 0)
        return tm_err_set(e, "--before: that is too early");
    return ca_filter_check(f, e) == 0 ? log_range_check(&q->range_flags, &q->range, e) : -1;
}

void log_question_free(struct log_question *q)
{
    ca_filter_free(&q->filter);
}

int log_question_check(const struct log_question *q, const struct log_target *t, struct tm_err *e)
{
    if ((q->filter.digest_len > 0 || q->filter.has_key) && !ca_log_source_signatures(t->source))
        return tm_err_set(e,
                          "this is a log of certificates: --digest and --signer-key are for logs "
                          "of signatures");
    return 0;
}
