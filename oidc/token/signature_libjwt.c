#include <jwt.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "oidc/token/signature.h"

bool oidc_signature_verify_libjwt(const struct oidc_token *t, const struct oidc_jwk *key)
{
    char *text = strndup(t->text, t->len); /* libjwt wants a NUL */
    jwt_t *jwt = NULL;
    bool ok = text != NULL &&
              jwt_decode(&jwt, text, (const unsigned char *)key->pem, (int)strlen(key->pem)) == 0 &&
              jwt_get_alg(jwt) == jwt_str_alg(oidc_alg_table[t->alg].name);
    jwt_free(jwt);
    free(text);
    ERR_clear_error();
    return ok;
}
