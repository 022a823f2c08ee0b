/* An event as text, and what of it the tree leaves out: the `targets` of its roles. */
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/json/strictjson.h"
#include "tuf/metadata/build.h"
#include "tuf/manager/event/internal.h"

/* ---- what is held for a role until the event is loaded ---- */

static struct tuf_event_held *hold(struct tuf_event *ev, bool proposed, const char *role,
                                   size_t len, struct tm_err *e)
{
    if (ev->held_count == ev->held_cap) {
        size_t cap = ev->held_cap > 0 ? 2 * ev->held_cap : 16;
        void *grown = realloc(ev->held, cap * sizeof(*ev->held));
        if (grown == NULL) {
            tm_err_set(e, "out of memory");
            return NULL;
        }
        ev->held = grown;
        ev->held_cap = cap;
    }
    struct tuf_event_held *h = &ev->held[ev->held_count];
    *h = (struct tuf_event_held){.proposed = proposed, .role = strndup(role, len)};
    if (h->role == NULL) {
        tm_err_set(e, "out of memory");
        return NULL;
    }
    ev->held_count++;
    return h;
}

int tuf_event_hold(struct tuf_event *ev, bool proposed, const char *role, struct tuf_metadata *m,
                   struct tm_err *e)
{
    struct tuf_event_held *h = hold(ev, proposed, role, strlen(role), e);
    if (h != NULL)
        h->m = m;
    else
        tuf_metadata_free(m);
    return h != NULL ? 0 : -1;
}

/* They are asked for in about the order in which they came. */
static struct tuf_event_held *find(const struct tuf_event *ev, bool proposed, const char *role,
                                   size_t first)
{
    for (size_t i = 0; i < ev->held_count; i++) {
        struct tuf_event_held *h = &ev->held[(first + i) % ev->held_count];
        if (h->proposed == proposed && strcmp(h->role, role) == 0)
            return h;
    }
    return NULL;
}

const struct tuf_metadata *tuf_event_added(const struct tuf_event *ev, const char *role)
{
    const struct tuf_event_held *h = find(ev, true, role, 0);
    return h != NULL ? h->m : NULL;
}

struct tuf_metadata *tuf_event_take(struct tuf_event *ev, bool proposed, const char *role,
                                    json_t *envelope, struct tm_err *e)
{
    enum tuf_role type = strcmp(role, "root") == 0 ? TUF_ROOT : TUF_TARGETS;
    struct tuf_event_held *h = find(ev, proposed, role, ev->held_next[proposed]);
    struct tuf_metadata *m = NULL;
    struct tuf_entries *entries = NULL;
    if (h != NULL) {
        ev->held_next[proposed] = (size_t)(h - ev->held) + 1;
        m = h->m;
        entries = h->entries;
        h->m = NULL;
        h->entries = NULL;
    }
    if (m != NULL)
        return m;
    m = entries != NULL ? tuf_metadata_build(json_incref(envelope), type, entries, e)
                        : tuf_metadata_from_json(json_incref(envelope), type, e);
    if (m == NULL)
        tm_err_wrap(e, "%s %s", proposed ? "proposed" : "published", role);
    return m;
}

void tuf_event_release(struct tuf_event *ev)
{
    for (size_t i = 0; i < ev->held_count; i++) {
        free(ev->held[i].role);
        tuf_entries_free(ev->held[i].entries);
        tuf_metadata_free(ev->held[i].m);
    }
    free(ev->held);
    ev->held = NULL;
    ev->held_count = ev->held_cap = 0;
}

/* ---- reading ---- */

static bool key_is(const struct tm_jsonparse_key *key, const char *text)
{
    return key->len == strlen(text) && memcmp(key->text, text, key->len) == 0;
}

/* {"base" | "proposed": {ROLE: {"signed": {"targets": {...}}}}} */
static int begin(void *arg, const struct tm_jsonparse_key *keys, struct tm_err *e)
{
    bool proposed = key_is(&keys[0], "proposed");
    if ((!proposed && !key_is(&keys[0], "base")) || key_is(&keys[1], "root"))
        return 0;
    struct tuf_event_held *h = hold(arg, proposed, keys[1].text, keys[1].len, e);
    if (h == NULL)
        return -1;
    h->entries = tuf_entries_new(TUF_TARGETS, 0, e);
    return h->entries != NULL ? 1 : -1;
}

