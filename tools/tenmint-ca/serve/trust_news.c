#include "tools/tenmint-ca/serve/trust_news.h"

#include <inttypes.h>

#include "common/clock.h"
#include "common/promtext.h"

#define DAY_S INT64_C(86400)

static const int64_t notices_s[] = {7 * DAY_S, DAY_S}; /* ahead of a change */

static void say(struct tm_jlog *log, const char *message, const struct oidc_issuer *is,
                const char *key, int64_t at_s)
{
    char when[21];
    tm_clock_format(at_s, when);
    jlog(log, JLOG_WARN, message, JLOG_STR("issuer", is->url), JLOG_STR("key", key),
         JLOG_STR("at", when), JLOG_END);
}

/* The two changes that an entry may have; a disabled one has none. */
typedef void (*change_fn)(void *arg, const struct oidc_issuer *is, const char *key, int64_t at_s);
static void each_change(const struct oidc_trust *trust, change_fn fn, void *arg)
{
    for (size_t i = 0; i < oidc_trust_count(trust); i++) {
        const struct oidc_issuer *is = oidc_trust_at(trust, i);
        if (!is->disabled && is->not_before_s != 0)
            fn(arg, is, "not-before", is->not_before_s);
        if (!is->disabled && is->not_after_s != 0)
            fn(arg, is, "not-after", is->not_after_s);
    }
}

struct span {
    int64_t since_s, now_s;
    struct tm_jlog *log;
    bool any;
};

static void say_ahead(void *arg, const struct oidc_issuer *is, const char *key, int64_t at_s)
{
    const struct span *s = arg;
    if (at_s > s->now_s)
        say(s->log, "trust in an issuer will change", is, key, at_s);
}

void trust_news_ahead(const struct oidc_trust *trust, int64_t now_s, struct tm_jlog *log)
{
    struct span s = {.now_s = now_s, .log = log};
    each_change(trust, say_ahead, &s);
}

static void say_since(void *arg, const struct oidc_issuer *is, const char *key, int64_t at_s)
{
    struct span *s = arg;
    if (at_s > s->since_s && at_s <= s->now_s) {
        s->any = true;
        say(s->log, "trust in an issuer has changed", is, key, at_s);
    }
    for (size_t i = 0; i < sizeof(notices_s) / sizeof(notices_s[0]); i++) {
        int64_t notice_s = at_s - notices_s[i];
        if (notice_s > s->since_s && notice_s <= s->now_s)
            say(s->log, "trust in an issuer will change", is, key, at_s);
    }
}

bool trust_news_since(const struct oidc_trust *trust, int64_t since_s, int64_t now_s,
                      struct tm_jlog *log)
{
    struct span s = {.since_s = since_s, .now_s = now_s, .log = log};
    each_change(trust, say_since, &s);
    return s.any;
}

static void put_change(void *out, const struct oidc_issuer *is, const char *key, int64_t at_s)
{
    tm_buf_puts(out, "tenmint_issuer_trust_change_timestamp_seconds{issuer=\"");
    tm_promtext_label(out, is->url);
    tm_buf_printf(out, "\",key=\"%s\"} %" PRId64 "\n", key, at_s);
}

void trust_news_metrics(const struct oidc_trust *trust, int64_t now_s, struct tm_buf *out)
{
    tm_promtext_head(out, "tenmint_issuer_trust_change_timestamp_seconds", "gauge",
                     "When trust in an entry of the issuer list begins (not-before) or ends "
                     "(not-after), Unix time.");
    each_change(trust, put_change, out);
    tm_promtext_head(out, "tenmint_issuer_open", "gauge",
                     "1: tokens by this entry of the issuer list get certificates; 0: it is "
                     "disabled, on trial, or not in force.");
    for (size_t i = 0; i < oidc_trust_count(trust); i++) {
        const struct oidc_issuer *is = oidc_trust_at(trust, i);
        tm_buf_puts(out, "tenmint_issuer_open{issuer=\"");
        tm_promtext_label(out, is->url);
        tm_buf_printf(out, "\"} %d\n", oidc_issuer_is_open(is, now_s));
    }
}
