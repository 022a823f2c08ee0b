#include "tuf/manager/evidence/complete.h"

#include <string.h>

#include "tuf/metadata/build.h"
#include "tuf/metadata/typesjson.h"

struct walk {
    int64_t last[TUF_ROLE_COUNT]; /* the version that the lines so far have reached */
    int64_t lines;                /* so far */
    char signed_digest[65];       /* of the event that the last "signed" line is about */
    int64_t head;                 /* the number of the line that the timestamp names; 0: none */
    const char *head_sha256;
    bool head_found;
    char snapshot_sha256[65]; /* of the live one */
    int64_t snapshot;         /* its version */
    bool snapshot_told, snapshot_found;
    tuf_line_fn each;
    void *arg;
};

json_t *tuf_evidence_head(int64_t lines, const char *sha256)
{
    return json_pack("{s:I, s:s}", "lines", (json_int_t)lines, "sha256", sha256);
}

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
    if (w->lines == w->head)
        w->head_found = strcmp(line->hash, w->head_sha256) == 0;
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

static int read_head(const struct tuf_published *p, struct walk *w, struct tm_err *e)
{
    const struct tuf_signed *s = p->timestamp != NULL ? tuf_metadata_signed(p->timestamp) : NULL;
    const struct tuf_transcript_head *head = s != NULL ? &s->timestamp.transcript : NULL;
    if (p->snapshot != NULL) {
        w->snapshot = tuf_metadata_version(p->snapshot);
        if (tuf_metadata_sha256(p->snapshot, w->snapshot_sha256, e) != 0)
            return -1;
    }
    if (s != NULL && tuf_rest_has(s->rest, EVIDENCE_HEAD)) /* there, and not in its form */
        return tm_err_set(e, "timestamp: its '%s' is no line's number and hash", EVIDENCE_HEAD);
    if (s != NULL && s->timestamp.has_transcript) {
        w->head = head->lines;
        w->head_sha256 = head->sha256;
    }
    return 0;
}

/* After the last line. */
static int check_end(const struct walk *w, const struct tuf_published *p, struct tm_err *e)
{
    if (w->head > w->lines)
        return tm_err_set(e,
                          "it has %lld lines, and the signed timestamp names line %lld: its end "
                          "was cut off",
                          (long long)w->lines, (long long)w->head);
    if (w->head > 0 && !w->head_found)
        return tm_err_set(e,
                          "line %lld is not the one that the signed timestamp names: lines were "
                          "changed or taken out, and the chain was computed anew",
                          (long long)w->head);
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
    if (read_head(p, &w, e) != 0)
        return -1;
    out->lines = tuf_transcript_verify(path, check_line, &w, e);
    if (out->lines < 0)
        return -1;
    out->headed = w.head > 0;
    return check_end(&w, p, e) == 0 ? 0 : tm_err_wrap(e, "transcript '%s'", path);
}
