/* Evidence of a publication: a line for each holder's statement, then one for the publication.
 * The timestamp names the last of them, so they are chained before it is signed; they are written
 * after the checks and before the switch. */
#include <string.h>

#include "tuf/metadata/build.h"
#include "tuf/metadata/key.h"
#include "tuf/metadata/typesjson.h"
#include "tuf/manager/evidence/transcript.h"
#include "tuf/manager/publish/internal.h"

static const struct tuf_public_key *key_of(const struct tuf_event *ev, const char *keyid)
{
    for (size_t i = 0; i < ev->count; i++) {
        struct tuf_signers s;
        for (int old = 0; old < 2 && ev->role[i].proposed != NULL; old++) {
            const struct tuf_public_key *key = tuf_event_signers(ev, ev->role[i].name, old, &s)
                                                   ? tuf_keys_find(s.known, keyid)
                                                   : NULL;
            if (key != NULL)
                return key;
        }
    }
    return NULL;
}

static int record_statement(struct tuf_publication *p, const struct tuf_statement *said,
                            struct tm_err *e)
{
    struct tuf_line line = {.states = true};
    const struct tuf_public_key *key = key_of(p->o->event, said->keyid);
    char hex[65];
    if (key == NULL || tuf_key_fingerprint(key, hex, e) != 0)
        return -1;
    int rc = tuf_copy_key(key, &line.key, e);
    tuf_text_set(&line.key.keyid, NULL); /* which the statement has */
    line.has_key = true;
    if (rc == 0)
        rc = tuf_statement_copy(said, &line.statement, e);
    if (rc == 0 && (tuf_line_set(&line.what, "signed", e) != 0 ||
                    tuf_line_set(&line.holder, tuf_key_owner(key), e) != 0 ||
                    tuf_line_set(&line.fingerprint, hex, e) != 0 ||
                    tuf_line_set(&line.event, said->event, e) != 0 ||
                    tuf_line_set(&line.digest, said->digest, e) != 0))
        rc = -1;
    if (rc == 0)
        rc = tuf_transcript_chain(&p->evidence, &line, p->o->now, e);
    tuf_line_free(&line);
    return rc;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* A publication that was cut short is repeated: its evidence is there already. */
static bool recorded(const struct tuf_publication *p, const struct tuf_line *line)
{
    struct tuf_line last;
    bool same = tuf_transcript_last(p->w->transcript, &last, NULL) == 0 &&
                same_text(last.what, line->what) && same_text(last.digest, line->digest) &&
                same_text(last.snapshot_sha256, line->snapshot_sha256) &&
                memcmp(last.version, line->version, sizeof(last.version)) == 0;
    tuf_line_free(&last);
    return same;
}

/* The line of the publication. */
static int describe(const struct tuf_publication *p, struct tuf_line *line, struct tm_err *e)
{
    const struct tuf_event *ev = p->o->event;
    const struct tuf_publish_report *r = p->report;
    char hex[65];
    *line = (struct tuf_line){.version = {[TUF_ROOT] = r->root,
                                          [TUF_TIMESTAMP] = r->timestamp,
                                          [TUF_SNAPSHOT] = r->snapshot,
                                          [TUF_TARGETS] = r->targets}};
    if (tuf_line_set(&line->what, p->o->refresh ? "refreshed" : "published", e) != 0 ||
        tuf_metadata_sha256(p->root, hex, e) != 0 || tuf_line_set(&line->root_sha256, hex, e) != 0)
        return -1;
    if (p->snapshot_sha256[0] != '\0' &&
        tuf_line_set(&line->snapshot_sha256, p->snapshot_sha256, e) != 0)
        return -1;
    if (ev == NULL)
        return 0;
    return tuf_event_digest(ev, hex, e) == 0 && tuf_line_set(&line->digest, hex, e) == 0 &&
                   tuf_line_set(&line->event, ev->name, e) == 0 &&
                   tuf_line_set(&line->reason, ev->reason, e) == 0
               ? 0
               : -1;
}

int tuf_publication_chain(struct tuf_publication *p, struct tm_err *e)
{
    const struct tuf_event *ev = p->o->event;
    struct tuf_line line;
    int rc = describe(p, &line, e);
    if (rc == 0)
        rc = tuf_transcript_tail(p->w->transcript, &p->evidence, e);
    if (rc == 0 && !recorded(p, &line)) {
        for (size_t i = 0; ev != NULL && i < ev->statements.count && rc == 0; i++)
            rc = record_statement(p, &ev->statements.item[i], e);
        if (rc == 0)
            rc = tuf_transcript_chain(&p->evidence, &line, p->o->now, e);
    }
    tuf_line_free(&line);
    return rc;
}
