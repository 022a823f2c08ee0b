#include "tuf/metadata/types.h"

#include <stdlib.h>
#include <string.h>

#define DAY_S INT64_C(86400)

static const char *const role_names[TUF_ROLE_COUNT] = {"root", "timestamp", "snapshot", "targets"};

const char *tuf_role_name(enum tuf_role role)
{
    return role_names[role];
}

int tuf_role_from_name(const char *name, enum tuf_role *out)
{
    for (int i = 0; i < TUF_ROLE_COUNT; i++) {
        if (strcmp(role_names[i], name) == 0) {
            *out = (enum tuf_role)i;
            return 0;
        }
    }
    return -1;
}

bool tuf_role_encode(const char *name, char out[TUF_ROLE_NAME_MAX + 1])
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~";
    static const char digit[] = "0123456789ABCDEF";
    size_t n = 0;
    for (const unsigned char *p = (const unsigned char *)name; *p != '\0'; p++) {
        bool bare = strchr(plain, *p) != NULL;
        if (n + (bare ? 1 : 3) > TUF_ROLE_NAME_MAX)
            return false;
        if (bare) {
            out[n++] = (char)*p;
        } else {
            out[n++] = '%';
            out[n++] = digit[*p >> 4];
            out[n++] = digit[*p & 15];
        }
    }
    out[n] = '\0';
    return true;
}

const char *tuf_role_map(enum tuf_role role)
{
    static const char *const maps[TUF_ROLE_COUNT] = {
        [TUF_SNAPSHOT] = "meta", [TUF_TARGETS] = "targets"};
    return maps[role];
}

/* ---- look-ups ---- */

/* Where a keyid stands, or would. */
static size_t place_of(const struct tuf_keys *keys, const char *keyid)
{
    size_t low = 0;
    size_t high = keys->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(keys->item[middle].keyid, keyid) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool stands_at(const struct tuf_keys *keys, size_t at, const char *keyid)
{
    return at < keys->count && strcmp(keys->item[at].keyid, keyid) == 0;
}

const struct tuf_public_key *tuf_keys_find(const struct tuf_keys *keys, const char *keyid)
{
    size_t at = place_of(keys, keyid);
    return stands_at(keys, at, keyid) ? &keys->item[at] : NULL;
}

const struct tuf_signature *tuf_signatures_find(const struct tuf_signatures *s, const char *keyid)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->item[i].keyid, keyid) == 0)
            return &s->item[i];
    }
    return NULL;
}

const struct tuf_delegated_role *tuf_delegated_role_find(const struct tuf_delegated_roles *roles,
                                                         const char *name)
{
    for (size_t i = 0; i < roles->count; i++) {
        if (strcmp(roles->item[i].name, name) == 0)
            return &roles->item[i];
    }
    return NULL;
}

bool tuf_texts_have(const struct tuf_texts *texts, const char *text)
{
    for (size_t i = 0; i < texts->count; i++) {
        if (strcmp(texts->item[i], text) == 0)
            return true;
    }
    return false;
}

const char *tuf_key_owner(const struct tuf_public_key *key)
{
    const char *owner = key->owner != NULL         ? key->owner
                        : key->on_ci_owner != NULL ? key->on_ci_owner
                                                   : key->on_ci_uri;
    return owner != NULL ? owner : "";
}

int64_t tuf_period_expiry(const struct tuf_periods *p)
{
    return p->expiry > 0 ? p->expiry : p->expiry_days * DAY_S;
}

int64_t tuf_period_signing(const struct tuf_periods *p)
{
    return p->signing > 0 ? p->signing : p->signing_days * DAY_S;
}

const char *tuf_hashes_find(const struct tuf_hashes *hashes, const char *algorithm)
{
    for (size_t i = 0; i < hashes->count; i++) {
        if (strcmp(hashes->item[i].algorithm, algorithm) == 0)
            return hashes->item[i].hex;
    }
    return NULL;
}

bool tuf_same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool tuf_texts_equal(const struct tuf_texts *a, const struct tuf_texts *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; i < a->count && same; i++)
        same = strcmp(a->item[i], b->item[i]) == 0;
    return same;
}

