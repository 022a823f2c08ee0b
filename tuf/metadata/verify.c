#include "tuf/metadata/verify.h"

#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "common/strictjson.h"
#include "tuf/metadata/canonical.h"
#include "tuf/metadata/internal.h"
#include "tuf/metadata/key.h"

struct count {
    const struct tuf_metadata *m;
    const struct tuf_signers *by;
    struct buf bytes;             /* canonical(signed) */
    unsigned char (*counted)[32]; /* fingerprints of the keys that count */
    int64_t good;
};

static int count_start(struct count *c, const struct tuf_metadata *m, const struct tuf_signers *by,
                       struct err *e)
{
    *c = (struct count){.m = m, .by = by};
    c->counted = calloc(json_array_size(by->keyids) + 1, sizeof(*c->counted));
    if (c->counted == NULL)
        return err_set(e, "out of memory");
    return canonical_write(m->body, &c->bytes, e);
}

static void count_end(struct count *c)
{
    buf_free(&c->bytes);
    free(c->counted);
}

static const char *signature_of(const struct tuf_metadata *m, const char *keyid)
{
    size_t i;
    json_t *s;
    json_array_foreach(json_object_get(m->envelope, "signatures"), i, s)
    {
        if (strcmp(strictjson_str(s, "keyid"), keyid) == 0)
            return strictjson_str(s, "sig");
    }
    return NULL;
}

static bool seen_before(const struct count *c, const unsigned char fingerprint[32])
{
    for (int64_t i = 0; i < c->good; i++) {
        if (memcmp(c->counted[i], fingerprint, 32) == 0)
            return true;
    }
    return false;
}

static enum tuf_verdict judge(struct count *c, const char *keyid, struct err *why)
{
    const char *hex = signature_of(c->m, keyid);
    const json_t *json = json_object_get(c->by->keys, keyid);
    struct buf sig = {0};
    struct tuf_key key;
    enum tuf_verdict v = TUF_BAD;
    if (json == NULL) {
        err_set(why, "not among the keys");
        return TUF_UNUSABLE_KEY;
    }
    if (hex == NULL || *hex == '\0')
        return TUF_NOT_SIGNED;
    if (tuf_key_decode(json, &key, why) != 0)
        return TUF_UNUSABLE_KEY;
    if (hex_decode(hex, strlen(hex), &sig) != 0) {
        err_set(why, "the signature is not hex");
    } else if (!tuf_key_verify(&key, c->bytes.data, c->bytes.len, sig.data, sig.len)) {
        err_set(why, "the signature is wrong");
    } else if (seen_before(c, key.fingerprint)) {
        err_set(why, "the same public key under another keyid");
        v = TUF_SAME_KEY;
    } else {
        memcpy(c->counted[c->good++], key.fingerprint, sizeof(key.fingerprint));
        v = TUF_SIGNED;
    }
    buf_free(&sig);
    tuf_key_free(&key);
    return v;
}

static int refuse(const struct count *c, const char *what, const char *reasons, struct err *e)
{
    return err_set(e, "%s: signed by %lld of the %lld keys needed (%zu may sign)%s", what,
                   (long long)c->good, (long long)c->by->threshold, json_array_size(c->by->keyids),
                   reasons != NULL ? reasons : "");
}

int tuf_verify(const struct tuf_metadata *m, const struct tuf_signers *by, const char *what,
               struct err *e)
{
    struct count c;
    struct buf reasons = {0};
    size_t i;
    json_t *v;
    int rc = count_start(&c, m, by, e);
    if (rc != 0) {
        err_wrap(e, "%s", what);
        goto out;
    }
    json_array_foreach(by->keyids, i, v)
    {
        struct err why = {0};
        if (judge(&c, json_string_value(v), &why) != TUF_SIGNED && why.text[0] != '\0')
            buf_printf(&reasons, "; key %.12s: %.100s", json_string_value(v), why.text);
        if (c.good >= by->threshold)
            goto out;
    }
    rc = refuse(&c, what, buf_str(&reasons), e);
out:
    buf_free(&reasons);
    count_end(&c);
    return rc;
}

int64_t tuf_verify_each(const struct tuf_metadata *m, const struct tuf_signers *by,
                        void (*tell)(void *arg, const char *keyid, enum tuf_verdict v), void *arg)
{
    struct count c;
    struct err why;
    size_t i;
    json_t *v;
    bool ready = count_start(&c, m, by, &why) == 0;
    json_array_foreach(by->keyids, i, v)
    {
        const char *keyid = json_string_value(v);
        enum tuf_verdict verdict = ready ? judge(&c, keyid, &why) : TUF_BAD;
        if (tell != NULL)
            tell(arg, keyid, verdict);
    }
    count_end(&c);
    return c.good;
}
