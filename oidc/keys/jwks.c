#include "oidc/keys/jwks.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/json/strictjson.h"

struct jwks {
    atomic_uint refs;
    size_t count;
    struct jwk key[JWKS_KEYS_MAX];
};

static int add_keys(struct jwks *s, const json_t *keys, struct err *e)
{
    size_t i;
    const json_t *one;
    struct err why = {0};
    json_array_foreach(keys, i, one)
    {
        if (s->count < JWKS_KEYS_MAX && jwk_parse(one, &s->key[s->count], &why) == 0)
            s->count++;
    }
    if (s->count == 0)
        return err_set(e, "the key set has no usable key among %zu%s%s", json_array_size(keys),
                       why.text[0] != '\0' ? ": " : "", why.text);
    return 0;
}

struct jwks *jwks_parse(const char *text, size_t len, struct err *e)
{
    json_t *json = strictjson_parse(text, len, JWKS_BYTES_MAX, e);
    if (json == NULL)
        return NULL;
    const json_t *keys = json_object_get(json, "keys");
    struct jwks *s = NULL;
    if (!json_is_array(keys)) {
        err_set(e, "the key set has no array 'keys'");
    } else if ((s = calloc(1, sizeof(*s))) == NULL) {
        err_set(e, "out of memory");
    } else {
        atomic_init(&s->refs, 1);
        if (add_keys(s, keys, e) != 0) {
            jwks_unref(s);
            s = NULL;
        }
    }
    json_decref(json);
    return s;
}

struct jwks *jwks_ref(struct jwks *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void jwks_unref(struct jwks *s)
{
    if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < s->count; i++)
        jwk_free(&s->key[i]);
    free(s);
}

unsigned jwks_count(const struct jwks *s)
{
    return (unsigned)s->count;
}

static bool has_kid(const struct jwk *k, const char *kid)
{
    return k->kid != NULL && strcmp(k->kid, kid) == 0;
}

const struct jwk *jwks_next(const struct jwks *s, const char *kid, int alg, size_t *at)
{
    while (*at < s->count) {
        const struct jwk *k = &s->key[(*at)++];
        if (k->prepared[alg] != NULL && (kid == NULL || has_kid(k, kid)))
            return k;
    }
    return NULL;
}

bool jwks_has_kid(const struct jwks *s, const char *kid)
{
    for (size_t i = 0; i < s->count; i++) {
        if (has_kid(&s->key[i], kid))
            return true;
    }
    return false;
}
