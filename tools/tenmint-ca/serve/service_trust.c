#include "tools/tenmint-ca/serve/service_trust.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "tools/tenmint-ca/changes.h"
#include "tools/tenmint-ca/serve/roles.h"
#include "tools/tenmint-ca/serve/trust_news.h"

static int64_t now_s(void)
{
    return tm_clock_wall_ms() / 1000;
}

static void publish(struct service *s)
{
    struct tm_err e = {0};
    if (ca_api_refresh(s->api, NULL, &e) != 0)
        jlog(s->log, JLOG_ERROR, "published configuration not renewed", JLOG_STR("detail", e.text),
             JLOG_END);
}

void service_trust_say(const struct service *s, const struct oidc_trust *before,
                       const struct oidc_trust *after, const struct approved_list *by)
{
    struct stat
        st; /* who may write the list may have others write it: its owner is what is known */
    char actor[sizeof(by->signers) + sizeof(by->role) + 64] = "command line";
    char time[21];
    if (by != NULL) {
        snprintf(actor, sizeof(actor), "approved by %s: version %lld of %s", by->signers,
                 (long long)by->version, by->role);
    } else if (s->config->issuers_file != NULL && stat(s->config->issuers_file, &st) == 0) {
        tm_clock_format(st.st_mtime, time);
        snprintf(actor, sizeof(actor), "uid %lu owns the list, written %s",
                 (unsigned long)st.st_uid, time);
    }
    const struct changes_say say = {.log = s->log, .trail = s->trail, .actor = actor};
    if (before != NULL)
        changes_of_issuers(before, after, &say);
    else
        changes_at_start(after, &say);
}

/* Takes `trust`; `by` NULL: of a file. The same list again is no news. */
static void put_in_force(struct service *s, struct oidc_trust *trust,
                         const struct approved_list *by)
{
    struct oidc_trust *before = oidc_verifier_trust(s->verifier);
    bool same = strcmp(oidc_trust_digest(before), oidc_trust_digest(trust)) == 0;
    if (!same || s->approved == NULL) {
        oidc_verifier_set_trust(s->verifier, trust);
        ca_metrics_reload(s->metrics, true);
        service_trust_say(s, before, trust, by);
        publish(s);
    }
    oidc_trust_unref(before);
    oidc_trust_unref(trust);
}

static void log_warning(void *log, const char *text)
{
    jlog(log, JLOG_WARN, "issuer list", JLOG_STR("detail", text), JLOG_END);
}

/* What a list must be, wherever it is from. Takes *trust away on -1. */
static int take_issuers(struct service *s, const char *name, struct oidc_trust **trust,
                        struct tm_err *e)
{
    if (oidc_trust_check_http(*trust, s->config->oidc.allow_http, e) == 0) {
        s->looked_s = now_s();
        oidc_trust_warn(*trust, log_warning, s->log);
        trust_news_ahead(*trust, s->looked_s, s->log);
        return 0;
    }
    oidc_trust_unref(*trust);
    *trust = NULL;
    return tm_err_wrap(e, "%s", name);
}

static int load_issuers(struct service *s, const char *text, struct oidc_trust **out,
                        struct tm_err *e)
{
    const char *path = text != NULL ? "command line" : s->config->issuers_file;
    if (text == NULL)
        s->issuers_seen = tm_file_stamp(path);
    int rc = text != NULL ? oidc_trust_parse(path, text, strlen(text), out, e)
                          : oidc_trust_load(path, out, e);
    return rc == 0 ? take_issuers(s, path, out, e) : -1;
}

static int read_approved(struct service *s, const struct approved_list *l, struct oidc_trust **out,
                         struct tm_err *e)
{
    return oidc_trust_parse(l->name, tm_buf_str((struct tm_buf *)(uintptr_t)&l->text), l->text.len,
                            out, e) == 0
               ? take_issuers(s, l->name, out, e)
               : -1;
}

/* Another list that a threshold has signed, or the same with a later end. On the keeper's thread.
 */
static int apply_approved(void *ctx, const struct approved_list *l, struct tm_err *e)
{
    struct service *s = ctx;
    struct oidc_trust *trust = NULL;
    pthread_mutex_lock(&s->trust_lock);
    int rc = read_approved(s, l, &trust, e);
    if (rc == 0) {
        put_in_force(s, trust, l);
        oidc_verifier_set_end(s->verifier, l->expires_s);
    }
    pthread_mutex_unlock(&s->trust_lock);
    return rc;
}

static struct approved_keeper_options keeper_options(struct service *s)
{
    return (struct approved_keeper_options){.config = &s->config->approved,
                                            .hub = s->hub,
                                            .log = s->log,
                                            .apply = apply_approved,
                                            .ctx = s};
}

int service_trust_first(struct service *s, const char *text, struct oidc_trust **out,
                        struct tm_err *e)
{
    const struct approved_keeper_options o = keeper_options(s);
    if (text != NULL || s->config->approved.mirror == NULL)
        return load_issuers(s, text, out, e);
    return approved_first(&o, &s->first, e) == 0 ? read_approved(s, &s->first, out, e) : -1;
}

/* Whether the issuers file is another one than at the last look, which it becomes. */
static bool issuers_changed(struct service *s)
{
    struct tm_file_stamp now = tm_file_stamp(s->config->issuers_file);
    bool same = tm_file_stamp_same(&now, &s->issuers_seen);
    if (now.ino == 0)
        return false; /* mid-replacement; the next look sees it */
    s->issuers_seen = now;
    return !same;
}

static void reload_issuers(struct service *s)
{
    struct tm_err e = {0};
    struct oidc_trust *trust = NULL;
    if (load_issuers(s, NULL, &trust, &e) == 0) {
        put_in_force(s, trust, NULL);
        return;
    }
    ca_metrics_reload(s->metrics, false);
    roles_say_reload(s->trail, "issuers", &e);
    jlog(s->log, JLOG_ERROR, "issuers not reloaded, the old ones stay", JLOG_STR("detail", e.text),
         JLOG_END);
}

/* What comes to pass without a reload. */
static void look_at_terms(struct service *s)
{
    int64_t now = now_s();
    struct oidc_trust *trust = oidc_verifier_trust(s->verifier);
    if (trust_news_since(trust, s->looked_s, now, s->log))
        publish(s);
    s->looked_s = now;
    oidc_trust_unref(trust);
}

int service_trust_keep(struct service *s, struct tm_err *e)
{
    const struct approved_keeper_options o = keeper_options(s);
    if (s->first.text.len == 0)
        return 0;
    s->approved = approved_keeper_start(&o, &s->first, e);
    return s->approved != NULL ? 0 : -1;
}

void service_trust_reload(struct service *s, bool force)
{
    pthread_mutex_lock(&s->trust_lock);
    look_at_terms(s);
    bool changed = issuers_changed(s);
    if (s->config->issuers_file != NULL && (changed || force))
        reload_issuers(s);
    pthread_mutex_unlock(&s->trust_lock);
    if (force)
        approved_keeper_wake(s->approved);
}
