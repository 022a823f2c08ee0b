/* What each role does in its own process when it begins. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tenmint-ca/roles.h"

void roles_take_lanes(struct roles *r, int fd[HTTP_FAR_CHANNELS_MAX])
{
    for (size_t i = 0; i < r->lanes; i++)
        fd[i] = tm_process_take(r->group, r->front_to_issuer[i]);
}

unsigned roles_absent(const struct ca_config *c)
{
    bool ct = c->ct.embedded.directory != NULL || c->ct.retired.count > 0;
    bool signatures = c->signatures.directory != NULL || c->signatures.retired.count > 0;
    return (ca_config_has_ca(c) ? 0U : CA_API_CERTIFICATES) | (ct ? 0U : CA_API_CT_LOG) |
           (signatures ? 0U : CA_API_SIGNATURE_LOG) |
           (c->tsa.chain != NULL ? 0U : CA_API_TIMESTAMPS) |
           (c->tuf.directory != NULL ? 0U : CA_API_TUF);
}

static void forget(const char *name)
{
    char *value = name != NULL ? getenv(name) : NULL;
    if (value == NULL)
        return;
    OPENSSL_cleanse(value, strlen(value));
    (void)unsetenv(name);
}

void roles_forget_secrets(const struct ca_config *c)
{
    const struct ca_config_key *keys[CA_CONFIG_KEYS];
    ca_config_keys(c, keys);
    for (size_t i = 0; i < CA_CONFIG_KEYS; i++) {
        forget(keys[i]->password_env);
        forget(keys[i]->pin_env);
    }
}
