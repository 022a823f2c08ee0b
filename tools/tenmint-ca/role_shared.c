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
    bool ct = c->embedded_directory != NULL || c->retired_logs.count > 0;
    bool signatures = c->signatures.directory != NULL || c->signatures.retired.count > 0;
    return (ca_config_has_ca(c) ? 0U : CA_API_CERTIFICATES) | (ct ? 0U : CA_API_CT_LOG) |
           (signatures ? 0U : CA_API_SIGNATURE_LOG) |
           (c->tsa.chain != NULL ? 0U : CA_API_TIMESTAMPS) |
           (c->tuf_directory != NULL ? 0U : CA_API_TUF);
}

void roles_forget_secrets(const struct ca_config *c)
{
    const char *const names[] = {c->password_env,
                                 c->pkcs11_pin_env,
                                 c->embedded_password_env,
                                 c->embedded_pin_env,
                                 c->signatures.key.password_env,
                                 c->signatures.key.pin_env,
                                 c->tsa.key.password_env,
                                 c->tsa.key.pin_env};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char *value = names[i] != NULL ? getenv(names[i]) : NULL;
        if (value == NULL)
            continue;
        OPENSSL_cleanse(value, strlen(value));
        (void)unsetenv(names[i]);
    }
}
