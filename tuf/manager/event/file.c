/* An event as one JSON text. Targets' entries are in no tree: they are read into their roles as
 * they come, and written from there. */
#include <stdlib.h>
#include <string.h>

#include "common/b64.h"
#include "common/file.h"
#include "common/json/jsonmap.h"
#include "common/json/strictjson.h"
#include "tuf/metadata/build.h"
#include "tuf/manager/event/internal.h"
#include "tuf/manager/policy/policy.h"

#define EVENT_MEDIA_TYPE "application/vnd.tenmint.signing-event+json;version=1"

/* ---- the form: copies of targets ---- */

static int read_copy(const json_t *text, struct tuf_event_side *side, struct tm_err *e)
{
    struct tm_buf data = {0};
    int rc = json_is_string(text) && tm_b64_decode(B64_STD, json_string_value(text),
                                                   json_string_length(text), &data) == 0
                 ? tuf_event_side_add(side, data.data, data.len, e)
                 : tm_err_set(e, "is not base64");
    tm_buf_free(&data);
    return rc;
}

/* null, one text, or a list of them */
static int read_side(const json_t *v, void *place, const struct tm_jsonmap_how *how,
                     struct tm_err *e)
{
    size_t count = json_array_size(v);
    int rc = 0;
    (void)how;
    if (json_is_string(v))
        return read_copy(v, place, e);
    if (!json_is_null(v) && (count == 0 || count > EVENT_COPIES_MAX))
        return tm_err_set(e, "is no content before or after");
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = read_copy(json_array_get(v, i), place, e);
    return rc;
}

static json_t *write_copy(const struct tuf_event_copy *c)
{
    struct tm_buf text = {0};
    tm_b64_encode(B64_STD, c->data.data, c->data.len, &text);
    json_t *v = tm_buf_str(&text) != NULL ? json_string(tm_buf_str(&text)) : NULL;
    tm_buf_free(&text);
    return v;
}

static json_t *write_side(const void *place, struct tm_err *e)
{
    const struct tuf_event_side *side = place;
    json_t *out = side->count == 0   ? json_null()
                  : side->count == 1 ? write_copy(side->copy)
                                     : json_array();
    int bad = out == NULL;
    for (size_t i = 0; i < side->count && side->count > 1; i++)
        bad |= json_array_append_new(out, write_copy(&side->copy[i]));
    if (bad == 0)
        return out;
    json_decref(out);
    return tm_err_null(e, "out of memory");
}

static void free_side(void *place)
{
    tuf_event_side_free(place);
}

static const struct tm_jsonmap_type side_type = {read_side, write_side, free_side};

static const struct tm_jsonmap_member file_members[] = {
    JSONMAP_NEED(struct tuf_event_file, "before", side[0], OWN, .type = &side_type),
    JSONMAP_NEED(struct tuf_event_file, "after", side[1], OWN, .type = &side_type),
    {0}};
static const struct tm_jsonmap file_map = {
    .members = file_members, .size = sizeof(struct tuf_event_file), .unknown = JSONMAP_REFUSE};
static const struct tm_jsonmap_member each_file = {.kind = JSONMAP_OBJECT, .map = &file_map};

/* ---- the form: the whole ---- */

struct form {
    struct tuf_event ev;
    char *media_type;
    json_t *roots, *base, *proposed; /* envelopes */
};

#define TEXT(text, member, bytes) \
    { \
        .name = text, JSONMAP_AT(struct form, member), .kind = JSONMAP_TEXT, .max = bytes, \
        .flags = JSONMAP_REQUIRED \
    }
#define TREE(text) \
    { \
        .name = #text, JSONMAP_AT(struct form, text), .kind = JSONMAP_TREE, \
        .flags = JSONMAP_REQUIRED \
    }

static const struct tm_jsonmap_member each_statement = {.kind = JSONMAP_OWN,
                                                        .type = &tuf_statement_type};

static const struct tm_jsonmap_member form_members[] = {
    TEXT("mediaType", media_type, 0),
    TEXT("name", ev.name, POLICY_NAME_MAX),
    TEXT("reason", ev.reason, EVENT_REASON_MAX),
    JSONMAP_NEED(struct form, "created", ev.created, OWN, .type = &tuf_event_time_type),
    TREE(roots),
    TREE(base),
    TREE(proposed),
    JSONMAP_NEED(struct form, "files", ev.files, NAMED, .each = &each_file,
                 .size = sizeof(struct tuf_event_file)),
    JSONMAP_NEED(struct form, "statements", ev.statements, LIST, .max = TUF_SIGNATURES_MAX,
                 .each = &each_statement, .size = sizeof(struct tuf_statement)),
    {0}};

