/* The section 'timestamp-authority'. */
#include <stdio.h>

#include "ca/config/internal.h"

const struct tm_yamlmap_key ca_config_tsa_keys[] = {
    {"chain", YAMLMAP_PATH, offsetof(struct ca_config, tsa.chain), 0, 0, NULL},
    {"policy", YAMLMAP_TEXT, offsetof(struct ca_config, tsa.policy), 0, 0, NULL},
    CA_CONFIG_KEY_ROWS(tsa.key),
    {NULL, YAMLMAP_TEXT, 0, 0, 0, NULL},
};

int ca_config_check_tsa(const char *name, const struct ca_config *c, struct tm_err *e)
{
    char where[256];
    if (c->tsa.chain == NULL)
        return c->tsa.key.file != NULL || c->tsa.key.module != NULL || c->tsa.policy != NULL
                   ? tm_err_set(e, "%s: 'timestamp-authority' needs 'chain'", name)
                   : 0;
    snprintf(where, sizeof(where), "%.200s: 'timestamp-authority'", name);
    return ca_config_check_key(where, &c->tsa.key, e);
}
