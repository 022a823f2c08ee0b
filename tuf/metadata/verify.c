#include "tuf/metadata/verify.h"

#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "tuf/metadata/internal.h"
#include "tuf/metadata/key.h"

struct count {
    const struct tuf_metadata *m;
    const struct tuf_signers *by;
    unsigned char (*counted)[32]; /* fingerprints of the keys that count */
    int64_t good;
};

static int count_start(struct count *c, const struct tuf_metadata *m, const struct tuf_signers *by,
                       struct tm_err *e)
{
    *c = (struct count){.m = m, .by = by};
    c->counted = calloc(by->role->keyids.count + 1, sizeof(*c->counted));
    return c->counted != NULL ? 0 : tm_err_set(e, "out of memory");
}

static bool seen_before(const struct count *c, const unsigned char fingerprint[32])
{
    for (int64_t i = 0; i < c->good; i++) {
        if (memcmp(c->counted[i], fingerprint, 32) == 0)
            return true;
    }
    return false;
}

static enum tuf_verdict check_signature(const struct count *c, const struct tuf_public_key *public,
                                        const char *hex, unsigned char fingerprint[32],
                                        struct tm_err *why)
{
    const struct tm_buf *bytes = &c->m->entries.text;
    struct tm_buf sig = {0};
    struct tuf_key key;
    enum tuf_verdict v = TUF_BAD;
    if (tuf_key_open(public, &key, why) != 0)
        return TUF_UNUSABLE_KEY;
    if (tm_hex_decode(hex, strlen(hex), &sig) != 0)
        tm_err_set(why, "the signature is not hex");
    else if (!tuf_key_verify(&key, bytes->data, bytes->len, sig.data, sig.len))
        tm_err_set(why, "the signature is wrong");
    else
        v = TUF_SIGNED;
    memcpy(fingerprint, key.fingerprint, sizeof(key.fingerprint));
    tm_buf_free(&sig);
    tuf_key_free(&key);
    return v;
}

static enum tuf_verdict count_one(struct count *c, const unsigned char fingerprint[32],
                                  struct tm_err *why)
{
    if (seen_before(c, fingerprint)) {
        tm_err_set(why, "the same public key under another keyid");
        return TUF_SAME_KEY;
    }
    memcpy(c->counted[c->good++], fingerprint, sizeof(c->counted[0]));
    return TUF_SIGNED;
}

static void put_text(struct tm_buf *out, const char *text)
{
    tm_buf_append(out, text, strlen(text) + 1);
}

static enum tuf_verdict judge(struct count *c, const char *keyid, struct tm_err *why)
{
    const struct tuf_signature *s = tuf_signatures_find(&c->m->file.signatures, keyid);
    const struct tuf_public_key *key = tuf_keys_find(c->by->known, keyid);
    unsigned char fingerprint[32];
    struct tm_buf text = {0};
    enum tuf_verdict v = TUF_SIGNED;
    if (key == NULL) {
        tm_err_set(why, "not among the keys");
        return TUF_UNUSABLE_KEY;
    }
    if (s == NULL || *s->sig == '\0')
        return TUF_NOT_SIGNED;
    if (key->keytype == NULL || key->scheme == NULL || key->keyval.text == NULL) {
        tm_err_set(why, "it has no keytype, scheme and keyval.public: of an unknown kind");
        return TUF_UNUSABLE_KEY;
    }
    put_text(&text, key->keytype);
    put_text(&text, key->scheme);
    put_text(&text, key->keyval.text);
    put_text(&text, s->sig);
    const unsigned char *known = tuf_good_signatures_find(c->m->good, &text);
    if (known != NULL)
        memcpy(fingerprint, known, sizeof(fingerprint));
    else if ((v = check_signature(c, key, s->sig, fingerprint, why)) == TUF_SIGNED)
        tuf_good_signatures_add(c->m->good, &text, fingerprint);
    tm_buf_free(&text);
    return v == TUF_SIGNED ? count_one(c, fingerprint, why) : v;
}

static int refuse(const struct count *c, const char *what, const char *reasons, struct tm_err *e)
{
    return tm_err_set(e, "%s: signed by %lld of the %lld keys needed (%zu may sign)%s", what,
                      (long long)c->good, (long long)c->by->threshold, c->by->role->keyids.count,
                      reasons != NULL ? reasons : "");
}

int tuf_verify(const struct tuf_metadata *m, const struct tuf_signers *by, const char *what,
               struct tm_err *e)
{
    struct count c;
    const struct tuf_texts *keyids = &by->role->keyids;
    struct tm_buf reasons = {0};
    int rc = count_start(&c, m, by, e);
    if (rc != 0) {
        tm_err_wrap(e, "%s", what);
        goto out;
    }
    for (size_t i = 0; i < keyids->count; i++) {
        struct tm_err why = {0};
        if (judge(&c, keyids->item[i], &why) != TUF_SIGNED && why.text[0] != '\0')
            tm_buf_printf(&reasons, "; key %.12s: %.100s", keyids->item[i], why.text);
        if (c.good >= by->threshold)
            goto out;
    }
    rc = refuse(&c, what, tm_buf_str(&reasons), e);
out:
    tm_buf_free(&reasons);
    free(c.counted);
    return rc;
}

int64_t tuf_verify_each(const struct tuf_metadata *m, const struct tuf_signers *by,
                        void (*tell)(void *arg, const char *keyid, enum tuf_verdict v), void *arg)
{
    struct count c;
    struct tm_err why;
    bool ready = count_start(&c, m, by, &why) == 0;
    for (size_t i = 0; i < by->role->keyids.count; i++) {
        const char *keyid = by->role->keyids.item[i];
        enum tuf_verdict verdict = ready ? judge(&c, keyid, &why) : TUF_BAD;
        if (tell != NULL)
            tell(arg, keyid, verdict);
    }
    free(c.counted);
    return c.good;
}
