#include "tuf/manager/draft/draft_keys.h"

#include <string.h>

#include "tuf/metadata/key.h"
#include "tuf/metadata/typesjson.h"
#include "tuf/manager/policy/keyring.h"

static bool same_fingerprint(const struct tuf_public_key *a, const struct tuf_public_key *b)
{
    char x[65];
    char y[65];
    return tuf_key_fingerprint(a, x, NULL) == 0 && tuf_key_fingerprint(b, y, NULL) == 0 &&
           strcmp(x, y) == 0;
}

/* A holder of the role, before this one, with the same public key. */
static const char *twin(const struct tuf_keys *keys, const struct tuf_texts *keyids,
                        const struct tuf_public_key *key)
{
    for (size_t i = 0; i < keyids->count; i++) {
        const struct tuf_public_key *other = tuf_keys_find(keys, keyids->item[i]);
        if (other != NULL && same_fingerprint(other, key))
            return tuf_key_owner(other);
    }
    return NULL;
}

/* Without the line feeds at its end. */
static size_t text_len(const struct tuf_public_key *key)
{
    size_t n = key->keyval.text != NULL ? strlen(key->keyval.text) : 0;
    while (n > 0 && key->keyval.text[n - 1] == '\n')
        n--;
    return n;
}

static bool same_text(const struct tuf_public_key *a, const struct tuf_public_key *b)
{
    size_t n = text_len(a);
    return n > 0 && n == text_len(b) && memcmp(a->keyval.text, b->keyval.text, n) == 0;
}

/* The KEY as it is published: for this role before (`ids`), or for another. */
static const struct tuf_public_key *published_key(const struct tuf_keys *before,
                                                  const struct tuf_texts *ids,
                                                  const struct tuf_public_key *key)
{
    for (size_t i = 0; i < ids->count; i++) {
        const struct tuf_public_key *other = tuf_keys_find(before, ids->item[i]);
        if (other != NULL && (same_text(other, key) || same_fingerprint(other, key)))
            return other;
    }
    for (size_t i = 0; i < before->count; i++) {
        if (same_text(&before->item[i], key))
            return &before->item[i];
    }
    return NULL;
}

/* Others' KEYs have other members, and may have keyids by other rules. */
static bool stays(const struct tuf_public_key *published, const char *holder)
{
    return published->owner == NULL || strcmp(published->owner, holder) == 0;
}

static int put_key(const struct tuf_public_key *key, struct tuf_keys *keys, struct tm_err *e)
{
    struct tuf_public_key copy = {0};
    if (tuf_keys_find(keys, key->keyid) != NULL)
        return 0;
    if (tuf_copy_key(key, &copy, e) != 0)
        return -1;
    struct tuf_public_key *place = tuf_keys_place(keys, key->keyid);
    if (place == NULL) {
        tuf_free_key(&copy);
        return tm_err_set(e, "out of memory");
    }
    tuf_free_key(place);
    *place = copy;
    return 0;
}

static int add_holder(const struct tuf_workspace *w, const struct tuf_policy_role *r,
                      const struct tuf_keys *before, const struct tuf_texts *ids,
                      const char *holder, struct tuf_keys *keys, struct tuf_role_keys *role,
                      struct tm_err *e)
{
    struct tuf_public_key own = {0};
    char keyid[TUF_KEYID_SIZE];
    if (tuf_keyring_read(w->keys, holder, &own, e) != 0)
        return tm_err_wrap(e, "role '%s'", r->name);
    const char *other = twin(keys, &role->keyids, &own);
    const struct tuf_public_key *published = published_key(before, ids, &own);
    const struct tuf_public_key *key =
        published != NULL && stays(published, holder) ? published : &own;
    int rc = 0;
    if (other != NULL)
        rc = tm_err_set(e, "role '%s': '%s' and '%s' have the same key, which counts once", r->name,
                        other, holder);
    if (rc == 0 && key == &own)
        rc = tuf_key_hash(&own, keyid, e) == 0 && tuf_text_set(&own.keyid, keyid) == 0 ? 0 : -1;
    if (rc == 0)
        rc = put_key(key, keys, e);
    if (rc == 0 && tuf_texts_add(&role->keyids, key->keyid) != 0)
        rc = tm_err_set(e, "out of memory");
    tuf_free_key(&own);
    return rc;
}

int tuf_draft_signers(const struct tuf_workspace *w, const struct tuf_policy_role *r,
                      const struct tuf_keys *before, struct tuf_keys *keys,
                      struct tuf_role_keys *role, struct tm_err *e)
{
    struct tuf_texts ids = role->keyids;
    int rc = 0;
    role->keyids = (struct tuf_texts){0};
    role->threshold = r->threshold;
    for (size_t i = 0; i < r->holders.count && rc == 0; i++) {
        const char *holder = r->holders.item[i];
        if (!tuf_policy_is_revoked(&w->policy, holder))
            rc = add_holder(w, r, before, &ids, holder, keys, role, e);
    }
    tuf_texts_free(&ids);
    return rc;
}

int tuf_draft_keep_unused(const struct tuf_keys *before, const struct tuf_texts *used,
                          struct tuf_keys *keys, struct tm_err *e)
{
    for (size_t i = 0; i < before->count; i++) {
        if (!tuf_texts_have(used, before->item[i].keyid) && put_key(&before->item[i], keys, e) != 0)
            return -1;
    }
    return 0;
}

int tuf_draft_note_used(const struct tuf_role_keys *role, struct tuf_texts *used)
{
    for (size_t i = 0; i < role->keyids.count; i++) {
        if (!tuf_texts_have(used, role->keyids.item[i]) &&
            tuf_texts_add(used, role->keyids.item[i]) != 0)
            return -1;
    }
    return 0;
}