static int check_form(const void *it, const struct tm_jsonmap_how *how, struct tm_err *e)
{
    const struct form *f = it;
    (void)how;
    if (!tuf_policy_name_ok(f->ev.name))
        return tm_err_set(e, "'name' has letters, digits and ._-@ only");
    if (!json_is_array(f->roots) || !json_is_object(f->base) || !json_is_object(f->proposed))
        return tm_err_set(e, "'roots' is no list, or 'base' or 'proposed' no object");
    if (json_object_size(f->proposed) > EVENT_ROLES_MAX ||
        json_object_size(f->base) > EVENT_ROLES_MAX)
        return tm_err_set(e, "more than %d roles", EVENT_ROLES_MAX);
    return 0;
}

static const struct tm_jsonmap form_map = {.members = form_members,
                                           .size = sizeof(struct form),
                                           .unknown = JSONMAP_REFUSE,
                                           .check = check_form};

/* ---- reading: entries, which come before the frames that they belong to ---- */

struct side_entries {
    bool proposed;
    char *role;
    struct tuf_entries *entries;
};

struct reading {
    struct side_entries *item;
    size_t count, cap;
    size_t next[2]; /* they are asked for in about the order in which they came */
    const struct tuf_progress *progress;
    uint64_t entries; /* of all sides and roles */
    struct tm_err *e;
};

static struct side_entries *new_entries(struct reading *r, bool proposed,
                                        const struct tm_jsonparse_key *role)
{
    if (r->count == r->cap) {
        size_t cap = r->cap > 0 ? 2 * r->cap : 16;
        void *grown = realloc(r->item, cap * sizeof(*r->item));
        if (grown == NULL)
            return NULL;
        r->item = grown;
        r->cap = cap;
    }
    struct side_entries *s = &r->item[r->count++];
    *s = (struct side_entries){proposed, strndup(role->text, role->len), NULL};
    return s->role != NULL ? s : NULL;
}

static bool key_is(const struct tm_jsonparse_key *key, const char *text)
{
    return key->len == strlen(text) && memcmp(key->text, text, key->len) == 0;
}

/* {"base" | "proposed": {ROLE: {"signed": {"targets": {...}}}}} */
static int begin(void *arg, const struct tm_jsonparse_key *keys, struct tm_err *e)
{
    bool proposed = key_is(&keys[0], "proposed");
    if ((!proposed && !key_is(&keys[0], "base")) || key_is(&keys[1], tuf_role_name(TUF_ROOT)))
        return 0;
    struct side_entries *s = new_entries(arg, proposed, &keys[1]);
    if (s == NULL)
        return tm_err_set(e, "out of memory");
    s->entries = tuf_entries_new(TUF_TARGETS, 0, e);
    return s->entries != NULL ? 1 : -1;
}

static const char *side_name(bool proposed)
{
    return proposed ? "proposed" : "published";
}

static int each(void *arg, const char *name, size_t len, json_t *value, struct tm_err *e)
{
    struct reading *r = arg;
    const struct side_entries *s = &r->item[r->count - 1];
    tuf_progress_tell(r->progress, "entries read", r->entries++);
    if (tuf_entries_add(s->entries, name, len, value, e) == 0)
        return 0;
    return tm_err_wrap(e, "%s %s", side_name(s->proposed), s->role);
}

static struct tuf_entries *take_entries(struct reading *r, bool proposed, const char *role)
{
    for (size_t i = 0; i < r->count; i++) {
        size_t at = (r->next[proposed] + i) % r->count;
        struct side_entries *s = &r->item[at];
        struct tuf_entries *entries = s->entries;
        if (s->proposed != proposed || strcmp(s->role, role) != 0)
            continue;
        r->next[proposed] = at + 1;
        s->entries = NULL;
        return entries;
    }
    return NULL;
}

static void reading_free(struct reading *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->item[i].role);
        tuf_entries_free(r->item[i].entries);
    }
    free(r->item);
}

/* ---- reading: roles ---- */

