#include "tuf/manager/review/rules_keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tuf/metadata/key.h"
#include "tuf/metadata/typesjson.h"

#define fault(out, ...) tuf_findings_error(out, __VA_ARGS__)
#define warn(out, ...) tuf_findings_warn(out, __VA_ARGS__)

static bool same_public_key(const struct tuf_public_key *a, const struct tuf_public_key *b)
{
    char x[65];
    char y[65];
    return tuf_key_fingerprint(a, x, NULL) == 0 && tuf_key_fingerprint(b, y, NULL) == 0 &&
           strcmp(x, y) == 0;
}

/* Some know ecdsa-sha2-nistp384 by name, but hash with SHA-256 for every curve. */
static void judge_readers(struct tuf_findings *out, const char *role, const struct tuf_signers *s)
{
    size_t count = s->role->keyids.count;
    size_t p384 = 0;
    for (size_t i = 0; i < count; i++) {
        const struct tuf_public_key *key = tuf_keys_find(s->known, s->role->keyids.item[i]);
        p384 += key != NULL && tuf_same_text(key->scheme, "ecdsa-sha2-nistp384");
    }
    if (p384 > 0 && s->threshold > (int64_t)(count - p384))
        warn(out,
             "%s: without its %zu P-384 key%s it cannot reach the threshold of %" PRId64
             "; tuf-js before 6 (sigstore-js before 5) and go-tuf before v2 count no P-384 "
             "signature",
             role, p384, p384 == 1 ? "" : "s", s->threshold);
}

/* As published, under this keyid. */
static bool was_so(const struct tuf_keys *before, const struct tuf_public_key *key)
{
    const struct tuf_public_key *was = before != NULL ? tuf_keys_find(before, key->keyid) : NULL;
    return was != NULL && tuf_same_key(was, key);
}

/* Not by our rules: a fault in what is new, and worth a word in what others published so. */
static void irregular(struct tuf_findings *out, bool new, const char *text)
{
    if (new)
        fault(out, "%s", text);
    else
        warn(out, "%s (as published)", text);
}

static void judge_keyid(struct tuf_findings *out, const char *role, const struct tuf_keys *before,
                        const struct tuf_public_key *key)
{
    char real[TUF_KEYID_SIZE];
    char text[ERR_TEXT_MAX];
    struct tm_err e = {0};
    if (tuf_key_hash(key, real, &e) == 0 && strcmp(real, key->keyid) == 0)
        return;
    snprintf(text, sizeof(text), "%s: keyid %.16s... is not the hash of its key (that is %.16s...)",
             role, key->keyid, real);
    irregular(out, !was_so(before, key), text);
}

void tuf_rules_signers(const char *role, const struct tuf_signers *s, const struct tuf_keys *before,
                       struct tuf_findings *out)
{
    const struct tuf_texts *ids = &s->role->keyids;
    size_t count = ids->count;
    for (size_t i = 0; i < count; i++) {
        const char *id = ids->item[i];
        const struct tuf_public_key *key = tuf_keys_find(s->known, id);
        char hex[65];
        struct tm_err e = {0};
        if (key == NULL || tuf_key_fingerprint(key, hex, &e) != 0) {
            fault(out, "%s: key %.16s... %s", role, id, key == NULL ? "is not there" : e.text);
            continue;
        }
        judge_keyid(out, role, before, key);
        for (size_t k = 0; k < i; k++) {
            const struct tuf_public_key *other = tuf_keys_find(s->known, ids->item[k]);
            const char *owner = tuf_key_owner(key);
            if (other != NULL && same_public_key(key, other))
                fault(out, "%s: one key is listed twice, under two keyids", role);
            else if (other != NULL && owner[0] != '\0' && strcmp(owner, tuf_key_owner(other)) == 0)
                fault(out, "%s: '%.64s' has two keys: one person would count twice", role, owner);
        }
    }
    judge_readers(out, role, s);
    if (s->threshold > (int64_t)count)
        fault(out, "%s: threshold %" PRId64 " of %zu keys can never be met", role, s->threshold,
              count);
    else if (s->threshold == (int64_t)count && count > 1)
        warn(out, "%s: all %zu keys are needed: one lost key and nobody can sign any more", role,
             count);
}

/* A keyid is a promise about key bytes. */
static void judge_same_keys(struct tuf_findings *out, const struct tuf_event_role *r)
{
    const struct tuf_keys *keys = &tuf_metadata_signed(r->proposed)->root.keys;
    for (size_t i = 0; r->base != NULL && i < keys->count; i++) {
        const struct tuf_public_key *key = &keys->item[i];
        const struct tuf_public_key *was =
            tuf_keys_find(&tuf_metadata_signed(r->base)->root.keys, key->keyid);
        if (was != NULL && !tuf_same_key(was, key))
            fault(out, "root: the key under keyid %.16s... is another than before", key->keyid);
    }
}

/* A key that a server can use signs neither root nor targets. */
static bool signs(const struct tuf_metadata *root, enum tuf_role role,
                  const struct tuf_public_key *key)
{
    struct tuf_signers s;
    if (root == NULL)
        return false;
    tuf_root_signers(root, role, &s);
    for (size_t i = 0; i < s.role->keyids.count; i++) {
        const struct tuf_public_key *other = tuf_keys_find(s.known, s.role->keyids.item[i]);
        if (other != NULL && same_public_key(other, key))
            return true;
    }
    return false;
}

static void judge_separation(struct tuf_findings *out, const struct tuf_metadata *root,
                             const struct tuf_metadata *base)
{
    char text[200];
    static const enum tuf_role offline[] = {TUF_ROOT, TUF_TARGETS};
    static const enum tuf_role online[] = {TUF_SNAPSHOT, TUF_TIMESTAMP};
    for (size_t i = 0; i < 4; i++) {
        enum tuf_role off = offline[i / 2];
        enum tuf_role on = online[i % 2];
        struct tuf_signers s;
        tuf_root_signers(root, off, &s);
        for (size_t at = 0; at < s.role->keyids.count; at++) {
            const struct tuf_public_key *k = tuf_keys_find(s.known, s.role->keyids.item[at]);
            if (k == NULL || !signs(root, on, k))
                continue;
            snprintf(text, sizeof(text), "root: a key of %s also signs %s: keep online keys apart",
                     tuf_role_name(off), tuf_role_name(on));
            irregular(out, !signs(base, off, k) || !signs(base, on, k), text);
        }
    }
}

void tuf_rules_root_keys(const struct tuf_event_role *r, struct tuf_findings *out)
{
    for (int k = 0; k < TUF_ROLE_COUNT; k++) {
        struct tuf_signers s;
        tuf_root_signers(r->proposed, (enum tuf_role)k, &s);
        tuf_rules_signers(tuf_role_name((enum tuf_role)k), &s,
                          r->base != NULL ? &tuf_metadata_signed(r->base)->root.keys : NULL, out);
    }
    judge_same_keys(out, r);
    judge_separation(out, r->proposed, r->base);
}
