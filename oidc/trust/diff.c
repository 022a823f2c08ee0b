#include "oidc/trust/diff.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "oidc/principal/provider.h"
#include "oidc/trust/rules.h"

const char *oidc_change_word(enum oidc_change c)
{
    static const char *const words[] = {
        [ISSUER_ADDED] = "added", [ISSUER_REMOVED] = "removed", [ISSUER_ALTERED] = "altered"};
    return words[c];
}

const char *oidc_effect_word(enum oidc_effect f)
{
    static const char *const words[] = {[EFFECT_LETS_IN] = "lets in",
                                        [EFFECT_SHUTS_OUT] = "shuts out",
                                        [EFFECT_BOTH] = "lets in and shuts out",
                                        [EFFECT_OTHER] = "changes"};
    return words[f];
}

struct talk {
    oidc_trust_diff_fn say;
    void *arg;
    enum oidc_change change;
    const struct oidc_issuer *issuer;
    struct tm_buf words;
    int count;
    bool failed;
};

static void tell(struct talk *t, enum oidc_effect effect)
{
    const struct oidc_trust_change c = {t->change, effect, t->issuer, tm_buf_str(&t->words)};
    t->failed = t->failed || c.words == NULL;
    if (!t->failed)
        t->say(t->arg, &c);
    t->count++;
    tm_buf_reset(&t->words);
}

/* ---- one issuer ---- */

static void put_time(struct tm_buf *out, int64_t s)
{
    char text[21];
    tm_clock_format(s, text);
    tm_buf_puts(out, text);
}

void oidc_issuer_describe(const struct oidc_issuer *i, struct tm_buf *out)
{
    tm_buf_printf(out, "%stype %s, audience '%s'", i->disabled ? "disabled, " : "", i->type_name,
                  i->client_id);
    for (size_t k = 0; k < oidc_rules_count(i->allow); k++) {
        tm_buf_puts(out, k == 0 ? ", only if " : " and ");
        oidc_rules_put(i->allow, k, out);
    }
    if (i->not_before_s != 0) {
        tm_buf_puts(out, ", from ");
        put_time(out, i->not_before_s);
    }
    if (i->not_after_s != 0) {
        tm_buf_puts(out, ", until ");
        put_time(out, i->not_after_s);
    }
    if (i->lifetime_s != 0)
        tm_buf_printf(out, ", certificates of at most %lld s", (long long)i->lifetime_s);
    if (i->jwks_file != NULL)
        tm_buf_printf(out, ", keys from %s", i->jwks_file);
    tm_buf_puts(out, i->ca_cert != NULL ? ", a CA of its own (ca-cert)" : "");
    tm_buf_puts(out, i->allow_http ? ", its keys over http, too" : "");
    tm_buf_puts(out, i->trial ? ", on trial: gets none" : "");
}

/* An issuer that gets nothing lets nobody in by being there. */
static bool is_idle(const struct oidc_issuer *i)
{
    return i->disabled || i->trial;
}

/* ---- two of the same ---- */

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Keys that are text, and what another value means. A certificate's name that changes lets in one
 * identity and shuts out another; so do other keys, which whoever has them can sign with. */
static const struct {
    const char *key;
    size_t at;
    enum oidc_effect effect;
    bool is_long; /* not shown */
} texts[] = {
    {"client-id", offsetof(struct oidc_issuer, client_id), EFFECT_BOTH, false},
    {"type", offsetof(struct oidc_issuer, type_name), EFFECT_BOTH, false},
    {"subject-domain", offsetof(struct oidc_issuer, subject_domain), EFFECT_BOTH, false},
    {"spiffe-trust-domain", offsetof(struct oidc_issuer, spiffe_trust_domain), EFFECT_BOTH, false},
    {"issuer-claim", offsetof(struct oidc_issuer, issuer_claim), EFFECT_OTHER, false},
    {"challenge-claim", offsetof(struct oidc_issuer, challenge_claim), EFFECT_OTHER, false},
    {"jwks-file", offsetof(struct oidc_issuer, jwks_file), EFFECT_BOTH, false},
    {"ca-cert", offsetof(struct oidc_issuer, ca_cert), EFFECT_BOTH, true},
};

