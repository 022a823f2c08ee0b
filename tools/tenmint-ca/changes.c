#include "tools/tenmint-ca/changes.h"

#include "oidc/trust/diff.h"

struct says {
    struct tm_jlog *log;
    unsigned count;
};

static void say_key(void *arg, const char *key, enum tm_yamlmap_change change)
{
    static const char *const words[] = {
        [YAMLMAP_CHANGED] = "changed", [YAMLMAP_ADDED] = "added", [YAMLMAP_REMOVED] = "removed"};
    struct says *s = arg;
    s->count++;
    jlog(s->log, JLOG_WARN, "configuration changed: it takes effect after a restart",
         JLOG_STR("key", key), JLOG_STR("change", words[change]), JLOG_END);
}

void changes_of_config(const char *path, const struct ca_config *loaded, struct tm_jlog *log)
{
    struct says s = {.log = log};
    struct ca_config now;
    struct tm_err e = {0};
    if (ca_config_load(path, &now, &e) != 0) {
        jlog(log, JLOG_ERROR, "the configuration file would be refused at the next start",
             JLOG_STR("detail", e.text), JLOG_END);
        return;
    }
    ca_config_diff(loaded, &now, say_key, &s);
    ca_config_free(&now);
    if (s.count == 0)
        jlog(log, JLOG_INFO, "configuration not changed", JLOG_END);
}

struct issuer_says {
    struct tm_jlog *log;
    const struct oidc_issuer *latest; /* who was spoken of */
    unsigned issuers[ISSUER_ALTERED + 1];
};

static void say_issuer(void *arg, const struct oidc_trust_change *c)
{
    static const char *const messages[] = {
        [ISSUER_ADDED] = "issuer trusted from the reload on",
        [ISSUER_REMOVED] = "issuer no longer trusted",
        [ISSUER_ALTERED] = "issuer altered by the reload",
    };
    struct issuer_says *s = arg;
    s->issuers[c->change] += s->latest != c->issuer;
    s->latest = c->issuer;
    jlog(s->log, JLOG_WARN, messages[c->change], JLOG_STR("issuer", c->issuer->url),
         JLOG_STR("effect", oidc_effect_word(c->effect)), JLOG_STR("detail", c->words), JLOG_END);
}

void changes_of_issuers(const struct oidc_trust *before, const struct oidc_trust *after,
                        struct tm_jlog *log)
{
    struct issuer_says s = {.log = log};
    if (oidc_trust_diff(before, after, say_issuer, &s) < 0)
        jlog(log, JLOG_ERROR, "issuers reloaded; out of memory for what changed", JLOG_END);
    jlog(log, JLOG_INFO, "issuers reloaded", JLOG_INT("issuers", oidc_trust_count(after)),
         JLOG_INT("added", s.issuers[ISSUER_ADDED]), JLOG_INT("removed", s.issuers[ISSUER_REMOVED]),
         JLOG_INT("altered", s.issuers[ISSUER_ALTERED]),
         JLOG_STR("digest_before", oidc_trust_digest(before)),
         JLOG_STR("digest", oidc_trust_digest(after)), JLOG_END);
}
