#include "oidc/keys/jwks.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/json/jsonmap.h"
#include "common/utf8.h"

struct oidc_jwks {
    atomic_uint refs;
    size_t count;
    struct oidc_jwk key[]; /* room for as many as were listed, at most JWKS_KEYS_MAX */
};

struct listing {
    struct {
        json_t **item; /* each is read by itself: a damaged key does not harm the others */
        size_t count;
    } keys;
};

static const struct tm_jsonmap_member one_key = {.kind = JSONMAP_TREE};
static const struct tm_jsonmap_member members[] = {
    JSONMAP_NEED(struct listing, "keys", keys, LIST, .each = &one_key, .size = sizeof(json_t *)),
    {0},
};
static const struct tm_jsonmap map = {
    .members = members, .size = sizeof(struct listing), .unknown = JSONMAP_IGNORE};

static int add_keys(struct oidc_jwks *s, const struct listing *l, struct oidc_jwks_report *r,
                    struct tm_err *e)
{
    struct tm_err why = {0};
    r->listed = l->keys.count;
    for (size_t i = 0; i < r->listed; i++) {
        if (s->count == JWKS_KEYS_MAX) {
            r->cut = r->listed - i;
            break;
        }
        int rc = oidc_jwk_parse(l->keys.item[i], &s->key[s->count], &why);
        s->count += rc == 0;
        if (rc < 0 || (rc > 0 && r->damaged == 0))
            r->why = why;
        r->damaged += rc < 0;
    }
    if (s->count == 0)
        return tm_err_set(e, "the key set has no usable key among %zu%s%s", r->listed,
                          r->why.text[0] != '\0' ? ": " : "", r->why.text);
    return 0;
}

static struct oidc_jwks *set_new(size_t listed)
{
    size_t room = listed < JWKS_KEYS_MAX ? listed : JWKS_KEYS_MAX;
    struct oidc_jwks *s = calloc(1, sizeof(*s) + (room + 1) * sizeof(s->key[0]));
    if (s != NULL)
        atomic_init(&s->refs, 1);
    return s;
}

struct oidc_jwks *oidc_jwks_parse(const char *text, size_t len, struct oidc_jwks_report *report,
                                  struct tm_err *e)
{
    struct oidc_jwks_report own;
    struct oidc_jwks_report *r = report != NULL ? report : &own;
    *r = (struct oidc_jwks_report){0};
    size_t mark = tm_utf8_mark(text, len); /* RFC 8259 §8.1 lets a reader pass over it */
    struct listing l = {0};
    struct oidc_jwks *s = NULL;
    if (tm_jsonmap_parse(text + mark, len - mark, JWKS_BYTES_MAX, &map, NULL, &l, e) != 0) {
        tm_err_wrap(e, "the key set");
    } else if ((s = set_new(l.keys.count)) == NULL) {
        tm_err_set(e, "out of memory");
    } else if (add_keys(s, &l, r, e) != 0) {
        oidc_jwks_unref(s);
        s = NULL;
    }
    tm_jsonmap_free(&map, &l);
    return s;
}

struct oidc_jwks *oidc_jwks_ref(struct oidc_jwks *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void oidc_jwks_unref(struct oidc_jwks *s)
{
    if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < s->count; i++)
        oidc_jwk_free(&s->key[i]);
    free(s);
}

unsigned oidc_jwks_count(const struct oidc_jwks *s)
{
    return (unsigned)s->count;
}

static bool has_kid(const struct oidc_jwk *k, const char *kid)
{
    return k->kid != NULL && strcmp(k->kid, kid) == 0;
}

const struct oidc_jwk *oidc_jwks_next(const struct oidc_jwks *s, const char *kid, int alg,
                                      size_t *at)
{
    while (*at < s->count) {
        const struct oidc_jwk *k = &s->key[(*at)++];
        if (k->prepared[alg] != NULL && (kid == NULL || has_kid(k, kid)))
            return k;
    }
    return NULL;
}

bool oidc_jwks_has_kid(const struct oidc_jwks *s, const char *kid)
{
    for (size_t i = 0; i < s->count; i++) {
        if (has_kid(&s->key[i], kid))
            return true;
    }
    return false;
}
