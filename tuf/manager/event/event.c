#include "tuf/manager/event/event.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json/strictjson.h"
#include "tuf/metadata/build.h"
#include "tuf/metadata/canonical.h"
#include "tuf/metadata/delegation.h"
#include "tuf/metadata/verify.h"
#include "tuf/manager/event/internal.h"
#include "tuf/manager/policy/policy.h"
#include "tuf/manager/state/names.h"

#define REASON_MAX 1000

static int no_memory(struct tm_err *e)
{
    return tm_err_set(e, "out of memory");
}

static int add_role(struct tuf_event *ev, const char *name, json_t *base, json_t *proposed,
                    struct tm_err *e)
{
    void *grown = realloc(ev->role, (ev->count + 1) * sizeof(*ev->role));
    if (grown == NULL)
        return no_memory(e);
    ev->role = grown;
    struct tuf_event_role r = {.name = name};
    if (base != NULL)
        r.base = tuf_event_take(ev, false, name, base, e);
    if (proposed != NULL && (base == NULL || r.base != NULL))
        r.proposed = tuf_event_take(ev, true, name, proposed, e);
    if ((base != NULL && r.base == NULL) || (proposed != NULL && r.proposed == NULL)) {
        tuf_metadata_free(r.base);
        tuf_metadata_free(r.proposed);
        return -1;
    }
    ev->role[ev->count++] = r;
    return 0;
}

/* The part of the tree called `name`, an object, or NULL with `e` set. */
static json_t *part(const struct tuf_event *ev, const char *name, struct tm_err *e)
{
    json_t *v = json_object_get(ev->tree, name);
    if (!json_is_object(v)) {
        tm_err_set(e, "'%s' is missing or no object", name);
        return NULL;
    }
    return v;
}

static int load_role(struct tuf_event *ev, const char *name, json_t *base, json_t *proposed,
                     struct tm_err *e)
{
    json_t *before = strcmp(name, "root") == 0 && ev->root_count > 0
                         ? tuf_metadata_frame(ev->roots[ev->root_count - 1])
                         : json_object_get(base, name);
    json_t *after = json_object_get(proposed, name);
    return before != NULL || after != NULL ? add_role(ev, name, before, after, e) : 0;
}

/* 0: root or targets, -1: no name for a role of an event. */
static int is_delegated(const char *name, struct tm_err *e)
{
    enum tuf_role top;
    if (tuf_role_from_name(name, &top) != 0)
        return strlen(name) <= TUF_ROLE_NAME_MAX
                   ? 1
                   : tm_err_set(e, "a role's name is over %d bytes", TUF_ROLE_NAME_MAX);
    return top == TUF_ROOT || top == TUF_TARGETS
               ? 0
               : tm_err_set(e, "an event never holds %s: the online key signs it", name);
}

/* Published roles that delegate to a proposed one and do not change themselves. */
static int load_references(struct tuf_event *ev, json_t *base, const json_t *proposed,
                           struct tm_err *e)
{
    const char *name;
    json_t *value;
    json_object_foreach(base, name, value)
    {
        int delegated = is_delegated(name, e);
        if (delegated < 0 || (delegated == 1 && json_object_get(proposed, name) == NULL &&
                              add_role(ev, name, value, NULL, e) != 0))
            return -1;
    }
    return 0;
}

static int load_roles(struct tuf_event *ev, struct tm_err *e)
{
    json_t *base = part(ev, "base", e);
    json_t *proposed = base != NULL ? part(ev, "proposed", e) : NULL;
    const char *name;
    json_t *value;
    if (proposed == NULL)
        return -1;
    if (json_object_size(proposed) > EVENT_ROLES_MAX || json_object_size(base) > EVENT_ROLES_MAX)
        return tm_err_set(e, "more than %d roles", EVENT_ROLES_MAX);
    if (load_role(ev, "root", base, proposed, e) != 0 ||
        load_role(ev, "targets", base, proposed, e) != 0)
        return -1;
    json_object_foreach(proposed, name, value)
    {
        int delegated = is_delegated(name, e);
        if (delegated == 0)
            continue;
        if (delegated < 0 || add_role(ev, name, json_object_get(base, name), value, e) != 0)
            return -1;
    }
    return load_references(ev, base, proposed, e);
}

static int load_roots(struct tuf_event *ev, struct tm_err *e)
{
    const json_t *roots = json_object_get(ev->tree, "roots");
    if (!json_is_array(roots))
        return tm_err_set(e, "'roots' is missing or no list");
    ev->roots = calloc(json_array_size(roots) + 1, sizeof(struct tuf_metadata *));
    if (ev->roots == NULL)
        return no_memory(e);
    for (size_t i = 0; i < json_array_size(roots); i++) {
        struct tuf_metadata *m = tuf_event_take(ev, false, "root", json_array_get(roots, i), e);
        if (m == NULL)
            return -1;
        ev->roots[ev->root_count++] = m;
        if (tuf_metadata_version(m) != (int64_t)i + 1)
            return tm_err_set(e, "the root chain has version %lld in place %zu",
                              (long long)tuf_metadata_version(m), i + 1);
    }
    return 0;
}

