/* Whether the signatures on an event hold, and the statements beside them. */
#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "tuf/metadata/key.h"
#include "tuf/manager/event/internal.h"

static const struct tuf_public_key *signer_key(const struct tuf_signers *s, const char *keyid)
{
    return tuf_texts_have(&s->role->keyids, keyid) ? tuf_keys_find(s->known, keyid) : NULL;
}

/* The KEY of a signature entry on `role`, by the old or the new signers; NULL: not a member. */
static const struct tuf_public_key *member(const struct tuf_event *ev, const char *role,
                                           const char *keyid)
{
    struct tuf_signers s;
    const struct tuf_public_key *key = NULL;
    if (tuf_event_signers(ev, role, false, &s))
        key = signer_key(&s, keyid);
    if (key == NULL && tuf_event_signers(ev, role, true, &s))
        key = signer_key(&s, keyid);
    return key;
}

/* A KEY anywhere among the event's signers. */
static const struct tuf_public_key *any_key(const struct tuf_event *ev, const char *keyid)
{
    for (size_t i = 0; i < ev->count; i++) {
        const struct tuf_public_key *key =
            ev->role[i].proposed != NULL ? member(ev, ev->role[i].name, keyid) : NULL;
        if (key != NULL)
            return key;
    }
    return NULL;
}

/* ---- statements ---- */

struct seen { /* the fingerprints of the keys whose holders have made a statement, sorted: a public
                 key counts, whatever its keyid was before or after */
    char (*hex)[65];
    size_t count;
};

static int by_hex(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int check_statement(const struct tuf_event *ev, const struct tuf_statement *s,
                           const char *digest, const struct tuf_reviewed_list *roles, char hex[65],
                           struct tm_err *e)
{
    const struct tuf_public_key *key = any_key(ev, s->keyid);
    if (key == NULL)
        return tm_err_set(e, "statement by key %.16s..., which may sign nothing here", s->keyid);
    if (strcmp(s->holder, tuf_key_owner(key)) != 0)
        return tm_err_set(e, "statement by key %.16s... names '%.64s' as its holder", s->keyid,
                          s->holder);
    if (strcmp(s->digest, digest) != 0 || strcmp(s->event, ev->name) != 0 ||
        !tuf_reviewed_equal(&s->roles, roles))
        return tm_err_set(
            e,
            "'%s' reviewed another draft (digest %.16s..., this one is %.16s...): the "
            "signature does not count",
            s->holder, s->digest, digest);
    if (tuf_statement_verify(s, key, e) != 0)
        return tm_err_wrap(e, "statement of '%s'", s->holder);
    return tuf_key_fingerprint(key, hex, e);
}

static int check_statements(const struct tuf_event *ev, struct seen *out, struct tm_err *e)
{
    struct tuf_reviewed_list roles;
    char digest[65];
    out->hex = calloc(ev->statements.count + 1, sizeof(*out->hex));
    int rc = tuf_event_reviewed(ev, true, &roles, e);
    if (rc == 0)
        rc = out->hex != NULL ? tuf_event_digest(ev, digest, e) : tm_err_set(e, "out of memory");
    for (size_t i = 0; i < ev->statements.count && rc == 0; i++) {
        const struct tuf_statement *s = &ev->statements.item[i];
        for (size_t j = 0; j < i && rc == 0; j++) {
            if (strcmp(ev->statements.item[j].keyid, s->keyid) == 0)
                rc = tm_err_set(e, "two statements by key %.16s...", s->keyid);
        }
        if (rc == 0)
            rc = check_statement(ev, s, digest, &roles, out->hex[out->count++], e);
    }
    if (rc == 0)
        qsort(out->hex, out->count, sizeof(*out->hex), by_hex);
    tuf_reviewed_free(&roles);
    return rc;
}

/* ---- signatures ---- */

static int check_signature(const struct tm_buf *bytes, const char *hex,
                           const struct tuf_public_key *key, struct tm_err *e)
{
    struct tm_buf sig = {0};
    struct tuf_key k = {0};
    int rc = -1;
    if (tm_hex_decode(hex, strlen(hex), &sig) != 0 || sig.len == 0)
        tm_err_set(e, "the signature is no hex");
    else if (tuf_key_open(key, &k, e) == 0)
        rc = tuf_key_verify(&k, bytes->data, bytes->len, sig.data, sig.len)
                 ? 0
                 : tm_err_set(e, "the signature is over something else, or forged");
    tuf_key_free(&k);
    tm_buf_free(&sig);
    return rc;
}

static int check_role_signature(const struct tuf_event *ev, const struct tuf_event_role *r,
                                const struct seen *seen, const struct tuf_signature *s,
                                struct tm_err *e)
{
    char hex[65];
    const struct tm_buf *bytes = tuf_metadata_canonical(r->proposed);
    const struct tuf_public_key *key = member(ev, r->name, s->keyid);
    if (key == NULL)
        return tm_err_set(e, "%s: signed by key %.16s..., which is no key of this role", r->name,
                          s->keyid);
    if (check_signature(bytes, s->sig, key, e) != 0)
        return tm_err_wrap(e, "%s: signature of '%s'", r->name, tuf_key_owner(key));
    if (tuf_key_fingerprint(key, hex, e) != 0 ||
        bsearch(hex, seen->hex, seen->count, sizeof(*seen->hex), by_hex) == NULL)
        return tm_err_set(e, "%s: '%s' signed, but without a statement of what was reviewed",
                          r->name, tuf_key_owner(key));
    return 0;
}

static int check_role_signatures(const struct tuf_event *ev, const struct tuf_event_role *r,
                                 const struct seen *seen, struct tm_err *e)
{
    const struct tuf_signatures *all = tuf_metadata_signature_list(r->proposed);
    int rc = 0;
    for (size_t i = 0; i < all->count && rc == 0; i++)
        rc = check_role_signature(ev, r, seen, &all->item[i], e);
    return rc;
}

int tuf_event_check_signatures(const struct tuf_event *ev, struct tm_err *e)
{
    struct seen seen = {0};
    int rc = check_statements(ev, &seen, e);
    for (size_t i = 0; i < ev->count && rc == 0; i++) {
        if (ev->role[i].proposed != NULL)
            rc = check_role_signatures(ev, &ev->role[i], &seen, e);
    }
    free(seen.hex);
    return rc;
}
