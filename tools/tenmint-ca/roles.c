#include "tools/tenmint-ca/roles.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

const struct tm_process_role roles_table[ROLE_COUNT] = {
    [ROLE_FETCH] = {"fetch", role_fetch_start, NULL, NULL, role_fetch_stop},
    [ROLE_ISSUER] = {"issuer", role_issuer_start, role_issuer_reload, NULL, role_issuer_stop},
    [ROLE_FRONT] = {"front", role_front_start, role_front_reload, role_front_given,
                    role_front_stop},
};

int roles_link(struct roles *r, struct tm_err *e)
{
    ca_config_http(r->config, &r->http); /* it counts processors, which needs a file */
    unsigned workers = r->http.workers;
    r->lanes = workers < HTTP_FAR_CHANNELS_MAX ? workers : HTTP_FAR_CHANNELS_MAX;
    r->issuer_to_fetch = tm_process_link(r->group, ROLE_ISSUER, ROLE_FETCH, e);
    if (r->issuer_to_fetch < 0)
        return -1;
    for (size_t i = 0; i < r->lanes; i++) {
        r->front_to_issuer[i] = tm_process_link(r->group, ROLE_FRONT, ROLE_ISSUER, e);
        if (r->front_to_issuer[i] < 0)
            return -1;
    }
    return 0;
}

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
