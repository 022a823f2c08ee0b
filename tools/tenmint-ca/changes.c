#include "tools/tenmint-ca/changes.h"

#include <string.h>

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

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_issuer(const struct oidc_issuer *a, const struct oidc_issuer *b)
{
    return same_text(a->client_id, b->client_id) && same_text(a->type_name, b->type_name) &&
           same_text(a->issuer_claim, b->issuer_claim) &&
           same_text(a->subject_domain, b->subject_domain) &&
           same_text(a->spiffe_trust_domain, b->spiffe_trust_domain) &&
           same_text(a->challenge_claim, b->challenge_claim) && same_text(a->ca_cert, b->ca_cert) &&
           a->skip_email_verification == b->skip_email_verification &&
           a->allow_http == b->allow_http;
}

static const struct oidc_issuer *find(const struct oidc_trust *t, const struct oidc_issuer *like)
{
    for (size_t i = 0; i < oidc_trust_count(t); i++) {
        const struct oidc_issuer *is = oidc_trust_at(t, i);
        if (is->wildcard == like->wildcard && strcmp(is->url, like->url) == 0)
            return is;
    }
    return NULL;
}

static void say_issuer(struct tm_jlog *log, const char *message, const struct oidc_issuer *is)
{
    jlog(log, JLOG_WARN, message, JLOG_STR("issuer", is->url), JLOG_STR("type", is->type_name),
         JLOG_STR("audience", is->client_id), JLOG_END);
}

void changes_of_issuers(const struct oidc_trust *before, const struct oidc_trust *after,
                        struct tm_jlog *log)
{
    unsigned removed = 0;
    unsigned added = 0;
    unsigned altered = 0;
    for (size_t i = 0; i < oidc_trust_count(before); i++) {
        const struct oidc_issuer *is = oidc_trust_at(before, i);
        if (find(after, is) == NULL && ++removed > 0)
            say_issuer(log, "issuer no longer trusted", is);
    }
    for (size_t i = 0; i < oidc_trust_count(after); i++) {
        const struct oidc_issuer *is = oidc_trust_at(after, i);
        const struct oidc_issuer *was = find(before, is);
        if (was == NULL && ++added > 0)
            say_issuer(log, "issuer trusted from the reload on", is);
        else if (was != NULL && !same_issuer(was, is) && ++altered > 0)
            say_issuer(log, "issuer altered by the reload", is);
    }
    jlog(log, JLOG_INFO, "issuers reloaded", JLOG_INT("issuers", oidc_trust_count(after)),
         JLOG_INT("added", added), JLOG_INT("removed", removed), JLOG_INT("altered", altered),
         JLOG_STR("digest_before", oidc_trust_digest(before)),
         JLOG_STR("digest", oidc_trust_digest(after)), JLOG_END);
}