static struct tuf_metadata *read_metadata(struct reading *r, bool proposed, const char *role,
                                          json_t *envelope)
{
    enum tuf_role type = strcmp(role, tuf_role_name(TUF_ROOT)) == 0 ? TUF_ROOT : TUF_TARGETS;
    struct tuf_metadata *m =
        tuf_metadata_build(json_incref(envelope), type, take_entries(r, proposed, role), r->e);
    if (m == NULL)
        tm_err_wrap(r->e, "%s %s", side_name(proposed), role);
    return m;
}

static int read_roots(struct reading *r, const json_t *roots, struct tuf_event *ev)
{
    size_t i;
    json_t *envelope;
    json_array_foreach(roots, i, envelope)
    {
        struct tuf_metadata *m = read_metadata(r, false, tuf_role_name(TUF_ROOT), envelope);
        if (m == NULL || tuf_event_put_root(ev, m, r->e) != 0)
            return -1;
    }
    return tuf_event_end_roots(ev, r->e);
}

/* The chain holds the published root. */
static int check_role(const char *name, bool proposed, struct tm_err *e)
{
    enum tuf_role top;
    if (tuf_role_from_name(name, &top) != 0)
        return strlen(name) <= TUF_ROLE_NAME_MAX
                   ? 0
                   : tm_err_set(e, "a role's name is over %d bytes", TUF_ROLE_NAME_MAX);
    if (top == TUF_TARGETS || (top == TUF_ROOT && proposed))
        return 0;
    return top == TUF_ROOT
               ? tm_err_set(e, "'base' holds a root, which belongs to 'roots'")
               : tm_err_set(e, "an event never holds %s: the online key signs it", name);
}

static int read_side_of_roles(struct reading *r, json_t *envelopes, bool proposed,
                              struct tuf_event *ev)
{
    const char *name;
    json_t *envelope;
    json_object_foreach(envelopes, name, envelope)
    {
        if (check_role(name, proposed, r->e) != 0)
            return -1;
        struct tuf_metadata *m = read_metadata(r, proposed, name, envelope);
        if (m == NULL || tuf_event_put(ev, name, proposed, m, r->e) != 0)
            return -1;
    }
    return 0;
}

/* Before it is read as one. */
static bool is_event(const json_t *tree)
{
    static const struct tm_jsonmap_member rows[] = {{.name = "mediaType", .kind = JSONMAP_TEXT},
                                                    {0}};
    static const struct tm_jsonmap map = {
        .members = rows, .size = sizeof(char *), .unknown = JSONMAP_IGNORE};
    char *type = NULL;
    bool is = tm_jsonmap_read(tree, &map, NULL, &type, NULL) == 0 && type != NULL &&
              strcmp(type, EVENT_MEDIA_TYPE) == 0;
    tm_jsonmap_free(&map, &type);
    return is;
}

static int read_form(struct reading *r, const json_t *tree, struct form *f)
{
    if (!is_event(tree))
        return tm_err_set(r->e, "not a signing event (mediaType is not %s)", EVENT_MEDIA_TYPE);
    int rc = tm_jsonmap_read(tree, &form_map, NULL, f, r->e);
    tuf_event_files_sort(&f->ev.files);
    if (rc == 0)
        rc = read_roots(r, f->roots, &f->ev);
    if (rc == 0)
        rc = read_side_of_roles(r, f->proposed, true, &f->ev);
    return rc == 0 ? read_side_of_roles(r, f->base, false, &f->ev) : -1;
}

int tuf_event_parse(const char *text, size_t len, struct tm_buf *spent,
                    const struct tuf_progress *progress, struct tuf_event *out, struct tm_err *e)
{
    struct tm_err own = {0};
    struct reading r = {.progress = progress, .e = e != NULL ? e : &own};
    struct form f = {0};
    const struct tm_jsonparse_aside aside = {.path = {NULL, NULL, "signed", "targets"},
                                             .depth = 4,
                                             .begin = begin,
                                             .each = each,
                                             .arg = &r,
                                             .spent = spent};
    *out = (struct tuf_event){0};
    if (len > EVENT_BYTES_MAX)
        return tm_err_set(e, "JSON of %zu bytes is longer than %zu", len, EVENT_BYTES_MAX);
    json_t *tree = tm_strictjson_parse_aside(text, len, &aside, r.e);
    int rc = tree != NULL ? read_form(&r, tree, &f) : -1;
    if (rc == 0) {
        *out = f.ev;
        f.ev = (struct tuf_event){0};
    }
    tuf_event_free(&f.ev);
    tm_jsonmap_free(&form_map, &f);
    reading_free(&r);
    json_decref(tree);
    return rc;
}

