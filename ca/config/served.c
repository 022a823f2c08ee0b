/* What is served beside the API: the section 'tuf', and that no prefix hides another. */
#include <string.h>

#include "ca/config/internal.h"

const struct tm_yamlmap_key ca_config_tuf_keys[] = {
    PATH(tuf, "directory", directory),
    TEXT(tuf, "prefix", prefix),
    YAMLMAP_END,
};

const char *ca_config_tuf_prefix(const struct ca_config *c)
{
    return c->tuf.prefix != NULL ? c->tuf.prefix : "/tuf";
}

int ca_config_check_tuf(const char *name, const struct ca_config_tuf *c, struct tm_err *e)
{
    if (c->directory == NULL)
        return c->prefix == NULL ? 0 : tm_err_set(e, "%s: 'tuf' needs 'directory'", name);
    if (c->prefix != NULL && tm_http_prefix_check("prefix", c->prefix, e) != 0)
        return tm_err_wrap(e, "%s: 'tuf'", name);
    return 0;
}

struct place {
    const char *what, *prefix;
};

static size_t add_retired(struct place *out, const struct tm_yamlmap_entries *retired)
{
    for (size_t i = 0; i < retired->count; i++) {
        const struct ca_config_retired *r = ca_config_retired_at(retired, i);
        out[i] = (struct place){r->name, r->prefix};
    }
    return retired->count;
}

int ca_config_check_prefixes(const char *name, const struct ca_config *c, struct tm_err *e)
{
    struct place seen[2 * CA_CONFIG_RETIRED_MAX + 4];
    size_t count = add_retired(seen, &c->ct.retired);
    count += add_retired(seen + count, &c->signatures.retired);
    if (c->signatures.directory != NULL)
        seen[count++] = (struct place){"signature-log", ca_config_siglog_prefix(c)};
    if (c->ct.embedded.directory != NULL)
        seen[count++] = (struct place){"embedded", ca_config_embedded_prefix(c)};
    if (c->tuf.directory != NULL)
        seen[count++] = (struct place){"tuf", ca_config_tuf_prefix(c)};
    if (c->pages.directory != NULL)
        seen[count++] = (struct place){"pages", CA_CONFIG_PAGES_PREFIX};
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(seen[i].prefix, seen[j].prefix) == 0)
                return tm_err_set(e, "%s: '%.64s' and '%.64s' have the same prefix %s", name,
                                  seen[j].what, seen[i].what, seen[i].prefix);
        }
    }
    return 0;
}