static int check_form(const struct tuf_event *ev, struct tm_err *e)
{
    static const char *const known[] = {"mediaType", "name",     "reason", "created",   "roots",
                                        "base",      "proposed", "files",  "statements"};
    const char *type = tm_strictjson_str(ev->tree, "mediaType");
    const char *key;
    json_t *value;
    int64_t when;
    if (type == NULL || strcmp(type, EVENT_MEDIA_TYPE) != 0)
        return tm_err_set(e, "not a signing event (mediaType is not %s)", EVENT_MEDIA_TYPE);
    json_object_foreach(ev->tree, key, value)
    {
        size_t i = 0;
        while (i < sizeof(known) / sizeof(known[0]) && strcmp(known[i], key) != 0)
            i++;
        if (i == sizeof(known) / sizeof(known[0]))
            return tm_err_set(e, "unknown member '%.64s'", key);
    }
    const char *name = tm_strictjson_str(ev->tree, "name");
    const char *reason = tm_strictjson_str(ev->tree, "reason");
    const char *created = tm_strictjson_str(ev->tree, "created");
    if (name == NULL || !tuf_policy_name_ok(name) || reason == NULL || strlen(reason) > REASON_MAX)
        return tm_err_set(e, "'name' or 'reason' is missing or unfit");
    if (created == NULL || tm_clock_parse(created, &when) != 0)
        return tm_err_set(e, "'created' is no date");
    if (!json_is_array(json_object_get(ev->tree, "statements")))
        return tm_err_set(e, "'statements' is missing or no list");
    return part(ev, "files", e) != NULL ? tuf_event_content_check(ev, e) : -1;
}

int tuf_event_load(struct tuf_event *ev, struct tm_err *e)
{
    int rc = check_form(ev, e) == 0 && load_roots(ev, e) == 0 ? load_roles(ev, e) : -1;
    tuf_event_release(ev);
    return rc;
}

void tuf_event_free(struct tuf_event *ev)
{
    for (size_t i = 0; i < ev->count; i++) {
        tuf_metadata_free(ev->role[i].base);
        tuf_metadata_free(ev->role[i].proposed);
    }
    for (size_t i = 0; i < ev->root_count; i++)
        tuf_metadata_free(ev->roots[i]);
    free(ev->role);
    free(ev->roots);
    tuf_event_release(ev);
    json_decref(ev->tree);
    *ev = (struct tuf_event){0};
}

int tuf_event_new(const char *name, const char *reason, int64_t now,
                  const struct tuf_published *base, struct tuf_event *out, struct tm_err *e)
{
    char created[21];
    *out = (struct tuf_event){0};
    if (!tuf_policy_name_ok(name))
        return tm_err_set(e, "'%.80s' is no name for an event: letters, digits and ._-@", name);
    tm_clock_format(now, created);
    out->tree = json_pack("{s:s, s:s, s:s, s:s, s:[], s:{}, s:{}, s:{}, s:[]}", "mediaType",
                          EVENT_MEDIA_TYPE, "name", name, "reason", reason, "created", created,
                          "roots", "base", "proposed", "files", "statements");
    if (out->tree == NULL)
        return tm_err_set(e, "the reason is not UTF-8, or out of memory");
    json_t *roots = json_object_get(out->tree, "roots");
    int bad = 0;
    for (size_t i = 0; i < base->root_count; i++)
        bad |= json_array_append(roots, tuf_metadata_frame(base->roots[i]));
    if (base->targets != NULL)
        bad |= tuf_event_add_reference(out, "targets", base->targets, e);
    if (bad != 0)
        tuf_event_free(out);
    return bad != 0 ? no_memory(e) : 0;
}

/* One side of a role: its frame in the tree, its entries held. */
static int add_side(struct tuf_event *ev, bool proposed, const char *role, struct tuf_metadata *m,
                    struct tm_err *e)
{
    json_t *side = json_object_get(ev->tree, proposed ? "proposed" : "base");
    if (json_object_set(side, role, tuf_metadata_frame(m)) == 0)
        return tuf_event_hold(ev, proposed, role, m, e);
    tuf_metadata_free(m);
    return no_memory(e);
}

int tuf_event_add(struct tuf_event *ev, const char *role, const struct tuf_metadata *base,
                  struct tuf_metadata *proposed, struct tm_err *e)
{
    bool is_root = strcmp(role, "root") == 0; /* its base is in the chain */
    if (add_side(ev, true, role, proposed, e) != 0)
        return -1;
    return base != NULL && !is_root ? tuf_event_add_reference(ev, role, base, e) : 0;
}