static void diff_texts(struct talk *t, const struct oidc_issuer *a, const struct oidc_issuer *b)
{
    for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
        const char *x = *(const char *const *)((const char *)a + texts[k].at);
        const char *y = *(const char *const *)((const char *)b + texts[k].at);
        if (same_text(x, y))
            continue;
        tm_buf_puts(&t->words, texts[k].key);
        if (!texts[k].is_long)
            tm_buf_printf(&t->words, ": %s%s%s instead of %s%s%s", y != NULL ? "'" : "",
                          y != NULL ? y : "none", y != NULL ? "'" : "", x != NULL ? "'" : "",
                          x != NULL ? x : "none", x != NULL ? "'" : "");
        tell(t, texts[k].effect);
    }
}

/* Switches, and what it means to set them; the reverse when it is taken back. */
static const struct {
    size_t at;
    const char *on, *off;
    enum oidc_effect set, unset;
} flags[] = {
    {offsetof(struct oidc_issuer, disabled), "disabled", "enabled again", EFFECT_SHUTS_OUT,
     EFFECT_LETS_IN},
    {offsetof(struct oidc_issuer, trial), "on trial: gets no certificates", "no longer on trial",
     EFFECT_SHUTS_OUT, EFFECT_LETS_IN},
    {offsetof(struct oidc_issuer, skip_email_verification),
     "addresses that the issuer has not verified", "no addresses that are not verified",
     EFFECT_LETS_IN, EFFECT_SHUTS_OUT},
    {offsetof(struct oidc_issuer, allow_http), "asked for its keys over http, too",
     "not asked for its keys over http", EFFECT_LETS_IN, EFFECT_SHUTS_OUT},
};

static void diff_flags(struct talk *t, const struct oidc_issuer *a, const struct oidc_issuer *b)
{
    for (size_t k = 0; k < sizeof(flags) / sizeof(flags[0]); k++) {
        bool x = *(const bool *)((const char *)a + flags[k].at);
        bool y = *(const bool *)((const char *)b + flags[k].at);
        if (x == y)
            continue;
        tm_buf_puts(&t->words, y ? flags[k].on : flags[k].off);
        tell(t, y ? flags[k].set : flags[k].unset);
    }
}

static void put_limit(struct tm_buf *out, const char *key, int64_t s, int64_t was)
{
    tm_buf_printf(out, "%s: ", key);
    if (s != 0)
        put_time(out, s);
    else
        tm_buf_puts(out, "none");
    tm_buf_puts(out, " instead of ");
    if (was != 0)
        put_time(out, was);
    else
        tm_buf_puts(out, "none");
}

static void diff_term(struct talk *t, const struct oidc_issuer *a, const struct oidc_issuer *b)
{
    if (a->not_before_s != b->not_before_s) {
        put_limit(&t->words, "not-before", b->not_before_s, a->not_before_s);
        tell(t, b->not_before_s > a->not_before_s ? EFFECT_SHUTS_OUT : EFFECT_LETS_IN);
    }
    if (a->not_after_s != b->not_after_s) {
        bool longer =
            b->not_after_s == 0 || (a->not_after_s != 0 && b->not_after_s > a->not_after_s);
        put_limit(&t->words, "not-after", b->not_after_s, a->not_after_s);
        tell(t, longer ? EFFECT_LETS_IN : EFFECT_SHUTS_OUT);
    }
    if (a->lifetime_s != b->lifetime_s) {
        tm_buf_printf(&t->words, "lifetime: %lld s instead of %lld s (0: the server's)",
                      (long long)b->lifetime_s, (long long)a->lifetime_s);
        tell(t, EFFECT_OTHER);
    }
}

/* Rules that `a` has and `b` has not. */
static void rules_gone(struct talk *t, const struct oidc_rules *a, const struct oidc_rules *b,
                       const char *what, enum oidc_effect effect)
{
    struct tm_buf rule = {0};
    for (size_t i = 0; i < oidc_rules_count(a); i++) {
        tm_buf_reset(&rule);
        oidc_rules_put(a, i, &rule);
        const char *words = tm_buf_str(&rule);
        if (words != NULL && oidc_rules_have(b, words))
            continue;
        t->failed = t->failed || words == NULL;
        tm_buf_printf(&t->words, "%s: %s", what, words != NULL ? words : "");
        tell(t, effect);
    }
    tm_buf_free(&rule);
}

