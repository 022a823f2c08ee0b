/* The section 'ca'. */
#include <string.h>

#include "ca/api/api.h"
#include "ca/config/internal.h"

const struct tm_yamlmap_key ca_config_ca_keys[] = {
    TEXT(ca, "backend", backend),
    PATH(ca, "chain", chain),
    KEY_ROWS(ca),
    TEXT(ca, "ephemeral-type", ephemeral_type),
    TIME(ca, "lifetime", lifetime, 1000, API_LIFETIME_MAX *SECOND),
    BOOL(ca, "subject-key-id", subject_key_id),
    TEXTS(ca, "client-signing-algorithms", algorithms),
    YAMLMAP_END,
};

static const char *const backends[] = {"file", "ephemeral", "pkcs11", "uri", NULL};

/* A backend's keys; those of another backend are a mistake worth hearing of. */
static int check_backend(const char *name, const struct ca_config_ca *c, struct tm_err *e)
{
    const struct {
        const char *backend, *key, *value;
        bool required;
    } rules[] = {
        {"file", "key", c->key.file, true},
        {"file", "password-file", c->key.password_file, false},
        {"file", "password-env", c->key.password_env, false},
        {"pkcs11", "pkcs11-module", c->key.module, true},
        {"pkcs11", "pkcs11-token", c->key.token, true},
        {"pkcs11", "pkcs11-key", c->key.label, true},
        {"pkcs11", "pkcs11-pin-file", c->key.pin_file, false},
        {"pkcs11", "pkcs11-pin-env", c->key.pin_env, false},
        {"uri", "key-uri", c->key.uri, false},
        {"uri", "key-uri-file", c->key.uri_file, false},
        {"ephemeral", "ephemeral-type", c->ephemeral_type, false},
    };
    if (c->backend == NULL)
        return tm_err_set(e, "%s: 'ca' needs 'backend': file, pkcs11, uri or ephemeral", name);
    if (ca_config_word(backends, c->backend) < 0)
        return tm_err_set(e, "%s: ca backend '%.64s' is not one of file, pkcs11, uri, ephemeral",
                          name, c->backend);
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        bool mine = strcmp(rules[i].backend, c->backend) == 0;
        if (mine && rules[i].required && rules[i].value == NULL)
            return tm_err_set(e, "%s: ca backend %s needs '%s'", name, c->backend, rules[i].key);
        if (!mine && rules[i].value != NULL)
            return tm_err_set(e, "%s: '%s' belongs to ca backend %s, but the backend is %s", name,
                              rules[i].key, rules[i].backend, c->backend);
    }
    bool ephemeral = strcmp(c->backend, "ephemeral") == 0;
    if (ephemeral != (c->chain == NULL))
        return tm_err_set(e,
                          ephemeral ? "%s: ca backend %s makes its own chain: remove 'chain'"
                                    : "%s: ca backend %s needs 'chain'",
                          name, c->backend);
    return ephemeral ? 0 : ca_config_check_key(name, &c->key, e);
}

bool ca_config_has_ca(const struct ca_config *c)
{
    const struct ca_config_key *k = &c->ca.key;
    const void *const given[] = {c->ca.backend,  c->ca.chain,      c->ca.ephemeral_type,
                                 k->file,        k->password_file, k->password_env,
                                 k->module,      k->token,         k->label,
                                 k->pin_file,    k->pin_env,       k->uri,
                                 k->uri_file,    c->issuers_file,  c->approved.mirror,
                                 c->ct.logs.item};
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
        if (given[i] != NULL)
            return true;
    }
    return false;
}

int ca_config_check_ca(const char *name, const struct ca_config *c, struct tm_err *e)
{
    if (c->issuers_file == NULL && c->approved.mirror == NULL)
        return tm_err_set(e, "%s: 'issuers-file' is missing: no token would be trusted", name);
    if (ca_config_check_approved(name, c, e) != 0)
        return -1;
    return check_backend(name, &c->ca, e);
}

void ca_config_signer(const struct ca_config *c, struct ca_signer_options *o)
{
    *o = (struct ca_signer_options){.backend = c->ca.backend,
                                    .chain_file = c->ca.chain,
                                    .key = ca_config_key_source(&c->ca.key),
                                    .ephemeral_type = c->ca.ephemeral_type};
}
