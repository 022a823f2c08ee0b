#include "tools/tenmint-ca/roles.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

const struct tm_process_role roles_table[ROLE_COUNT] = {
    [ROLE_FETCH] = {"fetch", role_fetch_start, NULL, NULL, role_fetch_stop},
    [ROLE_CORE] = {"core", role_core_start, role_core_reload, NULL, role_core_stop},
};

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
