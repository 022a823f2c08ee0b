#include "tools/tenmint-ca/changes.h"

#include <string.h>

#include "oidc/trust/diff.h"

struct each { /* of the differences */
    const struct changes_unused_list *unused;
    changes_key_fn say;
    void *arg;
};

static const char *in_place_of(const struct changes_unused_list *unused, const char *key)
{
    for (size_t i = 0; i < unused->count; i++) {
        size_t len = strlen(unused->item[i].key);
        if (strncmp(unused->item[i].key, key, len) == 0 && (key[len] == '\0' || key[len] == '.'))
            return unused->item[i].by;
    }
    return NULL;
}

static void pass_on(void *arg, const char *key, enum tm_yamlmap_change change)
{
    static const char *const words[] = {
        [YAMLMAP_CHANGED] = "changed", [YAMLMAP_ADDED] = "added", [YAMLMAP_REMOVED] = "removed"};
    const struct each *x = arg;
    x->say(x->arg, key, words[change], in_place_of(x->unused, key));
}

void changes_each_key(const struct ca_config *before, const struct ca_config *after,
                      const struct changes_unused_list *unused, changes_key_fn say, void *arg)
{
    struct each x = {unused, say, arg};
    ca_config_diff(before, after, pass_on, &x);
}

struct says {
    struct tm_jlog *log;
    unsigned used, unused;
};

static void say_key(void *arg, const char *key, const char *change, const char *unused)
{
    struct says *s = arg;
    if (unused == NULL) {
        s->used++;
        jlog(s->log, JLOG_WARN, "configuration changed: it takes effect", JLOG_STR("key", key),
             JLOG_STR("change", change), JLOG_END);
    } else {
        s->unused++;
        jlog(s->log, JLOG_WARN, "configuration changed: it is not used", JLOG_STR("key", key),
             JLOG_STR("change", change), JLOG_STR("in_its_place", unused), JLOG_END);
    }
}

unsigned changes_of_config(const struct ca_config *before, const struct ca_config *after,
                           const struct changes_unused_list *unused, struct tm_jlog *log)
{
    struct says s = {.log = log};
    changes_each_key(before, after, unused, say_key, &s);
    if (s.used + s.unused == 0)
        jlog(log, JLOG_INFO, "configuration not changed", JLOG_END);
    return s.used;
}

struct issuer_says {
    const struct changes_say *say;
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
    jlog(s->say->log, JLOG_WARN, messages[c->change], JLOG_STR("issuer", c->issuer->url),
         JLOG_STR("effect", oidc_effect_word(c->effect)), JLOG_STR("detail", c->words), JLOG_END);
    (void)ca_audit_event(s->say->trail,
                         &(struct ca_audit_event){.kind = AUDIT_TRUST,
                                                  .actor = s->say->actor,
                                                  .issuer = c->issuer->url,
                                                  .reason = messages[c->change],
                                                  .detail = c->words,
                                                  .after = oidc_effect_word(c->effect)});
}

static void say_list(const struct changes_say *say, const char *before, const char *after)
{
    (void)ca_audit_event(say->trail, &(struct ca_audit_event){.kind = AUDIT_RELOAD,
                                                              .actor = say->actor,
                                                              .reason = "issuers",
                                                              .before = before,
                                                              .after = after});
}

void changes_at_start(const struct oidc_trust *trust, const struct changes_say *say)
{
    for (size_t i = 0; i < oidc_trust_count(trust); i++) {
        const struct oidc_issuer *is = oidc_trust_at(trust, i);
        struct tm_buf words = {0};
        tm_buf_printf(&words, "type %s, audience %s", is->type_name, is->client_id);
        (void)ca_audit_event(say->trail, &(struct ca_audit_event){.kind = AUDIT_TRUST,
                                                                  .actor = say->actor,
                                                                  .issuer = is->url,
                                                                  .reason = "issuer trusted",
                                                                  .detail = tm_buf_str(&words)});
        tm_buf_free(&words);
    }
    say_list(say, NULL, oidc_trust_digest(trust));
}

void changes_of_issuers(const struct oidc_trust *before, const struct oidc_trust *after,
                        const struct changes_say *say)
{
    struct issuer_says s = {.say = say};
    if (oidc_trust_diff(before, after, say_issuer, &s) < 0)
        jlog(say->log, JLOG_ERROR, "issuers reloaded; out of memory for what changed", JLOG_END);
    jlog(say->log, JLOG_INFO, "issuers reloaded", JLOG_INT("issuers", oidc_trust_count(after)),
         JLOG_INT("added", s.issuers[ISSUER_ADDED]), JLOG_INT("removed", s.issuers[ISSUER_REMOVED]),
         JLOG_INT("altered", s.issuers[ISSUER_ALTERED]),
         JLOG_STR("digest_before", oidc_trust_digest(before)),
         JLOG_STR("digest", oidc_trust_digest(after)), JLOG_END);
    say_list(say, oidc_trust_digest(before), oidc_trust_digest(after));
}
