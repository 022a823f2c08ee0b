#include "tuf/manager/evidence/complete.h"

#include <stdlib.h>
#include <string.h>

#include "tuf/metadata/build.h"
#include "tuf/metadata/typesjson.h"

struct named { /* a line that signed metadata names */
    const struct tuf_metadata *by;
    const struct tuf_transcript_head *head;
    bool found;
};

struct walk {
    int64_t last[TUF_ROLE_COUNT]; /* the version that the lines so far have reached */
    int64_t lines;                /* so far */
    char signed_digest[65];       /* of the event that the last "signed" line is about */
    struct named *named;          /* in the order of lines */
    size_t named_count;
    size_t next;              /* of them */
    char snapshot_sha256[65]; /* of the live one */
    int64_t snapshot;         /* its version */
    bool snapshot_told, snapshot_found;
    tuf_line_fn each;
    void *arg;
};

/* What holders sign comes by an event, with their statements before it. */
static int check_event(const struct walk *w, const struct tuf_line *line, const char *role,
                       int64_t version, struct tm_err *e)
{
    if (!tuf_line_is(line, "published") || line->digest == NULL)
        return tm_err_set(e, "%s %lld appears here without its event: lines are missing", role,
                          (long long)version);
    if (strcmp(line->digest, w->signed_digest) != 0)
        return tm_err_set(e, "nobody's statement about the event of %s %lld stands before it", role,
                          (long long)version);
    return 0;
}

static int check_versions(struct walk *w, const struct tuf_line *line, struct tm_err *e)
{
    for (int k = 0; k < TUF_ROLE_COUNT; k++) {
        enum tuf_role role = (enum tuf_role)k;
        const char *name = tuf_role_name(role);
        int64_t v = line->version[k];
        if (v > w->last[k] + 1)
            return tm_err_set(e, "it goes on from %s %lld to %lld: what published %lld is missing",
                              name, (long long)w->last[k], (long long)v, (long long)w->last[k] + 1);
        if (v <= w->last[k])
            continue;
        if ((role == TUF_ROOT || role == TUF_TARGETS) && check_event(w, line, name, v, e) != 0)
            return -1;
        w->last[k] = v;
    }
    return 0;
}

/* A repository that others began: what was published before has no lines here. */
static void begin_taken_over(struct walk *w, const struct tuf_line *line)
{
    memcpy(w->last, line->version, sizeof(w->last));
}

static void look_for_snapshot(struct walk *w, const struct tuf_line *line)
{
    if (line->snapshot_sha256 == NULL || line->version[TUF_SNAPSHOT] != w->snapshot)
        return;
    w->snapshot_told = true;
    w->snapshot_found |= strcmp(line->snapshot_sha256, w->snapshot_sha256) == 0;
}

static int check_line(void *arg, const struct tuf_line *line, struct tm_err *e)
{
    struct walk *w = arg;
    w->lines++;
    for (; w->next < w->named_count && w->named[w->next].head->lines == w->lines; w->next++)
        w->named[w->next].found = strcmp(line->hash, w->named[w->next].head->sha256) == 0;
    if (tuf_line_is(line, "signed")) {
        if (line->digest != NULL && strlen(line->digest) == 64)
            memcpy(w->signed_digest, line->digest, sizeof(w->signed_digest));
    } else if (tuf_line_is(line, "taken-over") && w->lines == 1) {
        begin_taken_over(w, line);
    } else if (tuf_line_is_publication(line)) {
        if (check_versions(w, line, e) != 0)
            return -1;
        look_for_snapshot(w, line);
    }
    return w->each != NULL ? w->each(w->arg, line, e) : 0;
}

static int read_head(const struct tuf_metadata *m, struct walk *w, struct tm_err *e)
{
    const struct tuf_signed *s = m != NULL ? tuf_metadata_signed(m) : NULL;
    if (s == NULL)
        return 0;
    if (tuf_rest_has(s->rest, TUF_TRANSCRIPT_MEMBER)) /* there, and not in its form */
        return tm_err_set(e, "%s %lld: its '%s' is no line's number and hash",
                          tuf_role_name(s->role), (long long)s->version, TUF_TRANSCRIPT_MEMBER);
    if (s->has_transcript)
        w->named[w->named_count++] = (struct named){.by = m, .head = &s->transcript};
    return 0;
}

