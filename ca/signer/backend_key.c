#include "ca/signer/internal.h"
#include "common/certs.h"

/* A key that is kept somewhere, and the chain that was issued for it. */
static int open_pair(const char *chain_file, const struct tm_key_source *source,
                     struct ca_signer_material *m, struct tm_err *e)
{
    m->chain = tm_certs_load(chain_file, e);
    if (m->chain == NULL)
        return -1;
    m->stored = tm_key_open(source, "CA key", e);
    if (m->stored == NULL)
        return -1;
    m->key = tm_key_pkey(m->stored);
    EVP_PKEY_up_ref(m->key);
    return 0;
}

int ca_signer_open_file(const struct ca_signer_options *o, int64_t now_s,
                        struct ca_signer_material *m, struct tm_err *e)
{
    (void)now_s;
    if (o->chain_file == NULL || o->key_file == NULL)
        return tm_err_set(e, "CA backend 'file' needs chain and key");
    struct tm_key_source source = {
        .file = o->key_file, .password_file = o->password_file, .password_env = o->password_env};
    return open_pair(o->chain_file, &source, m, e);
}

int ca_signer_open_pkcs11(const struct ca_signer_options *o, int64_t now_s,
                          struct ca_signer_material *m, struct tm_err *e)
{
    (void)now_s;
    if (o->chain_file == NULL || o->pkcs11_module == NULL || o->pkcs11_token == NULL ||
        o->pkcs11_key == NULL)
        return tm_err_set(e, "CA backend 'pkcs11' needs chain, pkcs11-module, pkcs11-token and "
                             "pkcs11-key");
    struct tm_key_source source = {.pkcs11_module = o->pkcs11_module,
                                   .pkcs11_token = o->pkcs11_token,
                                   .pkcs11_key = o->pkcs11_key,
                                   .pin_file = o->pkcs11_pin_file,
                                   .pin_env = o->pkcs11_pin_env};
    return open_pair(o->chain_file, &source, m, e);
}
