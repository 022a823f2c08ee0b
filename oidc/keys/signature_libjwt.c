#include <jwt.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "oidc/keys/signature.h"

/* Whether libjwt can decode the token at all; with a key, whether it then vouches for it. */
static bool decodes(const char *text, const char *pem, const char *alg)
{
    jwt_t *jwt = NULL;
    int len = pem != NULL ? (int)strlen(pem) : 0;
    bool ok = jwt_decode(&jwt, text, (const unsigned char *)pem, len) == 0 &&
              jwt_get_alg(jwt) == jwt_str_alg(alg);
    jwt_free(jwt);
    return ok;
}

enum oidc_signature_verdict oidc_signature_verify_libjwt(const struct oidc_token *t,
                                                         const struct oidc_jwk *key)
{
    const char *alg = oidc_alg_table[t->alg].name;
    char *text = strndup(t->text, t->len); /* libjwt wants a NUL */
    enum oidc_signature_verdict v = SIGNATURE_UNREADABLE;
    if (text != NULL && decodes(text, key->pem, alg))
        v = SIGNATURE_GOOD;
    else if (text != NULL && decodes(text, NULL, alg))
        v = SIGNATURE_BAD;
    free(text);
    ERR_clear_error();
    return v;
}