static int by_line(const void *a, const void *b)
{
    int64_t x = ((const struct named *)a)->head->lines;
    int64_t y = ((const struct named *)b)->head->lines;
    return x < y ? -1 : x > y;
}

/* What the lines are compared with. */
static int read_heads(const struct tuf_published *p, struct walk *w, struct tm_err *e)
{
    w->named = calloc(p->root_count + 2, sizeof(*w->named));
    int rc = w->named != NULL ? 0 : tm_err_set(e, "out of memory");
    for (size_t i = 0; i < p->root_count && rc == 0; i++)
        rc = read_head(p->roots[i], w, e);
    if (rc == 0 && (read_head(p->targets, w, e) != 0 || read_head(p->timestamp, w, e) != 0))
        rc = -1;
    if (rc == 0)
        qsort(w->named, w->named_count, sizeof(*w->named), by_line);
    if (rc == 0 && p->snapshot != NULL) {
        w->snapshot = tuf_metadata_version(p->snapshot);
        rc = tuf_metadata_sha256(p->snapshot, w->snapshot_sha256, e);
    }
    return rc;
}

static int missed(const struct walk *w, const struct named *n, struct tm_err *e)
{
    const char *role = tuf_role_name(tuf_metadata_role(n->by));
    long long version = (long long)tuf_metadata_version(n->by);
    if (n->head->lines > w->lines)
        return tm_err_set(e,
                          "it has %lld lines, and the signed %s %lld names line %lld: its end was "
                          "cut off",
                          (long long)w->lines, role, version, (long long)n->head->lines);
    return tm_err_set(
        e,
        "line %lld is not the one that the signed %s %lld names: lines were changed or "
        "taken out, and the chain was computed anew",
        (long long)n->head->lines, role, version);
}

/* After the last line. */
static int check_end(const struct walk *w, const struct tuf_published *p, struct tm_err *e)
{
    for (size_t i = 0; i < w->named_count; i++) {
        if (!w->named[i].found)
            return missed(w, &w->named[i], e);
    }
    for (int k = 0; k < TUF_ROLE_COUNT; k++) {
        const struct tuf_metadata *m = tuf_published_role(p, (enum tuf_role)k);
        if (m != NULL && tuf_metadata_version(m) > w->last[k])
            return tm_err_set(e, "%s %lld is published and has no line: the last is about %lld",
                              tuf_role_name((enum tuf_role)k), (long long)tuf_metadata_version(m),
                              (long long)w->last[k]);
    }
    if (w->snapshot_told && !w->snapshot_found)
        return tm_err_set(e, "snapshot %lld has other content than its line says",
                          (long long)w->snapshot);
    return 0;
}

int tuf_evidence_check(const char *path, const struct tuf_published *p, tuf_line_fn each, void *arg,
                       struct tuf_evidence *out, struct tm_err *e)
{
    struct walk w = {.each = each, .arg = arg};
    *out = (struct tuf_evidence){0};
    int rc = read_heads(p, &w, e);
    if (rc == 0 && (out->lines = tuf_transcript_verify(path, check_line, &w, e)) < 0)
        rc = -1;
    else if (rc == 0 && check_end(&w, p, e) != 0)
        rc = tm_err_wrap(e, "transcript '%s'", path);
    for (size_t i = 0; i < w.named_count; i++) {
        if (w.named[i].by == p->timestamp)
            out->headed = true;
        else
            out->held = w.named[i].head->lines;
    }
    free(w.named);
    return rc;
}

int tuf_evidence_holds(const char *path, const struct tuf_transcript_head *head, struct tm_err *e)
{
    char hash[65];
    if (tuf_transcript_hash_of(path, head->lines, hash, e) != 0)
        return -1;
    return strcmp(hash, head->sha256) == 0
               ? 0
               : tm_err_set(e, "line %lld of '%s' is another than the one that it names",
                            (long long)head->lines, path);
}
