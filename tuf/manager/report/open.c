#include "tuf/manager/report/open.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/grow.h"
#include "common/json/jsonfile.h"
#include "tuf/metadata/delegation.h"
#include "tuf/manager/review/rules.h"
#include "tuf/manager/review/review.h"

#define NOTES_FILE "proposed.json"
#define NOTES_BYTES_MAX ((size_t)4 << 20)
#define NOTES_MAX 256 /* older ones are forgotten */

/* ---- proposed.json ---- */

struct note_role {
    char *name;
    int64_t version;
};

struct note { /* an event that was proposed */
    char *name, *digest, *path;
    struct tm_jsonmap_list roles; /* struct note_role */
};

struct notes {
    struct tm_jsonmap_list events; /* struct note, oldest first */
};

static const struct tm_jsonmap_member role_members[] = {
    JSONMAP_NEED(struct note_role, "role", name, TEXT, .max = 1024),
    JSONMAP_NEED(struct note_role, "version", version, INTEGER, .min = 1, .max = TUF_VERSION_MAX),
    {0}};
static const struct tm_jsonmap role_map = {
    .members = role_members, .size = sizeof(struct note_role), .unknown = JSONMAP_REFUSE};
static const struct tm_jsonmap_member each_role = {.kind = JSONMAP_OBJECT, .map = &role_map};

static const struct tm_jsonmap_member note_members[] = {
    JSONMAP_NEED(struct note, "name", name, TEXT, .max = 256),
    JSONMAP_NEED(struct note, "digest", digest, TEXT, .min = 64, .max = 64),
    JSONMAP_NEED(struct note, "path", path, TEXT, .max = PATH_MAX),
    JSONMAP_NEED(struct note, "roles", roles, LIST, .max = EVENT_ROLES_MAX, .each = &each_role,
                 .size = sizeof(struct note_role)),
    {0}};
static const struct tm_jsonmap note_map = {
    .members = note_members, .size = sizeof(struct note), .unknown = JSONMAP_REFUSE};
static const struct tm_jsonmap_member each_note = {.kind = JSONMAP_OBJECT, .map = &note_map};

static const struct tm_jsonmap_member notes_members[] = {
    JSONMAP_NEED(struct notes, "events", events, LIST, .max = NOTES_MAX + 1, .each = &each_note,
                 .size = sizeof(struct note)),
    {0}};
static const struct tm_jsonmap notes_map = {
    .members = notes_members, .size = sizeof(struct notes), .unknown = JSONMAP_REFUSE};

static int notes_read(const struct tuf_workspace *w, struct notes *out, struct tm_err *e)
{
    char path[PATH_MAX];
    *out = (struct notes){0};
    return tuf_workspace_path(w, NOTES_FILE, path, sizeof(path), e) == 0 &&
                   tm_jsonfile_read(path, NOTES_BYTES_MAX, &notes_map, out, e) >= 0
               ? 0
               : -1;
}

static int notes_write(const struct tuf_workspace *w, const struct notes *n, struct tm_err *e)
{
    char path[PATH_MAX];
    return tuf_workspace_path(w, NOTES_FILE, path, sizeof(path), e) == 0
               ? tm_jsonfile_write(path, 0644, &notes_map, n, e)
               : -1;
}

/* ---- what is published ---- */

static int64_t published_version(const struct tuf_published *live, const char *role)
{
    struct tuf_file_info info;
    if (strcmp(role, tuf_role_name(TUF_ROOT)) == 0)
        return tuf_published_root_version(live);
    if (live->snapshot != NULL && tuf_snapshot_find(live->snapshot, role, &info))
        return info.version;
    return 0;
}

/* Whether a version of it is not published yet; *next: each of those comes next. */
static bool note_pending(const struct note *n, const struct tuf_published *live, bool *next)
{
    const struct note_role *r = n->roles.item;
    bool pending = false;
    *next = true;
    for (size_t i = 0; i < n->roles.count; i++) {
        int64_t now = published_version(live, r[i].name);
        pending |= r[i].version > now;
        *next &= r[i].version == now + 1;
    }
    return pending;
}

static bool event_pending(const struct tuf_event *ev, const struct tuf_published *live)
{
    for (size_t i = 0; i < ev->count; i++) {
        if (ev->role[i].proposed != NULL &&
            tuf_metadata_version(ev->role[i].proposed) > published_version(live, ev->role[i].name))
            return true;
    }
    return false;
}

/* ---- the list ---- */

static struct tuf_open_event *add(struct tuf_open_events *o, const char *name, const char *path,
                                  const char *digest, struct tm_err *e)
{
    struct tuf_open_event *x = tm_grow(&o->item, &o->count, sizeof(*x), e);
    if (x == NULL)
        return NULL;
    x->name = strdup(name);
    x->path = strdup(path);
    snprintf(x->digest, sizeof(x->digest), "%s", digest);
    if (x->name == NULL || x->path == NULL)
        return tm_err_null(e, "out of memory");
    return x;
}

