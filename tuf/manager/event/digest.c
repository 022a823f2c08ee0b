/* What an event's digest is over, as a form of its own: {"name", "reason", "created", "base" and
 * "proposed": {ROLE: {"version", "sha256"}}, "files": {PATH: {"before", "after": [sha256]}}}. */
#include "common/json/jsonmap.h"
#include "tuf/metadata/canonical.h"
#include "tuf/manager/event/internal.h"

static json_t *write_hashes(const void *place, struct tm_err *e)
{
    const struct tuf_event_side *side = place;
    json_t *out = json_array();
    for (size_t i = 0; i < side->count && out != NULL; i++) {
        if (json_array_append_new(out, json_string(side->copy[i].sha256)) != 0) {
            json_decref(out);
            out = NULL;
        }
    }
    if (out == NULL)
        tm_err_set(e, "out of memory");
    return out;
}

static const struct tm_jsonmap_type hashes_type = {NULL, write_hashes, NULL};

static const struct tm_jsonmap_member file_members[] = {
    JSONMAP_ROW(struct tuf_event_file, "before", side[0], OWN, .type = &hashes_type),
    JSONMAP_ROW(struct tuf_event_file, "after", side[1], OWN, .type = &hashes_type),
    {0}};
static const struct tm_jsonmap file_map = {.members = file_members,
                                           .size = sizeof(struct tuf_event_file)};
static const struct tm_jsonmap_member each_file = {.kind = JSONMAP_OBJECT, .map = &file_map};

struct summary {
    char *name, *reason;
    int64_t created;
    struct tuf_reviewed_list base, proposed;
    struct tuf_event_files files;
};

#define ROLES(text, member) \
    { \
        .name = text, JSONMAP_AT(struct summary, member), .kind = JSONMAP_NAMED, \
        .each = &tuf_reviewed_each, .size = sizeof(struct tuf_reviewed), .flags = JSONMAP_REQUIRED \
    }

static const struct tm_jsonmap_member summary_members[] = {
    JSONMAP_ROW(struct summary, "name", name, TEXT),
    JSONMAP_ROW(struct summary, "reason", reason, TEXT),
    JSONMAP_ROW(struct summary, "created", created, OWN, .type = &tuf_event_time_type),
    ROLES("base", base),
    ROLES("proposed", proposed),
    JSONMAP_NEED(struct summary, "files", files, NAMED, .each = &each_file,
                 .size = sizeof(struct tuf_event_file)),
    {0}};
static const struct tm_jsonmap summary_map = {.members = summary_members,
                                              .size = sizeof(struct summary)};

int tuf_event_reviewed(const struct tuf_event *ev, bool proposed, struct tuf_reviewed_list *out,
                       struct tm_err *e)
{
    int rc = 0;
    *out = (struct tuf_reviewed_list){0};
    for (size_t i = 0; i < ev->count && rc == 0; i++) {
        const struct tuf_event_role *r = &ev->role[ev->by_name[i]];
        const struct tuf_metadata *m = proposed ? r->proposed : r->base;
        char hex[65];
        if (m != NULL)
            rc = tuf_metadata_sha256(m, hex, e) == 0
                     ? tuf_reviewed_add(out, r->name, tuf_metadata_version(m), hex, e)
                     : -1;
    }
    return rc;
}

int tuf_event_digest(const struct tuf_event *ev, char hex[65], struct tm_err *e)
{
    struct summary s = {ev->name, ev->reason, ev->created, .files = ev->files};
    int rc = tuf_event_reviewed(ev, false, &s.base, e);
    if (rc == 0)
        rc = tuf_event_reviewed(ev, true, &s.proposed, e);
    json_t *v = rc == 0 ? tm_jsonmap_write(&summary_map, &s, e) : NULL;
    rc = v != NULL ? tuf_canonical_sha256(v, hex, e) : -1;
    json_decref(v);
    tuf_reviewed_free(&s.base);
    tuf_reviewed_free(&s.proposed);
    return rc;
}
