#include "ca/log/monitor/match.h"

#include <string.h>

#include "ca/log/monitor/signed.h"

static bool wants_certificate(const struct ca_filter *f)
{
    return f->identity != NULL || f->repository != NULL || f->issuer != NULL ||
           f->pattern != NULL || f->serial_digits > 0 || f->after_ms > 0 || f->before_ms > 0;
}

/* -1: what the filter asks for cannot be told. */
static int judge_signer(const struct ca_filter *f, const struct ca_signed_by *by,
                        enum ca_filter_result *out, struct tm_err *why)
{
    unsigned char hash[32];
    struct ca_certificate c;
    *out = FILTER_MISS;
    if (f->has_key && ca_signed_key_hash(by, hash) != 0)
        return tm_err_set(why, "the key of its certificate cannot be read");
    if (f->has_key && memcmp(hash, f->key_hash, sizeof(hash)) != 0)
        return 0;
    if (!wants_certificate(f)) {
        *out = FILTER_MATCH;
        return 0;
    }
    if (by->certificate.len == 0)
        return 0;
    if (ca_signed_certificate(by, &c, why) != 0)
        return -1;
    *out = ca_filter_judge(f, c.not_before > 0 ? (uint64_t)c.not_before * 1000 : 0, &c);
    return 0;
}

static bool digest_fits(const struct ca_filter *f, const struct ca_signed_entry *s)
{
    return f->digest_len == 0 || (s->digest.len == f->digest_len &&
                                  memcmp(s->digest.data, f->digest, f->digest_len) == 0);
}

static int judge_signed(const struct ca_filter *f, const struct ca_signed_entry *s,
                        enum ca_filter_result *out, struct tm_err *why)
{
    *out = FILTER_MISS;
    for (size_t i = 0; digest_fits(f, s) && i < s->by.count && *out != FILTER_MATCH; i++) {
        enum ca_filter_result r;
        if (judge_signer(f, &s->by.item[i], &r, why) != 0)
            return -1;
        *out = r > *out ? r : *out;
    }
    return 0;
}

static int judge_all(const struct ca_filter *f, size_t count, const struct tm_entry *n,
                     enum ca_filter_result *out, struct tm_err *why)
{
    struct ca_certificate c;
    struct ca_signed_entry s = {0};
    *out = FILTER_MISS;
    int rc = n->text != NULL ? ca_signed_entry_read(n->text, n->text_len, &s, why)
                             : ca_certificate_read(&n->logged, &c, why);
    for (size_t i = 0; rc == 0 && i < count && *out != FILTER_MATCH; i++) {
        enum ca_filter_result r = FILTER_MISS;
        if (n->text != NULL)
            rc = judge_signed(&f[i], &s, &r, why);
        else if (f[i].digest_len == 0 && !f[i].has_key)
            r = ca_filter_judge(&f[i], n->timestamp_ms, &c);
        *out = r > *out ? r : *out;
    }
    ca_signed_entry_free(&s);
    return rc;
}

int ca_filter_entry(const struct ca_filter *f, const struct tm_entry *n, enum ca_filter_result *out,
                    struct tm_err *why)
{
    return judge_all(f, 1, n, out, why);
}

int ca_identities_entry(const struct ca_identities *i, const struct tm_entry *n,
                        enum ca_filter_result *out, struct tm_err *why)
{
    return judge_all(i->filter, i->count, n, out, why);
}
