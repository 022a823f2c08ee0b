/* Signing an event, with the statement that says what its maker reviewed, and bringing together
 * what several have signed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/grow.h"
#include "tuf/metadata/key.h"
#include "tuf/metadata/typesjson.h"
#include "tuf/manager/event/internal.h"

struct signing {
    struct tuf_event *ev;
    EVP_PKEY *pkey;
    struct tuf_event_signer *out;
    const struct tuf_public_key *used; /* the last that was signed with */
    struct tm_err *e;
};

static bool same_key(const struct signing *s, const struct tuf_public_key *key)
{
    struct tuf_key k = {0};
    bool same = tuf_key_open(key, &k, NULL) == 0 && EVP_PKEY_eq(k.pkey, s->pkey) == 1;
    tuf_key_free(&k);
    return same;
}

static bool has_key(const struct signing *s, const struct tuf_signers *by)
{
    for (size_t i = 0; i < by->role->keyids.count; i++) {
        const struct tuf_public_key *key = tuf_keys_find(by->known, by->role->keyids.item[i]);
        if (key != NULL && same_key(s, key))
            return true;
    }
    return false;
}

bool tuf_event_may_sign(const struct tuf_event *ev, const char *role, EVP_PKEY *pkey)
{
    const struct signing s = {.pkey = pkey};
    struct tuf_signers by;
    return (tuf_event_signers(ev, role, true, &by) && has_key(&s, &by)) ||
           (tuf_event_signers(ev, role, false, &by) && has_key(&s, &by));
}

/* Signs `r` under each keyid of the signers that is this key. */
static int sign_by(struct signing *s, const struct tuf_event_role *r, const struct tuf_signers *by,
                   bool *done)
{
    for (size_t i = 0; i < by->role->keyids.count; i++) {
        const struct tuf_public_key *key = tuf_keys_find(by->known, by->role->keyids.item[i]);
        if (key == NULL || !same_key(s, key))
            continue;
        if (tuf_metadata_sign(r->proposed, key, s->pkey, s->e) != 0)
            return tm_err_wrap(s->e, "sign %s", r->name);
        s->used = key;
        *done = true;
    }
    return 0;
}

static int sign_role(struct signing *s, const struct tuf_event_role *r)
{
    struct tuf_signers by;
    bool done = false;
    if (tuf_event_signers(s->ev, r->name, true, &by) && sign_by(s, r, &by, &done) != 0)
        return -1;
    if (tuf_event_signers(s->ev, r->name, false, &by) && sign_by(s, r, &by, &done) != 0)
        return -1;
    if (done)
        tm_buf_printf(&s->out->roles, "%s%s %lld", s->out->roles.len > 0 ? ", " : "", r->name,
                      (long long)tuf_metadata_version(r->proposed));
    return 0;
}

int tuf_event_put_statement(struct tuf_event *ev, struct tuf_statement *s, struct tm_err *e)
{
    struct tuf_statements *all = &ev->statements;
    struct tuf_statement *place = NULL;
    for (size_t i = 0; i < all->count && place == NULL; i++) {
        if (strcmp(all->item[i].keyid, s->keyid) == 0)
            place = &all->item[i];
    }
    if (place == NULL && all->count < TUF_SIGNATURES_MAX)
        place = tm_grow(&all->item, &all->count, sizeof(*place), NULL);
    if (place == NULL) {
        tuf_statement_free(s);
        return tm_err_set(e, "out of memory, or more than %d statements", TUF_SIGNATURES_MAX);
    }
    tuf_statement_free(place);
    *place = *s;
    return 0;
}

/* A holder who signs again says so once. */
static int add_statement(struct signing *s, const char *digest, int64_t now)
{
    struct tuf_statement one = {.event = strdup(s->ev->name),
                                .digest = strdup(digest),
                                .keyid = strdup(s->used->keyid),
                                .holder = strdup(tuf_key_owner(s->used)),
                                .time = now};
    int rc = one.event != NULL && one.digest != NULL && one.keyid != NULL && one.holder != NULL
                 ? tuf_event_reviewed(s->ev, true, &one.roles, s->e)
                 : tm_err_set(s->e, "out of memory");
    if (rc == 0)
        rc = tuf_statement_sign(&one, s->used, s->pkey, s->e);
    if (rc == 0)
        return tuf_event_put_statement(s->ev, &one, s->e);
    tuf_statement_free(&one);
    return tm_err_wrap(s->e, "sign the statement");
}

static int nobody(const struct tuf_event *ev, EVP_PKEY *pkey, struct tm_err *e)
{
    char hex[65] = "?";
    struct tuf_public_key key = {0};
    if (tuf_key_of(pkey, &key, NULL) == 0)
        tuf_key_fingerprint(&key, hex, NULL);
    tuf_free_key(&key);
    return tm_err_set(
        e,
        "this key (fingerprint %.16s...) may sign nothing in event '%s': is it the right "
        "key, and the right event?",
        hex, ev->name);
}

