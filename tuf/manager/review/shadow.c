/* Delegations that come to stand before another whose targets they may answer for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tuf/manager/review/answer.h"

#define PATTERN_MAX 4096

/* ---- patterns ---- */

/* Both take what is not '/': a '?' that takes more than one is on the safe side. */
static bool is_wild(char c)
{
    return c == '*' || c == '?';
}

bool tuf_answer_globs_meet(const char *a, const char *b)
{
    size_t n = strlen(a);
    size_t m = strlen(b);
    if (n > PATTERN_MAX || m > PATTERN_MAX || strchr(a, '[') != NULL || strchr(b, '[') != NULL)
        return true; /* sets are not compared */
    bool rows[2][PATTERN_MAX + 1];
    /* now[j]: a from i and b from j have a path in common */
    for (size_t i = n + 1; i-- > 0;) {
        bool *now = rows[i % 2];
        const bool *next = rows[(i + 1) % 2];
        for (size_t j = m + 1; j-- > 0;) {
            bool end_a = i == n;
            bool end_b = j == m;
            bool meet = end_a && end_b;
            if (!end_a && is_wild(a[i]))
                meet |= next[j] || (!end_b && b[j] != '/' && now[j + 1]);
            if (!end_b && is_wild(b[j]))
                meet |= now[j + 1] || (!end_a && a[i] != '/' && next[j]);
            if (!end_a && !end_b && a[i] == b[j])
                meet |= next[j + 1];
            now[j] = meet;
        }
    }
    return rows[0][0];
}

/* By hash any path may be meant. */
static bool paths_meet(const struct tuf_delegated_role *a, const struct tuf_delegated_role *b)
{
    if (!a->has_paths || !b->has_paths)
        return true;
    for (size_t i = 0; i < a->paths.count; i++) {
        for (size_t j = 0; j < b->paths.count; j++) {
            if (tuf_answer_globs_meet(a->paths.item[i], b->paths.item[j]))
                return true;
        }
    }
    return false;
}

/* ---- the order of delegations ---- */

static const struct tuf_delegated_roles *roles_of(const struct tuf_metadata *m)
{
    return &tuf_metadata_signed(m)->targets.delegations.roles;
}

static bool same_cover(const struct tuf_delegated_role *a, const struct tuf_delegated_role *b)
{
    return a->terminating == b->terminating && a->has_paths == b->has_paths &&
           a->has_prefixes == b->has_prefixes && tuf_texts_equal(&a->paths, &b->paths) &&
           tuf_texts_equal(&a->prefixes, &b->prefixes);
}

struct shadow {
    const struct tuf_event *ev;
    const struct tuf_metadata *delegator; /* as proposed */
    const char *above, *below;            /* the two delegations */
    char example[TUF_TARGET_PATH_MAX + 1];
    bool found;
};

/* A target of the lower one that the upper one covers. */
static int covered(void *arg, const char *name, const struct tuf_file_info *info, struct tm_err *e)
{
    struct shadow *s = arg;
    struct tuf_path path;
    struct tuf_delegation d;
    size_t at = 0;
    (void)info;
    if (tuf_path_init(&path, name, e) != 0)
        return 0;
    while (tuf_delegation_next(s->delegator, &path, &at, &d)) {
        if (strcmp(d.name, s->below) == 0)
            return 0;
        if (strcmp(d.name, s->above) != 0)
            continue;
        snprintf(s->example, sizeof(s->example), "%s", name);
        s->found = true;
        return 1;
    }
    return 0;
}

static void judge_pair(struct shadow *s, tuf_answer_tell tell, void *arg)
{
    const struct tuf_event_role *r = tuf_event_find(s->ev, s->below);
    struct tm_buf text = {0};
    bool known = r != NULL && r->base != NULL;
    s->found = false;
    s->example[0] = '\0';
    if (known)
        tuf_entries_each(r->base, covered, s, NULL);
    if (known && !s->found)
        return;
    tm_buf_printf(&text,
                  "delegation '%.100s' comes to stand before '%.100s', and could answer for %s "
                  "%.200s",
                  s->above, s->below, known ? "its target" : "what that lists, where paths meet",
                  s->example);
    tell(arg, tm_buf_str(&text) != NULL ? tm_buf_str(&text) : "out of memory");
    tm_buf_free(&text);
}

#define NOWHERE SIZE_MAX

/* Delegations by name. */
static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct tuf_delegated_role *const *)a)->name,
                  (*(const struct tuf_delegated_role *const *)b)->name);
}

struct order {     /* of one role's delegations as proposed: */
    size_t was;    /* the place of each before, or NOWHERE */
    size_t behind; /* the first such place of those that now stand behind it */
    bool kept;     /* it covers what it covered */
};

static struct order *order_of(const struct tuf_delegated_roles *before,
                              const struct tuf_delegated_roles *after)
{
    const struct tuf_delegated_role **sorted = calloc(before->count + 1, sizeof(*sorted));
    struct order *o = sorted != NULL ? calloc(after->count + 1, sizeof(*o)) : NULL;
    size_t first = NOWHERE;
    for (size_t i = 0; i < before->count && sorted != NULL; i++)
        sorted[i] = &before->item[i];
    if (sorted != NULL)
        qsort(sorted, before->count, sizeof(*sorted), by_name);
    for (size_t i = after->count; o != NULL && i-- > 0;) {
        const struct tuf_delegated_role *d = &after->item[i];
        const struct tuf_delegated_role **was =
            bsearch(&d, sorted, before->count, sizeof(*sorted), by_name);
        o[i].behind = first;
        o[i].was = was != NULL ? (size_t)(*was - before->item) : NOWHERE;
        o[i].kept = was != NULL && same_cover(*was, d);
        first = o[i].was < first ? o[i].was : first;
    }
    free(sorted);
    return o;
}

/* What stood before is compared with what comes to stand before it. */
static void judge_role(const struct tuf_event *ev, const struct tuf_event_role *r,
                       tuf_answer_tell tell, void *arg)
{
    const struct tuf_delegated_roles *before = roles_of(r->base);
    const struct tuf_delegated_roles *after = roles_of(r->proposed);
    struct order *o = order_of(before, after);
    if (o == NULL)
        tell(arg, "out of memory");
    for (size_t i = 0; o != NULL && i < after->count; i++) {
        const struct tuf_delegated_role *above = &after->item[i];
        struct shadow s = {.ev = ev, .delegator = r->proposed, .above = above->name};
        for (size_t j = i + 1; j < after->count; j++) {
            if (o[i].kept && o[i].was < o[i].behind)
                break;
            s.below = after->item[j].name;
            if (o[j].was != NOWHERE && !(o[i].kept && o[i].was < o[j].was) &&
                paths_meet(above, &before->item[o[j].was]))
                judge_pair(&s, tell, arg);
        }
    }
    free(o);
}

void tuf_answer_shadows(const struct tuf_event *ev, tuf_answer_tell tell, void *arg)
{
    for (size_t i = 0; i < ev->count; i++) {
        const struct tuf_event_role *r = &ev->role[i];
        if (r->proposed != NULL && r->base != NULL && tuf_metadata_role(r->proposed) == TUF_TARGETS)
            judge_role(ev, r, tell, arg);
    }
}
