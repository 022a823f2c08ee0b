/* The section 'pages': what people see of the service at its address. */
#include <string.h>

#include "ca/config/internal.h"

static const struct tm_yamlmap_key log_keys[] = {
    PATH(pages_log, "directory", directory),
    PATH(pages_log, "public-key", public_key),
    TEXT(pages_log, "url", url),
    YAMLMAP_END,
};

const struct tm_yamlmap_key ca_config_pages_keys[] = {
    PATH(pages, "directory", directory),
    TEXT(pages, "title", title),
    YAMLMAP_ENTRIES_ROW(struct ca_config_pages, "logs", logs, struct ca_config_pages_log, log_keys),
    YAMLMAP_END,
};

const struct ca_config_pages_log *ca_config_pages_log_at(const struct ca_config_pages *c, size_t i)
{
    return &((const struct ca_config_pages_log *)c->logs.item)[i];
}

static bool is_name(const char *s)
{
    size_t len = strlen(s);
    return len > 0 && len <= 64 &&
           strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == len;
}

int ca_config_check_pages(const char *name, const struct ca_config_pages *c, struct tm_err *e)
{
    if (c->directory == NULL)
        return c->title == NULL && c->logs.count == 0
                   ? 0
                   : tm_err_set(e, "%s: 'pages' needs 'directory', for the index of its search",
                                name);
    for (size_t i = 0; i < c->logs.count; i++) {
        const struct ca_config_pages_log *l = ca_config_pages_log_at(c, i);
        if (!is_name(l->name))
            return tm_err_set(e,
                              "%s: 'pages': log '%.64s': a name is letters, digits and '-', since "
                              "it stands in addresses",
                              name, l->name);
        if (l->directory == NULL || l->public_key == NULL)
            return tm_err_set(e, "%s: 'pages': log '%s' needs 'directory' and 'public-key'", name,
                              l->name);
    }
    return c->logs.count <= CA_CONFIG_PAGES_LOGS_MAX
               ? 0
               : tm_err_set(e, "%s: 'pages' takes at most %d logs", name, CA_CONFIG_PAGES_LOGS_MAX);
}
