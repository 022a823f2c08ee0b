/* Evidence of a publication: a line for each holder's statement, then one for the publication.
 * The timestamp names the last of them, so they are chained before it is signed; they are written
 * after the checks and before the switch. */
#include <string.h>

#include "common/json/strictjson.h"
#include "tuf/metadata/build.h"
#include "tuf/manager/evidence/transcript.h"
#include "tuf/manager/policy/keyring.h"
#include "tuf/manager/publish/internal.h"

struct recorder {
    struct tuf_publication *p;
    int rc;
    struct tm_err *e;
};

static const json_t *key_of(const struct tuf_event *ev, const char *keyid)
{
    for (size_t i = 0; i < ev->count; i++) {
        struct tuf_signers s;
        for (int old = 0; old < 2 && ev->role[i].proposed != NULL; old++) {
            const json_t *key = tuf_event_signers(ev, ev->role[i].name, old, &s)
                                    ? json_object_get(s.keys, keyid)
                                    : NULL;
            if (key != NULL)
                return key;
        }
    }
    return NULL;
}

static void record_statement(void *arg, const json_t *statement)
{
    struct recorder *r = arg;
    const json_t *body = json_object_get(statement, "signed");
    const char *keyid = tm_strictjson_str(body, "keyid");
    const json_t *key = keyid != NULL ? key_of(r->p->o->event, keyid) : NULL;
    char hex[65];
    if (r->rc != 0)
        return;
    if (key == NULL || tuf_keyring_fingerprint(key, hex, r->e) != 0) {
        r->rc = -1;
        return;
    }
    json_t *entry = json_pack("{s:s, s:s, s:s, s:O, s:O, s:O, s:O}", "what", "signed", "holder",
                              tuf_keyring_owner(key), "fingerprint", hex, "event",
                              json_object_get(body, "event"), "digest",
                              json_object_get(body, "digest"), "key", key, "statement", statement);
    r->rc = entry != NULL ? tuf_transcript_chain(&r->p->evidence, entry, r->p->o->now, r->e)
                          : tm_err_set(r->e, "out of memory");
}

/* A publication that was cut short is repeated: its evidence is there already. */
static bool recorded(const struct tuf_publication *p, const json_t *entry)
{
    static const char *const members[] = {"what",      "digest",   "root",
                                          "timestamp", "snapshot", "snapshot_sha256"};
    json_t *last = NULL;
    bool same = tuf_transcript_last(p->w->transcript, &last, NULL) == 0 && last != NULL;
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]) && same; i++) {
        const json_t *a = json_object_get(last, members[i]);
        const json_t *b = json_object_get(entry, members[i]);
        same = a == b || json_equal(a, b) == 1;
    }
    json_decref(last);
    return same;
}

static json_t *summary(const struct tuf_publication *p, struct tm_err *e)
{
    const struct tuf_publish_report *r = p->report;
    char hex[65];
    if (tuf_metadata_sha256(p->root, hex, e) != 0)
        return NULL;
    json_t *v = json_pack("{s:s, s:I, s:s, s:I, s:I, s:I}", "what",
                          p->o->refresh ? "refreshed" : "published", "root", (json_int_t)r->root,
                          "root_sha256", hex, "timestamp", (json_int_t)r->timestamp, "snapshot",
                          (json_int_t)r->snapshot, "targets", (json_int_t)r->targets);
    if (v == NULL ||
        (p->snapshot_sha256[0] != '\0' &&
         json_object_set_new(v, "snapshot_sha256", json_string(p->snapshot_sha256)) != 0)) {
        json_decref(v);
        tm_err_set(e, "out of memory");
        return NULL;
    }
    return v;
}

int tuf_publication_chain(struct tuf_publication *p, struct tm_err *e)
{
    const struct tuf_event *ev = p->o->event;
    struct recorder r = {.p = p, .e = e};
    char hex[65];
    json_t *entry = summary(p, e);
    if (entry == NULL)
        return -1;
    if (ev != NULL &&
        (tuf_event_digest(ev, hex, e) != 0 ||
         json_object_set_new(entry, "event", json_string(tuf_event_name(ev))) != 0 ||
         json_object_set_new(entry, "reason", json_string(tuf_event_reason(ev))) != 0 ||
         json_object_set_new(entry, "digest", json_string(hex)) != 0)) {
        json_decref(entry);
        return -1;
    }
    int rc = tuf_transcript_tail(p->w->transcript, &p->evidence, e);
    if (rc != 0 || recorded(p, entry)) {
        json_decref(entry);
        return rc;
    }
    if (ev != NULL)
        tuf_event_each_statement(ev, record_statement, &r);
    if (r.rc != 0) {
        json_decref(entry);
        return -1;
    }
    return tuf_transcript_chain(&p->evidence, entry, p->o->now, e);
}
