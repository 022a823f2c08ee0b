#include "ca/signer/algorithm.h"
#include "ca/signer/create.h"
#include "ca/signer/internal.h"

#define TEN_YEARS_S (10LL * 365 * 24 * 3600)
#define BACKDATE_S 60 /* a verifier's clock may be a little behind */

int ca_signer_open_ephemeral(const struct ca_signer_options *o, int64_t now_s,
                             struct ca_signer_material *m, struct tm_err *e)
{
    struct ca_create_cert root = {"tenmint",
                                  "ephemeral root, for trying out only",
                                  now_s - BACKDATE_S,
                                  now_s + TEN_YEARS_S,
                                  1,
                                  NULL};
    m->key =
        ca_signer_algorithm_generate(o->ephemeral_type != NULL ? o->ephemeral_type : "p256", e);
    if (m->key == NULL)
        return -1;
    X509 *cert = ca_create_ca_cert(&root, m->key, NULL, m->key, e);
    m->chain = sk_X509_new_null();
    if (cert == NULL || m->chain == NULL || sk_X509_push(m->chain, cert) == 0) {
        X509_free(cert);
        return tm_err_wrap(e, "ephemeral CA");
    }
    m->ephemeral = true;
    return 0;
}