static bool is_there(const struct tuf_open_events *o, const char *digest)
{
    for (size_t i = 0; i < o->count; i++) {
        if (strcmp(o->item[i].digest, digest) == 0)
            return true;
    }
    return false;
}

static void put_role(struct tm_buf *out, const char *role, int64_t version)
{
    tm_buf_printf(out, "%s%.230s %lld", out->len > 0 ? ", " : "", role, (long long)version);
}

struct opening {
    struct tuf_published *live; /* while an event is in memory, without targets */
    char targets[65];           /* SHA-256 of theirs; "": not asked for yet, or none */
    struct tuf_open_events *out;
};

static bool is_live(const struct opening *o, const struct tuf_metadata *m)
{
    char hex[65];
    return m != NULL && o->targets[0] != '\0' && tuf_metadata_sha256(m, hex, NULL) == 0 &&
           strcmp(hex, o->targets) == 0;
}

/* 1: nothing newer is published than what the event goes on from. The published targets are those
 * of the event, which has them in memory, or it is outdated. */
static int is_current(struct opening *o, const struct tuf_event *ev, struct tm_err *e)
{
    const struct tuf_event_role *r = tuf_event_find(ev, tuf_role_name(TUF_TARGETS));
    bool lend = o->targets[0] != '\0' && r != NULL && r->proposed != NULL;
    if (lend)
        o->live->targets = is_live(o, r->base)       ? r->base
                           : is_live(o, r->proposed) ? r->proposed
                                                     : NULL;
    else if (tuf_published_read_targets(o->live, e) != 0)
        return -1;
    bool current = (!lend || o->live->targets != NULL) && tuf_rules_base(ev, o->live, NULL) == 0;
    if (lend)
        o->live->targets = NULL;
    return current;
}

static int read_event(struct opening *o, const char *path, struct tuf_event *ev, struct tm_err *e)
{
    const struct tuf_metadata *targets = o->live->targets;
    if (o->targets[0] == '\0' && targets != NULL &&
        tuf_metadata_sha256(targets, o->targets, e) != 0)
        return -1;
    tuf_published_drop_targets(o->live);
    return tuf_event_read(path, NULL, ev, NULL) == 0 ? 1 : 0;
}

/* Adds the event at `path` when it is one, is not published, and is not there yet. */
static int add_event(const char *path, struct opening *open, struct tm_err *e)
{
    const struct tuf_published *live = open->live;
    struct tuf_open_events *o = open->out;
    struct tuf_event ev;
    char digest[65];
    int rc = tuf_event_is_there(path) ? read_event(open, path, &ev, e) : 0;
    if (rc <= 0)
        return rc;
    rc = 0;
    if (tuf_event_digest(&ev, digest, NULL) == 0 && event_pending(&ev, live) &&
        !is_there(o, digest)) {
        struct tuf_open_event *x = add(o, ev.name, path, digest, e);
        rc = x != NULL ? 0 : -1;
        for (size_t i = 0; rc == 0 && i < ev.count; i++) {
            if (ev.role[i].proposed != NULL)
                put_role(&x->roles, ev.role[i].name, tuf_metadata_version(ev.role[i].proposed));
        }
        if (rc == 0) {
            for (size_t i = 0; i < ev.statements.count; i++)
                tm_buf_printf(&x->signers, "%s%.128s", i > 0 ? ", " : "",
                              ev.statements.item[i].holder);
            tuf_review_signatures(&ev, &x->missing);
            int current = is_current(open, &ev, e);
            rc = current < 0 ? -1 : 0;
            x->state = current <= 0                                 ? TUF_OPEN_OUTDATED
                       : tuf_event_check_signatures(&ev, NULL) != 0 ? TUF_OPEN_WAITS
                       : tuf_rules_thresholds(&ev, NULL) == 0       ? TUF_OPEN_COMPLETE
                                                                    : TUF_OPEN_WAITS;
        }
    }
    tuf_event_free(&ev);
    return rc;
}

static int add_folder(const struct tuf_workspace *w, struct opening *o, struct tm_err *e)
{
    char dir[PATH_MAX];
    char path[PATH_MAX];
    struct dirent **names = NULL;
    if (tuf_workspace_path(w, "events", dir, sizeof(dir), e) != 0)
        return -1;
    int count = scandir(dir, &names, NULL, alphasort);
    int rc = count >= 0 || errno == ENOENT ? 0 : tm_err_errno(e, "read '%s'", dir);
    for (int i = 0; i < count; i++) {
        if (rc == 0 && names[i]->d_name[0] != '.' &&
            tm_file_join(dir, names[i]->d_name, path, sizeof(path), NULL) == 0)
            rc = add_event(path, o, e);
        free(names[i]);
    }
    free(names);
    return rc;
}

