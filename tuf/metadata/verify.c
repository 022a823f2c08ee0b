#include "tuf/metadata/verify.h"

#include <stdlib.h>
#include <string.h>

#include "common/hex.h"
#include "common/json/strictjson.h"
#include "tuf/metadata/build.h"
#include "tuf/metadata/internal.h"
#include "tuf/metadata/key.h"

/*
 * A signature that was found good. The client meets the same one again as another role's reader
 * (old and new root, a role reached by two ways, a report): the texts say whether it is the same.
 */
struct tuf_good_signature {
    struct tuf_good_signature *next;
    unsigned char fingerprint[32];
    size_t len;
    unsigned char text[]; /* keytype, scheme, public key, signature, each with its NUL */
};

void tuf_good_signatures_free(struct tuf_good_signatures *all)
{
    for (struct tuf_good_signature *g = all != NULL ? all->first : NULL; g != NULL;) {
        struct tuf_good_signature *next = g->next;
        free(g);
        g = next;
    }
    free(all);
}

struct count {
    const struct tuf_metadata *m;
    const struct tuf_signers *by;
    struct tm_buf own;
    const struct tm_buf *bytes;   /* canonical(signed), once it is needed: `own`, or m's */
    unsigned char (*counted)[32]; /* fingerprints of the keys that count */
    int64_t good;
};

static int count_start(struct count *c, const struct tuf_metadata *m, const struct tuf_signers *by,
                       struct tm_err *e)
{
    *c = (struct count){.m = m, .by = by};
    c->counted = calloc(json_array_size(by->keyids) + 1, sizeof(*c->counted));
    return c->counted != NULL ? 0 : tm_err_set(e, "out of memory");
}

static void count_end(struct count *c)
{
    tm_buf_free(&c->own);
    free(c->counted);
}

static const char *signature_of(const struct tuf_metadata *m, const char *keyid)
{
    size_t i;
    json_t *s;
    json_array_foreach(json_object_get(m->envelope, "signatures"), i, s)
    {
        if (strcmp(tm_strictjson_str(s, "keyid"), keyid) == 0)
            return tm_strictjson_str(s, "sig");
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

static const struct tuf_good_signature *known(const struct count *c, const struct tm_buf *text)
{
    for (const struct tuf_good_signature *g = c->m->good->first; g != NULL; g = g->next) {
        if (g->len == text->len && memcmp(g->text, text->data, g->len) == 0)
            return g;
    }
    return NULL;
}

/* Forgetting is no harm: out of memory only costs another check. */
static void remember(struct count *c, const struct tm_buf *text,
                     const unsigned char fingerprint[32])
{
    struct tuf_good_signature *g = buf_failed(text) ? NULL : malloc(sizeof(*g) + text->len);
    if (g == NULL)
        return;
    g->len = text->len;
    memcpy(g->text, text->data, text->len);
    memcpy(g->fingerprint, fingerprint, sizeof(g->fingerprint));
    g->next = c->m->good->first;
    c->m->good->first = g;
}

static enum tuf_verdict check_signature(struct count *c, const json_t *json, const char *hex,
                                        unsigned char fingerprint[32], struct tm_err *why)
{
    struct tm_buf sig = {0};
    struct tuf_key key;
    enum tuf_verdict v = TUF_BAD;
    if (tuf_key_decode(json, &key, why) != 0)
        return TUF_UNUSABLE_KEY;
    if (tm_hex_decode(hex, strlen(hex), &sig) != 0)
        tm_err_set(why, "the signature is not hex");
    else if (c->bytes == NULL && (c->bytes = tuf_metadata_canonical(c->m, &c->own, why)) == NULL)
        v = TUF_BAD;
    else if (!tuf_key_verify(&key, c->bytes->data, c->bytes->len, sig.data, sig.len))
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
    const char *hex = signature_of(c->m, keyid);
    const json_t *json = json_object_get(c->by->keys, keyid);
    unsigned char fingerprint[32];
    struct tm_buf text = {0};
    if (json == NULL) {
        tm_err_set(why, "not among the keys");
        return TUF_UNUSABLE_KEY;
    }
    if (hex == NULL || *hex == '\0')
        return TUF_NOT_SIGNED;
    const char *parts[] = {tm_strictjson_str(json, "keytype"), tm_strictjson_str(json, "scheme"),
                           tm_strictjson_str(json_object_get(json, "keyval"), "public")};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i] == NULL) {
            tm_buf_free(&text);
            tm_err_set(why, "it has no keytype, scheme and keyval.public: of an unknown kind");
            return TUF_UNUSABLE_KEY;
        }
        put_text(&text, parts[i]);
    }
    put_text(&text, hex);
    const struct tuf_good_signature *g = known(c, &text);
    enum tuf_verdict v = TUF_SIGNED;
    if (g != NULL)
        memcpy(fingerprint, g->fingerprint, sizeof(fingerprint));
    else if ((v = check_signature(c, json, hex, fingerprint, why)) == TUF_SIGNED)
        remember(c, &text, fingerprint);
    tm_buf_free(&text);
    return v == TUF_SIGNED ? count_one(c, fingerprint, why) : v;
}

static int refuse(const struct count *c, const char *what, const char *reasons, struct tm_err *e)
{
    return tm_err_set(e, "%s: signed by %lld of the %lld keys needed (%zu may sign)%s", what,
                      (long long)c->good, (long long)c->by->threshold,
                      json_array_size(c->by->keyids), reasons != NULL ? reasons : "");
}

int tuf_verify(const struct tuf_metadata *m, const struct tuf_signers *by, const char *what,
               struct tm_err *e)
{
    struct count c;
    struct tm_buf reasons = {0};
    size_t i;
    json_t *v;
    int rc = count_start(&c, m, by, e);
    if (rc != 0) {
        tm_err_wrap(e, "%s", what);
        goto out;
    }
    json_array_foreach(by->keyids, i, v)
    {
        struct tm_err why = {0};
        if (judge(&c, json_string_value(v), &why) != TUF_SIGNED && why.text[0] != '\0')
            tm_buf_printf(&reasons, "; key %.12s: %.100s", json_string_value(v), why.text);
        if (c.good >= by->threshold)
            goto out;
    }
    rc = refuse(&c, what, tm_buf_str(&reasons), e);
out:
    tm_buf_free(&reasons);
    count_end(&c);
    return rc;
}

int64_t tuf_verify_each(const struct tuf_metadata *m, const struct tuf_signers *by,
                        void (*tell)(void *arg, const char *keyid, enum tuf_verdict v), void *arg)
{
    struct count c;
    struct tm_err why;
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
