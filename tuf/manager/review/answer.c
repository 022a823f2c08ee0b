#include "tuf/manager/review/answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tuf/manager/review/acted.h"

#define VISITS_MAX TUF_DELEGATIONS_MAX

struct visit { /* a role that a client asks on its way */
    char role[TUF_ROLE_NAME_MAX + 1];
    const struct tuf_texts *keyids; /* borrowed */
    int64_t threshold;
    size_t keys;
    bool known, lists; /* its metadata is in the event; it lists the target */
    bool bin;          /* by hash, which covers every name */
};

struct walk {
    const struct tuf_event *ev;
    bool after; /* what is in force once the event is published */
    struct tuf_path path;
    struct visit visit[VISITS_MAX + 1];
    size_t count;
    bool stopped;
};

static bool same_signers(const struct visit *a, const struct visit *b)
{
    return strcmp(a->role, b->role) == 0 && a->threshold == b->threshold &&
           tuf_texts_equal(a->keyids, b->keyids);
}

static struct visit *add(struct walk *w, const char *role, const struct tuf_role_keys *by)
{
    if (w->count == VISITS_MAX + 1)
        return NULL;
    struct visit *v = &w->visit[w->count++];
    *v =
        (struct visit){.threshold = by->threshold, .keys = by->keyids.count, .keyids = &by->keyids};
    snprintf(v->role, sizeof(v->role), "%s", role);
    return v;
}

static const struct tuf_metadata *below(const struct walk *w, const struct tuf_delegation *d)
{
    const struct tuf_metadata *m = NULL;
    int rc = w->after ? tuf_event_coming((void *)w->ev, d, &m, NULL)
                      : tuf_event_base((void *)w->ev, d, &m, NULL);
    return rc == 0 ? m : NULL;
}

/* As clients search: depth first, in the order of delegations, each role once. */
static void ask(struct walk *w, const struct tuf_metadata *delegator)
{
    struct tuf_delegation d;
    size_t at = 0;
    bool bins = tuf_metadata_signed(delegator)->targets.delegations.has_bins;
    while (!w->stopped && tuf_delegation_next(delegator, &w->path, &at, &d)) {
        bool seen = false;
        for (size_t i = 0; i < w->count; i++)
            seen |= strcmp(w->visit[i].role, d.name) == 0;
        if (seen)
            continue;
        struct visit *v = add(w, d.name, d.signers.role);
        const struct tuf_metadata *m = below(w, &d);
        struct tuf_file_info info;
        if (v == NULL)
            return;
        v->bin = bins;
        v->known = m != NULL;
        v->lists = m != NULL && tuf_targets_find(m, w->path.text, &info);
        if (m != NULL && tuf_delegates(m))
            ask(w, m);
        w->stopped |= d.terminating;
    }
}

static const struct tuf_metadata *targets_of(const struct tuf_event *ev, bool after)
{
    const struct tuf_event_role *t = tuf_event_find(ev, "targets");
    if (t == NULL)
        return NULL;
    return after && t->proposed != NULL ? t->proposed : t->base;
}

static void walk_all(struct walk *w, const struct tuf_event *ev, bool after, const char *name)
{
    const struct tuf_metadata *targets = targets_of(ev, after);
    struct tuf_file_info info;
    static const struct tuf_role_keys by; /* root says by whom, and the review shows it */
    *w = (struct walk){.ev = ev, .after = after};
    if (targets == NULL || tuf_path_init(&w->path, name, NULL) != 0)
        return;
    struct visit *v = add(w, tuf_role_name(TUF_TARGETS), &by);
    v->known = true;
    v->lists = tuf_targets_find(targets, name, &info);
    ask(w, targets);
}

/* The first that lists the name or may do so; NULL: none. */
static const struct visit *answers(const struct walk *w)
{
    for (size_t i = 0; i < w->count; i++) {
        if (w->visit[i].lists || !w->visit[i].known)
            return &w->visit[i];
    }
    return NULL;
}

bool tuf_answer_before(const struct tuf_event *ev, const char *name, struct tuf_entry *out)
{
    struct walk *w = calloc(1, sizeof(*w));
    bool found = false;
    *out = (struct tuf_entry){0};
    if (w == NULL)
        return false;
    walk_all(w, ev, false, name);
    for (size_t i = 0; i < w->count && !found; i++) {
        const struct tuf_event_role *r = tuf_event_find(ev, w->visit[i].role);
        found =
            w->visit[i].lists && r != NULL && r->base != NULL && tuf_entry_load(r->base, name, out);
    }
    free(w);
    return found;
}

/* ---- names that clients act on ---- */

static const struct visit *find(const struct walk *w, const struct visit *v)
{
    for (size_t i = 0; i < w->count; i++) {
        if (same_signers(&w->visit[i], v))
            return &w->visit[i];
    }
    return NULL;
}

struct telling {
    const char *name;
    tuf_answer_tell tell;
    void *arg;
};

static void say(const struct telling *t, const struct visit *v, const char *what)
{
    struct tm_buf text = {0};
    tm_buf_printf(&text, "the role '%.100s' ", v->role);
    if (v->keys > 0)
        tm_buf_printf(&text, "(threshold %" PRId64 " of %zu keys) ", v->threshold, v->keys);
    tm_buf_printf(&text, "%s %.200s", what, t->name);
    t->tell(t->arg, tm_buf_str(&text) != NULL ? tm_buf_str(&text) : "out of memory");
    tm_buf_free(&text);
}