static void diff_issuer(struct talk *t, const struct oidc_issuer *a, const struct oidc_issuer *b)
{
    diff_flags(t, a, b);
    diff_texts(t, a, b);
    if (a->provider != NULL && b->provider != NULL && strcmp(a->type_name, b->type_name) == 0 &&
        !oidc_provider_same(a->provider, b->provider)) {
        tm_buf_puts(&t->words, "the templates of its CI provider: names in certificates change");
        tell(t, EFFECT_BOTH);
    }
    diff_term(t, a, b);
    rules_gone(t, b->allow, a->allow, "asked for from now on", EFFECT_SHUTS_OUT);
    rules_gone(t, a->allow, b->allow, "no longer asked for", EFFECT_LETS_IN);
}

/* ---- two lists ---- */

/* And at which place it stands. */
static const struct oidc_issuer *find(const struct oidc_trust *t, const struct oidc_issuer *like,
                                      size_t *at)
{
    for (*at = 0; t != NULL && *at < oidc_trust_count(t); (*at)++) {
        const struct oidc_issuer *is = oidc_trust_at(t, *at);
        if (is->wildcard == like->wildcard && strcmp(is->url, like->url) == 0)
            return is;
    }
    return NULL;
}

/* Where each issuer of `after` stands in `before`; SIZE_MAX: it does not. Free it. */
static size_t *old_places(const struct oidc_trust *before, const struct oidc_trust *after)
{
    size_t *place = calloc(oidc_trust_count(after) + 1, sizeof(*place));
    for (size_t i = 0; place != NULL && i < oidc_trust_count(after); i++) {
        if (find(before, oidc_trust_at(after, i), &place[i]) == NULL)
            place[i] = SIZE_MAX;
    }
    return place;
}

/* The first wildcard that matches decides: one that has come before another takes its tokens. */
static void diff_order(struct talk *t, const struct oidc_trust *after, const size_t *was, size_t at)
{
    const char *first = NULL;
    size_t passed = 0;
    for (size_t k = at + 1; k < oidc_trust_count(after); k++) {
        if (was[k] >= was[at])
            continue;
        first = first != NULL ? first : oidc_trust_at(after, k)->url;
        passed++;
    }
    if (passed == 0)
        return;
    tm_buf_printf(&t->words, "asked before '%s'", first);
    if (passed > 1)
        tm_buf_printf(&t->words, " and %zu more", passed - 1);
    tm_buf_puts(&t->words, " from now on");
    tell(t, EFFECT_BOTH);
}

static void tell_whole(struct talk *t, enum oidc_change change, enum oidc_effect effect)
{
    t->change = change;
    oidc_issuer_describe(t->issuer, &t->words);
    tell(t, is_idle(t->issuer) ? EFFECT_OTHER : effect);
}

int oidc_trust_diff(const struct oidc_trust *before, const struct oidc_trust *after,
                    oidc_trust_diff_fn say, void *arg)
{
    struct talk t = {.say = say, .arg = arg};
    size_t at;
    for (size_t i = 0; before != NULL && i < oidc_trust_count(before); i++) {
        t.issuer = oidc_trust_at(before, i);
        if (find(after, t.issuer, &at) == NULL)
            tell_whole(&t, ISSUER_REMOVED, EFFECT_SHUTS_OUT);
    }
    size_t *was = old_places(before, after);
    t.failed = t.failed || was == NULL;
    for (size_t i = 0; !t.failed && i < oidc_trust_count(after); i++) {
        t.issuer = oidc_trust_at(after, i);
        if (was[i] == SIZE_MAX) {
            tell_whole(&t, ISSUER_ADDED, EFFECT_LETS_IN);
            continue;
        }
        t.change = ISSUER_ALTERED;
        diff_issuer(&t, oidc_trust_at(before, was[i]), t.issuer);
        if (t.issuer->wildcard)
            diff_order(&t, after, was, i);
    }
    free(was);
    tm_buf_free(&t.words);
    return t.failed ? -1 : t.count;
}
