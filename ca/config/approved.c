/* The section 'issuers-from-tuf'. */
#include <string.h>

#include "ca/config/internal.h"

const struct tm_yamlmap_key ca_config_approved_keys[] = {
    TEXT(approved, "mirror", mirror),         PATH(approved, "root", root),
    TEXT(approved, "target", target),         PATH(approved, "directory", directory),
    PATH(approved, "ca-file", ca_file),       TIME(approved, "refresh", refresh, SECOND, 24 * HOUR),
    BOOL(approved, "allow-http", allow_http), YAMLMAP_END,
};

int ca_config_check_approved(const char *name, const struct ca_config *c, struct tm_err *e)
{
    const struct ca_config_approved *a = &c->approved;
    const struct {
        const char *key, *value;
    } rows[] = {{"mirror", a->mirror},
                {"root", a->root},
                {"target", a->target},
                {"directory", a->directory}};
    bool any = false;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        any = any || rows[i].value != NULL;
    for (size_t i = 0; any && i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].value == NULL)
            return tm_err_set(e, "%s: 'issuers-from-tuf' needs '%s'", name, rows[i].key);
    }
    if (any && c->issuers_file != NULL)
        return tm_err_set(
            e,
            "%s: give 'issuers-file' or 'issuers-from-tuf': a list beside the approved "
            "one would go round its signers",
            name);
    return !any || a->mirror[0] == '/' || strstr(a->mirror, "://") != NULL
               ? 0
               : tm_err_set(e, "%s: issuers-from-tuf 'mirror' is a URL or an absolute path", name);
}