int tuf_event_add_reference(struct tuf_event *ev, const char *role, const struct tuf_metadata *base,
                            struct tm_err *e)
{
    if (json_object_get(json_object_get(ev->tree, "base"), role) != NULL)
        return 0;
    return add_side(ev, false, role, tuf_metadata_ref(base), e);
}

const char *tuf_event_name(const struct tuf_event *ev)
{
    return tm_strictjson_str(ev->tree, "name");
}

const char *tuf_event_reason(const struct tuf_event *ev)
{
    return tm_strictjson_str(ev->tree, "reason");
}

const char *tuf_event_created(const struct tuf_event *ev)
{
    return tm_strictjson_str(ev->tree, "created");
}

const struct tuf_event_role *tuf_event_find(const struct tuf_event *ev, const char *role)
{
    for (size_t i = 0; i < ev->count; i++) {
        if (strcmp(ev->role[i].name, role) == 0)
            return &ev->role[i];
    }
    return NULL;
}

/* What is in force once the event is published. */
static const struct tuf_metadata *coming(const struct tuf_event *ev, const char *role)
{
    const struct tuf_event_role *r = tuf_event_find(ev, role);
    if (r == NULL)
        return NULL;
    return r->proposed != NULL ? r->proposed : r->base;
}

int tuf_event_base(void *ev, const struct tuf_delegation *d, const struct tuf_metadata **out,
                   struct tm_err *e)
{
    (void)e;
    const struct tuf_event_role *r = tuf_event_find(ev, d->name);
    const struct tuf_metadata *m = r != NULL ? r->base : NULL;
    *out = m != NULL && tuf_verify(m, &d->signers, d->name, NULL) == 0 ? m : NULL;
    return 0;
}

int tuf_event_coming(void *ev, const struct tuf_delegation *d, const struct tuf_metadata **out,
                     struct tm_err *e)
{
    const struct tuf_event_role *r = tuf_event_find(ev, d->name);
    if (r == NULL || r->proposed == NULL)
        return tuf_event_base(ev, d, out, e);
    *out = r->proposed;
    return 0;
}

bool tuf_event_signers(const struct tuf_event *ev, const char *role, bool old,
                       struct tuf_signers *out)
{
    const struct tuf_metadata *root = coming(ev, "root");
    enum tuf_role top;
    struct tuf_delegation d;
    if (old) {
        const struct tuf_event_role *r = tuf_event_find(ev, "root");
        root = r != NULL ? r->base : NULL;
        if (strcmp(role, "root") != 0)
            return false;
    }
    if (tuf_role_from_name(role, &top) == 0) {
        if (root != NULL)
            tuf_root_signers(root, top, out);
        return root != NULL;
    }
    const struct tuf_metadata *targets = coming(ev, "targets");
    if (targets == NULL ||
        tuf_delegation_search(targets, role, tuf_event_coming, (void *)ev, &d, NULL) != 1)
        return false;
    *out = d.signers;
    return true;
}

json_t *tuf_event_summary(const struct tuf_metadata *m, struct tm_err *e)
{
    char hex[65];
    if (tuf_metadata_sha256(m, hex, e) != 0)
        return NULL;
    return json_pack("{s:I, s:s}", "version", (json_int_t)tuf_metadata_version(m), "sha256", hex);
}

static json_t *summaries(const struct tuf_event *ev, bool proposed, struct tm_err *e)
{
    json_t *out = json_object();
    for (size_t i = 0; i < ev->count && out != NULL; i++) {
        const struct tuf_metadata *m = proposed ? ev->role[i].proposed : ev->role[i].base;
        if (m == NULL)
            continue;
        json_t *s = tuf_event_summary(m, e);
        if (s == NULL || json_object_set_new(out, ev->role[i].name, s) != 0) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

json_t *tuf_event_summaries(const struct tuf_event *ev, struct tm_err *e)
{
    return summaries(ev, true, e);
}

int tuf_event_digest(const struct tuf_event *ev, char hex[65], struct tm_err *e)
{
    json_t *base = summaries(ev, false, e);
    json_t *proposed = base != NULL ? summaries(ev, true, e) : NULL;
    json_t *files = proposed != NULL ? tuf_event_content_summary(ev, e) : NULL;
    json_t *v = json_pack("{s:s, s:s, s:s, s:O?, s:O?, s:O?}", "name", tuf_event_name(ev), "reason",
                          tuf_event_reason(ev), "created", tuf_event_created(ev), "base", base,
                          "proposed", proposed, "files", files);
    int rc = files == NULL ? -1 : v == NULL ? no_memory(e) : tuf_canonical_sha256(v, hex, e);
    json_decref(v);
    json_decref(files);
    json_decref(base);
    json_decref(proposed);
    return rc;
}