static bool lists(const struct walk *w)
{
    for (size_t i = 0; i < w->count; i++) {
        if (w->visit[i].lists)
            return true;
    }
    return false;
}

/* A second trusted root is asked for by whom somebody has pointed to it: not before there is one.
 * Bins cover every name, so that none could be made without it. Where a role is in force whose list
 * is not in the event, there may be one. */
static bool is_unasked(const char *name, const struct walk *before, const struct walk *after)
{
    return tuf_acted_on_is_root(name) && strcmp(name, TRUSTED_ROOT_TARGET) != 0 &&
           answers(before) == NULL && !lists(after);
}

static void judge(const struct telling *t, const struct walk *before, const struct walk *after)
{
    const struct visit *was = answers(before);
    const struct visit *is = answers(after);
    bool listed = is_unasked(t->name, before, after); /* or by a role that is asked first */
    for (size_t i = 0; i < after->count; i++) {
        const struct visit *v = &after->visit[i];
        if (i > 0 && find(before, v) == NULL && !(v->bin && listed))
            say(t, v, v->lists ? "is new and answers for" : "is new and could answer for");
        listed |= v->lists;
    }
    if (is != NULL && is != &after->visit[0] && find(before, is) != NULL &&
        (was == NULL || !same_signers(was, is)))
        say(t, is, "comes to answer for");
    if (is == NULL && was != NULL && tuf_acted_on_always(t->name))
        say(t, was, "answered, and from then on no role that is known here answers for");
}

void tuf_answer_judge(const struct tuf_event *ev, const char *name, tuf_answer_tell tell, void *arg)
{
    const struct telling t = {name, tell, arg};
    struct walk *both = calloc(2, sizeof(*both));
    if (both == NULL) {
        tell(arg, "out of memory");
        return;
    }
    walk_all(&both[0], ev, false, name);
    walk_all(&both[1], ev, true, name);
    judge(&t, &both[0], &both[1]);
    free(both);
}

/* ---- names that are new on the list of what clients act on ---- */

int tuf_answer_newly(const struct tuf_event *ev,
                     int (*each)(void *arg, const char *name, struct tm_err *e), void *arg,
                     struct tm_err *e)
{
    const struct tuf_event_role *t = tuf_event_find(ev, tuf_role_name(TUF_TARGETS));
    int rc = 0;
    if (t == NULL || t->proposed == NULL || t->base == NULL)
        return 0;
    const struct tuf_texts *was = &tuf_metadata_signed(t->base)->targets.acted_on;
    const struct tuf_texts *is = &tuf_metadata_signed(t->proposed)->targets.acted_on;
    for (size_t i = 0; i < is->count && rc == 0; i++) {
        const char *name = is->item[i];
        if (name[0] != '\0' && !tuf_texts_have(was, name) && !tuf_acted_on_always(name))
            rc = each(arg, name, e);
    }
    return rc;
}

/* The delegated role that answers before and after, or may. */
static const struct visit *standing(struct walk both[2], const struct tuf_event *ev,
                                    const char *name)
{
    walk_all(&both[0], ev, false, name);
    walk_all(&both[1], ev, true, name);
    const struct visit *v = answers(&both[1]);
    return v != NULL && v != &both[1].visit[0] && find(&both[0], v) != NULL ? v : NULL;
}

bool tuf_answer_standing(const struct tuf_event *ev, const char *name, struct tuf_standing *out)
{
    struct walk *both = calloc(2, sizeof(*both));
    const struct visit *v = both != NULL ? standing(both, ev, name) : NULL;
    const struct tuf_event_role *r = v != NULL ? tuf_event_find(ev, v->role) : NULL;
    *out = (struct tuf_standing){0};
    bool stands = r != NULL && r->base != NULL && tuf_entry_load(r->base, name, &out->entry);
    if (stands)
        snprintf(out->role, sizeof(out->role), "%s", r->name);
    free(both);
    return stands;
}

/* All its keys sign targets too. */
static bool is_of_holders(const struct tuf_event *ev, const struct visit *v)
{
    struct tuf_signers s;
    bool all = tuf_event_signers(ev, tuf_role_name(TUF_TARGETS), false, &s);
    for (size_t i = 0; i < v->keyids->count && all; i++)
        all = tuf_texts_have(&s.role->keyids, v->keyids->item[i]);
    return all;
}

struct standings {
    const struct tuf_event *ev;
    struct walk *both;
    struct telling t;
};

static int judge_standing(void *arg, const char *name, struct tm_err *e)
{
    struct standings *s = arg;
    const struct visit *v = standing(s->both, s->ev, name);
    (void)e;
    s->t.name = name;
    if (v != NULL && !v->known)
        say(&s->t, v, "may list already, and the event does not hold its list,");
    else if (v != NULL && !is_of_holders(s->ev, v))
        say(&s->t, v, "lists already, by no word of a holder, what clients come to act on:");
    return 0;
}

void tuf_answer_standings(const struct tuf_event *ev, tuf_answer_tell tell, void *arg)
{
    struct standings s = {ev, calloc(2, sizeof(*s.both)), {NULL, tell, arg}};
    if (s.both == NULL)
        tell(arg, "out of memory");
    else
        tuf_answer_newly(ev, judge_standing, &s, NULL);
    free(s.both);
}