bool tuf_hashes_equal(const struct tuf_hashes *a, const struct tuf_hashes *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; i < a->count && same; i++)
        same = tuf_same_text(a->item[i].hex, tuf_hashes_find(b, a->item[i].algorithm));
    return same;
}

/* ---- changing them ---- */

/* Room for one more in a list of items of `size` bytes; NULL: out of memory. */
static void *grow(void *items, size_t count, size_t size)
{
    return realloc(items, (count + 1) * size);
}

int tuf_text_set(char **place, const char *text)
{
    char *copy = text != NULL ? strdup(text) : NULL;
    if (text != NULL && copy == NULL)
        return -1;
    free(*place);
    *place = copy;
    return 0;
}

int tuf_texts_add(struct tuf_texts *texts, const char *text)
{
    char *copy = strdup(text);
    char **grown = copy != NULL ? grow(texts->item, texts->count, sizeof(*grown)) : NULL;
    if (grown == NULL) {
        free(copy);
        return -1;
    }
    texts->item = grown;
    texts->item[texts->count++] = copy;
    return 0;
}

void tuf_texts_free(struct tuf_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free(texts->item[i]);
    free(texts->item);
    *texts = (struct tuf_texts){0};
}

struct tuf_public_key *tuf_keys_place(struct tuf_keys *keys, const char *keyid)
{
    size_t at = place_of(keys, keyid);
    if (stands_at(keys, at, keyid))
        return &keys->item[at];
    char *copy = strdup(keyid);
    struct tuf_public_key *grown =
        copy != NULL ? grow(keys->item, keys->count, sizeof(*grown)) : NULL;
    if (grown == NULL) {
        free(copy);
        return NULL;
    }
    keys->item = grown;
    memmove(&grown[at + 1], &grown[at], (keys->count - at) * sizeof(*grown));
    grown[at] = (struct tuf_public_key){.keyid = copy};
    keys->count++;
    return &grown[at];
}

struct tuf_delegated_role *tuf_delegated_roles_add(struct tuf_delegated_roles *roles,
                                                   const char *name)
{
    char *copy = strdup(name);
    struct tuf_delegated_role *grown =
        copy != NULL ? grow(roles->item, roles->count, sizeof(*grown)) : NULL;
    if (grown == NULL) {
        free(copy);
        return NULL;
    }
    roles->item = grown;
    grown[roles->count] = (struct tuf_delegated_role){.name = copy};
    return &grown[roles->count++];
}

int tuf_signatures_put(struct tuf_signatures *s, const char *keyid, const char *sig)
{
    struct tuf_signature *old = (struct tuf_signature *)tuf_signatures_find(s, keyid);
    struct tuf_signature new = {.keyid = strdup(keyid), .sig = strdup(sig)};
    struct tuf_signature *grown = s->item;
    if (old == NULL && new.keyid != NULL &&new.sig != NULL)
        grown = grow(s->item, s->count, sizeof(*grown));
    if (new.keyid == NULL || new.sig == NULL || grown == NULL) {
        free(new.keyid);
        free(new.sig);
        return -1;
    }
    s->item = grown;
    if (old == NULL) {
        grown[s->count++] = new;
        return 0;
    }
    free(old->keyid);
    free(old->sig);
    json_decref(old->rest);
    *old = new;
    return 0;
}

static int add_hash(struct tuf_hashes *hashes, const char *algorithm, const char *hex)
{
    struct tuf_named_hash new = {strdup(algorithm), strdup(hex)};
    struct tuf_named_hash *grown = new.algorithm != NULL &&new.hex != NULL
                                       ? grow(hashes->item, hashes->count, sizeof(*grown))
                                       : NULL;
    if (grown == NULL) {
        free(new.algorithm);
        free(new.hex);
        return -1;
    }
    hashes->item = grown;
    grown[hashes->count++] = new;
    return 0;
}

int tuf_entry_pin(struct tuf_entry *entry, int64_t version, int64_t length, const char sha256[65])
{
    entry->version = version;
    entry->has_length = true;
    entry->length = length;
    return add_hash(&entry->hashes, "sha256", sha256);
}
