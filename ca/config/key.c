/* A section's private key. */
#include "ca/config/internal.h"

int ca_config_check_key(const char *where, const struct ca_config_key *k, struct tm_err *e)
{
    bool device = k->module != NULL;
    if (device == (k->file != NULL))
        return tm_err_set(e, "%s needs either 'key' or 'pkcs11-module'", where);
    if (device && (k->token == NULL || k->label == NULL))
        return tm_err_set(e, "%s needs 'pkcs11-token' and 'pkcs11-key'", where);
    if ((k->password_file != NULL && k->password_env != NULL) ||
        (k->pin_file != NULL && k->pin_env != NULL))
        return tm_err_set(e, "%s: the password by file or by environment, not both", where);
    return 0;
}

struct tm_key_source ca_config_key_source(const struct ca_config_key *k)
{
    return (struct tm_key_source){.file = k->file,
                                  .password_file = k->password_file,
                                  .password_env = k->password_env,
                                  .pkcs11_module = k->module,
                                  .pkcs11_token = k->token,
                                  .pkcs11_key = k->label,
                                  .pin_file = k->pin_file,
                                  .pin_env = k->pin_env};
}