/* One that `propose` wrote elsewhere: as it is there, or as it was when it left. */
static int add_note(const struct tuf_workspace *w, const struct note *n, struct opening *open,
                    struct tm_err *e)
{
    struct tuf_open_events *o = open->out;
    char path[PATH_MAX];
    bool next = false;
    if (!note_pending(n, open->live, &next) || is_there(o, n->digest))
        return 0;
    if (tuf_workspace_path(w, n->path, path, sizeof(path), e) != 0 || add_event(path, open, e) != 0)
        return -1;
    if (is_there(o, n->digest))
        return 0;
    struct tuf_open_event *x = add(o, n->name, path, n->digest, e);
    const struct note_role *r = n->roles.item;
    for (size_t i = 0; x != NULL && i < n->roles.count; i++)
        put_role(&x->roles, r[i].name, r[i].version);
    if (x != NULL)
        x->state = next ? TUF_OPEN_AWAY : TUF_OPEN_OUTDATED;
    return x != NULL ? 0 : -1;
}

/* A later proposal of the same name is in its place. */
static bool is_replaced(const struct notes *n, size_t i)
{
    const struct note *all = n->events.item;
    for (size_t j = i + 1; j < n->events.count; j++) {
        if (strcmp(all[i].name, all[j].name) == 0)
            return true;
    }
    return false;
}

int tuf_open_events_read(const struct tuf_workspace *w, struct tuf_published *live,
                         struct tuf_open_events *out, struct tm_err *e)
{
    struct opening o = {.live = live, .out = out};
    struct notes n;
    *out = (struct tuf_open_events){0};
    int rc = notes_read(w, &n, e);
    if (rc == 0)
        rc = add_folder(w, &o, e);
    for (size_t i = 0; i < n.events.count && rc == 0; i++) {
        if (!is_replaced(&n, i))
            rc = add_note(w, &((const struct note *)n.events.item)[i], &o, e);
    }
    if (rc == 0)
        rc = tuf_published_read_targets(live, e);
    tm_jsonmap_free(&notes_map, &n);
    if (rc != 0)
        tuf_open_events_free(out);
    return rc;
}

void tuf_open_events_free(struct tuf_open_events *o)
{
    for (size_t i = 0; i < o->count; i++) {
        free(o->item[i].name);
        free(o->item[i].path);
        tm_buf_free(&o->item[i].roles);
        tm_buf_free(&o->item[i].signers);
        tm_buf_free(&o->item[i].missing);
    }
    free(o->item);
    *o = (struct tuf_open_events){0};
}

size_t tuf_open_events_waiting(const struct tuf_open_events *o)
{
    size_t n = 0;
    for (size_t i = 0; i < o->count; i++)
        n += o->item[i].state != TUF_OPEN_OUTDATED;
    return n;
}

/* ---- remembering ---- */

static void note_free(struct note *n)
{
    tm_jsonmap_free(&note_map, n);
}

static int note_make(const struct tuf_event *ev, const char *path, struct note *out,
                     struct tm_err *e)
{
    char digest[65];
    char real[PATH_MAX];
    struct note_role *r = calloc(ev->count + 1, sizeof(*r));
    *out = (struct note){.roles.item = r};
    if (r == NULL || tuf_event_digest(ev, digest, e) != 0)
        return tm_err_set(e, "out of memory");
    for (size_t i = 0; i < ev->count; i++) {
        if (ev->role[i].proposed == NULL)
            continue;
        struct note_role *one = &r[out->roles.count++];
        one->name = strdup(ev->role[i].name);
        one->version = tuf_metadata_version(ev->role[i].proposed);
        if (one->name == NULL)
            return tm_err_set(e, "out of memory");
    }
    out->name = strdup(ev->name);
    out->digest = strdup(digest);
    out->path = strdup(realpath(path, real) != NULL ? real : path);
    return out->name != NULL && out->digest != NULL && out->path != NULL
               ? 0
               : tm_err_set(e, "out of memory");
}

/* Keeps what is pending, but for another of the same name, and the newest. */
static void sweep(struct notes *n, const struct tuf_published *live, const char *name)
{
    struct note *all = n->events.item;
    size_t kept = 0;
    for (size_t i = 0; i < n->events.count; i++) {
        bool next;
        bool keep = note_pending(&all[i], live, &next) && strcmp(all[i].name, name) != 0 &&
                    n->events.count - i < NOTES_MAX;
        if (keep)
            all[kept++] = all[i];
        else
            note_free(&all[i]);
    }
    n->events.count = kept;
}

int tuf_open_events_note(const struct tuf_workspace *w, const struct tuf_published *live,
                         const struct tuf_event *ev, const char *path, struct tm_err *e)
{
    struct notes n;
    struct note one = {0};
    int rc = notes_read(w, &n, e);
    if (rc == 0)
        rc = note_make(ev, path, &one, e);
    if (rc == 0) {
        sweep(&n, live, one.name);
        struct note *place = tm_grow(&n.events.item, &n.events.count, sizeof(*place), e);
        rc = place != NULL ? 0 : -1;
        if (place != NULL) {
            *place = one;
            one = (struct note){0};
            rc = notes_write(w, &n, e);
        }
    }
    note_free(&one);
    tm_jsonmap_free(&notes_map, &n);
    return rc;
}