static int each(void *arg, const char *name, size_t len, json_t *value, struct tm_err *e)
{
    struct tuf_event *ev = arg;
    const struct tuf_event_held *h = &ev->held[ev->held_count - 1];
    if (tuf_entries_add(h->entries, name, len, value, e) == 0)
        return 0;
    return tm_err_wrap(e, "%s %s", h->proposed ? "proposed" : "published", h->role);
}

int tuf_event_parse_tree(const char *text, size_t len, struct tuf_event *out, struct tm_err *e)
{
    const struct tm_jsonparse_aside aside = {.path = {NULL, NULL, "signed", "targets"},
                                             .depth = 4,
                                             .begin = begin,
                                             .each = each,
                                             .arg = out};
    *out = (struct tuf_event){0};
    if (len > EVENT_BYTES_MAX)
        return tm_err_set(e, "JSON of %zu bytes is longer than %zu", len, EVENT_BYTES_MAX);
    out->tree = tm_strictjson_parse_aside(text, len, &aside, e);
    if (out->tree == NULL || json_is_object(out->tree))
        return out->tree != NULL ? 0 : -1;
    return tm_err_set(e, "not a signing event (no JSON object)");
}

int tuf_event_parse(const char *text, size_t len, struct tuf_event *out, struct tm_err *e)
{
    int rc = tuf_event_parse_tree(text, len, out, e);
    if (rc == 0)
        rc = tuf_event_load(out, e);
    if (rc != 0)
        tuf_event_free(out);
    return rc;
}

static int read_file(const char *path, struct tuf_event *out, struct tm_err *e)
{
    struct tm_buf text = {0};
    *out = (struct tuf_event){0};
    int rc = tm_file_read(path, EVENT_BYTES_MAX, &text, e);
    if (rc == 0 &&
        tuf_event_parse(text.len > 0 ? (const char *)text.data : "", text.len, out, e) != 0)
        rc = tm_err_wrap(e, "event '%s'", path);
    tm_buf_free(&text);
    return rc;
}

int tuf_event_read(const char *path, struct tuf_event *out, struct tm_err *e)
{
    if (!tuf_event_is_folder(path))
        return read_file(path, out, e);
    int rc = tuf_event_folder_read(path, out, e);
    if (rc == 0)
        rc = tuf_event_load(out, e);
    if (rc == 0)
        return 0;
    tuf_event_free(out);
    return tm_err_wrap(e, "event '%s'", path);
}

/* ---- writing ---- */

struct filling {
    const struct tuf_event *ev;
    size_t next; /* roles come in about this order */
};

static int fill(void *arg, const json_t *object, struct tm_jsondump *d, struct tm_err *e)
{
    struct filling *f = arg;
    for (size_t i = 0; i < f->ev->count; i++) {
        size_t at = (f->next + i) % f->ev->count;
        const struct tuf_metadata *const sides[] = {f->ev->role[at].base, f->ev->role[at].proposed};
        for (size_t k = 0; k < 2; k++) {
            if (sides[k] == NULL || tuf_metadata_place(sides[k]) != object)
                continue;
            f->next = at + 1;
            return tuf_metadata_fill(sides[k], d, e);
        }
    }
    return 0;
}

int tuf_event_dump(const struct tuf_event *ev, const json_t *tree,
                   int (*write)(void *arg, const void *data, size_t len, struct tm_err *e),
                   void *arg, struct tm_err *e)
{
    struct filling f = {.ev = ev};
    const struct tm_jsondump_to to = {true, write, arg, fill, &f};
    return tm_jsondump(tree, &to, e);
}

static int write_part(void *stream, const void *data, size_t len, struct tm_err *e)
{
    return tm_file_stream_write(stream, data, len, e);
}

int tuf_event_write_file(const char *path, const struct tuf_event *ev, const json_t *tree,
                         bool line, struct tm_err *e)
{
    struct tm_file_stream f;
    if (tm_file_stream_open(&f, path, 0644, e) != 0)
        return -1;
    if (tuf_event_dump(ev, tree, write_part, &f, e) == 0 &&
        (!line || tm_file_stream_write(&f, "\n", 1, e) == 0))
        return tm_file_stream_commit(&f, e);
    tm_file_stream_abort(&f);
    return -1;
}

int tuf_event_write(const char *path, const struct tuf_event *ev, struct tm_err *e)
{
    return tuf_event_is_folder(path) ? tuf_event_folder_write(path, ev, e)
                                     : tuf_event_write_file(path, ev, ev->tree, false, e);
}