int tuf_event_sign(struct tuf_event *ev, EVP_PKEY *pkey, const char *digest, int64_t now,
                   struct tuf_event_signer *out, struct tm_err *e)
{
    struct signing s = {.ev = ev, .pkey = pkey, .out = out, .e = e};
    char now_hex[65];
    *out = (struct tuf_event_signer){0};
    if (tuf_event_digest(ev, now_hex, e) != 0)
        return -1;
    if (strcmp(now_hex, digest) != 0)
        return tm_err_set(e,
                          "the event is not the one that was reviewed: its digest is %.16s..., you "
                          "reviewed %.16s...",
                          now_hex, digest);
    for (size_t i = 0; i < ev->count; i++) {
        if (ev->role[i].proposed != NULL && sign_role(&s, &ev->role[i]) != 0)
            return -1;
    }
    if (s.used == NULL)
        return nobody(ev, pkey, e);
    snprintf(out->holder, sizeof(out->holder), "%s", tuf_key_owner(s.used));
    if (tuf_key_fingerprint(s.used, out->fingerprint, e) != 0)
        return -1;
    return add_statement(&s, digest, now);
}

/* ---- merging ---- */

static int add_role(const struct tuf_event_role *r, struct tuf_event_added *out, struct tm_err *e)
{
    const struct tuf_signatures *all = tuf_metadata_signature_list(r->proposed);
    struct tuf_added_role *to = &out->role[out->count++];
    *to = (struct tuf_added_role){.name = strdup(r->name)};
    bool bad = to->name == NULL;
    for (size_t i = 0; i < all->count && !bad; i++)
        bad = tuf_signatures_put(&to->signatures, all->item[i].keyid, all->item[i].sig) != 0;
    return bad ? tm_err_set(e, "out of memory") : 0;
}

static int add_statements(const struct tuf_statements *from, struct tuf_statements *to,
                          struct tm_err *e)
{
    to->item = calloc(from->count + 1, sizeof(*to->item));
    int rc = to->item != NULL ? 0 : tm_err_set(e, "out of memory");
    for (size_t i = 0; i < from->count && rc == 0; i++) {
        rc = tuf_statement_copy(&from->item[i], &to->item[i], e);
        to->count += rc == 0;
    }
    return rc;
}

int tuf_event_added(const struct tuf_event *ev, struct tuf_event_added *out, struct tm_err *e)
{
    *out = (struct tuf_event_added){.name = strdup(ev->name),
                                    .role = calloc(ev->count + 1, sizeof(*out->role))};
    int rc = out->name != NULL && out->role != NULL ? tuf_event_digest(ev, out->digest, e)
                                                    : tm_err_set(e, "out of memory");
    out->holds = rc == 0 && tuf_event_check_signatures(ev, &out->fault) == 0;
    for (size_t i = 0; i < ev->count && rc == 0; i++) {
        if (ev->role[i].proposed != NULL)
            rc = add_role(&ev->role[i], out, e);
    }
    return rc == 0 ? add_statements(&ev->statements, &out->statements, e) : -1;
}

void tuf_event_added_free(struct tuf_event_added *a)
{
    for (size_t i = 0; i < a->count; i++) {
        free(a->role[i].name);
        tuf_free_signatures(&a->role[i].signatures);
    }
    free(a->role);
    free(a->name);
    for (size_t i = 0; i < a->statements.count; i++)
        tuf_statement_free(&a->statements.item[i]);
    free(a->statements.item);
    *a = (struct tuf_event_added){0};
}

static int merge_role(struct tuf_event *ev, const struct tuf_added_role *from, struct tm_err *e)
{
    const struct tuf_event_role *to = tuf_event_find(ev, from->name);
    int added = 0;
    for (size_t i = 0; i < from->signatures.count; i++) {
        const struct tuf_signature *s = &from->signatures.item[i];
        if (tuf_signatures_find(tuf_metadata_signature_list(to->proposed), s->keyid) != NULL)
            continue;
        if (tuf_metadata_put_signature(to->proposed, s->keyid, s->sig, e) != 0)
            return -1;
        added++;
    }
    return added;
}

static int merge_statements(struct tuf_event *ev, const struct tuf_statements *from,
                            struct tm_err *e)
{
    for (size_t i = 0; i < from->count; i++) {
        struct tuf_statement copy;
        if (tuf_statement_copy(&from->item[i], &copy, e) != 0 ||
            tuf_event_put_statement(ev, &copy, e) != 0)
            return -1;
    }
    return 0;
}

int tuf_event_take(struct tuf_event *ev, const struct tuf_event_added *from, struct tm_err *e)
{
    char mine[65];
    int added = 0;
    if (tuf_event_digest(ev, mine, e) != 0)
        return -1;
    if (strcmp(mine, from->digest) != 0)
        return tm_err_set(
            e, "not the same proposal: '%s' has digest %.16s..., the other ('%s') %.16s...",
            ev->name, mine, from->name, from->digest);
    if (!from->holds) {
        *e = from->fault;
        return -1;
    }
    for (size_t i = 0; i < from->count; i++) {
        int n = merge_role(ev, &from->role[i], e);
        if (n < 0)
            return -1;
        added += n;
    }
    if (merge_statements(ev, &from->statements, e) != 0 || tuf_event_check_signatures(ev, e) != 0)
        return -1;
    return added;
}

int tuf_event_merge(struct tuf_event *ev, const struct tuf_event *from, struct tm_err *e)
{
    struct tuf_event_added added;
    int rc = tuf_event_added(from, &added, e) == 0 ? tuf_event_take(ev, &added, e)
                                                   : tm_err_wrap(e, "the other file");
    tuf_event_added_free(&added);
    return rc;
}
