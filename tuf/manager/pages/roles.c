/* Every role: who may sign it, who did, for which targets. */
#include <stdio.h>

#include "tuf/manager/pages/internal.h"
#include "tuf/manager/policy/words.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define PATHS_SHOWN 20

static void role_facts(const struct tuf_status_role *r, const struct tuf_periods *periods,
                       int64_t now, struct tm_html *h)
{
    char text[64];
    tm_html_facts(h);
    snprintf(text, sizeof(text), "%lld", (long long)r->version);
    tm_html_fact(h, "Version", text);
    tuf_pages_threshold(r->threshold, r->keys, text);
    tm_html_fact(h, "Threshold", text);
    tuf_pages_when(r->expires, now, text);
    tm_html_fact(h, "Expires", text);
    tuf_pages_when(r->signing, now, text);
    tm_html_fact(h, "Next version is signed", text);
    if (tuf_period_expiry(periods) > 0) {
        char period[24];
        tuf_words_period(tuf_period_expiry(periods), period);
        tm_html_fact(h, "A version lasts", period);
    }
}

static void top_role(const struct tuf_pages *p, const struct tuf_status_role *r, enum tuf_role role,
                     struct tm_html *h)
{
    const struct tuf_metadata *m = tuf_published_role(p->live, role);
    struct tuf_signers by;
    tuf_root_signers(tuf_published_root(p->live), role, &by);
    bool online = role == TUF_TIMESTAMP || role == TUF_SNAPSHOT;
    tuf_pages_section(h, r);
    role_facts(r, online ? &by.role->periods : &tuf_metadata_signed(m)->periods, p->now, h);
    if (role == TUF_TARGETS) {
        char text[32];
        snprintf(text, sizeof(text), "%zu", tuf_entries_count(m));
        tm_html_fact(h, "Targets", text);
    }
    tm_html_close(h);
    tuf_pages_keys(h, m, &by, r->name);
    tm_html_close(h);
}

static void paths(const struct tuf_metadata *delegator, const char *name, struct tm_html *h)
{
    const struct tuf_targets *t = &tuf_metadata_signed(delegator)->targets;
    const struct tuf_delegated_role *r =
        t->has_delegations ? tuf_delegated_role_find(&t->delegations.roles, name) : NULL;
    if (r == NULL)
        return;
    const struct tuf_texts *list = r->has_prefixes ? &r->prefixes : &r->paths;
    tm_html_fact_begin(h, r->has_prefixes ? "Targets whose hash begins with" : "For targets");
    for (size_t i = 0; i < list->count && i < PATHS_SHOWN; i++) {
        tm_html_text(h, i > 0 ? ", " : "");
        tm_html_element(h, "code", list->item[i]);
    }
    if (list->count > PATHS_SHOWN)
        tm_html_printf(h, " and %zu more", list->count - PATHS_SHOWN);
    tm_html_fact_end(h);
    if (r->terminating)
        tm_html_fact(h, "Terminating", "no role after it is asked for these targets");
}

static int delegated_role(const struct tuf_pages *p, const struct tuf_status_role *r,
                          struct tm_html *h, struct tm_err *e)
{
    struct tuf_metadata *m = NULL;
    struct tuf_delegation d;
    int rc = tuf_published_delegated(p->live, r->name, &m, e);
    int found = rc == 0 && m != NULL ? tuf_published_delegation(p->live, r->name, &d, e) : 0;
    if (rc == 0 && found >= 0) {
        tuf_pages_section(h, r);
        role_facts(r, m != NULL ? &tuf_metadata_signed(m)->periods : &(struct tuf_periods){0},
                   p->now, h);
        tm_html_fact(h, "Delegated role", "its keys stand in targets, or in a role below it");
        paths(p->live->targets, r->name, h);
        tm_html_close(h);
        if (found == 1)
            tuf_pages_keys(h, m, &d.signers, r->name);
        tm_html_close(h);
    }
    tuf_metadata_free(m);
    return found < 0 ? -1 : rc;
}

int tuf_pages_roles(const struct tuf_pages_facts *f, struct tm_html *h, struct tm_err *e)
{
    const struct tuf_status *s = f->in->status;
    int rc = 0;
    for (size_t i = 0; i < s->count && rc == 0; i++) {
        enum tuf_role role;
        if (i < TUF_ROLE_COUNT && tuf_role_from_name(s->role[i].name, &role) == 0)
            top_role(f->in, &s->role[i], role, h);
        else
            rc = delegated_role(f->in, &s->role[i], h, e);
    }
    return rc;
}
