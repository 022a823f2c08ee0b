#include "ca/signer/internal.h"
#include "common/certs.h"

/* A key that is kept somewhere, and the chain that was issued for it. */
int ca_signer_open_stored(const struct ca_signer_options *o, int64_t now_s,
                          struct ca_signer_material *m, struct tm_err *e)
{
    (void)now_s;
    if (o->chain_file == NULL)
        return tm_err_set(e, "CA backend '%s' needs a chain", o->backend);
    m->chain = tm_certs_load(o->chain_file, e);
    if (m->chain == NULL)
        return -1;
    m->stored = tm_key_open(&o->key, "CA key", e);
    if (m->stored == NULL)
        return -1;
    m->key = tm_key_pkey(m->stored);
    EVP_PKEY_up_ref(m->key);
    return 0;
}
