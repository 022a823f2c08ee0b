/* The section 'timestamp-authority'. */
#include <stdio.h>

#include "ca/config/internal.h"

const struct tm_yamlmap_key ca_config_tsa_keys[] = {
    PATH(tsa, "chain", chain),
    TEXT(tsa, "policy", policy),
    KEY_ROWS(tsa),
    YAMLMAP_END,
};

int ca_config_check_tsa(const char *name, const struct ca_config_tsa *c, struct tm_err *e)
{
    char where[256];
    if (c->chain == NULL)
        return ca_config_key_is_given(&c->key) || c->policy != NULL
                   ? tm_err_set(e, "%s: 'timestamp-authority' needs 'chain'", name)
                   : 0;
    snprintf(where, sizeof(where), "%.200s: 'timestamp-authority'", name);
    return ca_config_check_key(where, &c->key, e);
}