int tuf_event_read_file(const char *path, const struct tuf_progress *progress,
                        struct tuf_event *out, struct tm_err *e)
{
    struct tm_buf text = {0};
    *out = (struct tuf_event){0};
    int rc = tm_file_read(path, EVENT_BYTES_MAX, &text, e);
    if (rc == 0)
        rc = tuf_event_parse(text.len > 0 ? (const char *)text.data : "", text.len, &text, progress,
                             out, e);
    tm_buf_free(&text);
    return rc;
}

/* ---- writing ---- */

struct filling { /* the roles' frames, in about the order in which they are written */
    struct hole {
        const json_t *place;
        const struct tuf_metadata *m;
    } * hole;
    size_t count;
    size_t next;
};

static int fill(void *arg, const json_t *object, struct tm_jsondump *d, struct tm_err *e)
{
    struct filling *f = arg;
    for (size_t i = 0; i < f->count; i++) {
        size_t at = (f->next + i) % f->count;
        if (f->hole[at].place != object)
            continue;
        f->next = at + 1;
        return tuf_metadata_fill(f->hole[at].m, d, e);
    }
    return 0;
}

/* A new reference, or NULL. */
static json_t *frame_of(struct filling *f, const struct tuf_metadata *m, bool bare,
                        struct tm_err *e)
{
    struct tuf_frame frame;
    if (tuf_metadata_frame(m, bare, &frame, e) != 0)
        return NULL;
    if (frame.place != NULL)
        f->hole[f->count++] = (struct hole){frame.place, m};
    return frame.envelope;
}

static int write_roles(const struct tuf_event *ev, bool bare, struct form *f,
                       struct filling *filling, struct tm_err *e)
{
    int bad = f->roots == NULL || f->base == NULL || f->proposed == NULL || filling->hole == NULL;
    for (size_t i = 0; i < ev->root_count && bad == 0; i++)
        bad |= json_array_append_new(f->roots, frame_of(filling, ev->roots[i], false, e));
    for (size_t i = 0; i < ev->count && bad == 0; i++) {
        const struct tuf_event_role *r = &ev->role[ev->by_name[i]];
        if (r->base != NULL && strcmp(r->name, tuf_role_name(TUF_ROOT)) != 0)
            bad |= json_object_set_new(f->base, r->name, frame_of(filling, r->base, false, e));
    }
    for (size_t i = 0; i < ev->count && bad == 0; i++) {
        const struct tuf_event_role *r = &ev->role[ev->by_name[i]];
        if (r->proposed != NULL)
            bad |=
                json_object_set_new(f->proposed, r->name, frame_of(filling, r->proposed, bare, e));
    }
    return bad;
}

int tuf_event_dump(const struct tuf_event *ev, bool bare,
                   int (*write)(void *arg, const void *data, size_t len, struct tm_err *e),
                   void *arg, struct tm_err *e)
{
    struct filling filling = {.hole = calloc(2 * ev->count + 1, sizeof(struct hole))};
    const struct tm_jsondump_to to = {true, write, arg, fill, &filling};
    char type[] = EVENT_MEDIA_TYPE;
    struct form f = {.ev = *ev, .media_type = type};
    f.roots = json_array();
    f.base = json_object();
    f.proposed = json_object();
    if (bare)
        f.ev.statements = (struct tuf_statements){0};
    json_t *tree = NULL;
    if (write_roles(ev, bare, &f, &filling, e) != 0)
        tm_err_set(e, "out of memory, or a role's name is not UTF-8");
    else
        tree = tm_jsonmap_write(&form_map, &f, e);
    int rc = tree != NULL ? tm_jsondump(tree, &to, e) : -1;
    json_decref(tree);
    json_decref(f.roots);
    json_decref(f.base);
    json_decref(f.proposed);
    free(filling.hole);
    return rc;
}

static int write_part(void *stream, const void *data, size_t len, struct tm_err *e)
{
    return tm_file_stream_write(stream, data, len, e);
}

int tuf_event_write_file(const char *path, const struct tuf_event *ev, bool bare, struct tm_err *e)
{
    struct tm_file_stream f;
    if (tm_file_stream_open(&f, path, 0644, e) != 0)
        return -1;
    if (tuf_event_dump(ev, bare, write_part, &f, e) == 0 &&
        (!bare || tm_file_stream_write(&f, "\n", 1, e) == 0))
        return tm_file_stream_commit(&f, e);
    tm_file_stream_abort(&f);
    return -1;
}
