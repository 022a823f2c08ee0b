/* Which services a signer uses: the rules in SigningConfig's and Service's comments. */
#include <string.h>

#include "tuf/verify/trust/signing_config.h"

struct choosing {
    const struct tuf_signing_config *config;
    enum tuf_service_kind kind;
    int64_t now_ms;
    uint32_t max_version;
};

static bool usable(const struct choosing *c, const struct tuf_service *s, int64_t version)
{
    return s->major_version == version && tuf_validity_at(&s->valid, c->now_ms) == VALIDITY_INSIDE;
}

/* The highest major version that some service valid now has; 0: none. */
static int64_t best_version(const struct choosing *c)
{
    int64_t best = 0;
    for (size_t i = 0; i < tuf_signing_config_count(c->config, c->kind); i++) {
        const struct tuf_service *s = tuf_signing_config_service(c->config, c->kind, i);
        if (s->major_version > best && s->major_version <= c->max_version &&
            usable(c, s, s->major_version))
            best = s->major_version;
    }
    return best;
}

static bool has_operator(const struct tuf_service *const *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i]->operator_name, name) == 0)
            return true;
    }
    return false;
}

int tuf_signing_config_select(const struct tuf_signing_config *config, enum tuf_service_kind kind,
                              int64_t now_ms, uint32_t max_version, const struct tuf_service **out,
                              size_t max, size_t *count, struct tm_err *e)
{
    const struct choosing c = {config, kind, now_ms, max_version};
    int64_t version = best_version(&c);
    uint32_t exact = 0;
    enum tuf_service_selector selector = tuf_signing_config_selector(config, kind, &exact);
    *count = 0;
    if (tuf_signing_config_count(config, kind) == 0)
        return 0;
    if (selector == SELECT_UNDEFINED)
        return tm_err_set(e, "the signing config does not say how to choose a %s",
                          tuf_service_kind_name(kind));
    size_t want = selector == SELECT_ALL ? max : selector == SELECT_EXACT ? exact : 1;
    /* The list is in order, newest first. */
    for (size_t i = 0; i < tuf_signing_config_count(config, kind) && *count < want && *count < max;
         i++) {
        const struct tuf_service *s = tuf_signing_config_service(config, kind, i);
        if (version > 0 && usable(&c, s, version) && !has_operator(out, *count, s->operator_name))
            out[(*count)++] = s;
    }
    if (*count == 0 || (selector == SELECT_EXACT && *count < exact))
        return tm_err_set(e, "the signing config offers %zu %s(s) valid now, of %zu wanted", *count,
                          tuf_service_kind_name(kind),
                          selector == SELECT_EXACT ? exact : (size_t)1);
    return 0;
}
