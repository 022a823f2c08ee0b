/* Delegations that come to stand before another whose targets they may answer for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json/strictjson.h"
#include "tuf/metadata/build.h"
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

static bool paths_meet(const json_t *a, const json_t *b)
{
    size_t i;
    size_t j;
    const json_t *x;
    const json_t *y;
    if (a == NULL || b == NULL) /* by hash: any path may be meant */
        return true;
    json_array_foreach(a, i, x)
    {
        json_array_foreach(b, j, y)
        {
            const char *p = json_string_value(x);
            const char *q = json_string_value(y);
            if (p == NULL || q == NULL || tuf_answer_globs_meet(p, q))
                return true;
        }
    }
    return false;
}

/* ---- the order of delegations ---- */

static const json_t *roles_of(const struct tuf_metadata *m)
{
    const json_t *body = m != NULL ? tuf_metadata_body(m) : NULL;
    return json_object_get(json_object_get(body, "delegations"), "roles");
}

static const json_t *paths_of(const json_t *role)
{
    const json_t *v = json_object_get(role, "paths");
    return json_is_array(v) ? v : NULL;
}

static bool same_cover(const json_t *a, const json_t *b)
{
    static const char *const members[] = {"paths", "path_hash_prefixes", "terminating"};
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const json_t *x = json_object_get(a, members[i]);
        const json_t *y = json_object_get(b, members[i]);
        if (x != y && json_equal(x, y) != 1)
            return false;
    }
    return true;
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

/* {name: place} */
static json_t *places_of(const json_t *roles)
{
    json_t *out = json_object();
    size_t i;
    const json_t *d;
    json_array_foreach(roles, i, d)
    {
        const char *name = tm_strictjson_str(d, "name");
        if (out == NULL || name == NULL ||
            json_object_set_new(out, name, json_integer((json_int_t)i)) != 0) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

struct order {     /* of one role's delegations as proposed: */
    size_t was;    /* the place of each before, or NOWHERE */
    size_t behind; /* the first such place of those that now stand behind it */
    bool kept;     /* it covers what it covered */
};

static struct order *order_of(const json_t *before, const json_t *after)
{
    size_t count = json_array_size(after);
    json_t *places = places_of(before);
    struct order *o = places != NULL ? calloc(count + 1, sizeof(*o)) : NULL;
    size_t first = NOWHERE;
    for (size_t i = count; o != NULL && i-- > 0;) {
        const json_t *d = json_array_get(after, i);
        const json_t *place = json_object_get(places, tm_strictjson_str(d, "name"));
        o[i].behind = first;
        o[i].was = place != NULL ? (size_t)json_integer_value(place) : NOWHERE;
        o[i].kept = place != NULL && same_cover(json_array_get(before, o[i].was), d);
        first = o[i].was < first ? o[i].was : first;
    }
    json_decref(places);
    return o;
}

/* What stood before is compared with what comes to stand before it. */
static void judge_role(const struct tuf_event *ev, const struct tuf_event_role *r,
                       tuf_answer_tell tell, void *arg)
{
    const json_t *before = roles_of(r->base);
    const json_t *after = roles_of(r->proposed);
    struct order *o = order_of(before, after);
    if (o == NULL)
        tell(arg, "out of memory");
    for (size_t i = 0; o != NULL && i < json_array_size(after); i++) {
        const json_t *above = json_array_get(after, i);
        struct shadow s = {
            .ev = ev, .delegator = r->proposed, .above = tm_strictjson_str(above, "name")};
        for (size_t j = i + 1; j < json_array_size(after); j++) {
            if (o[i].kept && o[i].was < o[i].behind)
                break;
            s.below = tm_strictjson_str(json_array_get(after, j), "name");
            if (o[j].was != NOWHERE && !(o[i].kept && o[i].was < o[j].was) &&
                paths_meet(paths_of(above), paths_of(json_array_get(before, o[j].was))))
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
